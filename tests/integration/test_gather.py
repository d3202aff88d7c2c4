# SPDX-License-Identifier: PostgreSQL
"""gather, answered as one line: items, names, parameters, databases, options."""
import pytest

from harness.wait import TIME_SCALE

pytestmark = pytest.mark.valgrind


def test_one_query(client):
    answer = client.gather(["select 42 as answer"])
    assert answer["id"] == 1
    assert answer["ok"] is True and answer["failed"] == 0
    assert isinstance(answer["elapsed"], float)
    [result] = answer["results"]
    assert result["columns"] == [{"name": "answer", "type": "int4", "oid": 23}]
    assert result["rows"] == [[42]]
    assert result["count"] == 1 and result["command"] == "SELECT"
    assert result["queued"] >= 0 and result["elapsed"] >= 0
    assert "name" not in result and "error" not in result


def test_results_stand_in_the_order_of_submission(client, pg):
    with pg.gate() as gate:
        client.send(gather=[gate.sql, "select 2", "select 3"])
        gate.wait_waiting()
        gate.open()
        answer = client.recv()
    assert [result["rows"] for result in answer["results"]] == [[[1]], [[2]], [[3]]]


def test_queries_of_a_gather_run_at_the_same_time(client, pg):
    with pg.gate() as gate:
        client.send(gather=[gate.sql] * 5)
        gate.wait_waiting(5)
        gate.open()
        assert [result["rows"] for result in client.recv()["results"]] == [[[1]]] * 5


def test_gather_of_nothing(client):
    answer = client.gather([])
    assert answer["ok"] is True and answer["results"] == []


def test_query_objects_keep_their_names(client):
    results = client.gather([{"name": "a", "sql": "select 1"}, "select 2", {"sql": "select 3"}])["results"]
    assert [result.get("name") for result in results] == ["a", None, None]


def test_object_of_items_is_answered_by_an_object(client):
    answer = client.gather({"b": "select 1", "a": {"sql": "select $1::int", "params": [2]}})
    assert list(answer["results"]) == ["b", "a"]
    assert answer["results"]["b"]["rows"] == [[1]]
    assert answer["results"]["a"]["rows"] == [[2]]
    assert "name" not in answer["results"]["a"]


@pytest.mark.parametrize("name", ["", "ein Köfferchen", 'a"b\\c', "line\nbreak", "x" * 1000])
def test_names_come_back_as_they_were(client, name):
    assert list(client.gather({name: "select 1"})["results"]) == [name]


def test_empty_row_set_has_columns_and_rows(client):
    result = client.one("select 1 as a, 'x'::text as b where false")
    assert [column["name"] for column in result["columns"]] == ["a", "b"]
    assert result["rows"] == [] and result["count"] == 0


def test_row_set_without_columns(client):
    result = client.one("select")
    assert result["columns"] == [] and result["rows"] == [[]] and result["count"] == 1


@pytest.mark.parametrize("sql, command, count", [
    ("insert into t_cmd values (1), (2), (3)", "INSERT", 3),
    ("update t_cmd set n = 5 where n < 3", "UPDATE", 2),
    ("delete from t_cmd", "DELETE", 3),
])
def test_commands_without_rows(client, pg, sql, command, count):
    pg.psql("create table if not exists t_cmd (n int)")
    if command != "INSERT":
        pg.psql("truncate t_cmd; insert into t_cmd values (1), (2), (3)")
    result = client.one(sql)
    assert result["command"] == command and result["count"] == count
    assert "columns" not in result and "rows" not in result


def test_command_without_a_count(client, pg):
    result = client.one("create table t_nocount (n int)")
    pg.psql("drop table t_nocount")
    assert result["command"] == "CREATE TABLE"
    assert "rows" not in result


def test_returning_gives_rows(client, pg):
    pg.psql("drop table if exists t_ret; create table t_ret (n int)")
    result = client.one("insert into t_ret values (1), (2) returning n")
    assert result["rows"] == [[1], [2]] and result["command"] == "INSERT" and result["count"] == 2


def test_rows_as_objects(client):
    result = client.one("select 1 as a, 'x' as b", rows="objects")
    assert result["rows"] == [{"a": 1, "b": "x"}]


def test_repeated_column_names_are_told_apart_in_objects(client):
    result = client.one("select 1 as id, 2 as id, 3 as id", rows="objects")
    assert result["rows"] == [{"id": 1, "id:2": 2, "id:3": 3}]


def test_repeated_column_names_stay_in_arrays(client):
    result = client.one("select 1 as id, 2 as id")
    assert [column["name"] for column in result["columns"]] == ["id", "id"]
    assert result["rows"] == [[1, 2]]


def test_values_as_text(client):
    result = client.one("select 9007199254740993::int8, true, null, 1.50::numeric, array[1,2], '{\"a\": 1}'::json",
                        values="text")
    assert result["rows"] == [["9007199254740993", "t", None, "1.50", "{1,2}", '{"a": 1}']]


def test_an_items_own_database(client):
    results = client.gather(["select current_database()", {"sql": "select current_database()", "db": "other"}])
    assert [result["rows"][0][0] for result in results["results"]] == ["postgres", "other"]


def test_the_requests_database(client):
    results = client.gather(["select current_database()", {"sql": "select current_database()", "db": "main"}],
                            db="other")
    assert [result["rows"][0][0] for result in results["results"]] == ["other", "postgres"]


def test_an_error_stands_in_its_place(client):
    answer = client.gather(["select 1", "select nonsense", "select 3"])
    assert answer["ok"] is False and answer["failed"] == 1
    first, second, third = answer["results"]
    assert first["rows"] == [[1]] and third["rows"] == [[3]]
    assert second["error"]["code"] == "sql" and second["error"]["sqlstate"] == "42703"
    assert second["error"]["effects"] == "none"
    assert "rows" not in second and "command" not in second


def test_on_error_continue_runs_everything(client, pg):
    with pg.gate() as gate:
        client.send(gather=["select 1/0", gate.sql], on_error="continue")
        gate.wait_waiting()
        gate.open()
        first, second = client.recv()["results"]
    assert first["error"]["sqlstate"] == "22012" and second["rows"] == [[1]]


def test_on_error_cancel_never_starts_what_waits(client, pg):
    pg.psql("drop table if exists t_waits; create table t_waits (n int)")
    with pg.gate() as gate:
        answer = client.gather([gate.sql, "select 1/0", "insert into t_waits values (1)"], on_error="cancel",
                               concurrency=2)
        codes = [result["error"]["code"] for result in answer["results"]]
    assert codes == ["cancelled", "sql", "cancelled"]
    assert pg.psql("select count(*) from t_waits") == "0"


def test_on_error_cancel_stops_running_queries_in_postgresql(client, pg):
    with pg.gate() as gate:
        answer = client.gather([gate.sql, "select 1/0", gate.sql], on_error="cancel")
        assert [result["error"]["code"] for result in answer["results"]] == ["cancelled", "sql", "cancelled"]
        assert all(result["error"]["effects"] == "none" for result in answer["results"])
        assert answer["failed"] == 3
        gate.wait_waiting(0)


def test_concurrency_bounds_one_gather(client, pg):
    with pg.gate() as gate:
        client.send(gather=[gate.sql] * 6, concurrency=2, id="bound")
        gate.wait_waiting(2)
        # A second request is not bounded by the first one's limit. When its answer is here the first had every
        # chance to start more.
        with pg.gate() as other:
            client.send(gather=[other.sql] * 3, id="free")
            other.wait_waiting(3)
            assert gate.waiting() == 2
            other.open()
            assert client.recv()["id"] == "free"
        gate.open()
        answer = client.recv()
    assert answer["id"] == "bound" and [result["rows"] for result in answer["results"]] == [[[1]]] * 6


def test_more_queries_than_the_pool_has_connections(client):
    answer = client.gather([f"select {n}" for n in range(200)])
    assert [result["rows"][0][0] for result in answer["results"]] == list(range(200))


def test_timeout_of_the_request(client, pg):
    client.gather(["select pg_sleep(0.1)"] * 2)  # there is a connection for each: the time is the queries' alone
    with pg.gate() as gate:
        answer = client.gather([gate.sql, "select 2"], timeout=2 * TIME_SCALE)
        first, second = answer["results"]
        assert first["error"]["code"] == "timeout" and first["error"]["effects"] == "none"
        assert second["rows"] == [[2]]
        gate.wait_waiting(0)


def test_timeout_of_an_item(client, pg):
    with pg.gate() as gate:
        answer = client.gather([{"sql": gate.sql, "timeout": 0.2, "name": "late"}, "select 2"])
        assert answer["results"][0]["name"] == "late"
        assert answer["results"][0]["error"]["code"] == "timeout"
        assert answer["results"][1]["rows"] == [[2]]
        gate.wait_waiting(0)


def test_an_items_timeout_cannot_extend_the_requests(client, pg):
    with pg.gate() as gate:
        answer = client.gather([{"sql": gate.sql, "timeout": 3600}], timeout=0.2)
        assert answer["results"][0]["error"]["code"] == "timeout"


def test_timeout_counts_the_wait_for_a_connection(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with pg.gate() as gate, gatherd.client() as holder, gatherd.client() as waiter:
        holder.send(gather=[gate.sql])
        gate.wait_waiting()
        error = waiter.one("insert into nowhere values (1)", timeout=0.2)["error"]
        assert error["code"] == "timeout" and error["effects"] == "none"
        gate.open()
        assert holder.recv()["ok"] is True


def test_timeout_of_the_configuration(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"request_timeout": "200ms"})
    with pg.gate() as gate, gatherd.client() as client:
        assert client.one(gate.sql)["error"]["code"] == "timeout"


def test_max_request_timeout_caps_what_a_request_asks(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_request_timeout": "200ms"})
    with pg.gate() as gate, gatherd.client() as client:
        assert client.one(gate.sql, timeout=3600)["error"]["code"] == "timeout"
        assert client.one(gate.sql)["error"]["code"] == "timeout"


def test_requests_on_one_connection_run_concurrently(client, pg):
    with pg.gate() as gate:
        client.send(gather=[gate.sql], id="slow")
        gate.wait_waiting()
        client.send(gather=["select 1"], id="fast")
        assert client.recv()["id"] == "fast"
        gate.open()
        assert client.recv()["id"] == "slow"


def test_a_large_gather_does_not_delay_a_small_one(gatherd, pg):
    # Order of completion, not time: the small one's answer is there while the large one cannot have ended, since
    # its last query stands before the gate.
    with pg.gate() as gate, gatherd.client() as large, gatherd.client() as small:
        large.send(gather=["select pg_sleep(0.001)"] * 999 + [gate.sql])
        assert small.gather(["select 1"])["ok"] is True
        gate.open()
        answer = large.recv()
        assert answer["ok"] is True and len(answer["results"]) == 1000
