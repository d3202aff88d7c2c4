# SPDX-License-Identifier: PostgreSQL
"""Every bound of the configuration, and what a client sees at it."""
import pytest

from harness.wait import wait_until


def test_max_request(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_request": "4K"})
    with gatherd.client() as client:
        fits = '{"gather":["select 1 /*' + "x" * 4000 + '*/"]}'
        client.send(fits)
        assert client.recv()["ok"] is True
        client.send('{"gather":["select 1 /*' + "x" * 5000 + '*/"]}')
        answer = client.recv()
        assert answer["error"]["code"] == "too_large" and answer["error"]["effects"] == "none"
        assert client.recv() is None


def test_max_request_without_a_newline(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_request": "64K"})
    with gatherd.client() as client:
        try:
            for _ in range(100):
                client.send_bytes(b'{"gather":["' + b"x" * 100000)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have closed already
        try:
            answers = client.recv_all()
        except ConnectionResetError:
            answers = []
    assert all(answer["error"]["code"] == "too_large" for answer in answers)


def test_max_requests_in_flight_stops_reading(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_requests": "3"}, main={"pool_max": 20})
    with pg.gate() as gate, gatherd.client() as client:
        for number in range(10):
            client.send(gather=[gate.sql], id=number)
        gate.wait_waiting(3)
        # Others go on; when they are answered the fourth request had its chance.
        with gatherd.client() as other:
            assert other.gather(["select 1"])["ok"] is True
        assert gate.waiting() == 3
        gate.open()
        assert sorted(client.recv()["id"] for _ in range(10)) == list(range(10))


def test_max_queries(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_queries": "5"})
    with gatherd.client() as client:
        assert client.gather(["select 1"] * 5)["ok"] is True
        answer = client.gather(["select 1"] * 6)
        assert answer["error"]["code"] == "too_large" and answer["error"]["effects"] == "none"
        assert client.gather(["select 1"])["ok"] is True


def test_max_answer(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_answer": "64K"})
    with gatherd.client() as client:
        client.send(gather=["select 1", "select repeat('x', 1000) from generate_series(1, 1000)", "select 3"])
        line = client.recv_line()
        assert len(line) <= 64 * 1024
    with gatherd.client() as client:
        answer = client.gather(["select 1", "select repeat('x', 1000) from generate_series(1, 1000)", "select 3"])
        first, second, third = answer["results"]
        assert first["rows"] == [[1]] and third["rows"] == [[3]]
        assert second["error"]["code"] == "too_large"
        assert second["error"]["effects"] in ("none", "done")  # stopped, or it had completed
        assert "stream" in second["error"]["message"]


def test_max_answer_does_not_bound_streams(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_answer": "64K"})
    with gatherd.client() as client:
        client.send(gather=["select repeat('x', 1000) from generate_series(1, 1000)"], stream=True)
        events = client.events()
        assert events[-2]["event"] == "done" and events[-2]["count"] == 1000


def test_max_answer_after_a_write_says_done(start_gatherd, pg):
    pg.psql("drop table if exists t_done; create table t_done (x text)")
    gatherd = start_gatherd(pg, gatherd={"max_answer": "64K"})
    with gatherd.client() as client:
        result = client.one("insert into t_done select repeat('x', 1000) from generate_series(1, 1000) returning x")
        assert result["error"]["code"] == "too_large" and result["error"]["effects"] == "done"
    assert pg.psql("select count(*) from t_done") == "1000"


def test_max_answer_after_a_function_that_writes_says_done(start_gatherd, pg):
    pg.psql("drop table if exists t_written; create table t_written (n int); "
            "create or replace function f_written(n int) returns text language sql as "
            "$$ insert into t_written values (n); select repeat('x', 600) $$")
    gatherd = start_gatherd(pg, gatherd={"max_answer": "1K"})
    with gatherd.client() as client:
        error = client.one("select f_written(n) from generate_series(1, 3) n")["error"]
        assert error["code"] == "too_large" and error["effects"] == "done"
    assert pg.psql("select count(*) from t_written") == "3"


def test_queue_limit(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1, "queue_limit": "3"})
    with pg.gate() as gate, gatherd.client() as holder, gatherd.client() as client:
        holder.send(gather=[gate.sql])
        gate.wait_waiting()
        client.send(gather=["select 1"] * 3, id="fits")
        refused = client.request(gather=["select 1"] * 3, id="full")
        assert refused["id"] == "full" and refused["error"]["code"] == "queue_full"
        assert refused["error"]["effects"] == "none"
        gate.open()
        assert client.recv()["id"] == "fits"
        assert holder.recv()["ok"] is True


def test_max_clients(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_clients": "3"})
    clients = [gatherd.client() for _ in range(3)]
    for client in clients:
        assert client.request(ping=True)["pong"] is True
    with gatherd.client() as extra:
        # It waits in the backlog or is told so; it is served as soon as there is room.
        extra.send(ping=True)
        clients.pop().close()
        answer = extra.recv()
        if answer is not None and "error" in answer:
            assert answer["error"]["code"] == "too_large" or answer["error"]["code"] == "queue_full"
        elif answer is not None:
            assert answer["pong"] is True
    for client in clients:
        assert client.request(ping=True)["pong"] is True
        client.close()


def test_pool_max_bounds_the_connections(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(application_name="bounded"), "pool_max": 3})
    with pg.gate() as gate, gatherd.client() as client:
        client.send(gather=[gate.sql] * 10)
        gate.wait_waiting(3)
        assert pg.psql("select count(*) from pg_stat_activity where application_name = 'bounded'") == "3"
        gate.open()
        assert client.recv()["ok"] is True


def test_pool_min_is_opened_before_anybody_asks(start_gatherd, pg):
    start_gatherd(pg, main={"conninfo": pg.conninfo(application_name="minimal"), "pool_min": 3})
    wait_until(lambda: pg.psql("select count(*) from pg_stat_activity where application_name = 'minimal'") == "3")


def test_item_buffer_of_a_paused_stream_bounds_the_memory(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with gatherd.client() as slow, gatherd.client() as other:
        assert other.gather(["select 1"] * 20)["ok"] is True
        before = gatherd.resident_kb()
        slow.send(gather=["select repeat('x', 1000) from generate_series(1, 300000)"], stream=True)
        slow.recv()
        pg.wait_running("repeat('x', 1000) from generate_series(1, 300000)")
        wait_until(lambda: pg.psql("select wait_event from pg_stat_activity where query like "
                                   "'select repeat%300000)'") == "ClientWrite", "a paused query")
        assert gatherd.resident_kb() - before < 64 * 1024
        slow.close()
        wait_until(lambda: pg.running("generate_series(1, 300000)") == 0)


def test_a_deadline_is_the_servers_too(client, pg):
    with pg.gate() as gate:
        client.send(gather=[{"sql": f"{gate.sql}", "timeout": 30}])
        gate.wait_waiting()
    client.recv()
    limits = client.request({"gather": [
        {"sql": "select setting::int between 20000 and 31000 from pg_settings where name = 'statement_timeout'", "timeout": 30},
        "select setting::int from pg_settings where name = 'statement_timeout'"]})["results"]
    assert limits[0]["rows"] == [[True]] and limits[1]["rows"] == [[0]]


@pytest.mark.parametrize("own, timeout, shown", [("5s", 30, "5s"), ("1min", 2, "3s")])
def test_a_pushed_deadline_never_raises_the_servers_own(start_gatherd, pg, own, timeout, shown):
    gatherd = start_gatherd(pg, main={"statement_timeout": own})
    with gatherd.client() as client:
        value = client.value({"sql": "select setting::int <= $1::int from pg_settings where name = 'statement_timeout'",
                              "params": [int(shown.rstrip("s")) * 1000], "timeout": timeout})
    assert value is True


def test_one_huge_row_is_an_error_and_the_daemon_stays_small(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_answer": "4M"})
    with gatherd.client() as client, gatherd.client() as other:
        client.send(id=1, gather=["select repeat('x', 200000000)", "select 2"], stream=True)
        events = []
        while not events or events[-1]["event"] != "end":
            events.append(client.recv())
        error = next(event for event in events if event["event"] == "error")
        assert error["item"] == 0 and error["error"]["code"] == "too_large" and error["error"]["effects"] == "unknown"
        assert other.value("select 7") == 7
        assert client.value("select length(repeat('x', 3000000))") == 3000000
        assert len(client.value("select repeat('x', 3000000)")) == 3000000
        memory = client.request({"stats": True})["stats"]["memory"]
    assert memory["resident"] < 2 ** 29
