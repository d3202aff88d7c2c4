# SPDX-License-Identifier: PostgreSQL
"""
Each system call on a socket and each allocation fails once, and each byte of a server is the last or another one, while
requests of every kind run: each has one answer, what it says is true, and the daemon is as before. The `faults` ones
take every place, the others some.
"""
import concurrent.futures
import errno
import os
import signal
import threading

import pytest

from harness import faults, programs
from harness.daemon import Gatherd
from harness.faults import ACCEPT, ALLOC, CLIENT, CONNECT, END, FLIP, RECV, RESET, SEND, SERVER, SHORT, SOCKET, Faults
from harness.life import TIMEOUT_S, Life, Marks
from harness.wait import wait_until

pytestmark = [pytest.mark.skipif(bool(programs.WRAPPER), reason="the daemon is not the process that starts"),
              pytest.mark.timeout(7200)]

every = pytest.mark.parametrize("stride", [pytest.param(1, marks=pytest.mark.faults, id="every"),
                                           pytest.param(0, id="some")])


class World:
    """A daemon with faults, and a session beside it."""

    def __init__(self, pg, pool_max, number):
        self.name = f"world_{pool_max}_{number}"
        self.faults = Faults()
        self.gatherd = Gatherd(pg, env=self.faults.env, main={
            "conninfo": pg.conninfo(application_name=self.name), "unavailable_after": "3s", "pool_max": pool_max})
        self.marks = Marks(pg)
        self.beside = pg.session()
        self.before = None

    def begin(self):
        """What is open before anything fails is what may be open afterwards."""
        if not self.gatherd.alive():  # the test before has failed for that already
            self.gatherd.start()
        self.faults.clear()
        self.live()
        self.before = self.descriptors()

    def end_sessions(self):
        """The next query has to connect."""
        self.beside.run("select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity "
                        f"where application_name = '{self.name}';")

    def live(self, flipped=False):
        """A life with faults, and service after it. Whether the client kept its connection."""
        life = Life(self.marks, flipped)
        with self.gatherd.client() as client:
            whole = life.run(client)
        self.faults.clear()
        assert self.gatherd.alive(), self.gatherd.log()
        with self.gatherd.client() as client:
            wait_until(lambda: client.gather(["select 1"])["ok"], "service afterwards")
        return whole

    def descriptors(self):
        """What is open, but for the connections of the pool: counted while these stay as they are."""
        def connections():
            self.gatherd.wait_idle()
            return self.gatherd.stats()["stats"]["pools"]["main"]["connections"]

        def count():
            before = connections()
            descriptors = len(os.listdir(f"/proc/{self.gatherd.process.pid}/fd"))
            return before == connections() and not before["connecting"] and descriptors - before["open"]

        return wait_until(count, "a pool at rest")

    def check(self):
        """Nothing is left, and what clients were told is so."""
        self.faults.clear()
        wait_until(lambda: self.descriptors() <= self.before, f"{self.before} descriptors as before")
        self.marks.verify()


def end_worlds(worlds):
    """They must end well."""
    try:
        for world in worlds.values():
            world.gatherd.stop()
    finally:
        for world in worlds.values():
            world.beside.close()
            world.gatherd.cleanup()
            world.faults.close()
        worlds.clear()


@pytest.fixture(scope="module")
def worlds(pg):
    """By the size of their pools and their numbers."""
    started = {}
    yield started
    end_worlds(started)


@pytest.fixture
def start_worlds(worlds, pg):
    used = []

    def start(pool_max, count):
        if not all(size == pool_max for size, _ in worlds):  # the server has only so many connections
            end_worlds(worlds)
        for number in range(count):
            if (pool_max, number) not in worlds:
                worlds[pool_max, number] = World(pg, pool_max, number)
            used.append(worlds[pool_max, number])
            used[-1].begin()
        return used

    yield start
    for world in used:
        world.check()


WORLDS = {0: 4, 1: 16}  # for some places, and for every
MISSES = 3  # lives differ a little in length


class Places:
    """Hands out places, one after the other, until some have been tried that no life reaches."""

    def __init__(self, places):
        self.places = iter(places)
        self.lock = threading.Lock()
        self.misses = 0
        self.last = 0

    def take(self):
        with self.lock:
            return next(self.places, None) if self.misses < MISSES else None

    def tried(self, place, reached):
        with self.lock:
            if reached:
                self.last = max(self.last, place)
            else:
                self.misses += 1


def try_all(worlds, places, trial):
    """`trial(world, place)` for each place, in all the worlds at once: most of the time of a life is waiting. It says
    whether the life has reached the place. The last place that one has reached."""
    places = Places(places)

    def work(world):
        while (place := places.take()) is not None:
            try:
                places.tried(place, trial(world, place))
            except BaseException as error:
                places.misses = MISSES
                raise AssertionError(f"place {place}: {error}") from error

    with concurrent.futures.ThreadPoolExecutor(len(worlds)) as executor:
        for _ in executor.map(work, worlds):
            pass
    return places.last


def steps(place, following):
    while True:
        yield place
        place = following(place)


# What, whose, and whether clients may see the end of their connection.
CALLS = {
    "short reads of clients": (RECV, CLIENT, SHORT, False),
    "short writes to clients": (SEND, CLIENT, SHORT, False),
    "short reads of servers": (RECV, SERVER, SHORT, False),
    "short writes to servers": (SEND, SERVER, SHORT, False),
    "reads of clients are interrupted": (RECV, CLIENT, errno.EINTR, False),
    "writes to clients are interrupted": (SEND, CLIENT, errno.EINTR, False),
    "reads of servers are interrupted": (RECV, SERVER, errno.EINTR, False),
    "writes to servers are interrupted": (SEND, SERVER, errno.EINTR, False),
    "servers have nothing yet": (RECV, SERVER, errno.EAGAIN, False),
    "clients take nothing yet": (SEND, CLIENT, errno.EAGAIN, False),
    "servers take nothing yet": (SEND, SERVER, errno.EAGAIN, False),
    "clients are lost in a read": (RECV, CLIENT, RESET, True),
    "clients are lost in a write": (SEND, CLIENT, errno.EPIPE, True),
    "servers are lost in a read": (RECV, SERVER, RESET, False),
    "servers are lost in a write": (SEND, SERVER, errno.EPIPE, False),
    "servers end": (RECV, SERVER, END, False),
    "no descriptor for a socket": (SOCKET, SERVER, errno.EMFILE, False),
    "no descriptor for a client": (ACCEPT, CLIENT, errno.EMFILE, False),
    "a client is gone before it is accepted": (ACCEPT, CLIENT, errno.ECONNABORTED, False),
    "a server refuses": (CONNECT, SERVER, errno.ECONNREFUSED, False),
    "a server's backlog is full": (CONNECT, SERVER, errno.EAGAIN, False),
}


@every
@pytest.mark.parametrize("calls, sides, action, may_close", CALLS.values(), ids=CALLS.keys())
def test_each_call_fails(start_worlds, calls, sides, action, may_close, stride):
    def trial(world, n):
        world.end_sessions()
        world.faults.nth(n, calls, action, sides)
        whole = world.live()
        assert whole or may_close, "the daemon hung up"
        return world.faults.page.hit

    assert try_all(start_worlds(3, WORLDS[stride]), steps(1, lambda n: n + (stride or max(3, n // 2))), trial)


@every
@pytest.mark.parametrize("calls, sides, action", [(RECV | SEND, CLIENT, SHORT), (RECV | SEND, SERVER, SHORT)],
                         ids=["clients", "servers"])
def test_all_is_read_and_written_byte_by_byte(start_worlds, calls, sides, action, stride):
    [world] = start_worlds(3, 1)
    for _ in range(10 if stride else 1):
        world.end_sessions()
        world.faults.nth(1, calls, action, sides, times=1 << 40)
        assert world.live()


BYTES = {"reset": RESET, "end": END, "changed": FLIP}
CONNECTED = 500  # more bytes than a server sends while a connection is set up


@every
@pytest.mark.parametrize("connects", [True, False], ids=["connecting", "connected"])
@pytest.mark.parametrize("action", BYTES.values(), ids=BYTES.keys())
def test_each_byte_of_a_server(start_worlds, connects, action, stride):
    def trial(world, n):
        if connects:
            world.end_sessions()
        world.faults.byte(n, action)
        world.live(flipped=action == FLIP)
        return world.faults.page.byte_hit and not (connects and n > CONNECTED)

    assert try_all(start_worlds(1, WORLDS[stride]),
                   steps(0, lambda n: n + (stride or (397 if action == FLIP else 197))), trial) > 300


@every
@pytest.mark.parametrize("times", [1, 3, 20])
@pytest.mark.parametrize("connects", [True, False], ids=["connecting", "connected"])
def test_each_allocation_fails(start_worlds, connects, times, stride):
    if faults.has_sanitizers():
        pytest.skip("the sanitizers have their own malloc")

    def trial(world, n):
        if connects:
            world.end_sessions()
        world.faults.nth(n, ALLOC, times=times)
        world.live()
        return world.faults.page.hit

    assert try_all(start_worlds(2, WORLDS[stride]), steps(1, lambda n: n + (stride or 97)), trial) > 100


# What a life leaves out: a request each, and the rows of its items.
WIDE = {
    "report": ({"report": "wide", "params": {"n": 41}}, [[[42]]]),
    "references": ({"gather": {
        "all": "select g from generate_series(1, 3) g",
        "sum": {"sql": "select sum(x)::int from unnest($1::int[]) x", "params": [{"from": "all", "column": "g"}]},
        "one": {"sql": "select :g::int", "params": {"g": {"from": "all", "column": "g", "row": 2}}}}},
        [[[1], [2], [3]], [[6]], [[3]]]),
    "types": ({"gather": [{"sql": "select $1::wide_mood[]", "params": [["sad", "ok"]]},
                          {"sql": "select ($1::wide_pair).b", "params": [{"a": 1, "b": "x"}]}]},
              [[[["sad", "ok"]]], [["x"]]]),
    "snapshot": ({"snapshot": True, "gather": ["select 1", "select 2"]}, [[[1]], [[2]]]),
    "steps": ({"gather": [{"transaction": [{"sql": "select 1", "timeout": 20}, "select 2"]}]}, [None]),
    "reports": ({"reports": True}, None),
    "stats": ({"stats": True}, None),
    "listen": ({"listen": ["wide"]}, None),
    "cancel": ({"cancel": "listen"}, None),
}


def ask_wide(client):
    """All of them at once. Each has one answer, an error or a right one, unless the connection itself had no memory."""
    owed = set(WIDE)
    try:
        for name, (request, _) in WIDE.items():
            client.send({"id": name, **request})
        while owed and (answer := client.recv()) is not None:
            judge_wide(answer, owed)
    except TimeoutError:
        raise AssertionError(f"no answer to {sorted(owed)}") from None
    except (BrokenPipeError, ConnectionResetError):
        pass


def judge_wide(answer, owed):
    if isinstance(answer["id"], int):  # there was no memory to read its id: it is the line's number
        answer["id"] = list(WIDE)[answer["id"] - 1]
    if answer.get("event", "end") != "end":
        return
    owed.remove(answer["id"])
    if answer["id"] == "cancel" and not answer.get("cancelled"):
        owed.discard("listen")  # it goes on
    expected = WIDE[answer["id"]][1]
    if expected is not None and "error" not in answer:
        results = answer["results"]
        results = list(results.values()) if isinstance(results, dict) else results
        for result, rows in zip(results, expected, strict=True):
            assert rows is None or "error" in result or result["rows"] == rows, answer


@every
def test_each_allocation_fails_from_the_start(start_worlds, pg, stride):
    """While it starts, too: then it says so, and its exit status does."""
    if faults.has_sanitizers():
        pytest.skip("the sanitizers have their own malloc")
    pg.psql("drop type if exists wide_mood, wide_pair; create type wide_mood as enum ('sad', 'ok'); "
            "create type wide_pair as (a int, b text)")

    def trial(world, n):
        gatherd = world.gatherd
        gatherd.write_report("wide", "-- report: wide\n-- param: n int\n\n-- name: q\nselect :n + 1 as m;\n")
        gatherd.stop()
        said = gatherd.log()
        world.faults.nth(n, ALLOC)
        try:
            gatherd.start()
        except AssertionError:
            assert gatherd.process.returncode == 1 and len(gatherd.log()) > len(said), gatherd.log()
        else:
            with gatherd.client() as client:
                ask_wide(client)
        reached = world.faults.page.hit
        world.faults.clear()
        if not gatherd.alive():
            assert gatherd.process.returncode == 1, gatherd.log()
            gatherd.start()
        with gatherd.client() as client:
            wait_until(lambda: client.gather(["select 1"])["ok"], "service afterwards")
        return reached

    assert try_all(start_worlds(2, WORLDS[stride]), steps(1, lambda n: n + (stride or 97)), trial) > 100


# Which differ in all that a reload can change.
CONFIGS = {
    "old": {"database": "only_old", "reports": "old", "sql": "any", "memory": "64M"},
    "new": {"database": "only_new", "reports": "new", "sql": "reports", "memory": "128M"},
}


@pytest.fixture
def reloaded(pg, start_gatherd):
    """A daemon with faults, its configuration to be written, and which one it shows in all its parts."""
    fail = Faults()
    gatherd = start_gatherd(pg, start=False, env=fail.env)

    def write(name):
        config = CONFIGS[name]
        reports = os.path.join(gatherd.dir, config["reports"])
        os.makedirs(reports, exist_ok=True)
        with open(os.path.join(reports, f"{name}.sql"), "w", encoding="utf-8") as file:
            file.write("-- name: a\nselect 1;\n")
        gatherd.sections = {
            "gatherd": {**gatherd.sections["gatherd"], "report_dir": reports, "memory_limit": config["memory"]},
            "database main": gatherd.sections["database main"],
            f"database {config['database']}": {"conninfo": pg.conninfo()},
            "access everybody": {"sql": config["sql"]},
        }
        gatherd.write_config()

    def shown():
        with gatherd.client() as client:
            stats = client.request(stats=True)["stats"]
            reports = [name for name in CONFIGS
                       if client.request(report=name, db="main").get("error", {}).get("code") != "unknown_report"]
            sql = "error" not in client.gather(["select 1"], db="main")
            memory = stats["memory"]["limit"]
        return [name for name, config in CONFIGS.items()
                if set(stats["pools"]) == {"main", config["database"]} and reports == [name]
                and sql == (config["sql"] == "any") and memory == int(config["memory"][:-1]) << 20]

    def reload(name):
        write(name)
        gatherd.signal(signal.SIGHUP)
        gatherd.notify.wait_for("RELOADING=1", gatherd.process.pid)
        gatherd.notify.wait_for("READY=1", gatherd.process.pid)

    write("old")
    gatherd.start()
    yield fail, reload, shown
    fail.close()


@pytest.mark.parametrize("times", [1, 3, 20])
def test_each_allocation_fails_in_a_reload(reloaded, times):
    """The old configuration, or the new one: never half of it."""
    if faults.has_sanitizers():
        pytest.skip("the sanitizers have their own malloc")
    fail, reload, shown = reloaded
    seen = set()
    n = 1
    while True:
        assert shown() == ["old"]
        fail.nth(n, ALLOC, times=times)
        reload("new")
        fail.clear()
        [name] = shown()
        seen.add(name)
        if not fail.page.hit:
            assert name == "new"
            break
        if name == "new":
            reload("old")
        n += 1
    assert seen == set(CONFIGS)
