# SPDX-License-Identifier: PostgreSQL
"""Behind PgBouncer, which gives each transaction another session: right rows or a clear error, however it is configured."""
import collections

import pytest

from harness.daemon import Gatherd
from harness.pgbouncer import PgBouncer
from harness.wait import wait_until


@pytest.fixture
def start_pooler():
    poolers = []

    def start(pg, **options):
        poolers.append(PgBouncer(pg, **options))
        return poolers[-1]

    yield start
    for pooler in poolers:
        pooler.destroy()


@pytest.fixture(scope="module", params=[0, None, 3], ids=["none", "default", "few"])
def behind(request, pg):
    """Eight connections to the pooler share two sessions; with and without prepared statements."""
    pooler = PgBouncer(pg, pool_size=2)
    daemon = Gatherd(pg, main={"conninfo": pooler.conninfo(), "pool_max": 8, "prepared_statements": request.param})
    try:
        yield daemon
        daemon.stop()
    finally:
        daemon.cleanup()
        pooler.destroy()


@pytest.fixture
def client(behind):
    with behind.client() as connected:
        yield connected


def test_everybody_gets_his_own_rows(client):
    # texts that differ in little, all with one parameter of one type: whose plan was run shows
    texts = [f"select $1::int + {n} as x, {n} as n" for n in range(20)]
    for turn in range(15):
        items = [{"sql": sql, "params": [turn]} for sql in texts]
        results = client.gather(items)["results"]
        assert [result.get("rows") for result in results] == [[[turn + n, n]] for n in range(20)]


def test_writes_happen_once(client, pg):
    pg.psql("drop table if exists pooled; create table pooled (n int, turn int)")
    for turn in range(10):
        answer = client.gather([{"sql": f"insert into pooled values ({n}, $1) returning n", "params": [turn]}
                                for n in range(10)])
        assert answer["ok"], answer
    rows = pg.psql("select n, count(*), count(distinct turn) from pooled group by 1 order by 1").splitlines()
    assert rows == [f"{n}|10|10" for n in range(10)]


def test_transactions_and_snapshots(client):
    for _ in range(3):
        result = client.one({"transaction": ["create temp table mine (n int) on commit drop",
                                             "insert into mine select 1 from generate_series(1, 3)",
                                             "select count(*) from mine"]})
        assert result["outcome"] == "committed" and result["steps"][2]["rows"] == [[3]]
        answer = client.gather(["select txid_current_snapshot()::text"] * 6, snapshot=True)
        assert answer["ok"] and len({result["rows"][0][0] for result in answer["results"]}) == 1


def test_values_are_as_everywhere(client):
    row = client.one("select date '2026-11-20', interval '1 day', '\\x01'::bytea, 0.1::float8 + 0.2, array[1, null]")
    assert row["rows"] == [["2026-11-20", "1 day", "\\x01", 0.30000000000000004, [1, None]]]


def test_a_time_out_ends_the_query_and_nobody_elses(client, pg):
    client.send(id="slow", gather=["select pg_sleep(600) /* pooled */"], timeout=0.5)
    client.send(id="others", gather=["select 1"] * 10)
    answers = {answer["id"]: answer for answer in (client.recv(), client.recv())}
    assert answers["others"]["ok"], answers
    assert answers["slow"]["results"][0]["error"]["code"] == "timeout"
    wait_until(lambda: pg.running("pooled") == 0)
    assert client.gather(["select 1"] * 20)["ok"]


def test_nothing_piles_up_in_its_sessions(start_gatherd, start_pooler, pg):
    """As documented: with prepared_statements = 0 the sessions behind the pooler hold none."""
    pooler = start_pooler(pg, pool_size=1)
    gatherd = start_gatherd(pg, main={"conninfo": pooler.conninfo(), "pool_max": 4, "prepared_statements": 0})
    with gatherd.client() as client:
        for n in range(5):
            assert client.gather([f"select {n}, {m}" for m in range(8)] * 2)["ok"]
        assert client.value("select count(*) from pg_prepared_statements where name ~ '^gatherd_'") == 0


def test_a_session_pooler_needs_nothing(start_gatherd, start_pooler, pg):
    pooler = start_pooler(pg, pool_mode="session", pool_size=4, settings="server_reset_query = DISCARD ALL")
    gatherd = start_gatherd(pg, main={"conninfo": pooler.conninfo(), "pool_max": 4})
    with gatherd.client() as client:
        for _ in range(4):
            assert client.value("select 40 + 2") == 42
        steps = client.one({"sequence": ["create temp table kept (n int)", "select count(*) from kept"]})["steps"]
        assert steps[1]["rows"] == [[0]]


@pytest.mark.parametrize("settings", ["", "ignore_startup_parameters = options"], ids=["refuses", "ignores"])
def test_read_only_is_never_forgotten(start_gatherd, start_pooler, pg, settings):
    """The pooler takes no options for the session, or drops them: then there is no read-only session to be had."""
    pg.psql("drop table if exists pooled_ro; create table pooled_ro (n int)")
    pooler = start_pooler(pg, settings=settings)
    gatherd = start_gatherd(pg, main={"conninfo": pooler.conninfo(), "read_only": "yes", "unavailable_after": "300ms"})
    with gatherd.client() as client:
        for item in ["insert into pooled_ro values (1)", "select 1", {"sequence": ["insert into pooled_ro values (1)"]}]:
            error = client.one(item)["error"]
            assert error["code"] == "unavailable" and "options" in error["message"], error
    assert pg.psql("select count(*) from pooled_ro") == "0"


def test_names_never_meet(start_gatherd, start_pooler, pg):
    """Two daemons and their connections behind one session: no name stands for two texts."""
    pooler = start_pooler(pg, pool_size=1)
    daemons = [start_gatherd(pg, main={"conninfo": pooler.conninfo(), "pool_max": 2}) for _ in range(2)]
    seen = collections.defaultdict(set)
    for turn in range(4):
        for which, daemon in enumerate(daemons):
            with daemon.client() as client:
                results = client.gather([f"select {n} * {which}" for n in range(6)])["results"]
                assert [result["rows"][0][0] for result in results] == [n * which for n in range(6)], turn
                for name, text in client.one("select name, statement from pg_prepared_statements")["rows"]:
                    seen[name].add(text)
    assert all(len(texts) == 1 for texts in seen.values())
