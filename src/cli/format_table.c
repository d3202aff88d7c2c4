/* SPDX-License-Identifier: PostgreSQL */
/*
 * Tables, to the byte as psql shows them in its default format (aligned, border 1), with the
 * query's title or name as psql's title. A query without rows shows its command tag.
 */
#include "cli/format.h"
#include "cli/width.h"

#include <errno.h>
#include <stdint.h>

struct format_table {
	size_t column_count;
	struct table_column {
		struct str name;
		size_t width;
		bool right;	 /* aligned */
		struct str rest; /* what is still to be shown of the value; NULL data: nothing */
	} * columns;
	int64_t row_count;
};

/* psql's list: int8, int2, int4, oid, xid, cid, float4, float8, money, numeric, xid8. */
static bool is_right_aligned(int64_t oid)
{
	static const int oids[] = {20, 21, 23, 26, 28, 29, 700, 701, 790, 1700, 5069};

	for (size_t i = 0; i < ARRAY_SIZE(oids); i++)
		if (oid == oids[i])
			return true;
	return false;
}

static void no_memory(struct format *format)
{
	if (format->output->error == 0)
		format->output->error = -ENOMEM;
}

static void measure_columns(struct format *format, const struct json *columns)
{
	struct format_table *table = arena_calloc(&format->arena, 1, sizeof(*table));

	if (table != NULL)
		table->columns =
			arena_calloc(&format->arena, columns->count + 1, sizeof(*table->columns));
	if (table == NULL || table->columns == NULL) {
		no_memory(format);
		return;
	}
	table->column_count = columns->count;
	for (size_t i = 0; i < columns->count; i++) {
		const struct json *object = &columns->items[i];
		struct table_column *column = &table->columns[i];
		struct str name = document_str(document_member(object, "name"));

		column->name.data = arena_strndup(&format->arena, name.data, name.len);
		column->name.len = name.len;
		if (column->name.data == NULL) {
			no_memory(format);
			return;
		}
		column->width = width_of(name, NULL);
		column->right = is_right_aligned(document_member_int64(object, "oid", 0));
	}
	format->table = table;
}

static struct str cell_text(const struct json *cell)
{
	return cell == NULL || cell->type == JSON_NULL ? STR("") : document_str(cell);
}

static void table_measure(struct format *format, const struct gather_event *event)
{
	struct format_table *table;
	const struct json *rows = event->result.rows;

	if (event->kind == GATHER_EVENT_COLUMNS)
		measure_columns(format, event->result.columns);
	table = format->table;
	if (event->kind != GATHER_EVENT_ROWS || table == NULL)
		return;
	for (size_t row = 0; row < rows->count; row++)
		for (size_t i = 0; i < table->column_count; i++) {
			size_t width =
				width_of(cell_text(result_cell(&event->result, row, i)), NULL);

			table->columns[i].width = MAX(table->columns[i].width, width);
		}
}

static void put_repeated(struct buf *out, char c, size_t count)
{
	char *at = count > 0 ? buf_reserve(out, count) : NULL;

	if (at == NULL)
		return;
	memset(at, c, count);
	buf_commit(out, count);
}

static void put_spaces(struct buf *out, size_t count)
{
	put_repeated(out, ' ', count);
}

/* A cell's next line, if it has one: *ret_width columns of text in the scratch buffer. */
static bool next_line(struct format *format, struct table_column *column, size_t *ret_width)
{
	bool shown = column->rest.data != NULL;

	buf_reset(&format->scratch);
	*ret_width = 0;
	if (shown)
		width_show_line(&format->scratch, &column->rest, ret_width);
	if (buf_error(&format->scratch) < 0)
		no_memory(format);
	return shown;
}

/* As it is shown, for a server chooses command tags, and a report's author titles. */
static void put_shown(struct buf *out, const char *data, size_t len)
{
	struct str rest = {data, len};
	size_t width;

	while (rest.data != NULL) {
		width_show_line(out, &rest, &width);
		if (rest.data != NULL)
			buf_putc(out, '\n');
	}
}

static void write_title(struct format_table *table, struct buf *out, const struct format_item *item)
{
	const char *title = item->title != NULL ? item->title : item->name;
	size_t width, total = table->column_count > 0 ? table->column_count * 3 - 1 : 0;

	if (title == NULL)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		total += table->columns[i].width;
	width = width_of(str_from(title), NULL);
	if (width < total)
		put_spaces(out, (total - width) / 2);
	put_shown(out, title, strlen(title));
	buf_putc(out, '\n');
}

/* One line of all the names. Those that end there are followed by a space, the others by a plus. */
static bool write_header_line(struct format *format)
{
	struct format_table *table = format->table;
	struct buf *out = &format->output->buf;
	bool more = false;

	for (size_t i = 0; i < table->column_count; i++) {
		struct table_column *column = &table->columns[i];
		size_t width, space;

		next_line(format, column, &width);
		space = column->width - width;
		buf_putc(out, ' ');
		put_spaces(out, space / 2);
		buf_append_str(out, buf_str(&format->scratch));
		put_spaces(out, space - space / 2);
		buf_putc(out, column->rest.data != NULL ? '+' : ' ');
		if (i + 1 < table->column_count)
			buf_putc(out, '|');
		more |= column->rest.data != NULL;
	}
	buf_putc(out, '\n');
	return more;
}

static void write_header(struct format *format)
{
	struct format_table *table = format->table;
	struct buf *out = &format->output->buf;

	for (size_t i = 0; i < table->column_count; i++)
		table->columns[i].rest = table->columns[i].name;
	while (table->column_count > 0 && write_header_line(format))
		;
	buf_putc(out, '-');
	for (size_t i = 0; i < table->column_count; i++) {
		if (i > 0)
			buf_puts(out, "-+-");
		put_repeated(out, '-', table->columns[i].width);
	}
	buf_puts(out, "-\n");
}

/* One line of a row. A value that goes on is followed by a plus. */
static bool write_row_line(struct format *format)
{
	struct format_table *table = format->table;
	struct buf *out = &format->output->buf;
	bool more = false;

	for (size_t i = 0; i < table->column_count; i++) {
		struct table_column *column = &table->columns[i];
		bool last = i + 1 == table->column_count, shown, goes_on;
		size_t width, space;

		shown = next_line(format, column, &width);
		goes_on = column->rest.data != NULL;
		more |= goes_on;
		space = column->width - width;
		buf_putc(out, ' ');
		if (column->right && shown)
			put_spaces(out, space);
		buf_append_str(out, buf_str(&format->scratch));
		if ((!column->right || !shown) && (!last || goes_on))
			put_spaces(out, space);
		if (goes_on)
			buf_putc(out, '+');
		else if (!last)
			buf_putc(out, ' ');
		if (!last)
			buf_putc(out, '|');
	}
	buf_putc(out, '\n');
	return more;
}

static void write_rows(struct format *format, const struct gather_event *event)
{
	struct format_table *table = format->table;
	const struct json *rows = event->result.rows;

	for (size_t row = 0; row < rows->count; row++) {
		for (size_t i = 0; i < table->column_count; i++)
			table->columns[i].rest = cell_text(result_cell(&event->result, row, i));
		while (table->column_count > 0 && write_row_line(format))
			;
		table->row_count++;
		output_pump(format->output);
	}
}

/* A row set is followed by its tag only where psql does so: when the command changed something. */
static void write_tag(struct buf *out, const struct gather_result *result)
{
	const struct json *command = document_member(result->object, "command");
	int64_t count = gather_result_count(result);

	if (command == NULL || command->type != JSON_STRING)
		return;
	put_shown(out, command->text.data, command->text.len);
	if (str_is(command->text, "INSERT"))
		buf_puts(out, " 0");
	if (count >= 0)
		buf_printf(out, " %lld", (long long)count);
	buf_putc(out, '\n');
}

static bool shows_tag(const struct gather_result *result)
{
	static const char *const commands[] = {"INSERT", "UPDATE", "DELETE", "MERGE"};
	const struct json *command = document_member(result->object, "command");

	for (size_t i = 0; i < ARRAY_SIZE(commands) && command != NULL; i++)
		if (command->type == JSON_STRING && str_is(command->text, commands[i]))
			return true;
	return false;
}

static void write_end(struct format *format, const struct format_item *item,
		      const struct gather_result *result)
{
	struct buf *out = &format->output->buf;
	struct format_table *table = format->table;

	if (table == NULL) {
		const char *title = item->title != NULL ? item->title : item->name;

		if (title != NULL) {
			put_shown(out, title, strlen(title));
			buf_putc(out, '\n');
		}
		write_tag(out, result);
		return;
	}
	if (document_member(result->object, "truncated") != NULL)
		buf_puts(out, "(cut short)\n");
	buf_printf(out, table->row_count == 1 ? "(%lld row)\n\n" : "(%lld rows)\n\n",
		   (long long)table->row_count);
	if (shows_tag(result))
		write_tag(out, result);
}

static void table_event(struct format *format, const struct format_item *item,
			const struct gather_event *event)
{
	struct format_table *table = format->table;
	struct buf *out = &format->output->buf;

	if (format->output->error < 0)
		return;
	if (event->kind == GATHER_EVENT_COLUMNS && table != NULL) {
		write_title(table, out, item);
		write_header(format);
	} else if (event->kind == GATHER_EVENT_ROWS && table != NULL) {
		write_rows(format, event);
	} else if (event->kind == GATHER_EVENT_DONE) {
		write_end(format, item, &event->result);
	}
	output_pump(format->output);
}

const struct format_ops format_table = {
	.values_text = true, .measure = table_measure, .event = table_event};
