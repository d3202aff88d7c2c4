# SPDX-License-Identifier: PostgreSQL
"""A primary and its hot standby: snapshots there, and who is asked after a failover."""
import pytest

from harness.daemon import Gatherd
from harness.postgres import Postgres
from harness.wait import wait_until

WRITE = "insert into t values (1) returning (select count(*) from t)"


class Pair:
    """A primary, its standby, and a conninfo that names both."""

    def __init__(self):
        self.primary = Postgres()
        self.primary.psql("create table t (n int); insert into t select generate_series(1, 1000)")
        self.standby = self.primary.standby()

    def conninfo(self, attrs):
        both = [self.primary, self.standby]
        return (f"host={','.join(one.host for one in both)} port={','.join(str(one.port) for one in both)} "
                f"user=postgres dbname=postgres target_session_attrs={attrs}")

    def destroy(self):
        self.standby.destroy()
        self.primary.destroy()


@pytest.fixture(scope="module")
def lasting():
    """A pair that nobody changes."""
    pair = Pair()
    yield pair
    pair.destroy()


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def reader_daemon(lasting):
    with Gatherd(lasting.standby, main={"pool_max": 4}) as daemon:
        yield daemon


@pytest.fixture
def client(reader_daemon):
    with reader_daemon.client() as connected:
        yield connected


@pytest.mark.server_faults
def test_a_snapshot_on_a_standby_names_it(client, lasting):
    answer = client.gather(["select count(*), txid_current_snapshot()::text from t"] * 16, snapshot=True)
    assert answer["ok"], answer
    assert len({tuple(result["rows"][0]) for result in answer["results"]}) == 1
    snapshot = answer["snapshot"]
    assert snapshot["in_recovery"] is True and snapshot["id"]
    assert snapshot["server"] == f"{lasting.standby.host}/.s.PGSQL.{lasting.standby.port}"
    high, low = (int(part, 16) for part in snapshot["lsn"].split("/"))
    assert (high, low) > (0, 0)


@pytest.mark.server_faults
def test_one_query_of_a_snapshot_that_fails_there_disturbs_no_other(client):
    answer = client.gather(["select 1", "insert into t values (1)", "select 2", "select pg_current_wal_lsn()"],
                           snapshot=True)
    assert [result.get("error", {}).get("sqlstate") for result in answer["results"]] == [None, "25006", None, "55000"]


@pytest.mark.server_faults
@pytest.mark.parametrize("item, sqlstate, words", [
    ({"transaction": ["select 1"], "isolation": "serializable"}, "0A000", "serializable mode"),
    ({"transaction": ["insert into t values (1)"]}, "25006", "read-only transaction"),
    ({"sequence": ["select 1", "create table u (n int)"]}, "25006", "read-only transaction"),
    ("delete from t", "25006", "read-only transaction"),
    ("vacuum t", "25006", "during recovery"),
])
def test_what_a_standby_cannot_is_said_clearly(client, item, sqlstate, words):
    error = client.one(item)["error"]
    assert error["sqlstate"] == sqlstate and words in error["message"]
    assert error["effects"] in (("none", "unknown") if item == "vacuum t" else ("none",))
    assert client.value("select count(*) from t") == 1000


@pytest.mark.server_faults
def test_target_session_attrs_finds_the_standby(start_gatherd, lasting):
    for attrs, in_recovery in [("standby", True), ("prefer-standby", True), ("primary", False), ("read-write", False)]:
        gatherd = start_gatherd(None, main={"conninfo": lasting.conninfo(attrs)})
        with gatherd.client() as client:
            answer = client.gather(["select pg_is_in_recovery()"] * 3, snapshot=True)
            assert [result["rows"] for result in answer["results"]] == [[[in_recovery]]] * 3
            assert answer["snapshot"]["in_recovery"] is in_recovery


@pytest.mark.server_faults
def test_failover_to_the_promoted_standby(start_gatherd, pair):
    gatherd = start_gatherd(None, main={"conninfo": pair.conninfo("read-write"), "unavailable_after": "60s"})
    with gatherd.client() as client:
        assert client.value(WRITE) == 1000
        pair.standby.wait_caught_up(pair.primary)
        pair.primary.stop("immediate")
        client.send(gather=[WRITE])  # waits for a server that can
        pair.standby.promote()
        result = client.recv()["results"][0]
        if "error" in result:  # sent to the one that died
            assert result["error"]["effects"] in ("none", "unknown")
        wait_until(lambda: "rows" in client.one(WRITE), "a write after the failover")
        assert client.value("select pg_is_in_recovery()") is False


@pytest.mark.server_faults
def test_connections_to_a_server_that_became_read_only_are_dropped(start_gatherd, pair):
    """A switch-over that ends no session: 25006 on the old one, then the new one is looked for."""
    gatherd = start_gatherd(None, main={"conninfo": pair.conninfo("read-write"), "pool_max": 1})
    with gatherd.client() as client:
        assert "rows" in client.one(WRITE)
        pair.standby.wait_caught_up(pair.primary)
        pair.primary.psql("alter system set default_transaction_read_only = on; select pg_reload_conf()")
        pair.standby.promote()

        def written_on_the_new_one():
            result = client.one("insert into t values (1) returning current_setting('port')::int")
            assert "rows" in result or result["error"]["sqlstate"] == "25006", result
            return "rows" in result and result["rows"][0][0] == pair.standby.port

        wait_until(written_on_the_new_one)


@pytest.mark.server_faults
def test_a_promoted_standby_is_looked_at_again(start_gatherd, pair):
    """Who wants a standby does not stay with one that is none any more; who takes any may then write."""
    strict = start_gatherd(pair.standby, main={"conninfo": pair.standby.conninfo(target_session_attrs="standby"),
                                               "unavailable_after": "300ms"})
    lenient = start_gatherd(pair.standby, main={"pool_max": 1})
    with strict.client() as wants_standby, lenient.client() as takes_any:
        assert wants_standby.value("select pg_is_in_recovery()") is True
        before = takes_any.value("select pg_backend_pid()")
        assert takes_any.one(WRITE)["error"]["sqlstate"] == "25006"
        pair.standby.promote()
        wait_until(lambda: wants_standby.one("select 1").get("error", {}).get("code") == "unavailable",
                   "no standby is left")
        wait_until(lambda: "rows" in takes_any.one(WRITE), "a write where it was promoted")
        wait_until(lambda: takes_any.value("select pg_backend_pid()") != before, "a new connection")
