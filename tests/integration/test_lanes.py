# SPDX-License-Identifier: PostgreSQL
"""Fast reads share connections: whatever happens beside it, every answer is the asker's own."""
import random
import threading

import pytest

from harness.stats import left_over
from harness.wait import wait_until

FAST = "select $1::text, n from generate_series(1, 3) n"
SLEEP = "select $1::text, pg_sleep($2::float8)"
DIVIDE = "select 10 / $1::int"
MAIN = {"pool_max": 4, "pipeline_threshold": "1s", "pipeline_connections": 2}


@pytest.fixture(params=["no", "yes"])
def main(request):
    """Isolated queries; and the batches of a read-only database."""
    return {**MAIN, "read_only": request.param}


def pool(gatherd):
    with gatherd.client() as client:
        return client.request(stats=True)["stats"]["pools"]["main"]


def make_known(gatherd):
    """The statements count as fast from here on."""
    with gatherd.client() as client:
        for _ in range(3):
            client.gather([{"sql": FAST, "params": ["x"]}])
            client.gather([{"sql": SLEEP, "params": ["x", 0]}])
            client.gather([{"sql": DIVIDE, "params": [1]}])


def rows_of(tag):
    return [[tag, 1], [tag, 2], [tag, 3]]


def fast_items(tag, count):
    return [{"sql": FAST, "params": [f"{tag}-{i}"]} for i in range(count)]


def assert_own(answer, tag, allowed=()):
    """Each result is the item's own, or an error of those that may come."""
    for i, result in enumerate(answer["results"]):
        if "error" in result:
            assert result["error"]["code"] in allowed, result
        else:
            assert result["rows"] == rows_of(f"{tag}-{i}")


def run_all(workers):
    """Runs them at the same time; raises what one of them raised."""
    failures = []

    def guarded(work, number):
        try:
            work(number)
        except BaseException as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work, number)) for number, work in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def asker(gatherd, allowed=()):
    def work(number):
        with gatherd.client() as client:
            for turn in range(20):
                tag = f"{number}-{turn}"
                assert_own(client.gather(fast_items(tag, 8)), tag, allowed)
    return work


def streamer(gatherd, allowed=()):
    def work(number):
        with gatherd.client() as client:
            for turn in range(20):
                tag = f"s{number}-{turn}"
                client.send(gather=fast_items(tag, 8), stream=True)
                rows = {}
                while (event := client.recv())["event"] != "end":
                    if event["event"] == "rows":
                        rows.setdefault(event["item"], []).extend(event["rows"])
                    elif event["event"] == "error":
                        assert event["error"]["code"] in allowed, event
                        rows[event["item"]] = None
                for item, got in rows.items():
                    assert got is None or got == rows_of(f"{tag}-{item}")
    return work


def canceller(gatherd):
    """Its own slow ones end early, in every way; what is not ended is right."""
    def work(number):
        dice = random.Random(number)
        with gatherd.client() as client:
            for turn in range(20):
                slow = {"sql": SLEEP, "params": ["slow", dice.uniform(0, 0.1)], "timeout": dice.uniform(0.001, 0.1)}
                client.send(id=turn, gather=[slow])
                if dice.random() < 0.5:
                    client.send(id=f"c{turn}", cancel=turn)
                    answers = {answer["id"]: answer for answer in (client.recv(), client.recv())}
                    [result] = answers[turn]["results"]
                else:
                    [result] = client.recv()["results"]
                if "error" in result:
                    assert result["error"]["code"] in ("timeout", "cancelled"), result
                else:
                    assert result["rows"] == [["slow", ""]]
    return work


def divider(gatherd):
    """Divides by 0 now and then, among what goes well."""
    def work(number):
        dice = random.Random(number)
        with gatherd.client() as client:
            for turn in range(20):
                by = [dice.choice((0, 1, 2, 5)) for _ in range(4)]
                items = fast_items(f"d{number}-{turn}", 2) + [{"sql": DIVIDE, "params": [n]} for n in by]
                results = client.gather(items)["results"]
                assert_own({"results": results[:2]}, f"d{number}-{turn}")
                for n, result in zip(by, results[2:]):
                    if n == 0:
                        assert result["error"]["sqlstate"] == "22012" and result["error"]["effects"] == "none"
                    else:
                        assert result["rows"] == [[10 // n]]
    return work


def leaver(gatherd):
    """Does not wait for its answers."""
    def work(number):
        for turn in range(20):
            with gatherd.client() as client:
                client.send(gather=fast_items(f"l{number}-{turn}", 4) + [{"sql": SLEEP, "params": ["left", 0.05]}])
    return work


def await_idle(gatherd):
    def idle():
        with gatherd.client() as client:
            return left_over(client.request(stats=True)) == {}
    wait_until(idle)


def test_everybody_gets_his_own(start_gatherd, pg, main):
    gatherd = start_gatherd(pg, main=main)
    make_known(gatherd)
    run_all([asker(gatherd)] * 4 + [streamer(gatherd)] * 4)
    await_idle(gatherd)
    stats = pool(gatherd)
    assert stats["pipelined"] > 100 and stats["errors"] == 0 and stats["repeated"] == 0
    assert (stats["batched"] > stats["batches"] > 0) == (main["read_only"] == "yes")


@pytest.mark.parametrize("neighbour", [canceller, divider, leaver])
def test_such_neighbours_hurt_nobody(start_gatherd, pg, main, neighbour):
    gatherd = start_gatherd(pg, main=main)
    make_known(gatherd)
    run_all([asker(gatherd)] * 3 + [streamer(gatherd)] * 2 + [neighbour(gatherd)] * 3)
    await_idle(gatherd)
    stats = pool(gatherd)
    assert stats["pipelined"] > 100 and stats["lost"] == 0


def test_killed_backends_give_errors_never_anothers_rows(start_gatherd, pg, main):
    gatherd = start_gatherd(pg, main=main)
    make_known(gatherd)

    def killer(_):  # each is gone before the next: none of them may still die after the last query below
        for _ in range(10):
            pg.psql("select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                    "where application_name = 'gatherd' and datname = current_database() limit 1")

    allowed = ("sql", "connection_lost")
    run_all([asker(gatherd, allowed)] * 3 + [streamer(gatherd, allowed)] * 3 + [killer])
    await_idle(gatherd)
    with gatherd.client() as client:
        assert_own(client.gather(fast_items("after", 8)), "after")


def test_a_depth_of_one_shares_nothing(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={**MAIN, "pipeline_depth": 1})
    make_known(gatherd)
    run_all([asker(gatherd)] * 4)
    assert pool(gatherd)["pipelined"] == 0
