# SPDX-License-Identifier: PostgreSQL
"""gather, answered as events."""
import pytest

pytestmark = pytest.mark.valgrind


def by_item(events):
    items = {}
    for event in events[:-1]:
        items.setdefault(event["item"], []).append(event)
    return items


def test_events_of_one_query(client):
    client.send(gather=["select n from generate_series(1, 3) n"], stream=True, id="s")
    events = client.events()
    assert all(event["id"] == "s" for event in events)
    assert [event["event"] for event in events] == ["columns", "rows", "done", "end"]
    columns, rows, done, end = events
    assert columns["item"] == 0 and columns["columns"] == [{"name": "n", "type": "int4", "oid": 23}]
    assert rows["rows"] == [[1], [2], [3]]
    assert done["count"] == 3 and done["command"] == "SELECT" and "rows" not in done and "columns" not in done
    assert end["ok"] is True and end["failed"] == 0 and end["elapsed"] >= 0


def test_item_that_is_ready_does_not_wait_for_others(client, pg):
    with pg.gate() as gate:
        client.send(gather=[gate.sql, "select 2"], stream=True)
        gate.wait_waiting()
        first = [client.recv() for _ in range(3)]
        assert [(event["event"], event["item"]) for event in first] == [("columns", 1), ("rows", 1), ("done", 1)]
        gate.open()
        rest = client.events()
    assert [event["event"] for event in rest] == ["columns", "rows", "done", "end"]
    assert all(event["item"] == 0 for event in rest[:-1])


def test_an_error_is_an_event(client):
    client.send(gather=["select nonsense", "select 1"], stream=True)
    events = client.events()
    [error] = by_item(events)[0]
    assert error["event"] == "error" and error["error"]["sqlstate"] == "42703"
    assert error["queued"] >= 0 and error["elapsed"] >= 0
    assert events[-1]["ok"] is False and events[-1]["failed"] == 1


def test_an_error_after_rows_voids_them(client):
    # enough rows for several events before the one that fails
    client.send(gather=["select 1 / (20000 - n) from generate_series(1, 20000) n"], stream=True)
    events = by_item(client.events())[0]
    assert events[0]["event"] == "columns" and events[1]["event"] == "rows"
    assert events[-1]["event"] == "error" and events[-1]["error"]["sqlstate"] == "22012"
    assert "done" not in [event["event"] for event in events]


def test_command_without_rows(client, pg):
    pg.psql("create table if not exists t_stream (n int)")
    client.send(gather=["insert into t_stream values (1), (2)"], stream=True)
    done, end = client.events()
    assert done["event"] == "done" and done["count"] == 2 and done["command"] == "INSERT"
    assert end["ok"] is True


def test_empty_row_set_has_its_columns(client):
    client.send(gather=["select 1 as a where false"], stream=True)
    events = client.events()
    assert events[0]["event"] == "columns" and events[0]["columns"][0]["name"] == "a"
    assert events[-2]["event"] == "done" and events[-2]["count"] == 0


def test_all_rows_come_once_and_in_order(client):
    client.send(gather=["select n, repeat('x', n % 100) from generate_series(1, 50000) n"], stream=True)
    events = client.events()
    rows = [row for event in events if event["event"] == "rows" for row in event["rows"]]
    assert [row[0] for row in rows] == list(range(1, 50001))
    assert all(row[1] == "x" * (row[0] % 100) for row in rows)
    assert events[-2]["count"] == 50000


def test_lines_of_rows_are_bounded(client):
    client.send(gather=["select repeat('x', 1000) from generate_series(1, 500)"], stream=True)
    lines = []
    while not lines or b'"event":"end"' not in lines[-1]:
        lines.append(client.recv_line())
    assert max(map(len, lines)) <= 32 * 1024


def test_one_long_row_is_one_line(client):
    client.send(gather=["select repeat('x', 100000)"], stream=True)
    events = client.events()
    assert events[1]["rows"] == [["x" * 100000]]


def test_rows_as_objects_and_text(client):
    client.send(gather=["select 1 as a, true as b"], stream=True, rows="objects", values="text")
    assert client.events()[1]["rows"] == [{"a": "1", "b": "t"}]


def test_named_items(client):
    client.send(gather={"a": "select 1", "b": "select nonsense"}, stream=True)
    items = by_item(client.events())
    assert {event.get("name") for event in items[0]} == {"a"}
    assert {event.get("name") for event in items[1]} == {"b"}


def test_a_refused_request_is_one_line(client):
    client.send(gather=["select 1"], db="nowhere", stream=True)
    answer = client.recv()
    assert answer["error"]["code"] == "unknown_database" and "event" not in answer


def test_gather_of_nothing(client):
    client.send(gather=[], stream=True)
    [end] = client.events()
    assert end["event"] == "end" and end["ok"] is True


def test_two_streams_on_one_connection(client):
    client.send(gather=["select n from generate_series(1, 5000) n"], stream=True, id="a")
    client.send(gather=["select -n from generate_series(1, 5000) n"], stream=True, id="b")
    rows, ended = {"a": [], "b": []}, set()
    while ended != {"a", "b"}:
        event = client.recv()
        assert event["id"] not in ended
        if event["event"] == "rows":
            rows[event["id"]] += [row[0] for row in event["rows"]]
        if event["event"] == "end":
            ended.add(event["id"])
    assert rows["a"] == list(range(1, 5001)) and rows["b"] == [-n for n in range(1, 5001)]


def test_a_slow_reader_pauses_its_query_and_gets_everything(gatherd):
    with gatherd.client() as slow, gatherd.client() as other:
        slow.send(gather=["select n, repeat('x', 1000) from generate_series(1, 100000) n"], stream=True)
        first = slow.recv()
        # while nobody reads 100 MB, others are served
        for n in range(50):
            assert other.value(f"select {n}") == n
        assert first["event"] == "columns"
        expected = 1
        while True:
            event = slow.recv()
            if event["event"] != "rows":
                break
            for row in event["rows"]:
                assert row[0] == expected and len(row[1]) == 1000
                expected += 1
        assert event["event"] == "done" and event["count"] == 100000 and expected == 100001
        assert slow.recv()["event"] == "end"
