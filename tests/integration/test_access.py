# SPDX-License-Identifier: PostgreSQL
"""Who may do what, by SO_PEERCRED and the [access NAME] sections."""
import os
import pwd

import pytest

from harness.daemon import connect_as

pytestmark = [pytest.mark.valgrind,
              pytest.mark.skipif(os.geteuid() != 0, reason="only root can connect as somebody else")]


@pytest.fixture
def nobody():
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


@pytest.fixture
def gatherd_with_access(start_gatherd, pg):
    def start(**sections):
        gatherd = start_gatherd(pg, gatherd={"default_database": "main"},
                                sections={"database other": {"conninfo": pg.conninfo(db="other")},
                                          **{f"access {name}": keys for name, keys in sections.items()}})
        gatherd.write_report("ask", "-- report: ask\n-- title: Ask\n\n-- name: one\nselect 1 as n;\n")
        return gatherd
    return start


def test_without_sections_everybody_may(gatherd_with_access, nobody):
    gatherd = gatherd_with_access()
    with connect_as(gatherd.socket_path, *nobody) as client:
        assert client.gather(["select 1", {"sql": "select 2", "db": "other"}])["ok"] is True


def test_whom_no_section_names_is_denied(gatherd_with_access, nobody):
    gatherd = gatherd_with_access(admins={"users": "root"})
    with connect_as(gatherd.socket_path, *nobody) as client:
        answer = client.gather(["select 1"])
        assert answer["error"]["code"] == "denied" and answer["error"]["effects"] == "none"
    with gatherd.client() as client:
        assert client.gather(["select 1"])["ok"] is True


@pytest.mark.parametrize("keys", [{"users": "nobody"}, {"users": "65534"}, {"users": "root nobody"},
                                  {"groups": "nogroup"}])
def test_users_and_groups_by_name_and_number(gatherd_with_access, nobody, keys):
    gatherd = gatherd_with_access(admins={"users": "root"}, web=keys)
    with connect_as(gatherd.socket_path, *nobody) as client:
        assert client.gather(["select 1"])["ok"] is True


def test_databases(gatherd_with_access, nobody):
    gatherd = gatherd_with_access(admins={"users": "root"}, web={"users": "nobody", "databases": "other"})
    with connect_as(gatherd.socket_path, *nobody) as client:
        assert client.gather(["select 1"], db="other")["ok"] is True
        refused = client.gather([{"sql": "select 1", "db": "other"}, {"sql": "select 1", "db": "main"}])
        assert refused["error"]["code"] == "denied" and "results" not in refused
        assert "did you mean" not in client.gather(["select 1"], db="mian")["error"]["message"]
        assert 'did you mean "other"?' in client.gather(["select 1"], db="othre")["error"]["message"]
    with gatherd.client() as client:
        assert client.gather(["select 1"], db="main")["ok"] is True


def test_reports_only(gatherd_with_access, nobody):
    gatherd = gatherd_with_access(admins={"users": "root"}, web={"users": "nobody", "sql": "reports"})
    with connect_as(gatherd.socket_path, *nobody) as client:
        assert client.gather(["select 1"])["error"]["code"] == "denied"
        assert client.request(report="ask")["results"]["one"]["rows"] == [[1]]
        assert client.request(ping=True)["pong"] is True


def test_the_first_section_that_names_the_client_counts(gatherd_with_access, nobody):
    gatherd = gatherd_with_access(strict={"users": "nobody", "databases": "other"}, all={})
    with connect_as(gatherd.socket_path, *nobody) as client:
        assert client.gather(["select 1"], db="main")["error"]["code"] == "denied"
    with gatherd.client() as client:
        assert client.gather(["select 1"], db="main")["ok"] is True


def test_max_requests_of_a_section(gatherd_with_access, pg, nobody):
    gatherd = gatherd_with_access(web={"users": "nobody", "max_requests": "1"}, all={})
    with pg.gate() as gate, connect_as(gatherd.socket_path, *nobody) as client:
        client.send(id=1, gather=[gate.sql])
        client.send(id=2, gather=[gate.sql])
        gate.wait_waiting(1)
        with gatherd.client() as other:
            assert other.gather(["select 1"])["ok"] is True
        assert gate.waiting() == 1
        gate.open()
        assert [client.recv()["id"], client.recv()["id"]] == [1, 2]


def test_an_unknown_user_is_a_mistake_or_matches_nobody(gatherd_with_access, nobody):
    gatherd = gatherd_with_access(ghosts={"users": "no-such-user-anywhere"}, all={"users": "root"})
    with connect_as(gatherd.socket_path, *nobody) as client:
        assert client.gather(["select 1"])["error"]["code"] == "denied"


def test_pool_max_of_a_section(gatherd_with_access, pg, nobody):
    gatherd = gatherd_with_access(web={"users": "nobody", "pool_max": "2"}, all={})
    with pg.gate() as gate, connect_as(gatherd.socket_path, *nobody) as client, \
            connect_as(gatherd.socket_path, *nobody) as second:
        client.send(gather=[gate.sql] * 3 + [{"sequence": [gate.sql]}, {"transaction": [gate.sql]}], id="c")
        second.send(gather=[gate.sql] * 3, snapshot=True, id="s")
        gate.wait_waiting(2)
        refused = second.one({"sql": "select 1", "timeout": 0.1})["error"]
        assert refused["code"] == "timeout" and refused["effects"] == "none"
        # The rest of the pool is the others', and so is another database's.
        with gatherd.client() as other:
            assert other.gather(["select 1"] * 4)["ok"] is True
        assert second.gather(["select 1"], db="other")["ok"] is True
        assert gate.waiting() == 2
        gate.open()
        assert client.recv()["ok"] is True and second.recv()["ok"] is True


def test_those_who_wait_for_their_section_take_turns(gatherd_with_access, pg, nobody):
    gatherd = gatherd_with_access(web={"users": "nobody", "pool_max": "1"}, all={})
    with pg.gate() as gate, connect_as(gatherd.socket_path, *nobody) as client, \
            connect_as(gatherd.socket_path, *nobody) as second:
        client.send(gather=[gate.sql] + ["select 1"] * 200, id=1)
        gate.wait_waiting(1)
        second.send(gather=["select 2"], id=2)
        client.send(cancel=1, id=3)
        assert client.recv()["cancelled"] is True
        assert client.recv()["failed"] == 201
        assert second.recv()["ok"] is True
        gate.open()


def test_a_section_that_may_only_read(gatherd_with_access, pg, nobody):
    pg.psql("drop table if exists t_readers; create table t_readers (n int)")
    gatherd = gatherd_with_access(web={"users": "nobody", "read_only": "yes"}, all={})
    write = "insert into t_readers values (1)"
    with connect_as(gatherd.socket_path, *nobody) as client:
        assert client.one(write)["error"]["sqlstate"] == "25006"
        assert client.one({"transaction": [write], "read_only": False})["error"]["sqlstate"] == "25006"
        assert client.value("select count(*) from t_readers") == 0
    with gatherd.client() as client:
        assert "error" not in client.one(write)
