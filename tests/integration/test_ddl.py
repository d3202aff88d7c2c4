# SPDX-License-Identifier: PostgreSQL
"""What the daemon has learned of a database's objects, and then somebody changes them."""
import pytest

from harness.wait import wait_until


@pytest.fixture
def one_connection(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as client:
        yield client


def type_of(client, expression):
    return client.one(f"select {expression} as v")["columns"][0]["type"]


def test_a_type_that_is_renamed(client, pg):
    pg.psql("drop type if exists before_it, after_it; create type before_it as enum ('x')")
    oid = client.value("select 'before_it'::regtype::oid")
    assert type_of(client, "'x'::before_it") == "before_it"
    assert type_of(client, "array['x'::before_it]") == "before_it[]"
    assert "error" not in client.one("alter type before_it rename to after_it")
    assert client.value("select 'after_it'::regtype::oid") == oid
    # at the latest the answer after the one that finds out
    wait_until(lambda: type_of(client, "'x'::after_it") == "after_it", "the type's new name")
    wait_until(lambda: type_of(client, "array['x'::after_it]") == "after_it[]", "its array's new name")


@pytest.mark.parametrize("how", ["item", "do", "transaction"])
def test_a_parameter_that_becomes_another_type(client, pg, how):
    pg.psql(f"drop table if exists t_param_{how}; create table t_param_{how} (a int[])")
    insert = {"sql": f"insert into t_param_{how} values ($1) returning a, pg_typeof(a)::text", "params": [[1, 2]]}
    expected = [([1, 2], "integer[]"), ([1, 2], "jsonb"), ("[1, 2]", "text"), (["1", "2"], "text[]")]
    changes = [None, f"alter table t_param_{how} alter a type jsonb using to_jsonb(a)",
               f"alter table t_param_{how} alter a type text using a::text",
               f"drop table t_param_{how}; create table t_param_{how} (a text[])"]
    for (value, type_name), change in zip(expected, changes):
        for sql in change.split("; ") if change else []:
            wrapped = {"item": sql, "do": f"do $do$ begin {sql}; end $do$", "transaction": {"transaction": [sql]}}[how]
            assert "error" not in client.one(wrapped)
        for _ in range(3):  # asked for, remembered, prepared
            result = client.one(insert)
            assert result.get("rows") == [[value, type_name]], result


def test_a_parameter_that_somebody_else_changes(client, pg):
    pg.psql("drop table if exists t_aside; create table t_aside (a int[])")
    insert = {"sql": "insert into t_aside values ($1) returning a", "params": [[1, 2]]}
    for _ in range(4):
        assert client.gather([insert] * 5)["ok"]
    pg.psql("alter table t_aside alter a type jsonb using to_jsonb(a)")
    # what was remembered does not fit, nor what was prepared: an error with nothing done, then all is well
    errors = []
    for _ in range(3):
        client.gather([insert] * 5)
    wait_until(lambda: all("rows" in result or errors.append(result["error"])
                           for result in client.gather([insert] * 5)["results"]))
    assert all(error["effects"] == "none" for error in errors)
    assert client.one(insert)["rows"] == [[[1, 2]]]


def test_a_steps_parameter_is_what_its_own_session_says(one_connection, pg):
    pg.psql("drop schema if exists aside cascade; drop table if exists t_path; create table t_path (a int[]); "
            "create schema aside; create table aside.t_path (a jsonb)")
    insert = {"sql": "insert into t_path values ($1) returning a, pg_typeof(a)::text", "params": [[1, 2]]}
    temporary = "create temp table t_path (a text)"
    for _ in range(3):
        assert one_connection.one(insert)["rows"] == [[[1, 2], "integer[]"]]
        steps = one_connection.one({"sequence": ["set search_path = aside", insert]})["steps"]
        assert steps[1]["rows"] == [[[1, 2], "jsonb"]]
        result = one_connection.one({"transaction": [temporary, {**insert, "timeout": 20}]})
        assert result["steps"][1]["rows"] == [["[1, 2]", "text"]]
