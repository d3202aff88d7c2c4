# SPDX-License-Identifier: PostgreSQL
"""Errors of statements: codes, fields and effects; statements that the daemon cannot run."""
import pytest

pytestmark = pytest.mark.valgrind


def test_postgresqls_own_fields(client, pg):
    pg.psql("drop table if exists t_err; create table t_err (n int constraint n_positive check (n > 0))")
    error = client.one("insert into t_err values (-1)")["error"]
    assert error["code"] == "sql" and error["sqlstate"] == "23514" and error["effects"] == "none"
    assert error["severity"] == "ERROR" and "n_positive" in error["message"]
    assert error["schema"] == "public" and error["table"] == "t_err" and error["constraint"] == "n_positive"
    assert "-1" in error["detail"]


def test_hint_position_and_context(client, pg):
    pg.psql("create or replace function f_err() returns void language plpgsql as "
            "$$ begin raise exception 'no' using hint = 'try', errcode = 'GD001'; end $$")
    error = client.one("select f_err()")["error"]
    assert error["sqlstate"] == "GD001" and error["hint"] == "try" and "f_err()" in error["context"]
    assert client.one("select nope")["error"]["position"] == 8


@pytest.mark.parametrize("sql, params", [
    ("select :n::int, :day::date", {"n": 1, "day": "someday"}),
    ("select :n, :day is null", {"n": 1, "day": None}),  # its type cannot be known
    ("select :n::int[], :day::date", {"n": [1], "day": "someday"}),
])
def test_the_parameter_at_fault_is_told_by_its_name(client, sql, params):
    item = {"sql": sql, "params": params}
    assert client.one(item)["error"]["parameter"] == "day"
    assert client.one({"transaction": ["select 1", item]})["steps"][1]["error"]["parameter"] == "day"


def test_places_while_types_are_asked_for(client):
    """An array's type is asked of the server first; an error then is told as one of the run."""
    item = {"sql": "select :names::text[], nonsense", "params": {"names": ["a"]}}
    assert client.one(item)["error"]["position"] == item["sql"].index("nonsense") + 1
    item = {"sql": "select :names::text[], :day is null", "params": {"names": ["a"], "day": None}}
    assert client.one(item)["error"]["parameter"] == "day"


def test_no_parameter_is_blamed_without_reason(client, pg):
    pg.psql("create or replace function f_inner(int) returns int language plpgsql as "
            "$$ declare n int; begin execute 'select 1 / ($1 - 1)' into n using 1; return n; end $$")
    for item in ({"sql": "select :n::int / 0", "params": {"n": 1}}, {"sql": "select f_inner(:n)", "params": {"n": 1}},
                 {"sql": "select $1::date", "params": ["someday"]}):
        assert "parameter" not in client.one(item)["error"], item


def test_not_null_names_the_column(client, pg):
    pg.psql("drop table if exists t_nn; create table t_nn (n int not null)")
    assert client.one("insert into t_nn values (null)")["error"]["column"] == "n"


@pytest.mark.parametrize("sql", ["", " ", ";", "-- nothing\n", "/* nothing */", ";;"])
def test_an_empty_statement(client, sql):
    first, second = client.gather([sql, "select 1"])["results"]
    assert first["error"]["code"] == "bad_request" and first["error"]["effects"] == "none"
    assert second["rows"] == [[1]]


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 1; drop table t", "insert into t values (1); select 1"])
def test_several_statements_in_one_string(client, pg, sql):
    pg.psql("create table if not exists t (n int); truncate t")
    first, second = client.gather([sql, "select 1"])["results"]
    assert first["error"]["code"] in ("bad_request", "sql") and first["error"]["effects"] == "none"
    assert second["rows"] == [[1]]
    assert pg.psql("select count(*) from t") == "0"


@pytest.mark.parametrize("sql", ["select 1;", " select 1 ; ", "select 1; -- done", "/* a; b */ select 1"])
def test_a_semicolon_at_the_end_is_fine(client, sql):
    assert client.one(sql)["rows"] == [[1]]


@pytest.mark.parametrize("sql", [
    "copy t from stdin", "COPY t FROM STDIN WITH (FORMAT csv)", "copy t to stdout", "copy (select 1) to stdout",
    "/* x */ copy t from stdin",
])
def test_copy_is_refused_and_nothing_hangs(client, pg, sql):
    pg.psql("create table if not exists t (n int)")
    results = client.gather([sql] * 3 + ["select 1"])["results"]
    for result in results[:3]:
        assert result["error"]["code"] == "bad_request" and result["error"]["effects"] == "none"
        for instead in ("gather --csv", "unnest(", "\\copy"):
            assert instead in result["error"]["message"]
    assert results[3]["rows"] == [[1]]


def test_what_the_refusal_of_copy_recommends(gatherd, client, pg):
    pg.psql("create table if not exists t_rows (n int, name text); truncate t_rows")
    names = ['a "quoted", text', "", None, "x\ty\nz", "\\N"]
    answer = client.one({"sql": "insert into t_rows select * from unnest($1::int[], $2::text[])",
                         "params": [list(range(5)), names]})
    assert answer["count"] == 5
    copied = pg.psql("copy (select * from t_rows order by n) to stdout with (format csv, header)")
    done = gatherd.command("--csv", "select * from t_rows order by n")
    assert done.stdout.strip() == copied.strip()


@pytest.mark.parametrize("sql", ["begin", "start transaction", "commit", "rollback", "savepoint a", "end", "abort"])
def test_transaction_control_leaves_no_open_transaction(client, pg, sql):
    client.one(sql)
    assert client.gather(["select 1"] * 20)["ok"] is True
    assert pg.psql("select count(*) from pg_stat_activity where state like 'idle in transaction%'") == "0"


def test_listen_in_a_query_is_refused_and_says_what_to_do_instead(client):
    for item in "listen foo", {"sequence": ["listen foo"]}, {"transaction": ["listen foo"]}:
        error = client.one(item)["error"]
        assert error["code"] == "bad_request" and error["effects"] == "none" and '{"listen": [' in error["message"]
    assert client.one("notify foo")["command"] == "NOTIFY" and client.one("unlisten *")["command"] == "UNLISTEN"


def test_vacuum_runs_by_itself(client, pg):
    pg.psql("create table if not exists t_vacuum (n int)")
    assert client.one("vacuum t_vacuum")["command"] == "VACUUM"


def test_procedure_that_commits(client, pg):
    pg.psql("create table if not exists t_call (n int); truncate t_call; "
            "create or replace procedure p_commits() language plpgsql as "
            "$$ begin insert into t_call values (1); commit; insert into t_call values (2); end $$")
    assert client.one("call p_commits()")["command"] == "CALL"
    assert pg.psql("select count(*) from t_call") == "2"


@pytest.mark.parametrize("sql", [
    "call p_half()",
    "do $$ begin insert into t_half_call values (1); commit; raise exception 'late'; end $$",
])
def test_an_error_after_what_may_have_committed_is_unknown(client, pg, sql):
    pg.psql("create table if not exists t_half_call (n int); truncate t_half_call; "
            "create or replace procedure p_half() language plpgsql as "
            "$$ begin insert into t_half_call values (1); commit; raise exception 'late'; end $$")
    error = client.one(sql)["error"]
    assert error["code"] == "sql" and error["effects"] == "unknown"
    assert pg.psql("select count(*) from t_half_call") == "1"


# The server refuses them before it does anything.
@pytest.mark.parametrize("sql, sqlstate", [
    ("vacuum t_refused t_refused", "42601"),
    ("create index concurrently on", "42601"),
    ("do $$ unclosed", "42601"),
    ("call p_half(", "42601"),
    ("call p_nosuch()", "42883"),
    ("call lower('x')", "42809"),
    ("vacuum t_nosuch", "42P01"),
    ("vacuum nosuch.t", "3F000"),
    ("analyze t_nosuch", "42P01"),
    ("reindex table t_nosuch", "42P01"),
    ("reindex index concurrently t_nosuch", "42P01"),
    ("reindex schema nosuch", "3F000"),
    ("cluster t_nosuch", "42P01"),
])
def test_what_the_server_does_not_begin_with_has_no_effects(client, sql, sqlstate):
    error = client.one(sql)["error"]
    assert error["code"] == "sql" and error["sqlstate"] == sqlstate and error["effects"] == "none"


def test_a_vacuum_of_what_there_is_not_vacuums_nothing(client, pg):
    pg.psql("drop table if exists t_unseen; create table t_unseen (n int); insert into t_unseen values (1)")
    error = client.one("vacuum analyze t_unseen, t_nosuch")["error"]
    assert error["sqlstate"] == "42P01" and error["effects"] == "none"
    assert pg.psql("select reltuples from pg_class where relname = 't_unseen'") == "-1", "not seen by any"


def test_a_name_that_is_looked_up_on_the_way_is_unknown(client):
    """A COPY of many rows may have written some."""
    error = client.one("copy (select 'pg_class'::text::regclass union all select 't_nosuch'::text::regclass) "
                       "to program 'cat > /dev/null'")["error"]
    assert error["sqlstate"] == "42P01" and error["effects"] == "unknown"


@pytest.mark.parametrize("sql", ["vacuum", "create database t_refused", "alter system set work_mem = '5MB'"])
def test_what_may_not_run_in_a_transaction_has_no_effects_there(client, sql):
    answer = client.gather([{"transaction": ["select 1", sql]}])["results"][0]
    assert answer["steps"][1]["error"]["sqlstate"] == "25001" and answer["steps"][1]["error"]["effects"] == "none"
    assert answer["outcome"] == "rolled_back" and answer["error"]["effects"] == "none"


# The same words of the server, but of what ran inside a statement that had committed.
@pytest.mark.parametrize("inside", ["execute 'vacuum'", "execute 'slect 1'", "raise sqlstate '25001'",
                                    "call p_nosuch()", "perform nosuch(1)"])
def test_a_refusal_inside_of_what_has_committed_is_unknown(client, pg, inside):
    pg.psql("create table if not exists t_inside (n int); truncate t_inside")
    error = client.one(f"do $$ begin insert into t_inside values (1); commit; {inside}; end $$")["error"]
    assert error["sqlstate"] in ("25001", "42601", "42883") and error["effects"] == "unknown"
    assert pg.psql("select count(*) from t_inside") == "1"


def test_deferred_constraint_is_the_items_error(client, pg):
    pg.psql("drop table if exists t_def; create table t_def (n int unique deferrable initially deferred)")
    results = client.gather(["insert into t_def values (1), (1)", "select 1"], concurrency=1)["results"]
    assert results[0]["error"]["sqlstate"] == "23505" and results[0]["error"]["effects"] == "none"
    assert results[1]["rows"] == [[1]]
    assert pg.psql("select count(*) from t_def") == "0"


def test_statement_timeout_of_the_server_is_an_sql_error(start_gatherd, pg):
    pg.psql("create role hasty login; alter role hasty set statement_timeout = '100ms'")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(user="hasty")})
    with gatherd.client() as client:
        error = client.one("select pg_sleep(60)")["error"]
        assert error["code"] == "sql" and error["sqlstate"] == "57014"


def test_statement_timeout_of_the_configuration(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"statement_timeout": "100ms"})
    with gatherd.client() as client:
        error = client.one("select pg_sleep(60)")["error"]
        assert error["code"] in ("sql", "timeout") and error["effects"] == "none"


def test_errors_of_one_gather_touch_nobody_else(client):
    items = [f"select {n}" if n % 3 else f"select 1/0 + {n}" for n in range(90)]
    results = client.gather(items)["results"]
    for number, result in enumerate(results):
        if number % 3:
            assert result["rows"] == [[number]]
        else:
            assert result["error"]["sqlstate"] == "22012"


def test_the_same_failing_statement_again_and_again(client):
    for _ in range(30):
        assert client.one({"sql": "select 1 / $1::int", "params": [0]})["error"]["sqlstate"] == "22012"
    assert client.value({"sql": "select 1 / $1::int", "params": [1]}) == 1


def test_a_message_that_is_not_utf8(start_gatherd, pg):
    pg.psql("create database ascii2 template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(db="ascii2")})
    with gatherd.client() as client:
        error = client.one("do $$ begin raise exception '%', chr(255); end $$")["error"]
        assert error["code"] == "sql" and error["message"] == "�"


def test_a_table_that_changes_under_a_prepared_statement(client, pg):
    pg.psql("drop table if exists t_alter; create table t_alter (n int); insert into t_alter values (1)")
    for _ in range(10):
        assert client.one("select * from t_alter")["rows"] == [[1]]
    pg.psql("alter table t_alter add m text default 'x'")
    results = client.gather(["select * from t_alter"] * 20)["results"]
    assert [result["rows"] for result in results] == [[[1, "x"]]] * 20


def test_read_only_database_refuses_writes(start_gatherd, pg):
    pg.psql("create table if not exists t_ro (n int); truncate t_ro")
    gatherd = start_gatherd(pg, main={"read_only": "yes"})
    with gatherd.client() as client:
        error = client.one("insert into t_ro values (1)")["error"]
        assert error["sqlstate"] == "25006" and error["effects"] == "none"
        client.one("select set_config('default_transaction_read_only', 'off', false)")
        assert "error" in client.one("insert into t_ro values (1)")
        assert client.value("select count(*) from t_ro") == 0
