# SPDX-License-Identifier: PostgreSQL
"""LISTEN: events as they are notified, over one connection for all; what happens when it or a client is lost."""
import json
import os
import random
import signal
import socket
import subprocess

import pytest

from harness import programs
from harness.daemon import connect_as
from harness.wait import LIMIT_S, wait_until

SESSIONS = "select count(*) from pg_stat_activity where application_name = 'gatherd listen'"
BACKENDS = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'gatherd listen'"


def listen(client, *channels, id_="l", **options):
    """Listens, and returns when it is established."""
    client.send({"id": id_, "listen": list(channels), **options})
    event = client.recv()
    assert event["event"] == "listening" and event["id"] == id_ and event["channels"] == list(channels), event
    return event


def notify(pg, channel, payload="", db="postgres"):
    literal = payload.replace("'", "''")
    pg.psql(f"""select pg_notify('{channel.replace("'", "''")}', '{literal}')""", db=db)


def expect(client, channel, payload, id_="l"):
    event = client.recv()
    assert event.pop("pid", 0) > 0, event
    assert event == {"id": id_, "event": "notification", "channel": channel, "payload": payload}


def expect_quiet(client):
    """Nothing has come but the answer to this."""
    assert client.request(ping=True)["pong"] is True


def listening(gatherd, name="main"):
    return gatherd.stats()["stats"]["pools"][name]["listen"]


def kill_sessions(pg):
    """All that listen; their pids."""
    return set(pg.psql(BACKENDS.replace("select", "select pid,")).replace("|t", "").split())


def settled(gatherd, pg, killed):
    """Whether there is a session that was not killed."""
    pids = pg.psql(SESSIONS.replace("count(*)", "pid")).split()
    return pids and not set(pids) & killed and listening(gatherd)["connected"]


def test_notifications_come_in_order(client, pg):
    event = listen(client, "in_order")
    assert event["db"] == "main"
    pg.psql("begin; " + "".join(f"notify in_order, 'n{n}';" for n in range(100)) + " commit")
    for number in range(100):
        expect(client, "in_order", f"n{number}")


def test_clients_with_channels_in_common(gatherd, pg):
    with gatherd.client() as one, gatherd.client() as two:
        listen(one, "left", "both")
        listen(two, "both", "right")
        for channel in ("left", "right", "both"):
            notify(pg, channel, channel)
        expect(one, "left", "left")
        expect(one, "both", "both")
        expect(two, "right", "right")
        expect(two, "both", "both")
        expect_quiet(one)
        expect_quiet(two)
        wait_until(lambda: pg.psql(SESSIONS) == "1", "one session for both")  # others' may be on their way out
        stats = listening(gatherd)
        assert stats["listeners"] == 2 and stats["channels"] == 3 and stats["connected"] is True


def test_one_client_listens_twice(client, pg):
    listen(client, "a", id_="x")
    listen(client, "a", "b", id_="y")
    notify(pg, "a", "1")
    events = sorted((client.recv() for _ in range(2)), key=lambda event: event["id"])
    assert [(event["id"], event["payload"]) for event in events] == [("x", "1"), ("y", "1")]


EVERY_CHARACTER = "".join(map(chr, range(1, 128))) + "\u00e4\u20ac\U0001f600\u2028\ufffd"


def test_payload_of_every_character(client, pg):
    listen(client, "all")
    pg.psql("select pg_notify('all', convert_from('\\x" + EVERY_CHARACTER.encode().hex() + "', 'UTF8'))")
    expect(client, "all", EVERY_CHARACTER)
    notify(pg, "all", "x" * 7999)
    expect(client, "all", "x" * 7999)
    notify(pg, "all")
    expect(client, "all", "")


def test_names_of_channels_are_quoted(client, pg):
    names = ['Mixed Case', '"; drop table t; --', "it's", "select", "\u00e4" * 31, "x" * 63, "$$", "a\\b", "new\nline"]
    listen(client, *names)
    for name in names:
        notify(pg, name, name)
        expect(client, name, name)


def test_bytes_of_no_encoding(start_gatherd, pg):
    pg.psql("create database listen_bytes encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(db="listen_bytes")})
    with gatherd.client() as client:
        listen(client, "bytes")
        pg.psql("select pg_notify('bytes', e'a\\xff\\xfeb')", db="listen_bytes")
        expect(client, "bytes", "a\ufffd\ufffdb")


def test_notify_by_a_gather(client):
    """The pool's own sessions do not hear it, and the one who sends may be the one who listens."""
    listen(client, "self")
    client.send(id="g", gather=["select pg_notify('self', 'x')"])
    events = {event["id"]: event for event in (client.recv(), client.recv())}
    assert events["g"]["ok"] is True and events["l"]["payload"] == "x"


# ---- its end ----

def test_input_that_makes_no_sense_ends_it(client):
    """Nothing more is read: nobody could cancel it."""
    listen(client, "ended")
    client.send_bytes(b"nonsense\n")
    assert client.recv()["error"]["code"] == "bad_request"
    end = client.recv()
    assert end["event"] == "end" and end["error"]["code"] == "bad_request"
    assert client.recv() is None


def test_cancel_ends_it(client, pg):
    listen(client, "c")
    client.send(id="x", cancel="l")
    answers = [client.recv(), client.recv()]
    assert {"id": "x", "cancelled": True} in answers
    [end] = [answer for answer in answers if answer["id"] == "l"]
    assert end["event"] == "end" and end["ok"] is True and "error" not in end
    notify(pg, "c", "unheard")
    expect_quiet(client)
    listen(client, "c")  # the id is free again
    notify(pg, "c", "heard")
    expect(client, "c", "heard")


def test_an_id_in_use_is_refused(client):
    listen(client, "c")
    for request in ({"listen": ["d"]}, {"gather": []}):
        answer = client.request({"id": "l", **request})
        assert answer["error"]["code"] == "bad_request" and answer["error"]["key"] == "id"


@pytest.mark.parametrize("how", ["close", "half_close"])
def test_a_client_that_leaves(gatherd, pg, how):
    client = gatherd.client()
    listen(client, "gone")
    if how == "half_close":  # it still listens then
        client.half_close()
        notify(pg, "gone", "x")
        expect(client, "gone", "x")
    client.close()
    wait_until(lambda: listening(gatherd)["listeners"] == 0, "no listener")
    wait_until(lambda: pg.psql(SESSIONS) == "0", "no session that listens")
    assert listening(gatherd)["connected"] is False


def test_unlisten_by_count(client, pg):
    """The server is told when the last listener of a channel has left, and not before."""
    listen(client, "shared", "mine", id_=1)
    listen(client, "shared", id_=2)
    client.send(id=3, cancel=1)
    assert {client.recv()["id"], client.recv()["id"]} == {1, 3}
    unlistened = "select query from pg_stat_activity where application_name = 'gatherd listen'"
    wait_until(lambda: pg.psql(unlistened) == 'unlisten "mine";', "UNLISTEN of one channel")
    notify(pg, "shared", "x")
    expect(client, "shared", "x", id_=2)
    listen(client, "mine", id_=1)
    notify(pg, "mine", "again")
    expect(client, "mine", "again", id_=1)


def test_shutdown_ends_it(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        listen(client, "s")
        gatherd.signal(signal.SIGTERM)
        end = client.recv()
        assert end["event"] == "end" and end["ok"] is False and end["error"]["code"] == "shutting_down"
        assert client.recv() is None
    assert gatherd.wait_end() == 0


def test_reload_ends_it_where_its_database_changes(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"default_database": "main"},
                            sections={"database stays": {"conninfo": pg.conninfo()}})
    with gatherd.client() as client:
        listen(client, "r")
        listen(client, "r", id_="s", db="stays")
        gatherd.sections["database main"]["conninfo"] = pg.conninfo(db="other")
        gatherd.write_config()
        gatherd.signal(signal.SIGHUP)
        end = client.recv()
        assert end["id"] == "l" and end["event"] == "end" and end["error"]["code"] == "shutting_down"
        listen(client, "r")
        notify(pg, "r", "new", db="other")
        expect(client, "r", "new")
        notify(pg, "r", "old")
        expect(client, "r", "old", id_="s")


# ---- the server ----

def test_a_lost_session_is_opened_again(gatherd, pg):
    with gatherd.client() as one, gatherd.client() as two:
        listen(one, "a", "b")
        listen(two, "b")
        lost = listening(gatherd)["lost"]
        wait_until(lambda: pg.psql(SESSIONS) == "1", "no session but theirs")
        for number in range(3):
            assert pg.psql(BACKENDS) == "t"
            for client in (one, two):
                assert client.recv() == {"id": "l", "event": "resync"}
            notify(pg, "b", f"n{number}")
            expect(one, "b", f"n{number}")
            expect(two, "b", f"n{number}")
        assert listening(gatherd)["lost"] == lost + 3


def test_restart_of_the_server(start_gatherd, pg_own):
    pg = pg_own()
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        listen(client, "a")
        pg.stop()
        wait_until(lambda: listening(gatherd)["connect_failures"] > 0, "a connect that fails")
        assert "error" in listening(gatherd)
        client.send(id="late", listen=["b"])  # waits for the server
        pg.start()
        events = {event["id"]: event["event"] for event in (client.recv(), client.recv())}
        assert events == {"l": "resync", "late": "listening"}
        notify(pg, "a", "x")
        expect(client, "a", "x")
        assert "error" not in listening(gatherd)


def test_no_server(start_gatherd):
    gatherd = start_gatherd(None, main={"unavailable_after": "100ms"})
    with gatherd.client() as client:
        error = client.request(listen=["a"])["error"]
        assert error["code"] == "unavailable" and error["effects"] == "none"
        assert client.request(listen=["a"], id="again")["error"]["code"] == "unavailable"


def test_a_server_that_refuses(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(db="no_such_database")})
    with gatherd.client() as client:
        for _ in range(2):  # the second is answered from what is known
            error = client.request(listen=["a"])["error"]
            assert error["code"] == "unavailable" and "no_such_database" in error["message"]


def test_cancel_while_there_is_no_server(start_gatherd):
    gatherd = start_gatherd(None)
    with gatherd.client() as client:
        client.send(id="l", listen=["a"])
        client.send(id="x", cancel="l")
        answers = {answer["id"]: answer for answer in (client.recv(), client.recv())}
        assert answers["x"]["cancelled"] is True
        assert answers["l"]["error"]["code"] == "cancelled"


def test_a_channel_that_the_server_refuses(start_gatherd, pg):
    """One listener's mistake is its own."""
    pg.psql("create database listen_latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(db="listen_latin")})
    with gatherd.client() as client:
        listen(client, "good")
        error = client.request(id="bad", listen=["fine", "\u20ac"])["error"]
        assert error["code"] == "sql" and error["sqlstate"] == "22P05"
        notify(pg, "good", "x", db="listen_latin")
        expect(client, "good", "x")
        stats = listening(gatherd)
        assert stats["channels"] == 1 and stats["lost"] == 0


def test_a_standby_takes_no_listen(start_gatherd, pg_own):
    """Until it is promoted: the session is good then."""
    standby = pg_own().standby()
    try:
        gatherd = start_gatherd(standby)
        with gatherd.client() as client:
            error = client.request(listen=["a"])["error"]
            assert error["code"] == "sql" and error["sqlstate"] == "25006"
            standby.run("pg_ctl", "-D", standby.data, "-w", "-s", "promote")
            listen(client, "a")
            notify(standby, "a", "x")
            expect(client, "a", "x")
    finally:
        standby.destroy()


def test_a_frozen_session_holds_up_nobody(start_gatherd, pg_own):
    pg = pg_own()
    gatherd = start_gatherd(pg)
    with gatherd.client() as client, gatherd.client() as other:
        listen(client, "a")
        backend = int(pg.psql("select pid from pg_stat_activity where application_name = 'gatherd listen'"))
        os.kill(backend, signal.SIGSTOP)
        try:
            client.send(id="b", listen=["b"])
            assert other.value("select 1") == 1
            client.send(id="x", cancel="b")
            answers = {answer["id"]: answer for answer in (client.recv(), client.recv())}
            assert answers["x"]["cancelled"] is True and answers["b"]["error"]["code"] == "cancelled"
        finally:
            os.kill(backend, signal.SIGCONT)
        listen(client, "b", id_="c")
        notify(pg, "b", "x")
        expect(client, "b", "x", id_="c")


def test_it_takes_no_connection_of_the_pool(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as client, pg.gate() as gate:
        listen(client, "a")
        client.send(id="g", gather=[gate.sql])
        gate.wait_waiting()
        listen(client, "b", id_="m")
        notify(pg, "b", "x")
        expect(client, "b", "x", id_="m")
        gate.open()
        assert client.recv()["ok"] is True


# ---- limits and access ----

def test_limits(client):
    names = [f"c{number}" for number in range(101)]
    error = client.request(listen=names)["error"]
    assert error["code"] == "too_large" and "100" in error["message"]
    listen(client, *names[:100])
    assert client.request(listen=["\u20ac" * 22])["error"]["key"] == "listen"  # 66 bytes


def test_channels_of_a_database_are_limited(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with gatherd.client() as client:
        for number in range(40):
            listen(client, *[f"c{number}_{n}" for n in range(100)], id_=number)
        error = client.request(listen=[f"d{n}" for n in range(100)], id="over")["error"]
        assert error["code"] == "queue_full" and error["effects"] == "none"
        listen(client, "c1_1", "c39_99", id_="known")
        assert listening(gatherd)["channels"] == 4000


def test_it_counts_as_a_request(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_requests": 2})
    with gatherd.client() as client:
        listen(client, "a", id_=1)
        listen(client, "a", id_=2)
        client.send(ping=True)  # is not read
        notify(pg, "a", "x")
        assert {client.recv()["id"], client.recv()["id"]} == {1, 2}


def test_no_such_database(client):
    error = client.request(listen=["a"], db="moon")["error"]
    assert error["code"] == "unknown_database"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs several Unix users")
def test_access(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"default_database": "main"},
                            sections={"database secret": {"conninfo": pg.conninfo()},
                                      "access root": {"users": "root", "databases": "main"},
                                      "access reporter": {"users": "nobody", "sql": "reports"}})
    with gatherd.client() as client:
        assert client.request(listen=["a"], db="secret")["error"]["code"] == "denied"
        listen(client, "a")
    with connect_as(gatherd.socket_path, 65534, 65534) as client:
        assert client.request(listen=["a"])["error"]["code"] == "denied"


# ---- clients that do not read ----

def flood(pg, channel, count, size):
    pg.psql(f"select count(pg_notify('{channel}', n || repeat('x', {size}))) from generate_series(1, {count}) n")


def test_a_slow_client_misses_some_and_is_told(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    with gatherd.client() as slow, gatherd.client() as quick:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listen(slow, "flood")
        listen(quick, "mark")
        flood(pg, "flood", 5000, 1000)
        notify(pg, "mark", "over")
        expect(quick, "mark", "over")  # nobody waits for the slow one
        stats = gatherd.stats()["stats"]
        assert stats["pools"]["main"]["listen"]["overruns"] > 0
        assert stats["memory"]["buffers"] < 2 << 20
        seen = []
        event = slow.recv()
        while event["event"] == "notification":
            seen.append(int(event["payload"].rstrip("x")))
            event = slow.recv()
        assert event == {"id": "l", "event": "resync"}
        assert seen == list(range(1, len(seen) + 1)) and len(seen) < 5000
        notify(pg, "flood", "after")
        expect(slow, "flood", "after")


def test_a_client_that_never_reads_is_dropped(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"client_write_timeout": "100ms"})
    client = gatherd.client()
    listen(client, "flood")
    flood(pg, "flood", 2000, 1000)
    gatherd.wait_log("does not read its answers")
    wait_until(lambda: listening(gatherd)["listeners"] == 0, "no listener")
    client.close()


def test_many_come_and_go(start_gatherd, pg):
    """While the session is lost, too: nobody is told another's, and nothing is left."""
    gatherd = start_gatherd(pg)
    killed = set()
    for turn in range(3):
        clients = [gatherd.client() for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(id=number, listen=[f"c{number}", "all"])
            if number % 4 == 3:
                client.close()
        stays = {number: client for number, client in enumerate(clients) if number % 4 < 3}
        if turn == 1:
            killed = kill_sessions(pg)
        for client in stays.values():
            assert client.recv()["event"] == "listening"
        wait_until(lambda: settled(gatherd, pg, killed), "a session that lives")
        notify(pg, "all", "x")
        for number, client in stays.items():
            event = client.recv()
            if event["event"] == "resync":
                event = client.recv()
            assert event["id"] == number and event["channel"] == "all"
            client.close()
    gatherd.wait_idle()
    assert listening(gatherd)["channels"] == 0


class Ear:
    """A client that listens, and what it may expect: every number on its channels, but for those before a resync."""

    def __init__(self, gatherd, channels, numbers):
        self.client = gatherd.client()
        self.client.send(id="l", listen=channels)
        assert self.client.recv()["event"] == "listening"
        self.heard = {channel: numbers[channel] for channel in channels}

    def take(self, event):
        if event["event"] == "resync":
            self.heard = dict.fromkeys(self.heard)
            return
        channel, number = event["channel"], int(event["payload"])
        before = self.heard[channel]
        # one that was sent before it listened may still come
        assert before is None or number == before + 1 or number <= before, (self.heard, event)
        self.heard[channel] = number if before is None else max(number, before)

    def read_to(self, channel, number):
        while self.heard[channel] is None or self.heard[channel] < number:
            self.take(self.client.recv())


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_missed_without_a_resync(start_gatherd, pg, seed):
    choose = random.Random(seed)
    gatherd = start_gatherd(pg)
    channels = [f"seed{seed}_{n}" for n in range(4)]
    numbers = dict.fromkeys(channels, 0)
    ears = []
    killed = set()
    with pg.session() as writer:
        def send(channel):
            numbers[channel] += 1
            writer.run(f"select pg_notify('{channel}', '{numbers[channel]}');")

        for _ in range(120):
            action = choose.random()
            if action < 0.2 and len(ears) < 6:
                ears.append(Ear(gatherd, choose.sample(channels, choose.randint(1, 4)), numbers))
            elif action < 0.3 and ears:
                ears.pop(choose.randrange(len(ears))).client.close()
            elif action < 0.34:
                killed |= kill_sessions(pg)
            else:
                send(choose.choice(channels))
        if ears:
            wait_until(lambda: settled(gatherd, pg, killed), "a session that lives")
        for channel in channels:
            send(channel)
        for ear in ears:
            for channel in ear.heard:
                ear.read_to(channel, numbers[channel])
            ear.client.close()


def test_the_command_prints_the_events(start_gatherd, pg, tmp_path):
    gatherd = start_gatherd(pg)
    request = tmp_path / "request"
    request.write_text('{"id":"l","listen":["cron"]}\n', "utf-8")
    env = {**os.environ, "GATHERD_SOCKET": gatherd.socket_path}
    with subprocess.Popen([programs.program("gather"), "-J", request], env=env, stdout=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["event"] == "listening"
        notify(pg, "cron", "now")
        assert json.loads(process.stdout.readline())["payload"] == "now"
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
