# SPDX-License-Identifier: PostgreSQL
"""Gathers whose queries all see one state of the database."""
import os
import signal
import subprocess
import threading

import pytest

from harness.wait import LIMIT_S, wait_until

SUM = "select sum(amount)::int8 as s, {n} from bank"


@pytest.fixture
def bank(pg):
    """A table of accounts between which somebody moves money all the time; the sum never changes."""
    pg.psql("drop table if exists bank; create table bank (id int primary key, amount int8 not null); "
            "insert into bank select n, 1000 from generate_series(1, 16) n; "
            "create or replace procedure move_money() language plpgsql as $$ begin loop "
            "update bank set amount = amount - 7 where id = 1 + floor(random() * 8)::int; commit; "
            "update bank set amount = amount + 7 where id = 9 + floor(random() * 8)::int; commit; end loop; end $$")
    # between its two commits 7 are missing: who sees two states sees two sums
    mover = subprocess.Popen([*pg.psql_command("postgres"), "-c", "call move_money()"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield
    pg.psql("select pg_terminate_backend(pid) from pg_stat_activity where query = 'call move_money()'")
    mover.wait(LIMIT_S)


def sums(client, count=16, **options):
    answer = client.request({"gather": [SUM.format(n=n) for n in range(count)], **options})
    assert answer["ok"], answer
    return {result["rows"][0][0] for result in answer["results"]}, answer


@pytest.mark.parametrize("pool_max", [1, 2, 8])
def test_all_agree(start_gatherd, pg, bank, pool_max):
    gatherd = start_gatherd(pg, main={"pool_max": pool_max})
    with gatherd.client() as client:
        seen = set()
        for _ in range(30):
            values, answer = sums(client, snapshot=True)
            assert len(values) == 1
            assert set(answer["snapshot"]) == {"id", "server", "lsn", "time", "in_recovery"}
            seen |= values
        # and they are true snapshots of something that moves
        def both_states():
            seen.update(sums(client, snapshot=True)[0])
            return len(seen) > 1
        wait_until(both_states)


def test_without_it_they_do_not_agree(start_gatherd, pg, bank):
    gatherd = start_gatherd(pg, main={"pool_max": 4})
    with gatherd.client() as client:
        wait_until(lambda: len(sums(client)[0]) > 1)


def test_many_at_once_on_a_small_pool(start_gatherd, pg, bank):
    gatherd = start_gatherd(pg, main={"pool_max": 3})
    failures = []

    def run():
        try:
            with gatherd.client() as client:
                for _ in range(5):
                    assert len(sums(client, snapshot=True)[0]) == 1
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S * 4)
    assert not failures


def test_an_error_disturbs_nobody(client):
    answer = client.request({"gather": ["select 1", "select 1/0", "select 2", "create table nope ()", "select 3"],
                             "snapshot": True})
    assert [result.get("error", {}).get("sqlstate") for result in answer["results"]] == [None, "22012", None, "25006", None]
    assert [result["rows"][0][0] for result in answer["results"][::2]] == [1, 2, 3]
    assert answer["results"][3]["error"]["effects"] == "none"


def test_options_go_with_it(client):
    answer = client.request({"gather": {
        "a": "select 20 as x", "b": {"sql": "select $1::int + 1", "params": [{"from": "a", "column": "x", "row": 0}]},
        "c": {"sql": "select generate_series(1, 10000000)", "max_rows": 2},
        "d": {"sql": "select pg_sleep(100)", "timeout": 0.3}, "e": "select 7"}, "snapshot": True})
    results = answer["results"]
    assert results["b"]["rows"] == [[21]] and results["e"]["rows"] == [[7]]
    assert results["c"]["truncated"] is True and results["c"]["count"] == 2
    assert results["d"]["error"]["code"] == "timeout" and results["d"]["error"]["effects"] == "none"


def test_streamed_with_snapshot_in_the_end_event(client):
    client.send(id=1, gather=["select 1", "select 2"], stream=True, snapshot=True)
    while (event := client.recv())["event"] != "end":
        pass
    assert event["ok"] and event["snapshot"]["id"]


@pytest.mark.parametrize("pool_max", [1, 3])
def test_leader_lost(start_gatherd, pg, bank, pool_max):
    gatherd = start_gatherd(pg, main={"pool_max": pool_max})
    with pg.gate() as gate, gatherd.client() as client:
        client.send(gather=[gate.sql, *(SUM.format(n=n) for n in range(8))], snapshot=True)
        gate.wait_waiting()
        pg.psql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' "
                "and wait_event = 'relation' and pid <> pg_backend_pid()")
        answer = client.recv()
    values = {result["rows"][0][0] for result in answer["results"][1:] if "rows" in result}
    errors = [result["error"] for result in answer["results"] if "error" in result]
    assert len(values) <= 1 and errors and all(error["effects"] == "none" for error in errors)
    with gatherd.client() as client:
        assert len(sums(client, snapshot=True)[0]) == 1


def test_two_databases_are_refused(client):
    answer = client.request({"gather": ["select 1", {"sql": "select 1", "db": "other"}], "snapshot": True})
    assert answer["error"]["code"] == "bad_request"


def test_steps_are_refused(client):
    answer = client.request({"gather": [{"sequence": ["select 1"]}], "snapshot": True})
    assert answer["error"]["code"] == "bad_request"


def test_on_error_cancel(client):
    answer = client.request({"gather": ["select 1/0", "select pg_sleep(100)", "select pg_sleep(100)"],
                             "snapshot": True, "on_error": "cancel"})
    assert answer["failed"] >= 2 and not answer["ok"]


def test_an_array_after_an_error(client):
    answer = client.request({"gather": ["select 1/0", {"sql": "select $1::int[] as a", "params": [[1, 2]]},
                                        {"sql": "select $1::nope[]", "params": [[1]]}, "select 4"],
                             "snapshot": True, "concurrency": 1})
    first, second, third, fourth = answer["results"]
    assert first["error"]["sqlstate"] == "22012" and second["rows"] == [[[1, 2]]]
    assert third["error"]["sqlstate"] == "42704" and fourth["rows"] == [[4]]


def test_no_item_was_sent_where_there_was_no_snapshot(start_gatherd, pg):
    """The server says nothing to the export; what it may have done of that is nothing of the items'."""
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as client:
        backend = client.value("select pg_backend_pid()")
        os.kill(backend, signal.SIGSTOP)
        try:
            answer = client.request({"gather": ["select 1", "select 2"], "snapshot": True, "timeout": 0.2})
        finally:
            os.kill(backend, signal.SIGCONT)
    for result in answer["results"]:
        assert result["error"]["code"] == "timeout" and result["error"]["effects"] == "none"


def test_shutdown_is_told_as_such(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1}, gatherd={"shutdown_timeout": "100ms"})
    with pg.gate() as gate, gatherd.client() as holder, gatherd.client() as client:
        holder.send(gather=[gate.sql])
        gate.wait_waiting()
        client.send(gather=["select 1"], snapshot=True)
        wait_until(lambda: gatherd.stats()["stats"]["requests"]["running"] == 2, "the snapshot waits")
        gatherd.signal(signal.SIGTERM)
        assert client.recv()["results"][0]["error"]["code"] == "shutting_down"
        holder.recv()
    assert gatherd.wait_end() == 0


def test_it_waits_for_no_connection_when_no_item_is_left(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with pg.gate() as gate, gatherd.client() as holder, gatherd.client() as client:
        holder.send(gather=[gate.sql])
        gate.wait_waiting()
        result = client.one({"sql": "select 1", "timeout": 0.2}, snapshot=True)
        assert result["error"]["code"] == "timeout" and result["error"]["effects"] == "none"
        gate.open()
        assert holder.recv()["ok"] is True


def test_without_a_connection_those_that_take_values_are_skipped(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"conninfo": "host=/nonexistent dbname=postgres", "unavailable_after": "100ms"})
    take = {"sql": "select $1::int as n", "params": [{"from": "a", "column": "n", "row": 0}]}
    chain = {"sql": "select $1::int as n", "params": [{"from": "b", "column": "n", "row": 0}]}
    with gatherd.client() as client:
        answer = client.request({"gather": {"c": chain, "b": take, "a": "select 1 as n"}, "snapshot": True})
        errors = {name: result["error"] for name, result in answer["results"].items()}
    assert {name: error["code"] for name, error in errors.items()} == {
        "a": "unavailable", "b": "skipped", "c": "skipped"}
    assert all(error["effects"] == "none" for error in errors.values())


def test_who_comes_later_need_not_wait_for_all_of_it(start_gatherd, pg):
    """While others wait only the connection that the snapshot depends on is kept; and it is one snapshot all the same."""
    gatherd = start_gatherd(pg, main={"pool_max": 2})
    with gatherd.client() as many, gatherd.client() as one:
        many.send(gather=["select pg_current_snapshot()::text, pg_sleep(0.05)"] * 60, snapshot=True, stream=True)
        pg.wait_running("pg_sleep(0.05)", 2)
        assert one.value("select 1") == 1
        many.send(ping=True)
        events = [many.recv()]
        while "pong" not in events[-1]:
            events.append(many.recv())
        assert "end" not in [event.get("event") for event in events]
        events += many.events()
    assert events[-1]["ok"] is True and events[-1]["failed"] == 0
    assert len({event["rows"][0][0] for event in events if event.get("event") == "rows"}) == 1
