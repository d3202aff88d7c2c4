# SPDX-License-Identifier: PostgreSQL
"""A database that is read_only here, or a client that is: what has been tried to write all the same."""
import pytest

from harness.wait import wait_until

OFF = "select set_config('default_transaction_read_only', 'off', false)"
WRITE = "insert into ro_target values (1) returning n"


@pytest.fixture(params=["database", "access"])
def reader(start_gatherd, pg, request):
    """A client that may only read, of a daemon with one connection, of a role that may write."""
    pg.psql("drop table if exists ro_target; create table ro_target (n int); "
            "create or replace procedure ro_write() language plpgsql as $$ begin commit; "
            "set transaction read write; insert into ro_target values (1); end $$; "
            "create or replace function ro_off() returns int language sql as "
            f"$$ {OFF}; select 1 $$; "
            "create or replace function ro_write_f() returns int language sql as "
            "$$ insert into ro_target values (1); select 1 $$")
    if request.param == "database":
        gatherd = start_gatherd(pg, main={"pool_max": 1, "read_only": "yes"})
    else:
        gatherd = start_gatherd(pg, main={"pool_max": 1}, sections={"access readers": {"read_only": "yes"}})
    with gatherd.client() as client:
        yield client
    assert pg.psql("select count(*) from ro_target") == "0"


def sqlstates(result):
    """Of the steps, or of the item where it has none."""
    return [step.get("error", {}).get("sqlstate") for step in result.get("steps", [result])]


@pytest.mark.parametrize("opens", [
    OFF,
    "select pg_catalog.set_config('default_transaction_read_only', 'off', false)",
    "set default_transaction_read_only = off",
    "set session characteristics as transaction read write",
    "select ro_off()",
    "reset default_transaction_read_only",
])
@pytest.mark.parametrize("write", [WRITE, "select ro_write_f()"])
def test_what_turns_the_default_off_opens_nothing(reader, opens, write):
    first, second = reader.one({"sequence": [opens, write]})["steps"]
    assert "error" not in first and second["error"]["sqlstate"] == "25006"
    assert second["error"]["effects"] == "none"
    assert "error" not in reader.one(opens)
    assert sqlstates(reader.one(write)) == ["25006"]
    assert sqlstates(reader.one({"transaction": [opens, write]}))[1] == "25006"
    assert sqlstates(reader.one({"transaction": [write]})) == ["25006"]


@pytest.mark.parametrize("opens", [
    "set transaction read write",
    "set transaction isolation level serializable, read write",
    "set transaction_read_only = off",
    "set local transaction_read_only = off",
    "select set_config('transaction_read_only', 'off', true)",
    "set session transaction_read_only to 'off'",
])
@pytest.mark.parametrize("options", [{}, {"read_only": False}, {"isolation": "serializable"}])
def test_a_transaction_cannot_be_made_to_write(reader, opens, options):
    result = reader.one({"transaction": [opens, WRITE], **options})
    assert result["outcome"] == "rolled_back"
    assert any(sqlstates(result))
    # with a time-out of its own a step goes out alone
    result = reader.one({"transaction": [{"sql": opens, "timeout": 20}, WRITE], **options})
    assert result["outcome"] == "rolled_back"
    result = reader.one({"sequence": [opens, WRITE]})
    assert any(sqlstates(result))


@pytest.mark.parametrize("sql", [
    "call ro_write()",
    "do $$ begin perform set_config('default_transaction_read_only', 'off', false); commit; "
    "insert into ro_target values (1); end $$",
])
@pytest.mark.parametrize("wrap", ["item", "sequence", "transaction"])
def test_call_and_do_are_refused(reader, sql, wrap):
    result = reader.one(sql if wrap == "item" else {wrap: [sql]})
    assert result["error"]["code"] == "bad_request" and result["error"]["effects"] == "none"
    assert "read-only" in result["error"]["message"]


@pytest.mark.parametrize("sql", ["call ro_write()", "set transaction read write", OFF])
def test_neither_does_a_snapshot_write(reader, sql):
    answer = reader.gather([sql, WRITE], snapshot=True, concurrency=1)
    assert answer["results"][1]["error"]["sqlstate"] == "25006"


def test_what_only_reads_goes_on(reader):
    steps = reader.one({"sequence": ["select 1", {"sql": "select $1::int[] as a", "params": [[1, 2]]},
                                     "show transaction_read_only"]})["steps"]
    assert [step["rows"][0][0] for step in steps] == [1, [1, 2], "on"]
    result = reader.one({"transaction": ["select 1", "select 2"]})
    assert result["outcome"] == "committed"
    assert reader.value("select count(*) from ro_target") == 0


def test_an_error_ends_a_sequence_there_as_well(reader):
    result = reader.one({"sequence": ["select 1/0", "select 2"]})
    assert result["steps"][0]["error"]["sqlstate"] == "22012"
    assert result["steps"][1]["error"]["code"] == "skipped"
    assert reader.value("select 3") == 3


def test_a_time_out_in_a_sequence(reader, pg):
    result = reader.one({"sequence": [{"sql": "select pg_sleep(600) /* guarded */", "timeout": 0.2}, "select 2"]})
    assert result["steps"][0]["error"]["code"] == "timeout"
    wait_until(lambda: pg.running("guarded") == 0, "its end in PostgreSQL")
    assert reader.value("select 3") == 3
