# SPDX-License-Identifier: PostgreSQL
"""One user's flood delays nobody else's query by more than one running query. Judged by the order of what ran."""
import os
import pwd

import pytest

from harness.daemon import connect_as
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can connect as somebody else")


@pytest.fixture
def order(pg):
    pg.psql("drop table if exists t_order; create table t_order (id serial, who text)")
    yield lambda: pg.psql("select who from t_order order by id").split("\n")


def insert(who):
    return f"insert into t_order (who) values ('{who}')"


def queued(gatherd, count):
    wait_until(lambda: gatherd.stats()["stats"]["pools"]["main"]["queued"] >= count, f"{count} queued queries")


@pytest.mark.parametrize("other", ["user", "connection", "request"])
def test_a_flood_delays_no_single_query(start_gatherd, pg, order, other):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    nobody = pwd.getpwnam("nobody")
    floods = [gatherd.client() for _ in range(20 if other == "user" else 1)]
    requests = 1 if other == "request" else 10
    with pg.gate() as gate:
        floods[0].send(gather=[gate.sql])
        gate.wait_waiting()
        for client in floods:
            for _ in range(requests):
                client.send(gather=[insert("flood")] * 5)
        queued(gatherd, len(floods) * requests * 2)
        if other == "user":
            single = connect_as(gatherd.socket_path, nobody.pw_uid, nobody.pw_gid)
        else:
            single = gatherd.client() if other == "connection" else floods[0]
        single.send(id="single", gather=[insert("single")])
        queued(gatherd, len(floods) * requests * 2 + 1)
        gate.open()
        for client in floods:
            for _ in range(requests + (client is floods[0]) + (client is single)):
                assert client.recv()["ok"] is True
        if single not in floods:
            assert single.recv()["ok"] is True
            single.close()
    for client in floods:
        client.close()
    ran = order()
    assert ran.count("flood") == len(floods) * requests * 5
    # Between users it is the next after what ran when it came; within one it takes its turn.
    assert ran.index("single") <= (0 if other == "user" else 1), ran[:5]
