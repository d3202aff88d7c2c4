/* SPDX-License-Identifier: PostgreSQL */
/* Answers that are trees, as rows. */
#include "cli/listing.h"

#include "client/document.h"

#define COLUMNS_BEGIN "{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":["
#define ROWS_BEGIN    "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":["
#define DONE	      "{\"id\":1,\"event\":\"done\",\"item\":0,\"command\":\"SHOW\"}\n"

static void write_columns(struct buf *out, const char *const *names)
{
	buf_puts(out, COLUMNS_BEGIN);
	for (size_t i = 0; names[i] != NULL; i++)
		buf_printf(out, "%s{\"name\":\"%s\",\"type\":\"text\",\"oid\":25}",
			   i > 0 ? "," : "", names[i]);
	buf_puts(out, "]}\n" ROWS_BEGIN);
}

static void write_cell(struct buf *out, const struct json *value)
{
	if (value == NULL)
		json_write_string(out, STR(""));
	else
		json_write_string(out, document_str(value));
}

/* "day date = current_date, region text", or of plain names. */
static void write_params(struct buf *out, const struct json *params)
{
	struct buf text;

	buf_init(&text, 0, NULL);
	for (size_t i = 0; params != NULL && params->type == JSON_ARRAY && i < params->count; i++) {
		const struct json *param = &params->items[i];
		const struct json *name = document_member(param, "name");
		const struct json *type = document_member(param, "type");
		const struct json *value = document_member(param, "default");

		if (i > 0)
			buf_puts(&text, ", ");
		buf_append_str(&text, document_str(name != NULL ? name : param));
		if (type != NULL)
			buf_putc(&text, ' ');
		if (type != NULL)
			buf_append_str(&text, document_str(type));
		if (value != NULL && value->type != JSON_NULL) {
			buf_puts(&text, " = ");
			buf_append_str(&text, document_str(value));
		}
	}
	json_write_string(out, buf_str(&text));
	if (buf_error(&text) < 0)
		out->error = buf_error(&text);
	buf_free(&text);
}

/* A report that is broken has no title: its place is taken by what is wrong. */
static void write_title(struct buf *out, const struct json *report)
{
	const struct json *title = document_member(report, "title");
	const struct json *error = document_member(report, "error");
	struct buf text;

	if (error == NULL) {
		write_cell(out, title != NULL && title->type != JSON_NULL ? title : NULL);
		return;
	}
	buf_init(&text, 0, NULL);
	buf_puts(&text, "broken: ");
	buf_append_str(&text, document_str(error));
	json_write_string(out, buf_str(&text));
	if (buf_error(&text) < 0)
		out->error = buf_error(&text);
	buf_free(&text);
}

void listing_write_reports(struct buf *out, const struct json *answer)
{
	static const char *const names[] = {"report", "title", "parameters", NULL};
	const struct json *reports = document_member(answer, "reports");

	write_columns(out, names);
	for (size_t i = 0; reports != NULL && reports->type == JSON_ARRAY && i < reports->count;
	     i++) {
		const struct json *report = &reports->items[i];

		buf_puts(out, i > 0 ? ",[" : "[");
		write_cell(out, document_member(report, "name"));
		buf_putc(out, ',');
		write_title(out, report);
		buf_putc(out, ',');
		write_params(out, document_member(report, "params"));
		buf_putc(out, ']');
	}
	buf_puts(out, "]}\n" DONE);
}

/* Where in the tree a value stands, as the path of its keys; grows and shrinks with the walk. */
struct walk {
	struct buf *out;
	struct buf path;
	size_t row_count;
};

static void walk_value(struct walk *walk, const struct json *value);

static void walk_step(struct walk *walk, struct str key, const struct json *value)
{
	size_t before = buf_len(&walk->path);

	if (before > 0)
		buf_putc(&walk->path, '.');
	buf_append_str(&walk->path, key);
	walk_value(walk, value);
	if (buf_error(&walk->path) == 0)
		buf_truncate(&walk->path, before);
}

/* An element of an array goes by its name, if it has one, else by its number from 1. */
static void walk_item(struct walk *walk, const struct json *item, size_t index)
{
	const struct json *name = document_member(item, "name");
	struct buf number;

	if (name != NULL && name->type == JSON_STRING) {
		walk_step(walk, name->text, item);
		return;
	}
	buf_init(&number, 0, NULL);
	buf_printf(&number, "%zu", index + 1);
	walk_step(walk, buf_str(&number), item);
	buf_free(&number);
}

static void walk_value(struct walk *walk, const struct json *value)
{
	bool kept = value->count == 0; /* also what lies too deep to have been read */

	if (value->type == JSON_OBJECT && !kept) {
		for (size_t i = 0; i < value->count; i++)
			walk_step(walk, value->members[i].key, &value->members[i].value);
	} else if (value->type == JSON_ARRAY && !kept) {
		for (size_t i = 0; i < value->count; i++)
			walk_item(walk, &value->items[i], i);
	} else {
		buf_puts(walk->out, walk->row_count++ > 0 ? ",[" : "[");
		json_write_string(walk->out, buf_str(&walk->path));
		buf_putc(walk->out, ',');
		write_cell(walk->out, value);
		buf_putc(walk->out, ']');
	}
}

void listing_write_stats(struct buf *out, const struct json *answer)
{
	static const char *const names[] = {"name", "value", NULL};
	const struct json *stats = document_member(answer, "stats");
	struct walk walk = {.out = out};

	if (stats != NULL)
		answer = stats;
	buf_init(&walk.path, 0, NULL);
	write_columns(out, names);
	for (size_t i = 0; answer->type == JSON_OBJECT && i < answer->count; i++)
		if (!str_is(answer->members[i].key, "id"))
			walk_step(&walk, answer->members[i].key, &answer->members[i].value);
	buf_puts(out, "]}\n" DONE);
	if (buf_error(&walk.path) < 0)
		out->error = buf_error(&walk.path);
	buf_free(&walk.path);
}
