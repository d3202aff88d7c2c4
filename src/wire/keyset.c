/* SPDX-License-Identifier: PostgreSQL */
/* An open hash table of positions, with SipHash-1-3 over the texts. */
#include "wire/keyset.h"

#include "base/budget.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

struct keyset_slot {
	uint32_t hash;
	uint32_t position; /* from 1; 0: free */
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

static uint32_t hash_of(const struct keyset *set, struct str text)
{
	uint64_t v[4] = {
		set->secret[0] ^ UINT64_C(0x736f6d6570736575),
		set->secret[1] ^ UINT64_C(0x646f72616e646f6d),
		set->secret[0] ^ UINT64_C(0x6c7967656e657261),
		set->secret[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t word, last = (uint64_t)text.len << 56;
	size_t at = 0;

	for (; text.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text.data + at, sizeof(word));
		sip_word(v, word);
	}
	for (unsigned shift = 0; at < text.len; at++, shift += 8)
		last |= (uint64_t)(unsigned char)text.data[at] << shift;
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* The kernel gives each process 16 random bytes. Where it does not, the stack's address has to do.
 */
static void take_secret(uint64_t secret[2])
{
	const void *random = (const void *)getauxval(AT_RANDOM);

	secret[0] = secret[1] = (uint64_t)(uintptr_t)secret;
	if (random != NULL)
		memcpy(secret, random, 16);
}

int keyset_init(struct keyset *set, struct budget *budget, const struct str *first, size_t stride,
		size_t count)
{
	size_t slot_count = 16;

	if (count > UINT32_MAX / 4)
		return -ENOMEM;
	while (slot_count < count * 2)
		slot_count *= 2;
	if (budget_charge(budget, slot_count * sizeof(struct keyset_slot)) < 0)
		return -ENOMEM;
	*set = (struct keyset){
		.slots = mem_calloc(slot_count, sizeof(struct keyset_slot)),
		.slot_count = slot_count,
		.budget = budget,
		.first = (const char *)first,
		.stride = stride,
	};
	if (set->slots == NULL) {
		budget_release(budget, slot_count * sizeof(struct keyset_slot));
		return -ENOMEM;
	}
	take_secret(set->secret);
	return 0;
}

void keyset_free(struct keyset *set)
{
	mem_free(set->slots);
	budget_release(set->budget, set->slot_count * sizeof(struct keyset_slot));
	*set = (struct keyset){0};
}

static struct str text_at(const struct keyset *set, size_t index)
{
	return *(const struct str *)(const void *)(set->first + index * set->stride);
}

/* The slot that has the text, or the free one where it belongs. */
static struct keyset_slot *find_slot(const struct keyset *set, struct str text, uint32_t hash)
{
	size_t mask = set->slot_count - 1;

	for (size_t at = hash & mask;; at = (at + 1) & mask) {
		struct keyset_slot *slot = &set->slots[at];

		if (slot->position == 0 ||
		    (slot->hash == hash && str_equal(text_at(set, slot->position - 1), text)))
			return slot;
	}
}

size_t keyset_add(struct keyset *set, size_t index)
{
	struct str text = text_at(set, index);
	uint32_t hash = hash_of(set, text);
	struct keyset_slot *slot = find_slot(set, text, hash);

	assert(index < UINT32_MAX);
	if (slot->position != 0)
		return slot->position - 1;
	*slot = (struct keyset_slot){hash, (uint32_t)index + 1};
	return index;
}

size_t keyset_find(const struct keyset *set, struct str text)
{
	const struct keyset_slot *slot = find_slot(set, text, hash_of(set, text));

	return slot->position != 0 ? slot->position - 1 : SIZE_MAX;
}
