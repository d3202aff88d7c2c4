/* SPDX-License-Identifier: PostgreSQL */
#include "sqltext/params.h"

#include "sqltext/named.h"
#include "sqltext/scan.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The caller's names, sorted: a request may bring many, and its text as many uses. */
struct entry {
	struct str name;
	size_t index;
	size_t number; /* its $n; 0: not used so far */
};

struct writer {
	char *out;
	size_t len, size;
	struct str sql;
	size_t done;  /* of sql */
	size_t chars; /* of sql[0..done) */
	size_t out_chars;
};

static int compare_text(struct str a, struct str b)
{
	size_t len = MIN(a.len, b.len);
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = compare_text(x->name, y->name);

	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static struct entry *find_entry(struct entry *entries, size_t count, struct str name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_text(entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && str_equal(entries[low].name, name) ? &entries[low] : NULL;
}

static size_t count_chars(const char *text, size_t len)
{
	size_t chars = 0;

	for (size_t i = 0; i < len; i++)
		chars += ((unsigned char)text[i] & 0xc0) != 0x80;
	return chars;
}

static void copy_until(struct writer *writer, size_t end)
{
	const char *from = writer->sql.data + writer->done;
	size_t len = end - writer->done, chars = count_chars(from, len);

	if (len > 0)
		memcpy(writer->out + writer->len, from, len);
	writer->len += len;
	writer->done = end;
	writer->chars += chars;
	writer->out_chars += chars;
}

static struct sql_param_shift write_dollar(struct writer *writer, const struct sql_named *named)
{
	struct sql_param_shift shift = {.old_at = writer->chars + 1,
					.new_at = writer->out_chars + 1};

	shift.old_len = 1 + count_chars(named->name.data, named->name.len);
	shift.new_len = (size_t)snprintf(writer->out + writer->len, writer->size - writer->len,
					 "%s$%zu", named->glued ? " " : "", named->number);
	writer->len += shift.new_len;
	writer->done += 1 + named->name.len;
	writer->chars += shift.old_len;
	writer->out_chars += shift.new_len;
	return shift;
}

static int sort_names(struct arena *arena, const struct str *names, size_t count,
		      struct entry **ret_entries)
{
	struct entry *entries = arena_calloc(arena, count, sizeof(*entries));

	if (entries == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct entry){.name = names[i], .index = i};
	if (count > 1)
		qsort(entries, count, sizeof(*entries), compare_entries);
	*ret_entries = entries;
	return 0;
}

static size_t first_unused(const struct entry *entries, size_t count)
{
	size_t first = count;

	for (size_t i = 0; i < count; i++)
		if (entries[i].number == 0 && entries[i].index < first)
			first = entries[i].index;
	return first;
}

/* Leaves in the list what the caller has, numbers the names as they come, and fills params->order.
 */
static void number_names(struct sql_named_list *list, struct entry *entries, size_t count,
			 struct sql_params *params)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct entry *entry = find_entry(entries, count, list->items[i].name);

		if (entry == NULL)
			continue;
		if (entry->number == 0) {
			params->order[params->count] = entry->index;
			entry->number = ++params->count;
		}
		list->items[kept] = list->items[i];
		list->items[kept++].number = entry->number;
	}
	list->count = kept;
}

/* The most bytes that " $n" can take. */
static size_t dollar_bytes(size_t count)
{
	return 2 + (size_t)snprintf(NULL, 0, "%zu", count);
}

static int rewrite(struct arena *arena, struct str sql, const struct sql_named_list *list,
		   struct sql_params *params)
{
	struct writer writer = {.sql = sql};

	writer.size = sql.len + 1;
	if (__builtin_mul_overflow(list->count, dollar_bytes(params->count), &writer.len) ||
	    __builtin_add_overflow(writer.size, writer.len, &writer.size))
		return -ENOMEM;
	writer.len = 0;
	writer.out = arena_alloc(arena, writer.size);
	params->shifts = arena_calloc(arena, list->count, sizeof(*params->shifts));
	if (writer.out == NULL || params->shifts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		const struct sql_named *named = &list->items[i];

		copy_until(&writer, (size_t)(named->name.data - sql.data) - 1);
		params->shifts[i] = write_dollar(&writer, named);
	}
	copy_until(&writer, sql.len);
	writer.out[writer.len] = '\0';
	params->shift_count = list->count;
	params->sql = writer.out;
	params->sql_len = writer.len;
	return 0;
}

int sql_params_rewrite(struct arena *arena, struct str sql, const struct str *names,
		       size_t name_count, struct sql_params *ret_params)
{
	struct sql_params params = {.has_dollar = sql_params_highest(sql) > 0};
	struct sql_named_list list = {.count = 0};
	struct entry *entries;
	int rc;

	rc = sort_names(arena, names, name_count, &entries);
	if (rc == 0 && name_count > 0)
		rc = sql_named_find(arena, sql, &list);
	if (rc < 0)
		return rc;
	params.order = arena_calloc(arena, name_count, sizeof(*params.order));
	if (params.order == NULL)
		return -ENOMEM;
	number_names(&list, entries, name_count, &params);
	params.unused = first_unused(entries, name_count);
	rc = rewrite(arena, sql, &list, &params);
	if (rc < 0)
		return rc;
	*ret_params = params;
	return 0;
}

int sql_params_position(const struct sql_params *params, int position)
{
	const struct sql_param_shift *last = NULL;
	size_t low = 0, high = params->shift_count, at, old;

	if (position <= 0)
		return position;
	at = (size_t)position;
	while (low < high) { /* the last place that begins at or before it */
		size_t middle = low + (high - low) / 2;

		if (params->shifts[middle].new_at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return position;
	last = &params->shifts[low - 1];
	if (at < last->new_at + last->new_len)
		old = last->old_at;
	else
		old = at - (last->new_at + last->new_len) + last->old_at + last->old_len;
	return old > INT_MAX ? INT_MAX : (int)old;
}

unsigned sql_params_highest(struct str sql)
{
	struct sql_scanner scanner;
	struct sql_token token;
	unsigned highest = 0;

	sql_scan_init(&scanner, sql);
	while ((token = sql_scan_next(&scanner)).kind != SQL_END) {
		unsigned number = 0;

		if (token.kind != SQL_PARAM)
			continue;
		for (size_t i = 1; i < token.text.len; i++)
			if (__builtin_mul_overflow(number, 10u, &number) ||
			    __builtin_add_overflow(number, (unsigned)(token.text.data[i] - '0'),
						   &number)) {
				number = UINT_MAX;
				break;
			}
		highest = MAX(highest, number);
	}
	return highest;
}
