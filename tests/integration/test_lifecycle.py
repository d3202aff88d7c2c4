# SPDX-License-Identifier: PostgreSQL
"""Start, readiness, reload, shutdown, socket activation, watchdog: what an operator and systemd see."""
import fcntl
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

from harness import programs
from harness.client import Client
from harness.wait import wait_until

pytestmark = pytest.mark.valgrind


def test_ready_means_that_clients_are_served(start_gatherd, pg):
    gatherd = start_gatherd(pg)  # returns at READY=1
    with gatherd.client() as client:
        assert client.gather(["select 1"])["ok"] is True


def test_ready_without_a_server(start_gatherd):
    gatherd = start_gatherd(None)
    with gatherd.client() as client:
        assert client.request(ping=True)["pong"] is True


@pytest.mark.parametrize("mode", ["0600", "0660", "0666"])
def test_socket_mode(start_gatherd, pg, mode):
    gatherd = start_gatherd(pg, gatherd={"socket_mode": mode})
    assert stat.S_IMODE(os.stat(gatherd.socket_path).st_mode) == int(mode, 8)


def test_sigterm_finishes_what_runs(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with pg.gate() as gate, gatherd.client() as client:
        client.send(gather=[gate.sql, "select 2"])
        gate.wait_waiting()
        gatherd.signal(signal.SIGTERM)
        gatherd.notify.wait_for("STOPPING=1")
        gate.open()
        answer = client.recv()
        assert answer["ok"] is True and [result["rows"] for result in answer["results"]] == [[[1]], [[2]]]
        assert client.recv() is None
    assert gatherd.wait_end() == 0


def test_sigterm_refuses_what_comes_later(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with pg.gate() as gate, gatherd.client() as client:
        client.send(id="running", gather=[gate.sql])
        gate.wait_waiting()
        gatherd.signal(signal.SIGTERM)
        gatherd.notify.wait_for("STOPPING=1")
        client.send(id="late", gather=["select 1"])
        late = client.recv()
        assert late["id"] == "late"
        assert late["error"]["code"] == "shutting_down" and late["error"]["effects"] == "none"
        gate.open()
        assert client.recv()["id"] == "running"
    assert gatherd.wait_end() == 0


def test_sigterm_closes_idle_clients_and_removes_the_socket(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        assert client.request(ping=True)["pong"] is True
        gatherd.signal(signal.SIGTERM)
        assert client.recv() is None
    assert gatherd.wait_end() == 0
    assert not os.path.exists(gatherd.socket_path)


def test_shutdown_timeout_cancels_the_rest(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"shutdown_timeout": "300ms"}, main={"pool_max": 1})
    with pg.gate() as gate, gatherd.client() as client:
        client.send(gather=[gate.sql, "select 2"])
        gate.wait_waiting()
        gatherd.signal(signal.SIGTERM)
        answer = client.recv()
        assert {result["error"]["code"] for result in answer["results"]} <= {"shutting_down", "cancelled"}
        assert all(result["error"]["effects"] == "none" for result in answer["results"])
        assert gatherd.wait_end() == 0
        gate.wait_waiting(0)


def test_second_sigterm_is_now(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"shutdown_timeout": "1h"})
    with pg.gate() as gate, gatherd.client() as client:
        client.send(gather=[gate.sql])
        gate.wait_waiting()
        gatherd.signal(signal.SIGTERM)
        gatherd.notify.wait_for("STOPPING=1")
        gatherd.signal(signal.SIGTERM)
        assert gatherd.wait_end() == 0
        gate.wait_waiting(0)


def test_sigint_is_like_sigterm(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    gatherd.signal(signal.SIGINT)
    assert gatherd.wait_end() == 0


def test_leaves_no_backend_behind(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(application_name="leaver"), "pool_min": 4})
    wait_until(lambda: pg.psql("select count(*) from pg_stat_activity where application_name = 'leaver'") == "4")
    gatherd.stop()
    wait_until(lambda: pg.psql("select count(*) from pg_stat_activity where application_name = 'leaver'") == "0")


def test_reload_takes_a_new_configuration(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with gatherd.client() as before:
        assert before.gather(["select 1"], db="added")["error"]["code"] == "unknown_database"
        gatherd.sections["gatherd"]["default_database"] = "main"
        gatherd.sections["database added"] = {"conninfo": pg.conninfo(db="other")}
        gatherd.write_config()
        gatherd.signal(signal.SIGHUP)
        gatherd.notify.wait_for("RELOADING=1", gatherd.process.pid)
        gatherd.notify.wait_for("READY=1", gatherd.process.pid)
        assert before.value("select current_database()", db="added") == "other"
    with gatherd.client() as after:
        assert after.value("select current_database()", db="added") == "other"


def test_reload_drops_a_database_but_not_what_runs_in_it(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"default_database": "main"},
                            sections={"database gone": {"conninfo": pg.conninfo(application_name="gone")}})
    with pg.gate() as gate, gatherd.client() as client:
        client.send(id="running", gather=[gate.sql], db="gone")
        gate.wait_waiting()
        del gatherd.sections["database gone"]
        gatherd.write_config()
        gatherd.signal(signal.SIGHUP)
        gatherd.notify.wait_for("RELOADING=1", gatherd.process.pid)
        gatherd.notify.wait_for("READY=1", gatherd.process.pid)
        assert client.gather(["select 1"], db="gone")["error"]["code"] == "unknown_database"
        gate.open()
        assert client.recv()["ok"] is True
    wait_until(lambda: pg.psql("select count(*) from pg_stat_activity where application_name = 'gone'") == "0")


@pytest.mark.parametrize("broken", [
    "[gatherd]\nnonsense = 1\n", "[gatherd\n", "", "[gatherd]\nmax_clients = many\n[database main]\nconninfo = x\n",
    "[database main]\nconninfo = dbnam=postgres\n",
])
def test_reload_of_a_broken_file_keeps_the_old_configuration_and_says_why(start_gatherd, pg, broken):
    gatherd = start_gatherd(pg)
    gatherd.write_config(broken)
    gatherd.signal(signal.SIGHUP)
    gatherd.wait_log(f"{gatherd.config_path}:")
    with gatherd.client() as client:
        assert client.gather(["select 1"])["ok"] is True


@pytest.mark.parametrize("key, value", [("socket_mode", "0600"), ("socket_group", "0")])
def test_reload_says_what_needs_a_restart(start_gatherd, pg, key, value):
    gatherd = start_gatherd(pg)
    gatherd.sections["gatherd"][key] = value
    gatherd.write_config()
    gatherd.signal(signal.SIGHUP)
    gatherd.wait_log("WARNING socket, socket_mode and socket_group change with a restart only")


def test_a_lost_connection_is_logged(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"log_level": "warning"})
    with gatherd.client() as client:
        pid = client.value("select pg_backend_pid()")
        pg.psql(f"select pg_terminate_backend({pid})")
        gatherd.wait_log('WARNING database "main": a connection was lost: terminating connection due to administrator command')
    log = gatherd.log()
    gatherd.stop()
    assert gatherd.log() == log  # those that the daemon closes are not lost


def test_the_debug_log_tells_of_clients_requests_and_queries(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"log_level": "debug"})
    with gatherd.client() as client:
        client.gather(["select 1 as x", "select nonsense"])
        client.gather(["select 1"], db="away")
    gatherd.wait_log(": gone")
    log = gatherd.log()
    for pattern in (r"\(pid \d+, uid \d+\): connected$", r": query on \"main\": \d\.\d{3} s: select 1 as x$",
                    r": query on \"main\": \d\.\d{3} s, sql: select nonsense$",
                    r": refused: unknown_database: no database \"away\" is configured$"):
        assert re.search(f"DEBUG client \\d+ .*{pattern}", log, re.M), (pattern, log)


def test_a_slow_query_that_failed_is_logged_with_its_reason(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"slow_query": "1ms"})
    with gatherd.client() as client:
        slow = "do $$begin perform pg_sleep(0.01); raise 'no'; end$$"
        assert client.one(slow)["error"]["code"] == "sql"
    gatherd.wait_log(f" s, sql: {slow}")


def test_reload_during_queries(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        for number in range(20):
            client.send(gather=[f"select {number}"] * 10)
            gatherd.signal(signal.SIGHUP)
        for _ in range(20):
            assert client.recv()["ok"] is True


def test_status_text_is_told(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    assert gatherd.notify.messages[0]["READY"] == "1"


def test_watchdog(start_gatherd, pg):
    gatherd = start_gatherd(pg, env={"WATCHDOG_USEC": "200000"})
    for _ in range(3):
        gatherd.notify.wait_for("WATCHDOG=1", gatherd.process.pid)


def test_watchdog_that_is_meant_for_another_process(start_gatherd, pg):
    gatherd = start_gatherd(pg, env={"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    gatherd.signal(signal.SIGTERM)
    gatherd.notify.wait_for("STOPPING=1")
    assert gatherd.wait_end() == 0
    assert not any("WATCHDOG" in message for message in gatherd.notify.messages)


def test_socket_activation(start_gatherd, pg, tmp_path):
    path = str(tmp_path / "activated.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(64)
        # sent before there is any daemon: the socket keeps it
        early = Client(path)
        early.send(gather=["select 'early'"])
        gatherd = start_gatherd(pg, listen_socket=listener, gatherd={"socket": str(tmp_path / "unused.sock")})
        gatherd.socket_path = path
        assert early.recv()["results"][0]["rows"] == [["early"]]
        early.close()
        gatherd.stop()
        assert os.path.exists(path), "an activated socket is not the daemon's to remove"
        # the next daemon takes the connections that came in between
        late = Client(path)
        late.send(gather=["select 'late'"])
        gatherd.start()
        assert late.recv()["results"][0]["rows"] == [["late"]]
        late.close()


def test_a_stale_socket_is_replaced(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    gatherd.kill()
    assert os.path.exists(gatherd.socket_path)
    gatherd.start()
    with gatherd.client() as client:
        assert client.gather(["select 1"])["ok"] is True


def test_a_second_daemon_does_not_take_the_socket(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    second = subprocess.run([programs.program("gatherd"), "-c", gatherd.config_path], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert second.returncode == 1 and gatherd.socket_path in second.stderr
    with gatherd.client() as client:
        assert client.gather(["select 1"])["ok"] is True


def test_a_file_that_is_no_socket_is_left_alone(start_gatherd, pg, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine", "utf-8")
    gatherd = start_gatherd(pg, start=False, gatherd={"socket": str(precious)})
    done = programs.run("gatherd", "-c", gatherd.config_path)
    assert done.returncode == 1 and str(precious) in done.stderr
    assert precious.read_text("utf-8") == "mine"


def test_sigusr1_tells_what_each_task_waits_for(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with pg.gate() as gate, gatherd.client() as client:
        client.gather(["select 1"])  # there is a connection, so that the deadline alone limits the wait
        client.send(gather=[gate.sql], timeout=600)
        gate.wait_waiting()
        gatherd.signal(signal.SIGUSR1)
        wait_until(lambda: re.search(r"deadline in 5\d{5} ms", gatherd.log()), "the query's deadline")
        wait_until(lambda: len([line for line in gatherd.log().splitlines() if "stack" in line and "KiB" in line]) >= 4,
                   "the service, its database, the connection, the query")
        gate.open()
        assert client.recv()["ok"] is True


@pytest.mark.skipif(bool(programs.WRAPPER), reason="valgrind keeps descriptors, and a limit, of its own")
def test_out_of_descriptors(start_gatherd, pg):
    gatherd = start_gatherd(pg, start=False)
    gatherd.start()
    subprocess.run(["prlimit", f"--pid={gatherd.process.pid}", "--nofile=64:64"], check=True)
    clients = [gatherd.client() for _ in range(80)]  # the kernel takes them, the daemon cannot yet
    assert clients[0].gather(["select 1"])["ok"] is True, "who is in is served"
    for client in clients[:70]:
        client.close()
    assert clients[-1].gather(["select 1"])["ok"] is True, "who waited is served once there is room"
    for client in clients[70:]:
        client.close()


def dropped_lines(client):
    return client.request(stats=True)["stats"]["log"]["dropped"]


def test_a_blocked_stderr_does_not_block_service(start_gatherd, pg):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    gatherd = start_gatherd(pg, start=False)
    gatherd.process = subprocess.Popen([*programs.WRAPPER, programs.program("gatherd"), "-c", gatherd.config_path],
                                       stdin=subprocess.DEVNULL, stderr=writer, cwd="/",
                                       env={**os.environ, "NOTIFY_SOCKET": gatherd.notify.path})
    os.close(writer)
    gatherd.notify.wait_for("READY=1", gatherd.process.pid)
    with gatherd.client() as client, open(reader, encoding="utf-8") as log:
        while (dropped := dropped_lines(client)) < 50:  # nobody reads the log
            gatherd.signal(signal.SIGUSR1)  # several lines each time
            assert client.gather(["select 1", "select nonsense"])["failed"] == 1
        # What does not fit is counted, and that is told once there is room again.
        told = []
        while sum(told) < dropped:
            gatherd.signal(signal.SIGUSR1)
            told += map(int, re.findall(r"WARNING (\d+) log lines were dropped", log.readline()))
        assert sum(told) <= dropped_lines(client)
