/* SPDX-License-Identifier: PostgreSQL */
#include "client/skip.h"

#include "base/macros.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK_BYTES 64
#define ONES	    UINT64_C(0x0101010101010101)
#define LOWS	    UINT64_C(0x7f7f7f7f7f7f7f7f)

/* A bit for each byte of a block, the first one's lowest. Brackets are of either kind: those differ
 * in one bit. */
struct block {
	uint64_t quotes, backslashes, opening, closing;
};

typedef struct block block_read_fn(const char *text);

struct skip {
	const char *text;
	bool escaped;	     /* the next byte follows a backslash */
	uint64_t in_string;  /* all bits, or none */
	size_t depth, count; /* open brackets, rows */
	size_t mark;	     /* behind the last row, or behind the first bracket */
	size_t row;	     /* where the one that is open begins */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Between rows and around them: spaces and so many commas, which is one or none. */
static bool gap_has(const struct skip *skip, size_t end, size_t comma_count)
{
	for (size_t i = skip->mark; i < end; i++) {
		if (skip->text[i] == ',' && comma_count > 0)
			comma_count--;
		else if (!is_space(skip->text[i]))
			return false;
	}
	return comma_count == 0;
}

static bool open_bracket(struct skip *skip, size_t at)
{
	if (skip->depth == 0)
		skip->mark = at + 1;
	if (skip->depth == 1) {
		if (!gap_has(skip, at, skip->count > 0))
			return false;
		skip->row = at;
	}
	skip->depth++;
	return true;
}

static bool close_bracket(struct skip *skip, size_t at)
{
	skip->depth--;
	if (skip->depth == 0)
		return skip->text[at] == ']' && gap_has(skip, at, 0);
	if (skip->depth == 1) {
		/* In ASCII there is one character between the two of either kind. */
		if (skip->text[at] != skip->text[skip->row] + 2)
			return false;
		skip->mark = at + 1;
		skip->count++;
	}
	return true;
}

/* Bytes that follow a backslash which does so itself not. */
static uint64_t escaped_bytes(struct skip *skip, uint64_t backslashes)
{
	uint64_t escaped = skip->escaped;

	skip->escaped = false;
	backslashes &= ~escaped;
	while (backslashes != 0) {
		uint64_t bit = backslashes & -backslashes;

		escaped |= bit << 1;
		skip->escaped = bit >> (BLOCK_BYTES - 1);
		backslashes &= ~(bit | bit << 1);
	}
	return escaped;
}

/* Each bit as it is with all of those below it. */
static uint64_t parity(uint64_t bits)
{
	bits ^= bits << 1;
	bits ^= bits << 2;
	bits ^= bits << 4;
	bits ^= bits << 8;
	bits ^= bits << 16;
	return bits ^ bits << 32;
}

/* 1: go on; 0: this is where the array ends, at `*ret_end`; -1: it is none. */
static int skip_block(struct skip *skip, const struct block *block, size_t base, size_t *ret_end)
{
	uint64_t quotes = block->quotes, in_string, brackets;

	if (UNLIKELY(block->backslashes != 0 || skip->escaped))
		quotes &= ~escaped_bytes(skip, block->backslashes);
	in_string = parity(quotes) ^ skip->in_string;
	skip->in_string = in_string >> (BLOCK_BYTES - 1) ? UINT64_MAX : 0;
	brackets = (block->opening | block->closing) & ~in_string;
	for (; brackets != 0; brackets &= brackets - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(brackets);
		bool opens = block->opening >> bit & 1;

		if (!(opens ? open_bracket(skip, base + bit) : close_bracket(skip, base + bit)))
			return -1;
		if (skip->depth == 0) {
			*ret_end = base + bit + 1;
			return 0;
		}
	}
	return 1;
}

static inline size_t skip_all(struct str text, size_t *ret_count, block_read_fn *read_block)
{
	struct skip skip = {.text = text.data};
	size_t end = 0;
	int more = 1;

	for (size_t base = 0; more > 0 && base < text.len; base += BLOCK_BYTES) {
		const char *bytes = text.data + base;
		char last[BLOCK_BYTES];
		struct block block;

		if (text.len - base < BLOCK_BYTES) {
			memset(last, ' ', sizeof(last));
			memcpy(last, bytes, text.len - base);
			bytes = last;
		}
		block = read_block(bytes);
		more = skip_block(&skip, &block, base, &end);
	}
	if (more != 0)
		return 0;
	*ret_count = skip.count;
	return end;
}

/* A bit for each byte of eight that is `wanted`. */
static uint64_t equal_scalar(uint64_t word, char wanted)
{
	uint64_t differs = word ^ ONES * (unsigned char)wanted;
	uint64_t equal = ~(((differs & LOWS) + LOWS) | differs | LOWS);

	/* The highest bits of the bytes, moved next to one another. */
	return equal * UINT64_C(0x0002040810204081) >> 56;
}

static struct block read_scalar(const char *text)
{
	struct block block = {0};

	for (unsigned i = 0; i < BLOCK_BYTES; i += 8) {
		uint64_t word;

		memcpy(&word, text + i, sizeof(word));
		word = le64toh(word);
		block.quotes |= equal_scalar(word, '"') << i;
		block.backslashes |= equal_scalar(word, '\\') << i;
		block.opening |= equal_scalar(word | ONES * 0x20, '{') << i;
		block.closing |= equal_scalar(word | ONES * 0x20, '}') << i;
	}
	return block;
}

size_t skip_rows_scalar(struct str text, size_t *ret_count)
{
	return skip_all(text, ret_count, read_scalar);
}

#ifdef __SSE2__

static uint64_t mask_sse2(__m128i bytes, char wanted)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted)));
}

static inline uint64_t equal_sse2(const __m128i bytes[4], char wanted)
{
	return mask_sse2(bytes[0], wanted) | mask_sse2(bytes[1], wanted) << 16 |
	       mask_sse2(bytes[2], wanted) << 32 | mask_sse2(bytes[3], wanted) << 48;
}

static struct block read_sse2(const char *text)
{
	const __m128i *from = (const __m128i *)(const void *)text, bit = _mm_set1_epi8(0x20);
	const __m128i bytes[] = {_mm_loadu_si128(from), _mm_loadu_si128(from + 1),
				 _mm_loadu_si128(from + 2), _mm_loadu_si128(from + 3)};
	const __m128i folded[] = {_mm_or_si128(bytes[0], bit), _mm_or_si128(bytes[1], bit),
				  _mm_or_si128(bytes[2], bit), _mm_or_si128(bytes[3], bit)};

	return (struct block){.quotes = equal_sse2(bytes, '"'),
			      .backslashes = equal_sse2(bytes, '\\'),
			      .opening = equal_sse2(folded, '{'),
			      .closing = equal_sse2(folded, '}')};
}

#endif

size_t skip_rows(struct str text, size_t *ret_count)
{
#ifdef __SSE2__
	return skip_all(text, ret_count, read_sse2);
#else
	return skip_all(text, ret_count, read_scalar);
#endif
}
