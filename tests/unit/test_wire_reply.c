/* SPDX-License-Identifier: PostgreSQL */
/* Answers, byte for byte. */
#include "base/budget.h"
#include "base/clock.h"
#include "base/mem.h"
#include "unit/wire_out.h"
#include "wire/reply.h"

#include <errno.h>

#define check(wanted) ck_assert_text(buf_str(&out), STR(wanted))

#define OBJECTS ((struct reply_style){.row_objects = true})
#define ARRAYS	((struct reply_style){0})

static struct reply_shape make_shape(struct reply_style style, const struct reply_column *columns,
				     size_t count)
{
	struct reply_shape shape;

	ck_assert_int_eq(reply_shape_make(&arena, style, columns, count, &shape), 0);
	return shape;
}

static struct reply_column column(const char *name, uint32_t oid)
{
	return (struct reply_column){str_from(name), value_type_builtin(oid)};
}

START_TEST(columns_of_a_row_set)
{
	struct reply_column columns[] = {column("count", 20), column("say \"hi\"", 25),
					 column("list", 1007)};
	struct reply_shape shape = make_shape(ARRAYS, columns, 3);

	reply_write_columns(&out, &shape);
	check("[{\"name\":\"count\",\"type\":\"int8\",\"oid\":20},"
	      "{\"name\":\"say \\\"hi\\\"\",\"type\":\"text\",\"oid\":25},"
	      "{\"name\":\"list\",\"type\":\"int4[]\",\"oid\":1007}]");
	buf_reset(&out);
	shape.column_count = 1;
	reply_write_table_head(&out, &shape);
	check("\"columns\":[{\"name\":\"count\",\"type\":\"int8\",\"oid\":20}],\"rows\":[");
}
END_TEST

START_TEST(rows)
{
	struct reply_column columns[] = {column("a", 20), column("b", 25), column("c", 16)};
	const struct reply_cell cells[] = {{"42", 2}, {"x", 1}, {"t", 1}};
	const struct reply_cell nulls[] = {{NULL, 0}, {"", 0}, {NULL, 0}};
	struct reply_shape shape = make_shape(ARRAYS, columns, 3);

	reply_write_row(&out, &shape, cells);
	check("[42,\"x\",true]");
	buf_reset(&out);
	reply_write_row(&out, &shape, nulls);
	check("[null,\"\",null]");
	buf_reset(&out);
	shape = make_shape((struct reply_style){.values_text = true}, columns, 3);
	reply_write_row(&out, &shape, cells);
	reply_write_row(&out, &shape, nulls);
	check("[\"42\",\"x\",\"t\"][null,\"\",null]");
	buf_reset(&out);
	shape = make_shape(OBJECTS, columns, 3);
	reply_write_row(&out, &shape, cells);
	reply_write_row(&out, &shape, nulls);
	check("{\"a\":42,\"b\":\"x\",\"c\":true}{\"a\":null,\"b\":\"\",\"c\":null}");
	buf_reset(&out);
	shape = make_shape((struct reply_style){true, true}, columns, 3);
	reply_write_row(&out, &shape, cells);
	check("{\"a\":\"42\",\"b\":\"x\",\"c\":\"t\"}");
}
END_TEST

START_TEST(rows_without_columns)
{
	struct reply_shape shape = make_shape(ARRAYS, NULL, 0);

	reply_write_columns(&out, &shape);
	reply_write_row(&out, &shape, NULL);
	shape = make_shape(OBJECTS, NULL, 0);
	reply_write_row(&out, &shape, NULL);
	check("[][]{}");
}
END_TEST

static const struct {
	const char *names[6];
	const char *row;
} repeated[] = {
	{{"id", "id"}, "{\"id\":1,\"id:2\":1}"},
	{{"id", "id", "id"}, "{\"id\":1,\"id:2\":1,\"id:3\":1}"},
	{{"id", "x", "id", "x"}, "{\"id\":1,\"x\":1,\"id:2\":1,\"x:2\":1}"},
	/* whoever is called so keeps the name */
	{{"id", "id", "id:2"}, "{\"id\":1,\"id:3\":1,\"id:2\":1}"},
	{{"\xff", "\xfe"}, "{\"\xef\xbf\xbd\":1,\"\xef\xbf\xbd:2\":1}"},
	{{"\"", "\"", "\n"}, "{\"\\\"\":1,\"\\\":2\":1,\"\\n\":1}"},
	{{"id:2", "id", "id"}, "{\"id:2\":1,\"id\":1,\"id:3\":1}"},
	{{"id", "id:2", "id", "id:2", "id"},
	 "{\"id\":1,\"id:2\":1,\"id:3\":1,\"id:2:2\":1,\"id:4\":1}"},
	{{"id", "id", "id:2", "id:2"}, "{\"id\":1,\"id:3\":1,\"id:2\":1,\"id:2:2\":1}"},
	{{"", ""}, "{\"\":1,\":2\":1}"},
	{{"\"", "\""}, "{\"\\\"\":1,\"\\\":2\":1}"},
	{{"?column?", "?column?"}, "{\"?column?\":1,\"?column?:2\":1}"},
};

START_TEST(repeated_names_are_told_apart)
{
	struct reply_column columns[6];
	struct reply_cell cells[6];
	struct reply_shape shape;
	size_t count = 0;

	for (; count < 6 && repeated[_i].names[count] != NULL; count++) {
		columns[count] = column(repeated[_i].names[count], 20);
		cells[count] = (struct reply_cell){"1", 1};
	}
	shape = make_shape(OBJECTS, columns, count);
	reply_write_row(&out, &shape, cells);
	ck_assert_text(buf_str(&out), str_from(repeated[_i].row));
	/* the columns keep their own names */
	ck_assert_text(shape.columns[count - 1].name, str_from(repeated[_i].names[count - 1]));
}
END_TEST

START_TEST(random_names_are_told_apart)
{
	static const char *const names[] = {"a", "a:2", "a:3", "a:2:2", "b"};
	uint64_t seed = 29;

	for (int round = 0; round < 3000; round++) {
		struct reply_column columns[12];
		struct reply_cell cells[12];
		struct reply_shape shape;
		struct json_error error;
		struct json value;

		for (size_t i = 0; i < 12; i++) {
			columns[i] = column(names[random_below(&seed, ARRAY_SIZE(names))], 20);
			cells[i] = (struct reply_cell){"1", 1};
		}
		shape = make_shape(OBJECTS, columns, 12);
		buf_reset(&out);
		reply_write_row(&out, &shape, cells);
		/* strict: a repeated key would be refused */
		ck_assert_int_eq(json_parse(&arena, buf_str(&out), &value, &error), 0);
		ck_assert_uint_eq(value.count, 12);
		arena_free(&arena);
	}
}
END_TEST

START_TEST(as_many_equal_names_as_there_can_be)
{
	struct reply_column columns[1664];
	struct reply_shape shape;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		columns[i] = column("x", 20);
	shape = make_shape(OBJECTS, columns, ARRAY_SIZE(columns));
	ck_assert_text(shape.prefixes[1663], STR(",\"x:1664\":"));
}
END_TEST

START_TEST(names_that_are_no_utf8)
{
	struct reply_column columns[] = {column("a\xff", 25), column("a\xff", 25)};
	const struct reply_cell cells[] = {{"\xfe", 1}, {"\n", 1}};
	struct reply_shape shape = make_shape(OBJECTS, columns, 2);

	reply_write_row(&out, &shape, cells);
	check("{\"a\xef\xbf\xbd\":\"\xef\xbf\xbd\",\"a\xef\xbf\xbd:2\":\"\\n\"}");
}
END_TEST

START_TEST(errors)
{
	struct err err;

	err_set(&err, NULL, ERR_TIMEOUT, ERR_EFFECTS_UNKNOWN, "too \"late\"");
	reply_write_error(&out, &err);
	check("{\"code\":\"timeout\",\"message\":\"too \\\"late\\\"\",\"effects\":\"unknown\"}");
	buf_reset(&out);
	err_set(&err, NULL, ERR_BAD_REQUEST, ERR_EFFECTS_NONE, "unknown key");
	err.key = "pa\nrms";
	reply_write_error_line(&out, STR("\"x\""), &err);
	check("{\"id\":\"x\",\"error\":{\"code\":\"bad_request\",\"message\":\"unknown key\","
	      "\"effects\":\"none\",\"key\":\"pa\\nrms\"}}\n");
}
END_TEST

START_TEST(errors_of_postgresql)
{
	struct err err = {.code = ERR_SQL,
			  .effects = ERR_EFFECTS_NONE,
			  .message = "duplicate key",
			  .sqlstate = "23505",
			  .severity = "ERROR",
			  .detail = "d",
			  .hint = "h",
			  .context = "c",
			  .schema = "s",
			  .table = "t",
			  .column = "col",
			  .constraint = "con",
			  .parameter = "par",
			  .line = 3,
			  .position = 15};

	reply_write_error(&out, &err);
	check("{\"code\":\"sql\",\"message\":\"duplicate key\",\"effects\":\"none\","
	      "\"sqlstate\":\"23505\",\"severity\":\"ERROR\",\"detail\":\"d\",\"hint\":\"h\","
	      "\"position\":15,\"line\":3,\"context\":\"c\",\"parameter\":\"par\",\"schema\":\"s\","
	      "\"table\":"
	      "\"t\","
	      "\"column\":\"col\",\"constraint\":\"con\"}");
	buf_reset(&out);
	err = (struct err){.code = ERR_SQL, .message = "bad \xff bytes"};
	reply_write_error(&out, &err);
	check("{\"code\":\"sql\",\"message\":\"bad \xef\xbf\xbd bytes\",\"effects\":\"none\"}");
}
END_TEST

#define TABLE "\"columns\":[{\"name\":\"a\"}],\"rows\":["

static struct reply_outcome selected(void)
{
	return (struct reply_outcome){.has_rows = true,
				      .table = STR(TABLE "[1],[2]"),
				      .count = 2,
				      .command = STR("SELECT"),
				      .queued_ns = 100000,
				      .elapsed_ns = 2100000};
}

START_TEST(outcomes)
{
	struct reply_outcome outcome = selected();
	struct err err;

	reply_write_outcome(&out, &outcome);
	check("{\"columns\":[{\"name\":\"a\"}],\"rows\":[[1],[2]],\"count\":2,\"command\":"
	      "\"SELECT\","
	      "\"queued\":0.0001,\"elapsed\":0.0021}");
	buf_reset(&out);
	outcome.name = STR("to\tp");
	outcome.table = STR(TABLE);
	outcome.count = 0;
	outcome.truncated = true;
	reply_write_outcome(&out, &outcome);
	check("{\"name\":\"to\\tp\",\"columns\":[{\"name\":\"a\"}],\"rows\":[],\"count\":0,"
	      "\"command\":\"SELECT\",\"truncated\":true,\"queued\":0.0001,\"elapsed\":0.0021}");
	buf_reset(&out);
	outcome = (struct reply_outcome){.count = -1, .command = STR("CREATE TABLE")};
	reply_write_outcome(&out, &outcome);
	check("{\"command\":\"CREATE TABLE\",\"queued\":0.0,\"elapsed\":0.0}");
	buf_reset(&out);
	outcome = selected();
	err_set(&err, NULL, ERR_TIMEOUT, ERR_EFFECTS_NONE, "late");
	outcome.name = STR("top");
	outcome.err = &err;
	outcome.queued_ns = 0;
	outcome.elapsed_ns = 2 * CLOCK_SECOND;
	reply_write_outcome(&out, &outcome);
	check("{\"name\":\"top\",\"error\":{\"code\":\"timeout\",\"message\":\"late\",\"effects\":"
	      "\"none\"},"
	      "\"queued\":0.0,\"elapsed\":2.0}");
}
END_TEST

/* What stands around the rows and the rows make the whole, whatever the outcome. */
START_TEST(outcomes_in_two_parts)
{
	struct reply_outcome all[4] = {selected(), selected(), {.count = 3}, selected()};
	struct err err;

	err_set(&err, NULL, ERR_TIMEOUT, ERR_EFFECTS_NONE, "late");
	all[1].name = STR("n");
	all[1].truncated = true;
	all[3].err = &err;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct buf parts;

		buf_init(&parts, 0, NULL);
		reply_outcome_begin(&parts, &all[i]);
		if (all[i].has_rows && all[i].err == NULL)
			buf_append_str(&parts, all[i].table);
		all[i].table = (struct str){0}; /* not looked at */
		reply_outcome_finish(&parts, &all[i]);
		if (all[i].has_rows)
			all[i].table = STR(TABLE "[1],[2]");
		buf_reset(&out);
		reply_write_outcome(&out, &all[i]);
		ck_assert_text(buf_str(&parts), buf_str(&out));
		buf_free(&parts);
	}
	buf_reset(&out);
	reply_outcome_begin(&out, &all[0]);
	check("{");
	buf_reset(&out);
	reply_outcome_begin(&out, &all[3]);
	check("{");
}
END_TEST

START_TEST(sequences)
{
	struct reply_outcome item = {.name = STR("log"), .elapsed_ns = 4000000};
	struct reply_outcome step = {.count = 1, .command = STR("INSERT")};
	struct err err, skipped;

	reply_steps_begin(&out, &item);
	reply_write_outcome(&out, &step);
	reply_steps_finish(&out, &item);
	check("{\"name\":\"log\",\"steps\":[{\"count\":1,\"command\":\"INSERT\",\"queued\":0.0,"
	      "\"elapsed\":0.0}],\"queued\":0.0,\"elapsed\":0.004}");
	buf_reset(&out);
	err_set(&err, NULL, ERR_TIMEOUT, ERR_EFFECTS_UNKNOWN, "late");
	err_set(&skipped, NULL, ERR_SKIPPED, ERR_EFFECTS_NONE, "not reached");
	item = (struct reply_outcome){.err = &err};
	reply_steps_begin(&out, &item);
	step.err = &err;
	reply_write_outcome(&out, &step);
	buf_putc(&out, ',');
	step.err = &skipped;
	reply_write_outcome(&out, &step);
	reply_steps_finish(&out, &item);
	check("{\"steps\":["
	      "{\"error\":{\"code\":\"timeout\",\"message\":\"late\",\"effects\":\"unknown\"},"
	      "\"queued\":0.0,\"elapsed\":0.0},"
	      "{\"error\":{\"code\":\"skipped\",\"message\":\"not reached\",\"effects\":\"none\"},"
	      "\"queued\":0.0,\"elapsed\":0.0}],"
	      "\"error\":{\"code\":\"timeout\",\"message\":\"late\",\"effects\":\"unknown\"},"
	      "\"queued\":0.0,\"elapsed\":0.0}");
}
END_TEST

static const struct {
	enum reply_transaction transaction;
	const char *member;
} transactions[] = {
	{REPLY_NO_TRANSACTION, ""},
	{REPLY_COMMITTED, "\"outcome\":\"committed\","},
	{REPLY_ROLLED_BACK, "\"outcome\":\"rolled_back\","},
	{REPLY_UNKNOWN, "\"outcome\":\"unknown\","},
};

START_TEST(how_transactions_end)
{
	struct reply_event_place place = {.id = STR("7"), .item = 2};
	struct reply_outcome item = {.count = -1, .transaction = transactions[_i].transaction};
	char wanted[400];

	reply_steps_begin(&out, &item);
	reply_steps_finish(&out, &item);
	snprintf(wanted, sizeof(wanted), "{\"steps\":[],%s\"queued\":0.0,\"elapsed\":0.0}",
		 transactions[_i].member);
	ck_assert_text(buf_str(&out), str_from(wanted));
	buf_reset(&out);
	reply_event_outcome(&out, &place, &item);
	snprintf(wanted, sizeof(wanted),
		 "{\"id\":7,\"event\":\"done\",\"item\":2,%s\"queued\":0.0,\"elapsed\":0.0}\n",
		 transactions[_i].member);
	ck_assert_text(buf_str(&out), str_from(wanted));
}
END_TEST

START_TEST(a_transaction_that_failed)
{
	struct reply_event_place place = {.id = STR("7"), .item = 2};
	struct err err;
	struct reply_outcome item = {.err = &err, .transaction = REPLY_ROLLED_BACK};

	err_set(&err, NULL, ERR_CANCELLED, ERR_EFFECTS_NONE, "m");
	reply_steps_begin(&out, &item);
	reply_steps_finish(&out, &item);
	check("{\"steps\":[],\"error\":{\"code\":\"cancelled\",\"message\":\"m\",\"effects\":"
	      "\"none\"},\"outcome\":\"rolled_back\",\"queued\":0.0,\"elapsed\":0.0}");
	buf_reset(&out);
	reply_event_outcome(&out, &place, &item);
	check("{\"id\":7,\"event\":\"error\",\"item\":2,\"error\":{\"code\":\"cancelled\","
	      "\"message\":\"m\",\"effects\":\"none\"},\"outcome\":\"rolled_back\",\"queued\":0.0,"
	      "\"elapsed\":0.0}\n");
}
END_TEST

START_TEST(snapshots)
{
	struct reply_snapshot snapshot = {.id = STR("00000003-0000001B-1"),
					  .server = STR("db.example:5432"),
					  .lsn = STR("0/1519530"),
					  .time = STR("2026-11-20 10:00:00.123456+00")};

	reply_write_combined_head(&out, STR("7"), 0, 0, &snapshot);
	check("{\"id\":7,\"ok\":true,\"failed\":0,\"elapsed\":0.0,\"snapshot\":{"
	      "\"id\":\"00000003-0000001B-1\",\"server\":\"db.example:5432\",\"lsn\":\"0/1519530\","
	      "\"time\":\"2026-11-20 10:00:00.123456+00\",\"in_recovery\":false},\"results\":");
	buf_reset(&out);
	snapshot = (struct reply_snapshot){.server = STR("/run/\"pg\""), .in_recovery = true};
	reply_event_end(&out, STR("7"), 1, 0, &snapshot);
	check("{\"id\":7,\"event\":\"end\",\"ok\":false,\"failed\":1,\"elapsed\":0.0,\"snapshot\":{"
	      "\"server\":\"/run/\\\"pg\\\"\",\"in_recovery\":true}}\n");
}
END_TEST

START_TEST(events_of_steps)
{
	struct reply_column columns[] = {column("a", 20)};
	struct reply_shape shape = make_shape(ARRAYS, columns, 1);
	struct reply_event_place place = {
		.id = STR("7"), .item = 3, .has_step = true, .step = 0, .name = STR("label")};
	struct reply_outcome outcome = selected();

	reply_event_columns(&out, &place, &shape);
	check("{\"id\":7,\"event\":\"columns\",\"item\":3,\"step\":0,\"name\":\"label\","
	      "\"columns\":"
	      "[{\"name\":\"a\",\"type\":\"int8\",\"oid\":20}]}\n");
	buf_reset(&out);
	place = (struct reply_event_place){.id = STR("7"), .item = 3, .has_step = true, .step = 12};
	reply_event_rows_begin(&out, &place);
	reply_event_rows_end(&out);
	check("{\"id\":7,\"event\":\"rows\",\"item\":3,\"step\":12,\"rows\":[]}\n");
	buf_reset(&out);
	reply_event_outcome(&out, &place, &outcome);
	check("{\"id\":7,\"event\":\"done\",\"item\":3,\"step\":12,\"count\":2,\"command\":"
	      "\"SELECT\",\"queued\":0.0001,\"elapsed\":0.0021}\n");
}
END_TEST

START_TEST(combined_head)
{
	reply_write_combined_head(&out, STR("7"), 1, 2000800000, NULL);
	check("{\"id\":7,\"ok\":false,\"failed\":1,\"elapsed\":2.0008,\"results\":");
	buf_reset(&out);
	reply_write_combined_head(&out, STR("\"x\""), 0, 0, NULL);
	check("{\"id\":\"x\",\"ok\":true,\"failed\":0,\"elapsed\":0.0,\"results\":");
}
END_TEST

START_TEST(a_whole_combined_answer)
{
	struct reply_outcome outcome = selected();

	reply_write_combined_head(&out, STR("7"), 0, 2000800000, NULL);
	buf_putc(&out, '[');
	reply_write_outcome(&out, &outcome);
	buf_putc(&out, ',');
	reply_write_outcome(&out, &outcome);
	buf_puts(&out, "]}");
	assert_valid_json(buf_str(&out));
}
END_TEST

START_TEST(events)
{
	struct reply_column columns[] = {column("a", 20)};
	struct reply_shape shape = make_shape(ARRAYS, columns, 1);
	struct reply_event_place place = {.id = STR("7"), .item = 0};
	struct reply_outcome outcome = selected();
	struct err err;

	reply_event_columns(&out, &place, &shape);
	check("{\"id\":7,\"event\":\"columns\",\"item\":0,\"columns\":"
	      "[{\"name\":\"a\",\"type\":\"int8\",\"oid\":20}]}\n");
	buf_reset(&out);
	place.name = STR("t\"p");
	reply_event_rows_begin(&out, &place);
	buf_puts(&out, "[1],[2]");
	reply_event_rows_end(&out);
	check("{\"id\":7,\"event\":\"rows\",\"item\":0,\"name\":\"t\\\"p\",\"rows\":[[1],[2]]}\n");
	buf_reset(&out);
	place = (struct reply_event_place){.id = STR("\"x\""), .item = 12};
	reply_event_outcome(&out, &place, &outcome);
	check("{\"id\":\"x\",\"event\":\"done\",\"item\":12,\"count\":2,\"command\":\"SELECT\","
	      "\"queued\":0.0001,\"elapsed\":0.0021}\n");
	buf_reset(&out);
	err_set(&err, NULL, ERR_CANCELLED, ERR_EFFECTS_NONE, "m");
	outcome.err = &err;
	reply_event_outcome(&out, &place, &outcome);
	check("{\"id\":\"x\",\"event\":\"error\",\"item\":12,\"error\":{\"code\":\"cancelled\","
	      "\"message\":\"m\",\"effects\":\"none\"},\"queued\":0.0001,\"elapsed\":0.0021}\n");
	buf_reset(&out);
	reply_event_end(&out, STR("7"), 1, 2000800000, NULL);
	reply_event_end(&out, STR("7"), 0, 0, NULL);
	check("{\"id\":7,\"event\":\"end\",\"ok\":false,\"failed\":1,\"elapsed\":2.0008}\n"
	      "{\"id\":7,\"event\":\"end\",\"ok\":true,\"failed\":0,\"elapsed\":0.0}\n");
}
END_TEST

START_TEST(events_of_a_listen)
{
	static const char *const channels[] = {"a", "\"b\""};
	struct err err;

	reply_event_listening(&out, STR("\"x\""), "main", channels, 2);
	reply_event_notification(&out, STR("7"), "a\nb", "\x01\xff\xc3\xa4", -1);
	reply_event_resync(&out, STR("7"));
	reply_event_listen_end(&out, STR("7"), 1500000000, NULL);
	err_set_static(&err, ERR_SHUTTING_DOWN, ERR_EFFECTS_NONE, "m");
	reply_event_listen_end(&out, STR("7"), 0, &err);
	check("{\"id\":\"x\",\"event\":\"listening\",\"db\":\"main\",\"channels\":[\"a\","
	      "\"\\\"b\\\"\"]}\n"
	      "{\"id\":7,\"event\":\"notification\",\"channel\":\"a\\nb\",\"payload\":\"\\u0001"
	      "\xef\xbf\xbd\xc3\xa4\",\"pid\":-1}\n"
	      "{\"id\":7,\"event\":\"resync\"}\n"
	      "{\"id\":7,\"event\":\"end\",\"ok\":true,\"failed\":0,\"elapsed\":1.5}\n"
	      "{\"id\":7,\"event\":\"end\",\"ok\":false,\"failed\":1,\"elapsed\":0.0,\"error\":{"
	      "\"code\":\"shutting_down\",\"message\":\"m\",\"effects\":\"none\"}}\n");
}
END_TEST

START_TEST(a_full_buffer_stays_in_error)
{
	struct reply_outcome outcome = selected();

	for (size_t max = 1; max < 100; max++) {
		struct buf full;

		buf_init(&full, max, NULL);
		reply_write_outcome(&full, &outcome);
		ck_assert_int_eq(buf_error(&full), -ENOBUFS);
		ck_assert_uint_le(buf_len(&full), max);
		buf_free(&full);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire/reply");
	TCase *tcase = suite_case(suite, "reply", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, columns_of_a_row_set);
	tcase_add_test(tcase, rows);
	tcase_add_test(tcase, rows_without_columns);
	tcase_add_loop_test(tcase, repeated_names_are_told_apart, 0, ARRAY_SIZE(repeated));
	tcase_add_test(tcase, random_names_are_told_apart);
	tcase_add_test(tcase, as_many_equal_names_as_there_can_be);
	tcase_add_test(tcase, names_that_are_no_utf8);
	tcase_add_test(tcase, errors);
	tcase_add_test(tcase, errors_of_postgresql);
	tcase_add_test(tcase, outcomes);
	tcase_add_test(tcase, outcomes_in_two_parts);
	tcase_add_test(tcase, sequences);
	tcase_add_loop_test(tcase, how_transactions_end, 0, ARRAY_SIZE(transactions));
	tcase_add_test(tcase, a_transaction_that_failed);
	tcase_add_test(tcase, snapshots);
	tcase_add_test(tcase, events_of_steps);
	tcase_add_test(tcase, combined_head);
	tcase_add_test(tcase, a_whole_combined_answer);
	tcase_add_test(tcase, events);
	tcase_add_test(tcase, events_of_a_listen);
	tcase_add_test(tcase, a_full_buffer_stays_in_error);
	return suite_run(suite);
}
