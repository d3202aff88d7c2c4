/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/depends.h"

#include "base/arena.h"
#include "base/buf.h"
#include "daemon/gather.h"
#include "daemon/item.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is asked for ---- */

static int compare_columns(struct str a, struct str b)
{
	int order = memcmp(a.data, b.data, MIN(a.len, b.len));

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare(const void *a, const void *b)
{
	const struct capture *one = a, *other = b;
	int order = compare_columns(one->column, other->column);

	return order != 0 ? order : (one->row > other->row) - (one->row < other->row);
}

static struct capture *find_capture(const struct gather *gather,
				    const struct request_reference *reference)
{
	const struct captures *captures = gather->items[reference->item].steps[0].captures;
	struct capture key = {.column = reference->column, .row = reference->row};

	return bsearch(&key, captures->list, captures->count, sizeof(key), compare);
}

/* Calls fn for each reference of the gather, until one fails. */
static int for_references(struct gather *gather,
			  int (*fn)(struct gather *, const struct request_reference *))
{
	for (size_t i = 0; i < gather->item_count; i++) {
		const struct request_item *item = gather->items[i].request;

		for (size_t s = 0; item->depend_count > 0 && s < item->step_count; s++) {
			const struct request_query *step = &item->steps[s];

			for (size_t p = 0; p < step->param_count; p++) {
				const struct request_reference *reference =
					step->params[p].reference;
				int rc = reference != NULL ? fn(gather, reference) : 0;

				if (rc < 0)
					return rc;
			}
		}
	}
	return 0;
}

static int count_capture(struct gather *gather, const struct request_reference *reference)
{
	struct step *source = &gather->items[reference->item].steps[0];

	if (source->captures == NULL)
		source->captures = arena_calloc(&gather->arena, 1, sizeof(*source->captures));
	if (source->captures == NULL)
		return -ENOMEM;
	source->captures->count++;
	return 0;
}

static int add_capture(struct gather *gather, const struct request_reference *reference)
{
	struct captures *captures = gather->items[reference->item].steps[0].captures;

	if (captures->list == NULL) {
		captures->list =
			arena_calloc(&gather->arena, captures->count, sizeof(*captures->list));
		captures->count = 0;
	}
	if (captures->list == NULL)
		return -ENOMEM;
	captures->list[captures->count++] =
		(struct capture){.column = reference->column, .row = reference->row};
	return 0;
}

static void sort(struct captures *captures)
{
	size_t kept = 0;

	qsort(captures->list, captures->count, sizeof(*captures->list), compare);
	for (size_t i = 0; i < captures->count; i++)
		if (kept == 0 || compare(&captures->list[kept - 1], &captures->list[i]) != 0)
			captures->list[kept++] = captures->list[i];
	captures->count = kept;
}

int depends_init(struct gather *gather)
{
	if (list_empty(&gather->blocked))
		return 0;
	for (size_t i = 0; i < gather->item_count; i++)
		gather->items[i].unmet = gather->items[i].request->depend_count;
	if (for_references(gather, count_capture) < 0 || for_references(gather, add_capture) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < gather->item_count; i++)
		if (gather->items[i].steps[0].captures != NULL)
			sort(gather->items[i].steps[0].captures);
	return 0;
}

/* ---- keeping values ---- */

/* The first capture of a column; the list's end: nobody asks for it. */
static struct capture *find_column(const struct captures *captures, struct str column)
{
	size_t low = 0, high = captures->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_columns(captures->list[middle].column, column) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return &captures->list[low];
}

int depends_take_columns(struct step *step, const struct db_column *columns, size_t count)
{
	struct captures *captures = step->captures;
	struct arena *arena = &step->item->gather->arena;

	if (captures == NULL)
		return 0;
	captures->columns = arena_calloc(arena, count, sizeof(*captures->columns));
	if (captures->columns == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct capture *end = captures->list + captures->count;
		struct capture *first = find_column(captures, str_from(columns[i].name));
		struct capture_column *column = &captures->columns[captures->column_count];

		/* Of columns with the same name the first counts. */
		if (first == end || !str_is(first->column, columns[i].name) || first->found)
			continue;
		*column = (struct capture_column){.index = i, .next = first, .end = first};
		for (; column->end < end && str_equal(column->end->column, first->column);
		     column->end++)
			column->end->found = true;
		if (first->row < 0)
			column->all = column->next++;
		captures->column_count++;
	}
	return 0;
}

static int keep(struct arena *arena, struct capture *capture, const struct db_cell *cell)
{
	const char *text = NULL;

	if (capture->count == capture->capacity) {
		size_t capacity = capture->row >= 0 ? 1 : MAX(capture->capacity * 2, (size_t)16);
		const char **values = arena_calloc(arena, capacity, sizeof(*values));

		if (values == NULL)
			return -ENOMEM;
		if (capture->count > 0)
			memcpy(values, capture->values, capture->count * sizeof(*values));
		capture->values = values;
		capture->capacity = capacity;
	}
	if (cell->text != NULL) {
		text = arena_strndup(arena, cell->text, cell->len);
		if (text == NULL)
			return -ENOMEM;
	}
	capture->values[capture->count++] = text;
	return 0;
}

int depends_take_row(struct step *step, const struct db_cell *cells)
{
	struct arena *arena = &step->item->gather->arena;
	struct captures *captures = step->captures;

	for (size_t i = 0; captures != NULL && i < captures->column_count; i++) {
		struct capture_column *column = &captures->columns[i];
		const struct db_cell *cell = &cells[column->index];

		if (column->all != NULL && keep(arena, column->all, cell) < 0)
			return -ENOMEM;
		if (column->next == column->end || (uint64_t)column->next->row != step->row_count)
			continue;
		if (keep(arena, column->next++, cell) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- who may start ---- */

static bool names(const struct item *item, size_t source)
{
	for (size_t i = 0; i < item->request->depend_count; i++)
		if (item->request->depends[i] == source)
			return true;
	return false;
}

void depends_item_ended(struct gather *gather, const struct item *ended)
{
	list_for_each_safe (node, &gather->blocked) {
		struct item *item = LIST_ENTRY(node, struct item, node);

		if (!names(item, ended->index) || --item->unmet > 0)
			continue;
		list_remove(&item->node);
		list_push_back(&item->lane->pending, &item->node);
	}
}

/* ---- what they take ---- */

static const char *describe(struct arena *arena, const struct item *source, const char *what)
{
	struct str name = source->request->name;
	const char *text = arena_printf(arena, "skipped: item \"%.*s\", whose values it takes, %s",
					(int)name.len, name.data != NULL ? name.data : "", what);

	return text != NULL ? text : "skipped: an item whose values it takes has none";
}

static const char *missing_value(const struct gather *gather, struct arena *arena,
				 const struct request_reference *reference)
{
	const struct item *source = &gather->items[reference->item];
	const struct capture *capture = find_capture(gather, reference);

	if (source->err.code != ERR_NONE)
		return describe(arena, source, "failed");
	if (!source->steps[0].query.has_rows)
		return describe(arena, source, "gives no rows");
	if (capture == NULL || !capture->found)
		return describe(arena, source, "has no such column");
	if (reference->row >= 0 && capture->count == 0)
		return describe(arena, source, "has no such row");
	if (capture->count == 0)
		return describe(arena, source, "has no rows");
	return NULL;
}

const char *depends_missing(const struct item *item)
{
	struct gather *gather = item->gather;

	for (size_t s = 0; item->request->depend_count > 0 && s < item->request->step_count; s++) {
		const struct request_query *step = &item->request->steps[s];

		for (size_t p = 0; p < step->param_count; p++) {
			const char *missing = NULL;

			if (step->params[p].reference != NULL)
				missing = missing_value(gather, &gather->arena,
							step->params[p].reference);
			if (missing != NULL)
				return missing;
		}
	}
	return NULL;
}

/* PostgreSQL's array text, every element quoted: good for any element type. */
static void write_array(struct buf *out, const struct capture *capture)
{
	buf_putc(out, '{');
	for (size_t i = 0; i < capture->count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		if (capture->values[i] == NULL) {
			buf_puts(out, "NULL");
			continue;
		}
		buf_putc(out, '"');
		for (const char *c = capture->values[i]; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				buf_putc(out, '\\');
			buf_putc(out, *c);
		}
		buf_putc(out, '"');
	}
	buf_putc(out, '}');
}

int depends_value(void *ctx, const struct request_reference *reference, const char **ret_text)
{
	struct gather *gather = ctx;
	const struct capture *capture = find_capture(gather, reference);
	struct buf array;
	const char *text;

	assert(capture != NULL); /* depends_missing has seen to it */
	if (reference->row >= 0) {
		*ret_text = capture->values[0];
		return 0;
	}
	buf_init(&array, 0, gather->arena.budget);
	write_array(&array, capture);
	text = buf_cstr(&array);
	if (text != NULL)
		text = arena_strndup(&gather->arena, text, buf_len(&array));
	buf_free(&array);
	if (text == NULL)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}
