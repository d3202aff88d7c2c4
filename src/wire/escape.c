/* SPDX-License-Identifier: PostgreSQL */
/* The search for bytes that are not plain: SSE2, NEON, and eight bytes at a time in plain C. Knows
 * nothing of JSON. */
#include "wire/escape.h"

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#ifdef __ARM_NEON
#include <arm_neon.h>
#endif

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* A high bit for each zero byte, and perhaps for bytes above it: good for "is there one". */
static uint64_t zero_bytes(uint64_t word)
{
	return (word - ONES) & ~word & HIGHS;
}

static bool all_plain(uint64_t word)
{
	uint64_t control = (word - ONES * 0x20) & ~word & HIGHS;

	return ((word & HIGHS) | control | zero_bytes(word ^ ONES * '"') |
		zero_bytes(word ^ ONES * '\\')) == 0;
}

/* Whether the last bytes of a text of at least four are, of which `at` are known to be. */
static bool rest_is_plain(const char *text, size_t len, size_t at)
{
	uint32_t first, last;
	uint64_t word;

	/* They overlap what is known, or each other. */
	if (at > 0) {
		memcpy(&word, text + len - sizeof(word), sizeof(word));
		return all_plain(word);
	}
	memcpy(&first, text, sizeof(first));
	memcpy(&last, text + len - sizeof(last), sizeof(last));
	return all_plain((uint64_t)first << 32 | last);
}

size_t escape_plain_span_scalar(const char *text, size_t len)
{
	size_t at = 0;
	uint64_t word;

	while (len - at >= sizeof(word)) {
		memcpy(&word, text + at, sizeof(word));
		if (!all_plain(word))
			break;
		at += sizeof(word);
	}
	if (len - at < sizeof(word) && len >= sizeof(uint32_t) && rest_is_plain(text, len, at))
		return len;
	while (at < len && is_plain((unsigned char)text[at]))
		at++;
	return at;
}

#ifdef __SSE2__

static unsigned special_mask_sse2(const char *text)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
	/* Signed: what is not ASCII is negative, so one comparison finds it and the control
	 * characters. */
	__m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
				       _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
						    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));

	return (unsigned)_mm_movemask_epi8(special);
}

size_t escape_plain_span_sse2(const char *text, size_t len)
{
	size_t at = 0;
	unsigned mask;

	if (len < 16)
		return escape_plain_span_scalar(text, len);
	while (len - at >= 16) {
		mask = special_mask_sse2(text + at);
		if (mask != 0)
			return at + (size_t)__builtin_ctz(mask);
		at += 16;
	}
	if (at == len)
		return len;
	/* The last 16 bytes again overlap what is known to be plain. */
	mask = special_mask_sse2(text + len - 16);
	return mask != 0 ? len - 16 + (size_t)__builtin_ctz(mask) : len;
}

#endif

#ifdef __ARM_NEON

/* Four bits a byte. */
static uint64_t special_mask_neon(const char *text)
{
	int8x16_t bytes = vld1q_s8((const int8_t *)text);
	uint8x16_t special = vorrq_u8(
		vcltq_s8(bytes, vdupq_n_s8(0x20)),
		vorrq_u8(vceqq_s8(bytes, vdupq_n_s8('"')), vceqq_s8(bytes, vdupq_n_s8('\\'))));

	return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(special), 4)), 0);
}

size_t escape_plain_span_neon(const char *text, size_t len)
{
	size_t at = 0;
	uint64_t mask;

	if (len < 16)
		return escape_plain_span_scalar(text, len);
	while (len - at >= 16) {
		mask = special_mask_neon(text + at);
		if (mask != 0)
			return at + (size_t)__builtin_ctzll(mask) / 4;
		at += 16;
	}
	if (at == len)
		return len;
	mask = special_mask_neon(text + len - 16);
	return mask != 0 ? len - 16 + (size_t)__builtin_ctzll(mask) / 4 : len;
}

#endif

size_t escape_plain_span(const char *text, size_t len)
{
#if defined(__SSE2__)
	return escape_plain_span_sse2(text, len);
#elif defined(__ARM_NEON)
	return escape_plain_span_neon(text, len);
#else
	return escape_plain_span_scalar(text, len);
#endif
}
