# SPDX-License-Identifier: PostgreSQL
"""Cancel by request, by closing, by being killed: the queries end in PostgreSQL, and nobody else's do."""
import os
import signal
import socket
import subprocess

import pytest

from harness import programs
from harness.wait import wait_until

pytestmark = pytest.mark.valgrind


def test_cancel_ends_a_request_in_postgresql(client, pg):
    with pg.gate() as gate:
        client.send(id="long", gather=[gate.sql, "select 2"])
        gate.wait_waiting()
        client.send(id="c", cancel="long")
        answers = {answer["id"]: answer for answer in (client.recv(), client.recv())}
        assert answers["c"]["cancelled"] is True
        first, second = answers["long"]["results"]
        assert first["error"]["code"] == "cancelled" and first["error"]["effects"] == "none"
        assert second.get("rows") == [[2]] or second["error"]["code"] == "cancelled", "as far as it had come"
        gate.wait_waiting(0)


def test_cancel_drops_what_is_queued(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with pg.gate() as gate, gatherd.client() as client:
        client.send(id="all", gather=[gate.sql] * 20)
        gate.wait_waiting()
        client.send(cancel="all")
        answers = {answer["id"]: answer for answer in (client.recv(), client.recv())}
        results = answers["all"]["results"]
        assert [result["error"]["code"] for result in results] == ["cancelled"] * 20
        assert client.gather(["select 1"])["ok"] is True


def test_cancel_of_a_stream(client, pg):
    with pg.gate() as gate:
        client.send(id="s", gather=["select 1", gate.sql], stream=True)
        gate.wait_waiting()
        client.send(id="c", cancel="s")
        events = []
        while not events or events[-1].get("event") != "end":
            answer = client.recv()
            if answer["id"] == "s":
                events.append(answer)
        assert {event["item"] for event in events if event.get("event") == "done"} == {0}
        [error] = [event for event in events if event.get("event") == "error"]
        assert error["item"] == 1 and error["error"]["code"] == "cancelled"


def test_cancel_reaches_only_ones_own_connection(gatherd, pg):
    with pg.gate() as gate, gatherd.client() as one, gatherd.client() as two:
        one.send(id="mine", gather=[gate.sql])
        gate.wait_waiting()
        assert two.request(cancel="mine")["cancelled"] is False
        assert gate.waiting() == 1
        gate.open()
        assert one.recv()["ok"] is True


def test_cancel_after_the_answer(client):
    assert client.request(id="done", gather=["select 1"])["ok"] is True
    assert client.request(cancel="done")["cancelled"] is False


def test_cancel_tells_integer_and_string_ids_apart(client, pg):
    with pg.gate() as gate:
        client.send(id=5, gather=[gate.sql])
        gate.wait_waiting()
        assert client.request(id="c", cancel="5")["cancelled"] is False
        gate.open()
        assert client.recv()["id"] == 5


def test_close_cancels(gatherd, pg):
    with pg.gate() as gate:
        client = gatherd.client()
        client.send(gather=[gate.sql] * 3)
        gate.wait_waiting(3)
        client.close()
        gate.wait_waiting(0)


def test_close_after_half_close_cancels(gatherd, pg):
    with pg.gate() as gate:
        client = gatherd.client()
        client.send(gather=[gate.sql] * 3)
        client.half_close()
        gate.wait_waiting(3)
        client.close()
        gate.wait_waiting(0)


def test_close_right_after_a_long_request_cancels(gatherd, pg):
    """More than the daemon reads of one client in a turn: nothing but the end itself then tells of the end."""
    request = b'{"gather":["select pg_sleep(100) /* gone%s */"]}\n' % (b"x" * 300000)
    client = gatherd.client()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    assert client.request(ping=True)["pong"] is True
    gatherd.signal(signal.SIGSTOP)
    try:
        client.send_bytes(request)
        client.close()
    finally:
        gatherd.signal(signal.SIGCONT)
    gatherd.wait_idle()


def test_close_drops_what_is_queued(start_gatherd, pg):
    pg.psql("create table if not exists t_queued (n int); truncate t_queued")
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with pg.gate() as gate, gatherd.client() as other:
        client = gatherd.client()
        client.send(gather=[gate.sql] + ["insert into t_queued values (1)"] * 20)
        gate.wait_waiting()
        client.close()
        gate.wait_waiting(0)
        assert other.gather(["select 1"])["ok"] is True
    gatherd.wait_idle()
    assert pg.psql("select count(*) from t_queued") == "0"


def test_kill_9_of_a_client_cancels(gatherd, pg):
    with pg.gate() as gate:
        process = subprocess.Popen([programs.program("gather"), gate.sql, gate.sql],
                                   env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path},
                                   stdout=subprocess.DEVNULL)
        gate.wait_waiting(2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        gate.wait_waiting(0)


def test_an_innocent_is_never_hit(start_gatherd, pg):
    # One connection, so that whatever runs next runs where a cancel has just been sent.
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as guilty, gatherd.client() as innocent:
        for number in range(60):
            guilty.send(id=number, gather=[f"select pg_sleep(0.00{number % 10})"])
            guilty.send(cancel=number)
            assert innocent.value(f"select count(*) from generate_series(1, 20000) where {number} >= 0") == 20000
            answers = [guilty.recv(), guilty.recv()]
            [answer] = [answer for answer in answers if "results" in answer]
            assert answer["results"][0].get("error", {}).get("code") in (None, "cancelled")


def test_cancel_of_a_pipelined_query_hurts_no_neighbour(gatherd):
    # The statement is fast by its history, so it is pipelined; then one of its runs is cancelled.
    sql = "select count(*) from generate_series(1, $1::int)"
    with gatherd.client() as guilty, gatherd.client() as innocent:
        for _ in range(20):
            assert innocent.value({"sql": sql, "params": [10]}) == 10
        for number in range(20):
            guilty.send(id=number, gather=[{"sql": sql, "params": [3000000]}] * 4)
            innocent.send(gather=[{"sql": sql, "params": [n]} for n in range(50)])
            guilty.send(cancel=number)
            answer = innocent.recv()
            assert [result["rows"][0][0] for result in answer["results"]] == list(range(50))
            answers = [guilty.recv(), guilty.recv()]
            [answer] = [answer for answer in answers if "results" in answer]
            for result in answer["results"]:
                assert result.get("error", {}).get("code") in (None, "cancelled")
                assert "error" in result or result["rows"] == [[3000000]]


def test_storm_of_closing_clients(gatherd, pg):
    for _ in range(5):
        clients = [gatherd.client() for _ in range(40)]
        for client in clients:
            client.send(gather=["select pg_sleep(60) /* storm */"] * 5)
        for client in clients:
            client.close()
    wait_until(lambda: pg.running("storm") == 0, "no query of the storm")
    with gatherd.client() as client:
        assert client.gather(["select 1"] * 10)["ok"] is True
