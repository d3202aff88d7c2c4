/* SPDX-License-Identifier: PostgreSQL */
/* What a statement is told to be from its text. */
#include "sqltext/classify.h"
#include "sqltext/functions.h"
#include "unit/sqltext.h"
#include "unit/suite.h"

/* r plain read (which may run again), w plain write, d dirties, o outside of transactions */
static const struct {
	const char *sql, *flags;
} running[] = {
	/* plain reads */
	{"select 1", "r"},
	{"SELECT 1;", "r"},
	{";;select 1 ; -- x", "r"},
	{"-- c\n/* d */ select 1", "r"},
	{"values (1), (2)", "r"},
	{"table t", "r"},
	{"show search_path", "r"},
	{"with x as (select 1) select * from x", "r"},
	{"with recursive x as (select 1) table x", "r"},
	{"(select 1)", "r"},
	{"((select 1) union (select 2)) order by 1", "r"},
	{"( -- c\n(values (1)))", "r"},
	{"select 'into', \"into\", 'for update', $$insert$$ -- into\n", "r"},
	{"select substring(x for 3) from t", "r"},
	{"select x.\"update\" from x", "r"},
	{"select 'set_config(' || $$nextval('s')$$ /* setval( */", "r"},
	{"select nextval from t", "r"},
	{"select lo_price, lo_close_date from lineorder", "r"},
	{"select l.lo_revenue from lineorder l", "r"},
	{"select currval('s'), lastval(), pg_sleep(1)", "r"},
	{"select count(*) filter (where x) over (order by y) from t", "r"},
	{"select e'\\'into' from t", "r"},
	{"select update from t", "r"},
	/* SELECT INTO */
	{"select * into x from t", "d"},
	{"select 1 INTO TEMP x", "d"},
	{"with a as (select 1) select * into x from a", "d"},
	{"(select 1 into x)", "d"},
	{"select 1 as a\ninto/**/x", "d"},
	/* row locks */
	{"select * from t for update", ""},
	{"select * from t for no key update skip locked", ""},
	{"select * from t FOR SHARE", ""},
	{"select * from t for key share nowait", ""},
	{"select * from (select * from t for update) s", ""},
	{"(select * from t) for update", ""},
	{"with x as (select * from t for update) select * from x", ""},
	{"with x as (select * from t for no key update) select * from x", ""},
	{"table t for update", ""},
	{"select * from t for/* c */update", ""},
	/* plain writes */
	{"insert into t values (1)", "w"},
	{"INSERT INTO t SELECT 1 RETURNING *", "w"},
	{"update t set a = 1", "w"},
	{"delete from t", "w"},
	{"merge into t using s on true when matched then do nothing", "w"},
	{"with x as (select 1) insert into t select * from x", "w"},
	{"with x as (insert into t values (1) returning *) select * from x", "w"},
	{"with x as (delete from t returning *) select * from x", "w"},
	{"with x as (update t set a = 1 returning *) table x", "w"},
	{"with x as (merge into t using s on true when matched then delete returning *) select 1",
	 "w"},
	{"(with x as (delete from t returning *) select * from x)", "w"},
	{"with x as (delete from t returning *) select * into y from x", "wd"},
	{"insert into t values (nextval('s'))", "wd"},
	{"update t set a = set_config('a.b', 'c', false)", "wd"},
	{"insert into t select setval('s', 1)", "wdo"},
	{"delete from t where pg_notify('a', b) is null", "w"},
	/* functions that do more than compute */
	{"select set_config('a.b', 'c', false)", "d"},
	{"select SET_CONFIG ('a.b', 'c', false)", "d"},
	{"select set_config/* c */\n('a.b', 'c', false)", "d"},
	{"select pg_catalog.set_config('a.b', 'c', false)", "d"},
	{"select \"set_config\"('a.b', 'c', false)", "d"},
	{"select pg_catalog . \"set_config\" ('a.b', 'c', false)", "d"},
	{"select U&\"set\\005fconfig\"('a.b', 'c', false)", "do"},
	{"select u&\"set!005fconfig\" uescape '!' ('a.b', 'c', false)", "do"},
	{"select * from set_config('a.b', 'c', false)", "d"},
	{"select ('s'::regclass).nextval", "d"},
	{"select ('s'::regclass).\"nextval\"", "d"},
	{"select nextval('s')", "d"},
	{"values (nextval('s'))", "d"},
	{"select setval('s', 1)", "do"},
	{"select pg_advisory_lock(1)", "d"},
	{"select pg_try_advisory_lock_shared(1)", "d"},
	{"select pg_advisory_xact_lock(1)", "d"},
	{"select pg_advisory_unlock_all()", "d"},
	{"select dblink_connect('x')", "do"},
	{"select * from dblink('x', 'y') as t(a int)", "do"},
	{"select lo_import('/x')", "d"},
	{"select lo_export(1, '/x')", "do"},
	{"select lo_unlink(1)", "d"},
	{"select setseed(0.5)", "d"},
	{"select query_to_xml('select 1', true, true, '')", "do"},
	{"select pg_create_logical_replication_slot('a', 'b', true)", "do"},
	{"select pg_replication_origin_session_setup('a')", "do"},
	{"select pg_logical_emit_message(false, 'a', 'b')", "do"},
	{"select pg_backup_start('x')", "do"},
	{"select pg_terminate_backend(1)", "o"},
	{"select pg_cancel_backend(1)", "o"},
	{"select pg_reload_conf()", "o"},
	{"select pg_switch_wal()", "o"},
	{"select pg_stat_reset()", "o"},
	{"select pg_notify('a', 'b')", ""},
	{"select txid_current()", ""},
	{"select pg_export_snapshot()", "d"},
	{"with x as (select set_config('a.b', 'c', false)) select * from x", "d"},
	{"select 0x1$a$, set_config('a.b', 'c', false) -- $a$", "do"},
	{"select 1_0$a$, nextval('s') -- $a$", "do"},
	/* EXPLAIN */
	{"explain select 1", ""},
	{"explain (analyze, buffers) select 1", ""},
	{"explain analyze insert into t values (1)", ""},
	{"explain analyze select nextval('s')", "d"},
	{"explain analyze select setval('s', 1)", "do"},
	{"explain analyze create temp table x as select 1", "d"},
	{"explain analyze select 1 into temp x", "d"},
	{"explain execute p", "d"},
	{"explain declare c cursor for select 1", "d"},
	/* all else dirties */
	{"set search_path = x", "d"},
	{"set local x = 1", "d"},
	{"reset all", "d"},
	{"discard all", "d"},
	{"select listen from a", "r"},
	{"unlisten *", "d"},
	{"notify a", "d"},
	{"prepare p as select 1", "d"},
	{"prepare transaction as select 1", "d"},
	{"prepare transaction (int) as select $1", "d"},
	{"execute p", "d"},
	{"deallocate all", "d"},
	{"declare c cursor with hold for select 1", "d"},
	{"fetch c", "d"},
	{"lock t", "d"},
	{"create temp table x (a int)", "d"},
	{"create table x (a int)", "d"},
	{"create table x as select 1", "d"},
	{"create function f() returns int language sql begin atomic select 1; select 2; end", "d"},
	{"alter table t add column a int", "d"},
	{"alter role r set x = 1", "d"},
	{"drop table t", "d"},
	{"truncate t", "d"},
	{"grant select on t to u", "d"},
	{"refresh materialized view v", "d"},
	{"security label on table t is 'x'", "d"},
	{"load 'x'", "d"},
	{"selct 1", "d"},
	{"\\d t", "d"},
	{"\"select\" 1", "d"},
	{"'select'", "d"},
	{"(insert into t values (1))", "w"},
	{"/* unclosed", "d"},
	/* outside of transactions */
	{"call p()", "do"},
	{"do $$begin end$$", "do"},
	{"vacuum", "dom"},
	{"VACUUM (analyze) t", "dom"},
	{"analyze", "dom"},
	{"checkpoint", "do"},
	{"reindex table t", "dom"},
	{"reindex (verbose) index concurrently i", "dom"},
	{"cluster", "dom"},
	{"create database x", "do"},
	{"create tablespace x location '/x'", "do"},
	{"create subscription s connection '' publication p", "do"},
	{"create index concurrently i on t (a)", "do"},
	{"create unique index CONCURRENTLY i on t (a)", "do"},
	{"create index i on t (a)", "d"},
	{"drop database x", "do"},
	{"drop tablespace x", "do"},
	{"drop subscription x", "do"},
	{"drop index concurrently i", "do"},
	{"alter system set x = 1", "do"},
	{"alter database x set tablespace y", "do"},
	{"alter type t add value 'x'", "do"},
	{"alter type t add attribute x int", "d"},
	{"alter table t detach partition p concurrently", "do"},
	{"commit prepared 'x'", "do"},
	{"rollback prepared 'x'", "do"},
	{"copy t to '/x'", "do"},
	{"copy t from '/x'", "do"},
	{"copy t from program 'x'", "do"},
	{"copy stdin from '/x'", "do"},
	{"copy (select stdout from t) to '/x'", "do"},
	{"copy \"stdout\" to 'stdout'", "do"},
};

START_TEST(runs)
{
	struct str sql = exact_copy(str_from(running[_i].sql));
	struct sql_class class = sql_classify(sql);
	char flags[8] = "", *at = flags;

	ck_assert_int_eq(class.refusal, SQL_RUNS);
	if (class.plain_read)
		*at++ = 'r';
	if (class.plain_write)
		*at++ = 'w';
	if (class.dirties)
		*at++ = 'd';
	if (class.outside_transaction)
		*at++ = 'o';
	if (class.maintains)
		*at++ = 'm';
	*at = '\0';
	ck_assert_msg(strcmp(flags, running[_i].flags) == 0, "%s: \"%s\", not \"%s\"",
		      running[_i].sql, flags, running[_i].flags);
	ck_assert_int_eq(class.may_rerun, class.plain_read);
	free_exact(sql);
}
END_TEST

static const struct {
	const char *sql;
	enum sql_refusal refusal;
} refused[] = {
	{"", SQL_EMPTY},
	{" \n\t", SQL_EMPTY},
	{";;", SQL_EMPTY},
	{"-- select 1", SQL_EMPTY},
	{"/* select 1 */ ;", SQL_EMPTY},
	{"\xef\xbb\xbf", SQL_EMPTY},
	{"select 1; select 2", SQL_SEVERAL},
	{"begin; select 1; commit", SQL_SEVERAL},
	{"listen a", SQL_LISTEN},
	{"/* c */ LISTEN \"A b\";", SQL_LISTEN},
	{"select 1;;\n;x", SQL_SEVERAL},
	{"copy t from stdin", SQL_COPY_STREAM},
	{"COPY t (a, b) FROM STDIN WITH (format csv)", SQL_COPY_STREAM},
	{"copy t to stdout", SQL_COPY_STREAM},
	{"copy t to/* c */stdout", SQL_COPY_STREAM},
	{"copy (select 1) to stdout", SQL_COPY_STREAM},
	{"copy (select ')' from t) to STDOUT (header)", SQL_COPY_STREAM},
	{"copy t from stdout", SQL_COPY_STREAM},
	{"copy binary t to stdin", SQL_COPY_STREAM},
	{"begin", SQL_TRANSACTION_CONTROL},
	{"BEGIN isolation level serializable", SQL_TRANSACTION_CONTROL},
	{"start transaction", SQL_TRANSACTION_CONTROL},
	{"commit", SQL_TRANSACTION_CONTROL},
	{"commit and chain", SQL_TRANSACTION_CONTROL},
	{"/* c */ end;", SQL_TRANSACTION_CONTROL},
	{"rollback", SQL_TRANSACTION_CONTROL},
	{"rollback to s", SQL_TRANSACTION_CONTROL},
	{"abort", SQL_TRANSACTION_CONTROL},
	{"savepoint s", SQL_TRANSACTION_CONTROL},
	{"release s", SQL_TRANSACTION_CONTROL},
	{"prepare transaction 'x'", SQL_TRANSACTION_CONTROL},
	{"prepare transaction e'x'", SQL_TRANSACTION_CONTROL},
	{"prepare transaction", SQL_TRANSACTION_CONTROL},
};

START_TEST(refuses)
{
	struct str sql = exact_copy(str_from(refused[_i].sql));
	struct sql_class class = sql_classify(sql);

	ck_assert_msg(class.refusal == refused[_i].refusal, "%s: %d", refused[_i].sql,
		      class.refusal);
	ck_assert(!class.plain_read && !class.plain_write && !class.may_rerun);
	ck_assert(class.dirties && class.outside_transaction);
	free_exact(sql);
}
END_TEST

START_TEST(what_may_begin_another_transaction)
{
	static const struct {
		const char *sql;
		bool ends_transactions;
	} texts[] = {
		{"call p()", true},
		{"/* c */ DO $$ begin commit; end $$", true},
		{"do language plpgsql ''", true},
		{"select call(1), \"do\"", false},
		{"insert into t values (1) on conflict do nothing", false},
		{"set transaction read write", false},
		{"vacuum", false},
		{"select 1; call p()", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(sql_classify(str_from(texts[i].sql)).ends_transactions ==
				      texts[i].ends_transactions,
			      "%s", texts[i].sql);
}
END_TEST

/* Whether it calls what may set or lock something until its transaction ends. */
static const struct {
	const char *sql;
	bool unknown;
} calls[] = {
	{"select 1", false},
	{"select abalance from accounts where aid = $1", false},
	{"select f from t where f > (select 1)", false},
	{"select count(*), Sum (x), coalesce(max(y), 0)::numeric(10, 2) from t where x in (1, 2)",
	 false},
	{"with a as materialized (select 1) select * from a cross join lateral (values (1)) v",
	 false},
	{"select row_number() over (partition by a order by b) from generate_series(1, 3) a",
	 false},
	{"select to_char(now(), 'HH'), extract(year from t), ($1::text[])[1] from x", false},
	{"select pg_sleep($1), 'f(' || $$g($$ /* h( */ -- i(\n", false},
	{"values (1), (2)", false},
	{"select f()", true},
	{"select F (1)", true},
	{"select f/* c */(1)", true},
	{"select \"count\"(*) from t", true},
	{"select s.count(*) from t", true},
	{"select counts(*) from t", true},
	{"select cou(*) from t", true},
	{"select größe(x) from t", true},
	{"select * from f(1)", true},
	{"select set_config('a.b', 'c', true)", true},
	{"select current_setting('a.b'), (x).nextval from t", true},
	{"with a(x) as (select 1) select x from a", true}, /* looks like a call */
};

START_TEST(calls_of_what_is_not_known)
{
	struct sql_class class = sql_classify(str_from(calls[_i].sql));

	ck_assert_msg(class.calls_unknown == calls[_i].unknown, "%s", calls[_i].sql);
}
END_TEST

START_TEST(functions_by_name_and_by_beginning)
{
	static const struct {
		const char *name;
		unsigned flags;
	} names[] = {
		{"", 0},
		{"set_config", SQL_FUNCTION_ACTS | SQL_FUNCTION_DIRTIES},
		{"Set_Config", SQL_FUNCTION_ACTS | SQL_FUNCTION_DIRTIES},
		{"set_confi", 0},
		{"set_configs", 0},
		{"xset_config", 0},
		{"dblink", SQL_FUNCTION_ANY},
		{"dblink_exec", SQL_FUNCTION_ANY},
		{"dblin", 0},
		{"pg_advisory_", SQL_FUNCTION_ACTS | SQL_FUNCTION_DIRTIES},
		{"pg_terminate_backend", SQL_FUNCTION_ACTS | SQL_FUNCTION_STAYS},
		{"pg_notify", SQL_FUNCTION_ACTS},
		{"now", 0},
		{"*", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_msg(sql_function_flags(str_from(names[i].name)) == names[i].flags, "%s",
			      names[i].name);
}
END_TEST

/* Whatever the text: what is said of it never contradicts itself. */
static bool consistent(struct sql_class class)
{
	if (class.refusal != SQL_RUNS)
		return !class.plain_read && !class.plain_write && class.dirties;
	if (class.plain_read && (class.plain_write || class.dirties || class.outside_transaction))
		return false;
	return !class.may_rerun || class.plain_read;
}

START_TEST(random_text_has_one_class)
{
	char text[1024];
	uint64_t seed = 3 + (uint64_t)_i;

	for (int round = 0; round < 10000; round++) {
		struct str copy =
			exact_copy((struct str){text, random_sql(&seed, text, sizeof(text))});

		ck_assert_msg(consistent(sql_classify(copy)), "%.*s", (int)copy.len, copy.data);
		free_exact(copy);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqltext/classify");
	TCase *tcase = suite_case(suite, "statements", 10);

	tcase_add_loop_test(tcase, runs, 0, (int)ARRAY_SIZE(running));
	tcase_add_loop_test(tcase, refuses, 0, (int)ARRAY_SIZE(refused));
	tcase_add_test(tcase, what_may_begin_another_transaction);
	tcase_add_loop_test(tcase, calls_of_what_is_not_known, 0, (int)ARRAY_SIZE(calls));
	tcase_add_test(tcase, functions_by_name_and_by_beginning);
	tcase = suite_case(suite, "random", 60);
	tcase_add_loop_test(tcase, random_text_has_one_class, 0, 4);
	return suite_run(suite);
}
