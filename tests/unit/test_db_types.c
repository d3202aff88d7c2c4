/* SPDX-License-Identifier: PostgreSQL */
/* Types that users make: looked up when first seen, whatever they are made of. */
#include "base/sys.h"
#include "unit/db_pool.h"

static void prepare_types(void)
{
	aside("drop type if exists mood, point3, span cascade; drop domain if exists day, workday, "
	      "days, \"odd \"\"name\"\"\" cascade; drop schema if exists other cascade");
	aside("create type mood as enum ('sad', 'glad'); create domain day as int; "
	      "create domain workday as day check (value < 6); create domain days as int[]; "
	      "create type point3 as (x int, y int, z int); "
	      "create type span as range (subtype = float8); create domain \"odd \"\"name\"\"\" as "
	      "json; create schema other; create type other.mood as enum ('well')");
}

/* Names of types as the server writes them; NULL: none, or the type itself. */
static const struct {
	const char *sql, *type, *name, *base, *element, *element_base;
	const char *rows;
} types[] = {
	{"select 'sad'::mood", "mood", "mood", NULL, NULL, NULL, "sad;"},
	{"select 1::day", "day", "day", "int4", NULL, NULL, "1;"},
	{"select 1::workday", "workday", "workday", "int4", NULL, NULL, "1;"},
	{"select array[1, 2]::days", "days", "days", "int4[]", NULL, NULL, "{1,2};"},
	{"select array['sad']::mood[]", "mood[]", "mood[]", NULL, "mood", "mood", "{sad};"},
	{"select array[1]::workday[]", "workday[]", "workday[]", NULL, "workday", "int4", "{1};"},
	{"select array[array[1]::days]", "days[]", "days[]", NULL, "days", "int4[]", "{\"{1}\"};"},
	{"select row(1, 2, 3)::point3", "point3", "point3", NULL, NULL, NULL, "(1,2,3);"},
	{"select array[row(1, 2, 3)::point3]", "point3[]", "point3[]", NULL, "point3", "point3",
	 "{\"(1,2,3)\"};"},
	{"select span(1, 2)", "span", "span", NULL, NULL, NULL, "[1,2);"},
	{"select '{}'::json::\"odd \"\"name\"\"\"", "\"odd \"\"name\"\"\"", "odd \"name\"", "json",
	 NULL, NULL, "{};"},
	{"select 'well'::other.mood", "other.mood", "mood", NULL, NULL, NULL, "well;"},
	{"select 'sad'::mood where false", "mood", "mood", NULL, NULL, NULL, ""},
};

static int row_index;

static uint32_t oid_of(const char *type)
{
	char sql[128];

	if (type == NULL)
		return 0;
	snprintf(sql, sizeof(sql), "select '%s'::regtype::oid", type);
	return (uint32_t)strtoul(aside(sql), NULL, 10);
}

/* The columns that the sink was told of. */
static const struct db_type *told[128];
static size_t told_count;

static int tell_columns(void *ctx, const struct db_column *columns, size_t count)
{
	(void)ctx;
	told_count = MIN(count, ARRAY_SIZE(told));
	for (size_t i = 0; i < told_count; i++)
		told[i] = columns[i].type;
	return 0;
}

static void ask_types(struct db_env *env, const char *sql, const char *rows)
{
	struct ask ask;

	told_count = 0;
	ask_init(&ask, env->pool, sql);
	ask.query.sink.columns = tell_columns;
	ask_main(&ask);
	ck_ask_ok(&ask, rows);
	ask_free(&ask);
}

static void task_type(struct db_env *env)
{
	const struct db_type *type;
	uint32_t oid;

	prepare_types();
	env->conf.pool_max = 1; /* the look-up does not need one of the pool's */
	db_env_open(env);
	ask_types(env, types[row_index].sql, types[row_index].rows);
	oid = oid_of(types[row_index].type);
	ck_assert_uint_eq(told_count, 1);
	type = told[0];
	/* PostgreSQL calls a domain's column by what the domain stands on; parameters and elements
	 * of arrays keep it. */
	if (types[row_index].base != NULL) {
		ck_assert_ptr_null(type);
		ck_assert_int_eq(types_learn(env->pool, &oid, 1, CLOCK_NEVER), 0);
		type = types_find(env->pool->types, oid);
	}
	ck_assert_ptr_nonnull(type);
	ck_assert_uint_eq(type->oid, oid);
	ck_assert_str_eq(type->name, types[row_index].name);
	ck_assert_uint_eq(type->base_oid,
			  types[row_index].base != NULL ? oid_of(types[row_index].base) : oid);
	ck_assert_uint_eq(type->element_oid, oid_of(types[row_index].element));
	ck_assert_uint_eq(type->element_base_oid, oid_of(types[row_index].element_base));
	ck_assert_int_eq(type->delimiter, ',');
	/* The second time it is known. */
	ask_types(env, types[row_index].sql, types[row_index].rows);
	ck_assert_ptr_eq(types_find(env->pool->types, oid), type);
}

START_TEST(a_type_is_learnt)
{
	row_index = _i;
	db_env_run(task_type);
}
END_TEST

static void task_again(struct db_env *env)
{
	uint32_t first, second;

	prepare_types();
	env->conf.pool_max = 1;
	db_env_open(env);
	ask_types(env, "select 'sad'::mood", "sad;");
	first = told[0]->oid;
	ck_query(env->pool, "drop type mood", NULL);
	ck_query(env->pool, "create type mood as enum ('new', 'sad')", NULL);
	ask_types(env, "select 'sad'::mood", "sad;");
	ck_assert_ptr_nonnull(told[0]);
	second = told[0]->oid;
	ck_assert_uint_ne(first, second);
	ck_assert_uint_eq(second, oid_of("mood"));
}

START_TEST(a_type_that_is_dropped_and_made_anew)
{
	db_env_run(task_again);
}
END_TEST

/* Many columns of few types: none is left out. */
static void task_columns(struct db_env *env)
{
	char sql[2048] = "select ";

	prepare_types();
	db_env_open(env);
	for (int i = 0; i < 100; i++)
		strcat(sql, "'sad'::mood, ");
	strcat(sql, "span(1, 2)");
	ask_types(env, sql, NULL);
	ck_assert_uint_eq(told_count, 101);
	for (size_t i = 0; i < told_count; i++)
		ck_assert_ptr_nonnull(told[i]);
}

START_TEST(many_columns)
{
	db_env_run(task_columns);
}
END_TEST

/* Several queries meet the same new type at once. */
static void task_at_once(struct db_env *env)
{
	struct co_group group;
	struct ask asks[4];

	prepare_types();
	db_env_open(env);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	for (int i = 0; i < 4; i++) {
		ask_init(&asks[i], env->pool, "select 'sad'::mood from generate_series(1, 3)");
		ask_start(&asks[i], &group);
	}
	ck_assert_int_eq(co_group_wait(&group, CLOCK_NEVER), 0);
	for (int i = 0; i < 4; i++) {
		ck_ask_ok(&asks[i], "sad;sad;sad;");
		ask_free(&asks[i]);
	}
}

START_TEST(a_type_that_many_meet_at_once)
{
	db_env_run(task_at_once);
}
END_TEST

static void task_unknown(struct db_env *env)
{
	static const uint32_t nothing[] = {4000000000U, 12};

	db_env_open(env);
	ck_assert_int_eq(types_learn(env->pool, nothing, 2, CLOCK_NEVER), 0);
	ck_assert_ptr_null(types_find(env->pool->types, nothing[0]));
	ck_assert_int_eq(types_learn(env->pool, NULL, 0, CLOCK_NEVER), 0);
}

START_TEST(what_is_no_type_stays_unknown)
{
	db_env_run(task_unknown);
}
END_TEST

static size_t connects;

static int count_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	connects++;
	return sys_real.connect(fd, addr, len);
}

/* No second connection to be had: the values come all the same. The server is not asked for one
 * with every answer. */
static void task_no_room(struct db_env *env)
{
	int64_t start_ns = co_now_ns();

	prepare_types();
	aside("drop role if exists lonely");
	aside("create role lonely login password 'x' connection limit 1");
	env->conf.conninfo = "user=lonely password=x";
	env->conf.pool_max = 1;
	db_env_open(env);
	ask_types(env, "select 'sad'::mood", "sad;");
	ck_assert_uint_eq(told_count, 1);
	ck_assert_ptr_null(told[0]);
	connects = 0;
	sys.connect = count_connect;
	for (int i = 0; i < 10; i++)
		ask_types(env, "select 'sad'::mood", "sad;");
	sys.connect = sys_real.connect;
	ck_assert_int_le((int64_t)connects, (co_now_ns() - start_ns) / CLOCK_SECOND);
	/* Later it may be possible. */
	aside("alter role lonely connection limit 2");
	do
		ask_types(env, "select 'sad'::mood", "sad;");
	while (told[0] == NULL);
}

START_TEST(a_look_up_that_fails_holds_up_nobody)
{
	db_env_run(task_no_room);
}
END_TEST

/* The query ends while its rows wait for the look-up; it has more than would be over by then. */
static void task_cancelled(struct db_env *env)
{
	struct co_group group;
	struct conn *conn;
	struct ask ask;

	prepare_types();
	env->conf.pool_max = 1;
	db_env_open(env);
	only_backend(env->pool);
	conn = first_conn(&env->pool->idle);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	ask_init(&ask, env->pool, "select 'sad'::mood, generate_series(1, 10000000)");
	ask_start(&ask, &group);
	while (!conn->learn.running)
		ck_assert_int_eq(co_sleep_until(co_now_ns()), 0);
	ck_assert_ptr_nonnull(conn->held);
	co_group_cancel(&group);
	co_group_wait(&group, CLOCK_NEVER);
	ck_ask_err(&ask, ERR_CANCELLED, ERR_EFFECTS_NONE);
	ck_assert_str_eq(ask_text(&ask), "");
	ask_free(&ask);
	ask_types(env, "select 'sad'::mood", "sad;");
}

START_TEST(a_query_that_ends_while_its_type_is_looked_up)
{
	db_env_run(task_cancelled);
}
END_TEST

static void task_no_memory(struct db_env *env)
{
	uint32_t oids[2];
	int failures = 0, rc;

	prepare_types();
	db_env_open(env);
	oids[0] = oid_of("mood");
	oids[1] = oid_of("day");
	for (;;) {
		struct mem_failure failure = {.countdown = failures};

		mem_set_fail_hook(mem_failure_hook, &failure);
		rc = types_learn(env->pool, oids, 2, CLOCK_NEVER);
		mem_set_fail_hook(NULL, NULL);
		if (rc == 0 && failure.failed == 0)
			break;
		failures++;
	}
	ck_assert_int_gt(failures, 3);
	ck_assert_str_eq(types_find(env->pool->types, oids[0])->name, "mood");
	ck_assert_str_eq(types_find(env->pool->types, oids[1])->name, "day");
}

START_TEST(without_memory_it_can_be_tried_again)
{
	db_env_run(task_no_memory);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db types");
	TCase *tcase = suite_case(suite, "types", 30);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_loop_test(tcase, a_type_is_learnt, 0, ARRAY_SIZE(types));
	tcase_add_test(tcase, a_type_that_is_dropped_and_made_anew);
	tcase_add_test(tcase, many_columns);
	tcase_add_test(tcase, a_type_that_many_meet_at_once);
	tcase_add_test(tcase, what_is_no_type_stays_unknown);
	tcase_add_test(tcase, a_look_up_that_fails_holds_up_nobody);
	tcase_add_test(tcase, a_query_that_ends_while_its_type_is_looked_up);
	tcase_add_test(tcase, without_memory_it_can_be_tried_again);
	return suite_run(suite);
}
