/* SPDX-License-Identifier: PostgreSQL */
/* How far away the server is, and that the way there and back makes no statement slow. */
#include "db/round_trip.h"

#include "unit/db_lanes.h"

/* ---- what is known of it ---- */

struct distances {
	struct config_database conf;
	struct pool pool;
	struct conn conns[3];
};

static void distances_init(struct distances *distances)
{
	*distances = (struct distances){
		.conf = {.pipeline_depth = 16, .pipeline_threshold_ns = 5 * CLOCK_MS},
		.pool = {.conf = &distances->conf},
	};
	list_init(&distances->pool.connecting);
	list_init(&distances->pool.idle);
	list_init(&distances->pool.shared);
	list_init(&distances->pool.busy);
	list_init(&distances->pool.closing);
	for (size_t i = 0; i < ARRAY_SIZE(distances->conns); i++) {
		distances->conns[i].pool = &distances->pool;
		list_push_back(&distances->pool.busy, &distances->conns[i].node);
	}
}

static void go(struct conn *conn)
{
	list_remove(&conn->node);
	round_trip_forget(conn);
}

START_TEST(the_quickest_answer_tells)
{
	struct distances distances;
	struct conn *conns = distances.conns;

	distances_init(&distances);
	ck_assert_int_eq(distances.pool.round_trip_ns, 0);
	round_trip_note(&conns[0], 30);
	ck_assert_int_eq(distances.pool.round_trip_ns, 30);
	round_trip_note(&conns[1], 40);
	round_trip_note(&conns[0], 50);
	ck_assert_int_eq(distances.pool.round_trip_ns, 30);
	round_trip_note(&conns[1], 20);
	ck_assert_int_eq(distances.pool.round_trip_ns, 20);
	round_trip_note(&conns[1], 0); /* a clock that stands still */
	ck_assert_int_eq(distances.pool.round_trip_ns, 1);
}
END_TEST

START_TEST(what_a_connection_knew_goes_with_it)
{
	struct distances distances;
	struct conn *conns = distances.conns;

	distances_init(&distances);
	round_trip_note(&conns[0], 30);
	round_trip_note(&conns[1], 20);
	list_remove(&conns[0].node);
	list_push_back(&distances.pool.closing, &conns[0].node);
	go(&conns[2]); /* knew nothing */
	ck_assert_int_eq(distances.pool.round_trip_ns, 20);
	go(&conns[1]);
	ck_assert_int_eq(distances.pool.round_trip_ns, 30);
	go(&conns[0]);
	ck_assert_int_eq(distances.pool.round_trip_ns, 0);
}
END_TEST

static const struct {
	int64_t round_trip_ns, threshold_ns;
	unsigned pipeline_depth, more;
} depths[] = {
	{0, 5 * CLOCK_MS, 16, 0},
	{60 * CLOCK_US, 5 * CLOCK_MS, 16, 0},
	{CLOCK_MS, 5 * CLOCK_MS, 16, 12},
	{5 * CLOCK_MS, 5 * CLOCK_MS, 16, 64},
	{20 * CLOCK_MS, 5 * CLOCK_MS, 16, 256},
	{CLOCK_SECOND, 5 * CLOCK_MS, 16, 256},
	{CLOCK_NEVER, 3600 * CLOCK_SECOND, 1024, 16384},
	{20 * CLOCK_MS, 5 * CLOCK_MS, 1, 0},
	{20 * CLOCK_MS, 0, 2, 32},
};

START_TEST(a_longer_way_holds_more)
{
	struct distances distances;

	distances_init(&distances);
	distances.pool.round_trip_ns = depths[_i].round_trip_ns;
	distances.conf.pipeline_threshold_ns = depths[_i].threshold_ns;
	distances.conf.pipeline_depth = depths[_i].pipeline_depth;
	ck_assert_uint_eq(round_trip_depth(&distances.pool), depths[_i].more);
}
END_TEST

/* ---- with a real server ---- */

static void task_measured(struct db_env *env)
{
	int64_t began_ns = co_now_ns();

	lanes_open(env, 1);
	ck_assert_int_gt(env->pool->round_trip_ns, 0);
	ck_assert_int_lt(env->pool->round_trip_ns, co_now_ns() - began_ns);
	ck_assert_int_eq(first_conn(&env->pool->idle)->round_trip_ns, env->pool->round_trip_ns);
}

START_TEST(a_new_connection_measures_it)
{
	db_env_run(task_measured);
}
END_TEST

/* The server seems to be so far away, until an answer comes sooner. */
#define WAY_NS (600 * CLOCK_MS)
#define FAR    "select pg_sleep(0.65)"

static void go_far(struct db_env *env)
{
	lanes_open(env, 1);
	env->conf.pipeline_threshold_ns = 500 * CLOCK_MS;
	first_conn(&env->pool->idle)->round_trip_ns = WAY_NS;
	env->pool->round_trip_ns = WAY_NS;
}

/* Each takes longer than the threshold. A machine that is busy just now may need a few more. */
static void task_far(struct db_env *env)
{
	go_far(env);
	for (int i = 0; i < 20 && env->pool->stats.shared == 0; i++)
		run_once(env, FAR, NULL);
	ck_assert_uint_eq(env->pool->stats.shared, 1);
	ck_assert_int_eq(env->pool->round_trip_ns, WAY_NS);
}

START_TEST(the_way_makes_no_statement_slow)
{
	db_env_run(task_far);
}
END_TEST

static void task_turn(struct db_env *env)
{
	struct co_group group;
	struct ask ask;
	struct conn *conn;

	go_far(env);
	conn = first_conn(&env->pool->idle);
	co_group_init(&group, env->fixture.loop, CO_KEEP_GOING);
	init(&ask, env, FAR, NULL);
	ask_start(&ask, &group);
	AWAIT(ask.query.state == DB_QUERY_RUNNING);
	ck_assert_int_eq(conn->head_since_ns, ask.query.sent_ns + WAY_NS);
	end_all(&group);
	ask_free(&ask);
}

START_TEST(a_turn_begins_when_an_answer_could_come)
{
	db_env_run(task_turn);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("db_round_trip");
	TCase *tcase = suite_case(suite, "round trip", 60);

	(void)argc;
	suite_need_postgres(argv);
	tcase_add_test(tcase, the_quickest_answer_tells);
	tcase_add_test(tcase, what_a_connection_knew_goes_with_it);
	tcase_add_loop_test(tcase, a_longer_way_holds_more, 0, ARRAY_SIZE(depths));
	tcase_add_test(tcase, a_new_connection_measures_it);
	tcase_add_test(tcase, the_way_makes_no_statement_slow);
	tcase_add_test(tcase, a_turn_begins_when_an_answer_could_come);
	return suite_run(suite);
}
