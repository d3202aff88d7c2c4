# SPDX-License-Identifier: PostgreSQL
"""Many clients: ten thousand idle and a hundred busy ones, two thousand at once, more than there are descriptors."""
import resource
import selectors
import subprocess

from harness.client import Client, parse_answer
from harness.daemon import Gatherd
from harness.postgres import Postgres
from harness.wait import LIMIT_S, wait_until

IDLE, BUSY, STORM = 10000, 100, 2000
ROUNDS = 10
IDLE_BYTES_MAX = 1024
FEW = 60  # descriptors


def connected(gatherd):
    return gatherd.stats()["stats"]["clients"]["connected"]


def heap_kb(gatherd):
    """Private memory that is written to: what clients cost the process, without what the kernel keeps for them."""
    with open(f"/proc/{gatherd.process.pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))


def serve(clients, wanted, check):
    """Reads them all until each has had so many answers; how many were right."""
    selector = selectors.DefaultSelector()
    left = {}
    right = 0
    for number, client in enumerate(clients):
        client.socket.setblocking(False)
        selector.register(client.socket, selectors.EVENT_READ, (number, client))
        left[number] = wanted
    while left:
        ready = selector.select(LIMIT_S * 2)
        assert ready, f"{len(left)} clients without an answer"
        for key, _ in ready:
            number, client = key.data
            data = client.socket.recv(1 << 18)
            assert data, f"client {number} was closed"
            client.received += data
            while b"\n" in client.received:
                line, _, rest = client.received.partition(b"\n")
                client.received = bytearray(rest)
                right += check(number, parse_answer(bytes(line)))
                left[number] -= 1
            if left[number] == 0:
                del left[number]
                selector.unregister(client.socket)
    return right


def close(clients, gatherd):
    for client in clients:
        client.close()
    gatherd.wait_idle()


def idle_and_busy(tap, gatherd):
    with gatherd.client() as first:
        first.request(ping=True)
    before_kb = heap_kb(gatherd)
    idle = [gatherd.client() for _ in range(IDLE)]
    # accepted, each with a request behind it: what an idle client is
    for client in idle:
        client.send(ping=True)
    right = serve(idle, 1, lambda _, answer: answer.get("pong") is True)
    tap.check(right == IDLE, f"{IDLE} clients are answered", f"{right}")
    each = (heap_kb(gatherd) - before_kb) * 1024 / IDLE
    print(f"# an idle client: {each:.0f} bytes")
    tap.check(each <= IDLE_BYTES_MAX, f"an idle client costs {IDLE_BYTES_MAX} bytes or less", f"{each:.0f}")
    tap.check(gatherd.stats()["stats"]["loop"]["tasks"] < 100, "an idle client has no task")

    busy = [gatherd.client() for _ in range(BUSY)]
    for number, client in enumerate(busy):
        for turn in range(ROUNDS):
            client.send(id=turn, gather=[{"sql": "select $1::int, $2::int", "params": [number, turn]}] * 3)
    right = serve(busy, ROUNDS, lambda number, answer: [result.get("rows") for result in answer["results"]] ==
                  [[[number, answer["id"]]]] * 3)
    tap.check(right == BUSY * ROUNDS, f"{BUSY} busy clients beside them: {BUSY * ROUNDS} answers are right", f"{right}")
    tap.check(connected(gatherd) == IDLE + BUSY + 1, "all of them are still connected", f"{connected(gatherd)}")
    close(idle + busy, gatherd)


def storm(tap, gatherd):
    """All connect and ask at the same time; where the backlog is full, connect waits."""
    clients = [Client(gatherd.socket_path) for _ in range(STORM)]
    for number, client in enumerate(clients):
        client.send(gather=[f"select {number}"])
    right = serve(clients, 1, lambda number, answer: answer["results"][0].get("rows") == [[number]])
    tap.check(right == STORM, f"a storm of {STORM}: each has its answer", f"{right}")
    close(clients, gatherd)


def descriptors(tap, pg):
    """They run out, who is there is served, who waits is served when they come back."""
    gatherd = Gatherd(pg, main={"pool_max": 4})
    try:
        with gatherd.client() as inside:
            assert inside.value("select 1") == 1
            subprocess.run(["prlimit", f"--pid={gatherd.process.pid}", f"--nofile={FEW}:{FEW}"], check=True)
            crowd = [gatherd.client() for _ in range(FEW * 2)]
            for client in crowd:
                client.send(ping=True)
            wait_until(lambda: inside.request(stats=True)["stats"]["clients"]["connected"] > FEW / 3, "a full house")
            right = sum(inside.value(f"select {number}") == number for number in range(100))
            tap.check(right == 100, f"with {FEW} descriptors all taken, who is there is served", f"{right} of 100")
            inside_count = inside.request(stats=True)["stats"]["clients"]["connected"]
            tap.check(inside_count <= FEW, "and no more than fit are let in", f"{inside_count}")
            # each of those that are served makes room for another
            served = 0
            while crowd:
                selector = selectors.DefaultSelector()
                for client in crowd:
                    selector.register(client.socket, selectors.EVENT_READ, client)
                ready = selector.select(LIMIT_S * 2)
                assert ready, f"{len(crowd)} who wait are never served"
                for key, _ in ready:
                    served += key.data.recv().get("pong") is True
                    key.data.close()
                    crowd.remove(key.data)
                selector.close()
            tap.check(served == FEW * 2, "who waits is served when they come back", f"{served}")
        gatherd.stop()
    finally:
        gatherd.cleanup()


def run(tap):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    assert most == resource.RLIM_INFINITY or most > IDLE + BUSY + 100, f"RLIMIT_NOFILE is {most}"
    pg = Postgres(max_connections=60)
    try:
        gatherd = Gatherd(pg, gatherd={"max_clients": IDLE + BUSY + STORM}, main={"pool_max": 20})
        try:
            idle_and_busy(tap, gatherd)
            storm(tap, gatherd)
            gatherd.stop()
        finally:
            gatherd.cleanup()
        descriptors(tap, pg)
    finally:
        pg.destroy()
