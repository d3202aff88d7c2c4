# SPDX-License-Identifier: PostgreSQL
"""Faults of the server and of the way to it."""
import pytest

from harness.wait import wait_until

AGAIN = {"queue_full", "unavailable", "shutting_down", "connection_lost", "timeout"}


def served(client):
    """Whether a query goes well now."""
    return client.gather(["select 1"])["ok"]


@pytest.mark.valgrind
def test_terminated_backend(client, pg):
    with pg.gate() as gate:
        client.send(gather=[gate.sql, "select 2"])
        gate.wait_waiting()
        pg.psql(f"select pg_terminate_backend({pg.backend_of(gate.table)})")
        first, second = client.recv()["results"]
    assert first["error"]["code"] == "sql" and first["error"]["sqlstate"] == "57P01"
    assert first["error"]["effects"] == "none"
    assert second["rows"] == [[2]]
    assert served(client)


def test_cancelled_by_somebody_else(client, pg):
    with pg.gate() as gate:
        client.send(gather=["/* write */ insert into " + gate.table + " values (2) returning n"])
        gate.wait_waiting()
        pg.psql(f"select pg_cancel_backend({pg.backend_of('write')})")
        error = client.recv()["results"][0]["error"]
    assert error["code"] == "sql" and error["sqlstate"] == "57014" and error["effects"] == "none"


def test_idle_connections_that_die_are_replaced_silently(client, pg):
    for _ in range(5):
        assert client.gather(["select 1"] * 20)["ok"] is True
        pg.psql("select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where pid <> pg_backend_pid() and backend_type = 'client backend'")
        assert client.gather(["select 2"] * 20)["ok"] is True


def test_idle_connections_that_the_server_ends_are_replaced_silently(start_gatherd, pg):
    conninfo = pg.conninfo(application_name="idler", options="-cidle_session_timeout=100ms")
    gatherd = start_gatherd(pg, main={"conninfo": conninfo, "pool_min": 0})
    with gatherd.client() as client:
        for _ in range(3):
            assert client.gather(["select 1"] * 4)["ok"] is True
            wait_until(lambda: pg.psql("select count(*) from pg_stat_activity where application_name = 'idler'") == "0",
                       "the end of what is idle (57P05)")


@pytest.mark.server_faults
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restart_of_the_server(start_gatherd, pg_own, mode):
    pg = pg_own()
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        client.send(gather=["select pg_sleep(600) /* in flight */"] * 3)
        pg.wait_running("in flight", 3)
        pg.restart(mode)
        for result in client.recv()["results"]:
            error = result["error"]
            assert error["code"] in ("sql", "connection_lost"), error
            if error["code"] == "sql":
                assert error["sqlstate"] in ("57P01", "57P02", "57P03")
        wait_until(lambda: served(client), "service after the restart")


@pytest.mark.server_faults
def test_a_write_that_a_restart_hits_is_never_run_twice(start_gatherd, pg_own):
    pg = pg_own()
    pg.psql("create table t (n int); checkpoint")  # nothing else makes it last here
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        client.send(gather=["with s as (select pg_sleep(600) /* write */) insert into t select 1 from s"])
        pg.wait_running("write")
        pg.restart("immediate")
        error = client.recv()["results"][0]["error"]
        assert error["effects"] in ("none", "unknown")
        wait_until(lambda: served(client), "service after the restart")
    assert pg.psql("select count(*) from t") == "0"


@pytest.mark.server_faults
def test_kill_9_of_a_backend(start_gatherd, pg_own):
    pg = pg_own(settings="restart_after_crash = on")
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        client.send(gather=["select pg_sleep(600) /* victim */", "select pg_sleep(600) /* bystander */"])
        pg.wait_running("bystander")
        pg.kill_backend(pg.backend_of("victim"))
        for result in client.recv()["results"]:
            assert result["error"]["code"] in ("sql", "connection_lost")
        wait_until(lambda: served(client), "service after the crash")


@pytest.mark.server_faults
def test_server_that_is_down_at_the_start(start_gatherd, pg_own):
    pg = pg_own()
    pg.stop()
    gatherd = start_gatherd(pg, main={"unavailable_after": "300ms"})
    with gatherd.client() as client:
        error = client.one("select 1")["error"]
        assert error["code"] == "unavailable" and error["effects"] == "none"
        assert client.request(ping=True)["pong"] is True
        pg.start()
        wait_until(lambda: served(client), "service once the server is up")
        gatherd.wait_log('database "main": connected')


@pytest.mark.server_faults
def test_queued_queries_wait_for_the_server_until_their_deadline(start_gatherd, pg_own):
    pg = pg_own()
    pg.stop()
    gatherd = start_gatherd(pg, main={"unavailable_after": "60s"})
    with gatherd.client() as client:
        assert client.one("select 1", timeout=0.3)["error"]["code"] == "timeout"
        client.send(gather=["select 1"])
        pg.start()
        assert client.recv()["ok"] is True


@pytest.mark.server_faults
def test_an_outage_of_one_database_is_its_own(start_gatherd, pg, pg_own):
    down = pg_own()
    down.stop()
    gatherd = start_gatherd(pg, gatherd={"default_database": "main"},
                            sections={"database down": {"conninfo": down.conninfo(), "unavailable_after": "300ms"}})
    with gatherd.client() as client:
        first, second = client.gather([{"sql": "select 1", "db": "down"}, "select 2"])["results"]
        assert first["error"]["code"] == "unavailable" and second["rows"] == [[2]]


@pytest.mark.parametrize("options", [{"db": "no_such_database"}, {"user": "no_such_role"}])
def test_what_cannot_work_fails_fast_with_its_reason(start_gatherd, pg, options):
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(**options)})
    with gatherd.client() as client:
        error = client.one("select 1")["error"]
        assert error["code"] == "unavailable" and "no_such" in error["message"]
        assert client.request(ping=True)["pong"] is True
        gatherd.wait_log('database "main": cannot connect: ')


@pytest.mark.server_faults
def test_wrong_password(start_gatherd, pg_own):
    pg = pg_own()
    pg.psql("create role locked login password 'right'")
    with open(f"{pg.data}/pg_hba.conf", "r+", encoding="utf-8") as hba:
        rules = hba.read()
        hba.seek(0)
        hba.write("local all locked scram-sha-256\n" + rules)
    pg.psql("select pg_reload_conf()")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(user="locked", password="wrong")})
    with gatherd.client() as client:
        error = client.one("select 1")["error"]
        assert error["code"] == "unavailable" and "password" in error["message"]
        assert "wrong" not in gatherd.log()


@pytest.mark.server_faults
def test_max_connections(start_gatherd, pg_own):
    pg = pg_own(max_connections=8)  # 3 of them for superusers
    pg.psql("create role plain login; grant all on schema public to plain")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(user="plain"), "pool_max": 20})
    with gatherd.client() as client:
        for _ in range(3):
            answer = client.gather(["select pg_sleep(0.05)"] * 20)
            assert answer["ok"] is True, answer


def test_tcp(start_gatherd, pg_own):
    pg = pg_own(tcp=True)
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(host="127.0.0.1")})
    with gatherd.client() as client:
        assert client.value("select inet_server_addr()::text") == "127.0.0.1/32"
        client.send(gather=["select pg_sleep(600) /* tcp */"], timeout=0.3)
        assert client.recv()["results"][0]["error"]["code"] == "timeout"
        wait_until(lambda: pg.running("tcp") == 0)


def test_tcp_by_name_and_service(start_gatherd, pg_own, tmp_path):
    pg = pg_own(tcp=True)
    services = tmp_path / "services.conf"
    services.write_text(f"[reports]\nhost=localhost\nport={pg.port}\nuser=postgres\ndbname=postgres\n", "utf-8")
    gatherd = start_gatherd(pg, main={"conninfo": "service=reports"}, env={"PGSERVICEFILE": str(services)})
    with gatherd.client() as client:
        assert client.gather(["select 1"])["ok"] is True


def test_unclean_notices_do_no_harm(client):
    result = client.gather(["do $$ begin for i in 1..200 loop raise notice 'noise %', i; end loop; end $$",
                            "select 1"])
    assert result["ok"] is True


def test_client_that_never_reads_is_dropped(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"client_write_timeout": "1s"})
    with gatherd.client() as deaf, gatherd.client() as other:
        deaf.send(gather=["select repeat('x', 1000) from generate_series(1, 1000000) /* deaf */"], stream=True)
        pg.wait_running("deaf")
        wait_until(lambda: pg.running("deaf") == 0, "the end of the query that nobody reads")
        assert other.gather(["select 1"])["ok"] is True
