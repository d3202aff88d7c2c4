# SPDX-License-Identifier: PostgreSQL
"""Faults around the daemon: a frozen server, name service, clock, network, log, and its own sudden end."""
import os
import signal
import socket
import subprocess
import threading

import pytest

from harness import programs
from harness.client import Client
from harness.faults import Faults
from harness.life import Life, Marks
from harness.postgres import bin_dir
from harness.wait import LIMIT_S, wait_until

direct = pytest.mark.skipif(bool(programs.WRAPPER), reason="the daemon is not the process that starts")
YEAR_NS = 365 * 86400 * 10**9


@pytest.fixture
def faults():
    made = Faults()
    yield made
    made.close()


@pytest.fixture
def freeze():
    """Stops processes; they go on when the test is over, whatever it came to."""
    frozen = []

    def stop(pid):
        frozen.append(pid)
        os.kill(pid, signal.SIGSTOP)

    yield stop
    for pid in frozen:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


@pytest.mark.server_faults
def test_a_frozen_backend_is_given_up_and_replaced(start_gatherd, pg_own, freeze):
    pg = pg_own()
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as client:
        freeze(client.value("select pg_backend_pid()"))
        error = client.one("select 1 from pg_sleep(600)", timeout=1)["error"]
        assert error["code"] == "timeout" and error["effects"] == "unknown"
        assert client.value("select 2") == 2  # the pool has one connection: another one


@pytest.mark.server_faults
def test_a_frozen_postmaster_stops_neither_cancel_nor_service(start_gatherd, pg_own, freeze):
    pg = pg_own()
    gatherd = start_gatherd(pg, main={"pool_max": 2})
    with gatherd.client() as client, gatherd.client() as other:
        client.send(gather=["select 1 from pg_sleep(600) /* alone */", "select 1 from pg_sleep(600) /* alone */"])
        pg.wait_running("alone", 2)
        client.send(id="x", cancel=1)
        assert client.recv()["id"] == "x" and client.recv()["failed"] == 2
        wait_until(lambda: gatherd.stats()["stats"]["pools"]["main"]["connections"]["idle"] == 2,
                   "both connections: what carried the cancels has closed")
        freeze(pg.postmaster_pid())
        first, second = client.gather([{"sql": "select 1 from pg_sleep(600)", "timeout": 0.5}, "select 7"])["results"]
        # its PQcancel could not get through
        assert first["error"]["code"] == "timeout" and second["rows"] == [[7]]
        assert other.request(ping=True)["pong"] is True
        os.kill(pg.postmaster_pid(), signal.SIGCONT)
        wait_until(lambda: other.gather(["select 1"] * 2)["ok"], "service afterwards")


@direct
@pytest.mark.server_faults
def test_a_hanging_name_service_is_one_databases_matter(start_gatherd, pg, pg_own, faults):
    behind = pg_own(tcp=True)
    faults.page.hang = 1
    gatherd = start_gatherd(pg, env=faults.env, gatherd={"default_database": "main"}, sections={"database named": {
        "conninfo": behind.conninfo(host="hanging.invalid"), "unavailable_after": "500ms",
        "server_connect_timeout": "300ms"}})
    with gatherd.client() as client:
        error = client.one({"sql": "select 1", "db": "named"})["error"]
        assert error["code"] == "unavailable" and error["effects"] == "none"
        wait_until(lambda: faults.page.hanging > 0, "somebody who asks the name service")
        assert client.gather(["select 1"] * 20)["ok"] is True
        faults.page.hang = 0
        wait_until(lambda: client.gather([{"sql": "select 1", "db": "named"}])["ok"], "service by that name")


@direct
@pytest.mark.parametrize("jump_ns", [YEAR_NS, -YEAR_NS], ids=["forward", "back"])
def test_a_clock_that_jumps_changes_nothing(start_gatherd, pg, faults, jump_ns):
    gatherd = start_gatherd(pg, env=faults.env, main={"server_idle_timeout": "10min", "server_lifetime": "1h"})
    with gatherd.client() as client, pg.gate() as gate:
        pid = client.value("select pg_backend_pid()")
        client.send(id="long", gather=[gate.sql], timeout=600)
        gate.wait_waiting()
        faults.page.clock_ns = jump_ns
        assert client.one("select 1 from pg_sleep(600)", timeout=0.2)["error"]["code"] == "timeout"
        assert client.gather(["select 1"] * 10)["ok"] is True
        gate.open()
        assert client.recv()["ok"] is True
        assert pid in client.value("select array_agg(pid) from pg_stat_activity where application_name = 'gatherd'")
        assert 0 <= gatherd.stats()["stats"]["uptime"] < YEAR_NS / 1e9 / 2


def test_a_full_log_does_not_stop_service(start_gatherd, pg):
    gatherd = start_gatherd(pg, start=False, gatherd={"log_level": "debug"})
    with open("/dev/full", "wb") as full:
        gatherd.process = subprocess.Popen(
            [*programs.WRAPPER, programs.program("gatherd"), "-c", gatherd.config_path], stdin=subprocess.DEVNULL,
            stderr=full, cwd="/", env={**os.environ, "NOTIFY_SOCKET": gatherd.notify.path})
    gatherd.notify.wait_for("READY=1", gatherd.process.pid)
    for _ in range(50):
        gatherd.signal(signal.SIGUSR1)  # which is answered in the log
        with gatherd.client() as client:
            assert client.gather(["select 1", "select nonsense"])["failed"] == 1
            dropped = client.request(stats=True)["stats"]["log"]["dropped"]
    assert dropped > 50


@direct
def test_kill_9_of_the_daemon_with_an_activated_socket(start_gatherd, pg, tmp_path):
    path = str(tmp_path / "activated.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(64)
        gatherd = start_gatherd(pg, listen_socket=listener, gatherd={"socket": str(tmp_path / "unused.sock")})
        gatherd.socket_path = path
        with Client(path) as client:
            client.send(gather=["select 1 from generate_series(1, 1000000000000) /* orphan */"], timeout=LIMIT_S * 10)
            pg.wait_running("orphan")
            gatherd.process.kill()
            gatherd.process.wait(LIMIT_S)
            assert client.recv_line() == b""  # the end, and no answer
        with Client(path) as waiting:  # accepted by the socket, not yet by a daemon
            waiting.send(gather=["select 'later'"])
            gatherd.start()
            assert waiting.recv()["results"][0]["rows"] == [["later"]]
        wait_until(lambda: pg.running("orphan") == 0, "the end of what nobody waits for")


@direct
def test_reload_under_load(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 4})
    marks = Marks(pg)
    lives = [[Life(marks) for _ in range(10)] for _ in range(4)]
    failures = []

    def load(mine):
        for life in mine:
            try:
                with gatherd.client() as client:
                    assert life.run(client), "the daemon hung up"
                    assert all("error" not in answer for answer in life.answers.values()), life.answers
            except (AssertionError, OSError) as error:
                failures.append(error)

    threads = [threading.Thread(target=load, args=[mine]) for mine in lives]
    for thread in threads:
        thread.start()
    reloads = 0
    while any(thread.is_alive() for thread in threads):
        gatherd.sections["database main"]["pool_max"] = 3 + reloads % 3
        gatherd.write_config("[broken\n" if reloads % 4 == 3 else None)
        gatherd.signal(signal.SIGHUP)
        gatherd.notify.wait_for("READY=1", gatherd.process.pid)
        reloads += 1
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    gatherd.wait_idle()
    assert reloads >= 4
    marks.verify()
    assert None not in marks.expected.values(), "all went well, and all of it is known"


class Link:
    """Two network namespaces with a wire between them: a server in the one, a daemon in the other. All on this host."""

    def __init__(self):
        self.names = [f"gatherd-{os.getpid()}-{end}" for end in "ab"]
        self.address = "10.77.0.1"
        for name in self.names:
            self.ip("netns", "add", name)
        ours, theirs = self.names
        self.ip("-n", ours, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", theirs)
        for name, address in zip(self.names, ("10.77.0.1/30", "10.77.0.2/30")):
            self.ip("-n", name, "addr", "add", address, "dev", "wire")
            self.ip("-n", name, "link", "set", "lo", "up")
            self.ip("-n", name, "link", "set", "wire", "up")

    @staticmethod
    def ip(*arguments, check=True):
        subprocess.run(["ip", *arguments], check=check, capture_output=True)

    def drop(self):
        """From now on the server's end is silent, without a word to anybody."""
        self.ip("-n", self.names[0], "route", "add", "blackhole", "10.77.0.2/32")

    def heal(self):
        self.ip("-n", self.names[0], "route", "del", "blackhole", "10.77.0.2/32")

    def close(self):
        for name in self.names:
            self.ip("netns", "del", name, check=False)


@pytest.fixture
def link():
    try:
        made = Link()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no network namespaces for us")
    yield made
    made.close()


@direct
@pytest.mark.faults
def test_a_network_that_swallows_all_is_noticed(start_gatherd, pg_own, link, monkeypatch):
    pg = pg_own(settings="listen_addresses = '*'")
    with open(f"{pg.data}/pg_hba.conf", "a", encoding="utf-8") as rules:
        rules.write("host all all 10.77.0.0/30 trust\n")
    pg.stop()
    run = pg.run
    pg.run = lambda *command: subprocess.run(
        ["ip", "netns", "exec", link.names[0], "runuser", "-u", "postgres", "--",
         os.path.join(bin_dir(), command[0]), *command[1:]], check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    pg.start()
    pg.run = run
    monkeypatch.setattr(programs, "WRAPPER", ["ip", "netns", "exec", link.names[1]])
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(host=link.address), "unavailable_after": "300ms"})
    with gatherd.client() as client:
        assert client.value("select inet_client_addr()::text") == "10.77.0.2/32"
        client.send(id="lost", gather=["select 1 from pg_sleep(600) /* behind the wire */"])
        pg.wait_running("behind the wire")
        link.drop()
        error = client.recv()["results"][0]["error"]  # keepalive finds it out: nobody has a deadline here
        assert error["code"] == "connection_lost" and error["effects"] == "unknown"
        assert client.one("select 1")["error"]["code"] == "unavailable"
        link.heal()
        wait_until(lambda: client.gather(["select 1"])["ok"], "service once the wire is whole")
