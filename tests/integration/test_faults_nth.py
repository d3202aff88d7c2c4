# SPDX-License-Identifier: PostgreSQL
"""
Each system call on a socket and each allocation fails once, and each byte of a server is the last or another one, while
requests of every kind run: each has one answer, what it says is true, and the daemon is as before. The `faults` ones
take every place, the others some.
"""
import errno
import os

import pytest

from harness import faults, programs
from harness.daemon import Gatherd
from harness.faults import ACCEPT, ALLOC, CLIENT, CONNECT, END, FLIP, RECV, RESET, SEND, SERVER, SHORT, SOCKET, Faults
from harness.life import Life, Marks
from harness.wait import wait_until

pytestmark = [pytest.mark.skipif(bool(programs.WRAPPER), reason="the daemon is not the process that starts"),
              pytest.mark.timeout(7200)]

every = pytest.mark.parametrize("stride", [pytest.param(1, marks=pytest.mark.faults, id="every"),
                                           pytest.param(0, id="some")])


class World:
    """A daemon with faults, and a session beside it."""

    def __init__(self, pg, pool_max):
        self.faults = Faults()
        self.pool_max = pool_max
        self.gatherd = Gatherd(pg, env=self.faults.env, main={"unavailable_after": "3s", "pool_max": pool_max})
        self.marks = Marks(pg)
        self.beside = pg.session()

    def end_sessions(self):
        """The next query has to connect."""
        self.beside.run("select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity "
                        "where application_name = 'gatherd';")

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
        """What is open, but for the connections of the pool."""
        self.gatherd.wait_idle()
        connections = self.gatherd.stats()["stats"]["pools"]["main"]["connections"]
        return len(os.listdir(f"/proc/{self.gatherd.process.pid}/fd")) - connections["open"] - connections["connecting"]

    def check(self):
        """Nothing is left, and what clients were told is so."""
        wait_until(lambda: self.descriptors() <= self.before, f"{self.before} descriptors as before")
        self.marks.verify()


@pytest.fixture(scope="module")
def worlds(pg):
    """By the size of their pools."""
    started = {}
    try:
        yield started
        for world in started.values():
            world.gatherd.stop()
    finally:
        for world in started.values():
            world.beside.close()
            world.gatherd.cleanup()
            world.faults.close()


@pytest.fixture
def start_world(worlds, pg):
    used = []

    def start(pool_max):
        if pool_max not in worlds:
            worlds[pool_max] = World(pg, pool_max)
        world = worlds[pool_max]
        if not world.gatherd.alive():  # the test before has failed for that already
            world.gatherd.start()
        world.faults.clear()
        world.live()
        world.before = world.descriptors()
        used.append(world)
        return world

    yield start
    for world in used:
        world.faults.clear()
        world.check()


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
def test_each_call_fails(start_world, calls, sides, action, may_close, stride):
    world = start_world(3)
    n = 1
    while True:
        world.end_sessions()
        world.faults.nth(n, calls, action, sides)
        whole = world.live()
        assert whole or may_close, f"call {n}"
        if not world.faults.page.hit:
            break
        n += stride or max(3, n // 2)
    assert n > 1


@every
@pytest.mark.parametrize("calls, sides, action", [(RECV | SEND, CLIENT, SHORT), (RECV | SEND, SERVER, SHORT)],
                         ids=["clients", "servers"])
def test_all_is_read_and_written_byte_by_byte(start_world, calls, sides, action, stride):
    world = start_world(3)
    for _ in range(10 if stride else 1):
        world.end_sessions()
        world.faults.nth(1, calls, action, sides, times=1 << 40)
        assert world.live()


BYTES = {"reset": RESET, "end": END, "changed": FLIP}


@every
@pytest.mark.parametrize("connects", [True, False], ids=["connecting", "connected"])
@pytest.mark.parametrize("action", BYTES.values(), ids=BYTES.keys())
def test_each_byte_of_a_server(start_world, connects, action, stride):
    world = start_world(1)
    n = 0
    while True:
        if connects:
            world.end_sessions()
        world.faults.byte(n, action)
        assert world.live(flipped=action == FLIP), f"byte {n}"
        if not world.faults.page.byte_hit or connects and n > 500:
            break
        n += stride or (397 if action == FLIP else 197)
    assert n > 300


@every
@pytest.mark.parametrize("times", [1, 3, 20])
@pytest.mark.parametrize("connects", [True, False], ids=["connecting", "connected"])
def test_each_allocation_fails(start_world, connects, times, stride):
    if faults.has_sanitizers():
        pytest.skip("the sanitizers have their own malloc")
    world = start_world(2)
    n = 1
    while True:
        if connects:
            world.end_sessions()
        world.faults.nth(n, ALLOC, times=times)
        world.live()
        if not world.faults.page.hit:
            break
        n += stride or 97
    assert n > 100
