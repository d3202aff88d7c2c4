/* SPDX-License-Identifier: PostgreSQL */
/*
 * Answers. Whatever names, values and errors come from a server, each line is valid JSON and UTF-8
 * and ends with its only newline; cells of text read back as they were; no two keys of a row are
 * the same.
 */
#include "wire/reply.h"

#include "base/utf8.h"
#include "fuzz.h"
#include "strict.h"
#include "wire/json.h"
#include "wire/types.h"

#define COLUMNS_MAX 12

struct maker {
	struct fuzz_input input;
	struct arena arena;
	struct buf out;
	struct reply_column columns[COLUMNS_MAX];
	struct reply_cell cells[COLUMNS_MAX];
	struct reply_shape shape;
	size_t column_count;
};

/* What is in `out`: one line with its newline, taken out. */
static void check_line(struct maker *m)
{
	struct str line = buf_str(&m->out);

	FUZZ_CHECK(buf_error(&m->out) == 0);
	FUZZ_CHECK(line.len > 0 && line.data[line.len - 1] == '\n');
	line.len--;
	if (!strict_json_line(line)) {
		fuzz_show("line", line);
		FUZZ_CHECK(!"a line is valid JSON");
	}
	buf_reset(&m->out);
}

static void check_value(struct maker *m)
{
	buf_putc(&m->out, '\n');
	check_line(m);
}

static const char *make_text(struct maker *m)
{
	struct str text = fuzz_text(&m->input);
	char *copy = arena_strndup(&m->arena, text.data, strnlen(text.data, text.len));

	FUZZ_CHECK(copy != NULL);
	return copy;
}

static const char *make_field(struct maker *m, unsigned *bits)
{
	const char *text = *bits & 1 ? make_text(m) : NULL;

	*bits >>= 1;
	return text;
}

static struct str make_name(struct maker *m)
{
	const char *text = fuzz_byte(&m->input) % 4 == 0 ? NULL : make_text(m);

	return str_from(text);
}

static void make_columns(struct maker *m)
{
	m->column_count = fuzz_byte(&m->input) % (COLUMNS_MAX + 1);
	for (size_t i = 0; i < m->column_count; i++) {
		m->columns[i].name = str_from(make_text(m));
		m->columns[i].type = &types_builtin[fuzz_byte(&m->input) % types_builtin_count];
	}
}

static void make_cells(struct maker *m)
{
	for (size_t i = 0; i < m->column_count; i++) {
		struct str text = fuzz_text(&m->input);

		m->cells[i].text = text.len == 255 ? NULL : text.data;
		m->cells[i].len = strnlen(text.data, text.len);
	}
}

static struct err make_err(struct maker *m)
{
	unsigned bits = fuzz_byte(&m->input);
	struct err err = {
		.code = (enum err_code)(1 + fuzz_byte(&m->input) % (ERR_CODE_COUNT - 1)),
		.effects = (enum err_effects)(fuzz_byte(&m->input) % 3),
		.message = make_text(m),
		.position = (int)fuzz_int64(&m->input),
		.line = (int)fuzz_int64(&m->input),
	};
	struct str sqlstate = fuzz_bytes(&m->input, 5);

	memcpy(err.sqlstate, sqlstate.data, strnlen(sqlstate.data, sqlstate.len));
	err.key = make_field(m, &bits);
	err.severity = make_field(m, &bits);
	err.detail = make_field(m, &bits);
	err.hint = make_field(m, &bits);
	err.context = make_field(m, &bits);
	err.schema = make_field(m, &bits);
	err.table = make_field(m, &bits);
	err.constraint = make_field(m, &bits);
	err.column = err.table;
	err.parameter = err.constraint;
	return err;
}

/* A row as it reads back: a cell for each column, text unchanged. */
static void check_row(struct maker *m)
{
	/* A json column's value may repeat keys. */
	static const struct json_rules rules = {.max_depth = 1000, .repeated_keys = true};
	struct json row;
	struct json_error error;

	reply_write_row(&m->out, &m->shape, m->cells);
	FUZZ_CHECK(json_parse_rules(&m->arena, buf_str(&m->out), &rules, &row, &error) == 0);
	FUZZ_CHECK(row.count == m->column_count);
	FUZZ_CHECK(row.type == (m->shape.style.row_objects ? JSON_OBJECT : JSON_ARRAY));
	for (size_t i = 0; i < row.count; i++) {
		const struct json *cell =
			row.type == JSON_OBJECT ? &row.members[i].value : &row.items[i];
		const struct str text = {m->cells[i].text, m->cells[i].len};
		const bool embedded =
			m->columns[i].type->kind == VALUE_JSON && !m->shape.style.values_text;

		FUZZ_CHECK(text.data != NULL || cell->type == JSON_NULL);
		if (text.data != NULL && cell->type == JSON_STRING && !embedded &&
		    utf8_valid(text.data, text.len))
			FUZZ_CHECK_SAME(cell->text, text);
	}
	check_value(m);
}

/* Keys differ, whatever the columns are called. */
static void check_keys(struct maker *m)
{
	static const struct reply_cell nulls[COLUMNS_MAX];
	struct json row;
	struct json_error error;

	reply_write_row(&m->out, &m->shape, nulls);
	FUZZ_CHECK(json_parse(&m->arena, buf_str(&m->out), &row, &error) == 0);
	FUZZ_CHECK(row.count == m->column_count);
	check_value(m);
}

static struct reply_outcome make_outcome(struct maker *m, const struct err *err)
{
	const unsigned bits = fuzz_byte(&m->input);

	return (struct reply_outcome){
		.name = make_name(m),
		.has_rows = bits & 1,
		.table = bits & 2 ? STR("\"columns\":[],\"rows\":[[1],[2]")
				  : STR("\"columns\":[],\"rows\":["),
		.count = fuzz_int64(&m->input),
		.command = make_name(m),
		.truncated = bits & 4,
		.transaction = (enum reply_transaction)(bits >> 4 & 3),
		.err = bits & 8 ? err : NULL,
		.queued_ns = fuzz_int64(&m->input) & INT64_MAX,
		.elapsed_ns = fuzz_int64(&m->input) & INT64_MAX,
	};
}

static void check_outcomes(struct maker *m, const struct err *err)
{
	struct reply_outcome outcome = make_outcome(m, err);

	reply_write_outcome(&m->out, &outcome);
	check_value(m);
	reply_outcome_begin(&m->out, &outcome);
	if (outcome.err == NULL && outcome.has_rows)
		buf_append_str(&m->out, outcome.table);
	reply_outcome_finish(&m->out, &outcome);
	check_value(m);
	reply_steps_begin(&m->out, &outcome);
	reply_write_outcome(&m->out, &outcome);
	reply_steps_finish(&m->out, &outcome);
	check_value(m);
}

static void check_events(struct maker *m, const struct err *err)
{
	const unsigned bits = fuzz_byte(&m->input);
	struct reply_outcome outcome = make_outcome(m, err);
	const struct reply_event_place place = {
		.id = STR("\"id\""),
		.item = (size_t)fuzz_int64(&m->input),
		.has_step = bits & 1,
		.step = (size_t)fuzz_int64(&m->input),
		.name = make_name(m),
	};
	const struct reply_snapshot snapshot = {
		.id = make_name(m),
		.server = make_name(m),
		.lsn = make_name(m),
		.time = make_name(m),
		.in_recovery = bits & 2,
	};
	const char *channels[] = {make_text(m), make_text(m)};

	reply_event_columns(&m->out, &place, &m->shape);
	check_line(m);
	reply_event_rows_begin(&m->out, &place);
	reply_write_row(&m->out, &m->shape, m->cells);
	reply_event_rows_end(&m->out);
	check_line(m);
	reply_event_outcome(&m->out, &place, &outcome);
	check_line(m);
	reply_event_end(&m->out, place.id, place.item, outcome.elapsed_ns,
			bits & 4 ? &snapshot : NULL);
	check_line(m);
	reply_write_combined_head(&m->out, place.id, place.item, outcome.elapsed_ns,
				  bits & 4 ? &snapshot : NULL);
	buf_puts(&m->out, "[]}\n");
	check_line(m);
	reply_event_listening(&m->out, place.id, channels[0], channels, ARRAY_SIZE(channels));
	check_line(m);
	reply_event_notification(&m->out, place.id, channels[0], channels[1], (int)bits);
	check_line(m);
	reply_event_resync(&m->out, place.id);
	check_line(m);
	reply_event_listen_end(&m->out, place.id, outcome.elapsed_ns, bits & 8 ? err : NULL);
	check_line(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct maker m = {.input = fuzz_input(data, size_bytes)};
	const unsigned bits = fuzz_byte(&m.input);
	const struct reply_style style = {.row_objects = bits & 1, .values_text = bits & 2};
	struct err err;

	arena_init(&m.arena, 0, NULL);
	buf_init(&m.out, 0, NULL);
	make_columns(&m);
	make_cells(&m);
	FUZZ_CHECK(reply_shape_make(&m.arena, style, m.columns, m.column_count, &m.shape) == 0);
	reply_write_columns(&m.out, &m.shape);
	check_value(&m);
	check_row(&m);
	check_keys(&m);
	err = make_err(&m);
	reply_write_error(&m.out, &err);
	check_value(&m);
	reply_write_error_line(&m.out, STR("7"), &err);
	check_line(&m);
	check_outcomes(&m, &err);
	check_events(&m, &err);
	buf_free(&m.out);
	arena_free(&m.arena);
	return 0;
}
