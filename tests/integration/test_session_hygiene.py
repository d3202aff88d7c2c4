# SPDX-License-Identifier: PostgreSQL
"""What one statement leaves in its session, the next one does not see."""
import re

import pytest

from harness.daemon import Gatherd


@pytest.fixture
def one_connection(start_gatherd, pg):
    """A client of a daemon whose pool is one connection, so that every statement meets the one before."""
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as client:
        yield client


@pytest.fixture(scope="module", params=["auto", "always"])
def reset_daemon(request, pg):
    """The same, for a whole table of leaks, with each kind of session_reset."""
    pg.psql("drop sequence if exists s_leak; create sequence s_leak; drop table if exists t_leak; "
            "create table t_leak (id serial, n int); create or replace procedure p_leak() language plpgsql as "
            "$$ begin perform set_config('work_mem', '77MB', false); end $$")
    with Gatherd(pg, main={"pool_max": 1, "session_reset": request.param}) as daemon:
        yield daemon


@pytest.fixture
def reset_client(reset_daemon):
    with reset_daemon.client() as client:
        yield client


# what dirties, what looks, what a clean session shows
LEAKS = [
    ("set search_path = pg_catalog", "select current_setting('search_path')", '"$user", public'),
    ("set session work_mem = '77MB'", "select current_setting('work_mem')", "4MB"),
    ("select set_config('work_mem', '77MB', false)", "select current_setting('work_mem')", "4MB"),
    ("select pg_catalog.set_config('my.name', 'secret', false)", "select current_setting('my.name', true)", (None, "")),
    ("set timezone = 'Asia/Tokyo'", "select current_setting('timezone') = 'Asia/Tokyo'", False),
    ("set datestyle = 'German'", "select date '2026-11-20'", "2026-11-20"),
    ("set intervalstyle = 'iso_8601'", "select interval '1 day'", "1 day"),
    ("set bytea_output = 'escape'", "select '\\x01'::bytea", "\\x01"),
    ("set client_encoding = 'LATIN1'", "select 'é€'", "é€"),
    ("set extra_float_digits = -10", "select (0.1::float8 + 0.2)::text", "0.30000000000000004"),
    ("set role plain", "select current_user::text", "postgres"),
    ("set session authorization plain", "select session_user::text", "postgres"),
    ("set statement_timeout = '77s'", "select current_setting('statement_timeout')", "0"),
    ("set default_transaction_read_only = on", "select current_setting('transaction_read_only')", "off"),
    ("create temp table secrets as select 1", "select to_regclass('secrets')::text", None),
    ("create temp view v_secret as select 1", "select to_regclass('v_secret')::text", None),
    ("select 1 into temp secrets2", "select to_regclass('secrets2')::text", None),
    ("do $$ begin execute 'listen secret'; end $$", "select count(*) from pg_listening_channels()", 0),
    ("select pg_advisory_lock(4711)", "select count(*) from pg_locks where locktype = 'advisory' "
     "and pid = pg_backend_pid()", 0),
    ("prepare secret as select 1", "select count(*) from pg_prepared_statements where from_sql", 0),
    ("declare c cursor with hold for select 1", "select count(*) from pg_cursors where name = 'c'", 0),
    ("create temp sequence s_secret", "select to_regclass('s_secret')::text", None),
    ("do $$ begin perform set_config('work_mem', '77MB', false); end $$", "select current_setting('work_mem')", "4MB"),
]


@pytest.mark.parametrize("wrap", ["item", "sequence", "transaction"])
@pytest.mark.parametrize("dirty, look, clean", LEAKS, ids=[case[0] for case in LEAKS])
def test_does_not_leak(reset_client, dirty, look, clean, wrap):
    before = reset_client.value(look)
    reset_client.one(dirty if wrap == "item" else {wrap: [dirty]})
    value = reset_client.value(look)
    assert value in clean if isinstance(clean, tuple) else value == clean
    assert value == before or isinstance(clean, tuple)


# what dirties, what then fails because nothing is left, and how
GONE = [
    ("select nextval('s_leak')", "select currval('s_leak')", "55000"),
    ("select nextval('s_leak')", "select lastval()", "55000"),
    ("select setval('s_leak', 7)", "select currval('s_leak')", "55000"),
    ("prepare kept as select 1", "execute kept", "26000"),
    ("prepare kept (int) as select $1", "deallocate kept", "26000"),
    ("declare kept cursor with hold for select 1", "fetch kept", "34000"),
    ("create temp table kept as select 1", "select * from kept", "42P01"),
    ("create temp sequence kept", "select nextval('kept')", "42P01"),
    ("create function pg_temp.kept() returns int language sql as 'select 1'", "select pg_temp.kept()", "42883"),
    ("select lo_open(lo_create(0), 131072)", "select loread(0, 1)", "42704"),
    ("select lo_creat(-1)", "select lo_close(0)", "42704"),
    ("set role plain", "set role no_such_role", "22023"),
]


@pytest.mark.parametrize("wrap", ["item", "sequence", "transaction"])
@pytest.mark.parametrize("dirty, look, sqlstate", GONE, ids=[f"{case[0]}; {case[1]}" for case in GONE])
def test_nothing_is_left(reset_client, dirty, look, sqlstate, wrap):
    result = reset_client.one(dirty if wrap == "item" else {wrap: [dirty]})
    assert "error" not in result, result
    assert reset_client.one(look)["error"]["sqlstate"] == sqlstate


@pytest.mark.parametrize("sql", ["call p_leak()", "do $$ begin perform set_config('work_mem', '77MB', false); end $$",
                                 "explain analyze select set_config('work_mem', '77MB', false)",
                                 "select \"set_config\"('work_mem', '77MB', false)",
                                 "select U&\"set!005fconfig\" uescape '!' ('work_mem', '77MB', false)"])
def test_what_may_change_anything_is_reset(reset_client, sql):
    assert "error" not in reset_client.one(sql)
    assert reset_client.value("select current_setting('work_mem')") == "4MB"


@pytest.mark.parametrize("sql", ["begin", "start transaction", "begin; select 1", "savepoint s",
                                 "prepare transaction 'x'", "commit", "rollback"])
def test_transactions_are_an_items_matter(reset_client, sql):
    error = reset_client.one(sql)["error"]
    assert error["code"] == "bad_request" and error["effects"] == "none"
    assert re.search(r'\{"transaction": \[\.\.\.\]\}|item|make each a query of its own', error["message"])
    assert reset_client.value("select pg_current_xact_id_if_assigned() is null") is True


# what a function of the database changes inside: what it does, what looks, what a clean session shows
INSIDE = [
    ("perform set_config('work_mem', '77MB', false)", "select current_setting('work_mem')", "4MB"),
    ("set search_path = pg_catalog", "select current_setting('search_path')", '"$user", public'),
    ("perform nextval('s_inside')", "select count(*) from (select lastval()) v", None),
    ("perform pg_advisory_lock(4712)", "select count(*) from pg_locks where locktype = 'advisory' and objid = 4712", 0),
    ("create temp table inside as select 1", "select to_regclass('inside')::text", None),
]


@pytest.mark.parametrize("does, look, clean", INSIDE, ids=[case[0] for case in INSIDE])
def test_what_auto_does_not_see_and_always_does(start_gatherd, pg, does, look, clean):
    """As gatherd.ini(5) says of session_reset."""
    pg.psql("drop sequence if exists s_inside; create sequence s_inside; "
            f"create or replace function f_inside() returns int language plpgsql as $$ begin {does}; return 1; end $$")

    def after_it(mode):
        gatherd = start_gatherd(pg, main={"pool_max": 1, "session_reset": mode})
        with gatherd.client() as client:
            assert client.value("select f_inside()") == 1
            result = client.one(look)
        gatherd.stop()
        return result["rows"][0][0] if "rows" in result else None

    assert after_it("always") == clean
    assert after_it("auto") != clean


def test_lastval_does_not_leak(one_connection, pg):
    pg.psql("drop sequence if exists s_val; create sequence s_val")
    one_connection.one("select nextval('s_val')")
    assert one_connection.one("select lastval()")["error"]["sqlstate"] == "55000"


def test_what_a_function_changes_inside_with_reset_always(start_gatherd, pg):
    pg.psql("create or replace function f_dirty() returns int language sql as "
            "$$ select set_config('work_mem', '77MB', false); select 1 $$")
    gatherd = start_gatherd(pg, main={"pool_max": 1, "session_reset": "always"})
    with gatherd.client() as client:
        assert client.value("select f_dirty()") == 1
        assert client.value("select current_setting('work_mem')") == "4MB"


def test_reported_settings_are_noticed_whoever_changes_them(one_connection, pg):
    pg.psql("create or replace function f_zone() returns int language sql as "
            "$$ select set_config('datestyle', 'German', false); select 1 $$")
    assert one_connection.value("select f_zone()") == 1
    assert one_connection.value("select date '2026-11-20'") == "2026-11-20"


def test_prepared_statements_survive_a_reset(one_connection):
    for _ in range(5):
        assert one_connection.value({"sql": "select $1::int + 1", "params": [1]}) == 2
        one_connection.one("set work_mem = '77MB'")
    assert one_connection.value({"sql": "select $1::int + 1", "params": [41]}) == 42


def test_deallocate_all_does_not_hurt(one_connection):
    for _ in range(4):
        for _ in range(4):
            assert one_connection.value({"sql": "select $1::int * 2", "params": [21]}) == 42
        one_connection.one("deallocate all")


def test_discard_all_does_not_hurt(one_connection):
    for _ in range(4):
        for _ in range(4):
            assert one_connection.value({"sql": "select $1::int * 3", "params": [14]}) == 42
        one_connection.one("discard all")
        assert one_connection.value("select current_setting('extra_float_digits')") == "1"


def test_two_clients_do_not_meet_through_a_temp_table(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 2})
    with gatherd.client() as one, gatherd.client() as two:
        one.gather(["create temp table mine as select 1"] * 2)
        for _ in range(10):
            assert two.one("select * from mine")["error"]["sqlstate"] == "42P01"
