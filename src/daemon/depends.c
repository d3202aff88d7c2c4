/* SPDX-License-Identifier: PostgreSQL */
#include "daemon/depends.h"

#include "base/arena.h"
#include "base/buf.h"
#include "daemon/gather.h"
#include "daemon/item.h"

#include <errno.h>
#include <string.h>

/* ---- keeping values ---- */

static struct capture *find_capture(const struct gather *gather,
				    const struct request_reference *reference)
{
	const struct step *source = &gather->items[reference->item].steps[0];

	for (struct capture *capture = source->captures; capture != NULL; capture = capture->next)
		if (capture->row == reference->row && str_equal(capture->column, reference->column))
			return capture;
	return NULL;
}

static int add_capture(struct gather *gather, const struct request_reference *reference)
{
	struct step *source = &gather->items[reference->item].steps[0];
	struct capture *capture;

	if (find_capture(gather, reference) != NULL)
		return 0;
	capture = arena_calloc(&gather->arena, 1, sizeof(*capture));
	if (capture == NULL)
		return -ENOMEM;
	*capture = (struct capture){.next = source->captures,
				    .column = reference->column,
				    .row = reference->row,
				    .index = SIZE_MAX};
	source->captures = capture;
	return 0;
}

int depends_init(struct gather *gather)
{
	for (size_t i = 0; i < gather->item_count; i++) {
		struct item *item = &gather->items[i];

		item->unmet = item->request->depend_count;
		for (size_t s = 0; item->unmet > 0 && s < item->request->step_count; s++) {
			const struct request_query *step = &item->request->steps[s];

			for (size_t p = 0; p < step->param_count; p++)
				if (step->params[p].reference != NULL &&
				    add_capture(gather, step->params[p].reference) < 0)
					return -ENOMEM;
		}
	}
	return 0;
}

void depends_take_columns(struct step *step, const struct db_column *columns, size_t count)
{
	/* Of columns with the same name the first counts. */
	for (struct capture *capture = step->captures; capture != NULL; capture = capture->next)
		for (size_t i = count; i-- > 0;)
			if (str_is(capture->column, columns[i].name))
				capture->index = i;
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
	for (struct capture *capture = step->captures; capture != NULL; capture = capture->next) {
		bool wanted = capture->row < 0 || (uint64_t)capture->row == step->row_count;

		if (wanted && capture->index != SIZE_MAX &&
		    keep(&step->item->gather->arena, capture, &cells[capture->index]) < 0)
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
	if (capture == NULL || capture->index == SIZE_MAX)
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
