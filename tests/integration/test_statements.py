# SPDX-License-Identifier: PostgreSQL
"""Prepared statements: used from the second sight on, never seen by their users, whatever happens to them."""
import pytest

PREPARED = "select count(*) from pg_prepared_statements where not from_sql"
COUNT = "select /* counts */ count(*) from pg_prepared_statements where name ~ '^gatherd_' and statement = $1"


@pytest.fixture
def one_connection(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1, "prepared_statements": 4})
    with gatherd.client() as client:
        yield client


def value(client, sql, *params):
    answer = client.request({"gather": [{"sql": sql, "params": list(params)}]})["results"][0]
    assert "error" not in answer, answer
    return answer["rows"][0][0]


def prepared(client, sql):
    return value(client, COUNT, sql) > 0


def test_prepared_on_second_sight(one_connection):
    sql = "select 40 + $1::int as x"
    assert value(one_connection, sql, 1) == 41
    assert not prepared(one_connection, sql)
    assert value(one_connection, sql, 2) == 42
    assert prepared(one_connection, sql)
    assert value(one_connection, sql, 3) == 43


def test_the_oldest_is_dropped(one_connection):
    texts = [f"select {n} + $1::int as x" for n in range(8)]
    for sql in texts * 3:
        value(one_connection, sql, 1)
    assert not prepared(one_connection, texts[0])
    assert value(one_connection, "select count(*) from pg_prepared_statements where name ~ '^gatherd_'") <= 4


def test_a_text_with_an_error_stays_an_error(one_connection):
    for _ in range(4):
        answer = one_connection.one("select nothing_like_this")
        assert answer["error"]["sqlstate"] == "42703"
        assert answer["error"]["effects"] == "none"
    assert value(one_connection, "select 1") == 1


@pytest.mark.parametrize("change", [
    "alter table t_ddl add column c int default 3",
    "alter table t_ddl alter column b type bigint",
    "drop table t_ddl; create table t_ddl (a text, b text); insert into t_ddl values ('1', '2')",
])
def test_ddl_between_two_runs(one_connection, pg, change):
    pg.psql("drop table if exists t_ddl; create table t_ddl (a int, b int); insert into t_ddl values (1, 2)")
    for _ in range(4):
        assert one_connection.one("select * from t_ddl")["rows"] == [[1, 2]]
    pg.psql(change)
    for _ in range(4):
        answer = one_connection.one("select * from t_ddl")
        assert "error" not in answer, answer
        assert len(answer["rows"][0]) == len(answer["columns"])
        assert answer["rows"][0][:2] in ([1, 2], ["1", "2"])


def test_others_rows_are_not_run_twice(one_connection, pg):
    pg.psql("drop table if exists t_once; create table t_once (a int)")
    for n in range(5):
        one_connection.one(f"insert into t_once values (1) returning a, {n % 2}")
    pg.psql("alter table t_once add column b int")
    for n in range(5):
        one_connection.one(f"insert into t_once values (1) returning a, {n % 2}")
    assert value(one_connection, "select count(*) from t_once") == 10


@pytest.mark.parametrize("gone", ["deallocate all", "discard all", "discard plans"])
def test_what_the_session_dropped_is_prepared_again(one_connection, gone):
    for n in range(3):
        assert value(one_connection, "select $1::int", n) == n
    one_connection.one(gone)
    for n in range(3):
        assert value(one_connection, "select $1::int", n) == n


def test_a_function_that_deallocates(one_connection, pg):
    pg.psql("create or replace function forget_all() returns int language plpgsql as "
            "$$ begin execute 'deallocate all'; return 1; end $$")
    for n in range(3):
        assert value(one_connection, "select $1::int", n) == n
    assert value(one_connection, "select forget_all()") == 1
    for n in range(3):
        assert value(one_connection, "select $1::int", n) == n


def test_none_at_all(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1, "prepared_statements": 0})
    with gatherd.client() as client:
        for n in range(3):
            assert value(client, "select $1::int", n) == n
        assert value(client, PREPARED) <= 1  # the query itself, unnamed ones are not listed
        assert value(client, "select count(*) from pg_prepared_statements where name ~ '^gatherd_'") == 0


@pytest.mark.parametrize("name", ["g1", "s1", "p1", "gatherd", "gatherd_1", "stmt", "a"])
def test_a_users_own_names_are_free(one_connection, name):
    for n in range(3):
        assert value(one_connection, "select $1::int", n) == n
    steps = one_connection.one({"sequence": [f"prepare {name} as select 7", f"execute {name}"]})["steps"]
    assert steps[1]["rows"] == [[7]]
    for n in range(3):
        assert value(one_connection, "select $1::int", n) == n


def test_no_two_connections_give_the_same_name(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 4})
    names = []
    with gatherd.client() as client:
        for _ in range(4):
            answer = client.gather(["select array_agg(name), pg_sleep(0.05) from pg_prepared_statements"] * 4)
            names = [name for result in answer["results"] for name in result["rows"][0][0] or []]
    assert names and len(names) == len(set(names))
