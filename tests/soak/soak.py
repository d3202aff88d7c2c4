#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Mixed load under random faults, for minutes or hours: `./dev soak MINUTES [--seed N]`.

Every answer is held against what it must be, every write against what the table holds in the end. At the end the
daemon's memory, descriptors, tasks and server sessions are as they were at the start. --load is the other half: many
clients (load.py). The programs come from $GATHERD_BUILD. Prints tables and TAP; the seed decides what is asked and what
fails, not when.
"""
import argparse
import os
import random
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
import faults  # noqa: E402
import load  # noqa: E402
import work  # noqa: E402
from harness import stats  # noqa: E402
from harness.daemon import Gatherd  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.wait import wait_until  # noqa: E402

WORKERS = 16
WARM_UP_S = 5
TEXTS, TEXT_BYTES = 6000, 200  # more statements than the daemon remembers of a database
SETTLE_S = 60
RESIDENT_SLACK_KB = 8 * 1024  # what malloc keeps of one busy moment and not of another
FAILURES_SHOWN = 20


class Tap:
    def __init__(self):
        self.count, self.failed = 0, 0

    def check(self, good, what, why=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {what}{f': {why}' if why and not good else ''}", flush=True)


class Soak:
    """One run: workers in threads, each with a random source of its own; what they saw."""

    def __init__(self, gatherd, seed):
        self.gatherd, self.seed = gatherd, seed
        self.marks = work.Marks()
        self.stop = threading.Event()
        self.times = {kind: [] for kind in work.KINDS}
        self.wrong = []
        self.worked = 0  # numbers of workers so far
        self.resident_kb = []

    def labour(self, worker):
        kinds, weights = list(work.KINDS), list(work.KINDS.values())
        while not self.stop.is_set():
            kind, = worker.random.choices(kinds, weights)
            start = time.monotonic()
            try:
                kind(worker)
            except Exception as error:  # pylint: disable=broad-exception-caught
                what = error if isinstance(error, work.Wrong) else traceback.format_exc()
                self.wrong.append(f"{kind.__name__}, client {worker.number}, seed {self.seed}: {what}")
                worker.close()  # what else comes on it may be another's
                if len(self.wrong) > FAILURES_SHOWN:
                    break
            self.times[kind].append(time.monotonic() - start)
            if worker.random.random() < 0.02:
                worker.close()
        worker.close()

    def run(self, seconds):
        self.stop.clear()
        threads = [threading.Thread(target=self.watch, args=(seconds,))]
        threads[0].start()
        for _ in range(WORKERS):
            self.worked += 1
            source = random.Random(f"{self.seed} {self.worked}")
            worker = work.Worker(self.worked, self.gatherd.socket_path, source, self.marks)
            threads.append(threading.Thread(target=self.labour, args=(worker,)))
            threads[-1].start()
        self.stop.wait(seconds)
        self.stop.set()
        for thread in threads:
            thread.join()

    def watch(self, seconds):
        """How much memory the daemon has, ten times in so many seconds."""
        while not self.stop.wait(seconds / 10):
            self.resident_kb.append(resident_kb(self.gatherd))

    def table(self):
        print(f"{'':<14}{'times':>8}{'p50 ms':>10}{'p99 ms':>10}{'longest ms':>12}")
        for kind, times in self.times.items():
            times = sorted(times) or [0]
            at = [times[min(len(times) - 1, int(len(times) * part))] * 1000 for part in (0.5, 0.99, 1)]
            name = kind.__name__.replace("_", " ")
            print(f"{name:<14}{len(self.times[kind]):>8}{at[0]:>10.1f}{at[1]:>10.1f}{at[2]:>12.1f}")


def resident_kb(gatherd):
    with open(f"/proc/{gatherd.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def sanitized(gatherd):
    with open(f"/proc/{gatherd.process.pid}/maps", encoding="utf-8", errors="replace") as file:
        return "libasan" in file.read()


def sessions(gatherd):
    """How many sessions the daemon says that it has."""
    return sum(pool["connections"]["open"] + pool["connections"]["connecting"]
               for pool in gatherd.stats()["stats"]["pools"].values())


def count_descriptors(gatherd):
    """Who asked for stats last has gone, but the daemon may not have seen it yet: the fewest of many looks."""
    looks = []
    for _ in range(50):
        looks.append(len(os.listdir(f"/proc/{gatherd.process.pid}/fd")))
        time.sleep(0.02)
    return min(looks)


def measure(gatherd, pg):
    """What must not grow, of an idle daemon: (kB, descriptors beside those of sessions, tasks left, sessions too many)."""
    last = {}

    def settled():
        # connections come and go by themselves; all of it has to be of one moment
        before = sessions(gatherd)
        last["left"] = stats.left_over(gatherd.stats())
        descriptors = count_descriptors(gatherd)
        backends = int(pg.psql(f"select count(*) {faults.OURS}"))
        last["sessions"] = before
        last["backends"] = backends
        if last["left"] or sessions(gatherd) != before or backends != before:
            return None
        return resident_kb(gatherd), descriptors - before

    try:
        return wait_until(settled, "an idle daemon", SETTLE_S)
    except AssertionError as error:
        raise AssertionError(f"{error}; {last}") from None


def fill_caches(gatherd):
    """What the daemon remembers of statements is bounded; it is full before anything is measured."""
    with gatherd.client() as client:
        for db in ("main", "proxied"):
            for first in range(0, TEXTS, 500):
                texts = [f"select {number} /* {'-' * TEXT_BYTES} */" for number in range(first, first + 500)]
                for _ in range(2):  # only what comes again is worth remembering
                    assert client.gather(texts, db=db)["ok"]


def soak(tap, minutes, seed):
    pg = Postgres(max_connections=60, settings="synchronous_commit = on\nrestart_after_crash = on\nmax_wal_size = 4GB")
    proxy = faults.Proxy(pg)
    # an idle session that goes during the measurement would only be noise
    gatherd = Gatherd(pg, gatherd={"default_database": "main"}, main={"pool_max": 8, "unavailable_after": "20s"},
                      sections={"database proxied": {
                          "conninfo": pg.conninfo(host="127.0.0.1", port=proxy.port),
                          "pool_max": 5, "unavailable_after": "20s"}})
    run = Soak(gatherd, seed)
    try:
        pg.psql(work.SCHEMA)
        fill_caches(gatherd)
        run.run(WARM_UP_S)
        before = measure(gatherd, pg)
        happened = faults.Faults(pg, proxy, gatherd, random.Random(f"{seed} faults"))
        faulty = threading.Thread(target=happened.run)
        faulty.start()
        run.run(minutes * 60)
        happened.stop.set()
        faulty.join()
        wait_until(lambda: pg_up(pg), "the server", SETTLE_S)
        run.run(1)  # service is back, and the pools have their sessions
        run.table()
        print()
        for name, count in sorted(happened.counts.items()):
            print(f"{name:<22}{count:>6}")
        print()
        if happened.broken:
            print(f"# {happened.broken}")
        for wrong in run.wrong[:FAILURES_SHOWN]:
            print(f"# {wrong}")
        tap.check(not happened.broken, "faults were made to the end")
        tap.check(not run.wrong, f"{sum(map(len, run.times.values()))} pieces of work: each answer is right",
                  f"{len(run.wrong)} wrong")
        judge(tap, run, gatherd, pg, before)
        gatherd.stop()
        tap.check(True, "it ends with status 0, without a sanitizer's word")
    finally:
        run.stop.set()
        gatherd.cleanup()
        proxy.close()
        pg.destroy()


def pg_up(pg):
    try:
        return pg.psql("select 1") == "1"
    except AssertionError:
        return False


def judge(tap, run, gatherd, pg, before):
    counts = dict((token, int(count)) for token, count in
                  (line.split("|") for line in pg.psql("select token, count(*) from mark group by 1").splitlines()))
    contradictions = run.marks.judge(counts)
    for contradiction in contradictions[:FAILURES_SHOWN]:
        print(f"# {contradiction}")
    fates = [fate for _, fate in run.marks.fates]
    tap.check(not contradictions, f"{len(fates)} writes ({fates.count('any')} of unknown effect) are as was told",
              f"{len(contradictions)} are not")
    tap.check(pg.psql("select sum(balance) from account") == str(1000 * work.ACCOUNTS), "no transfer was half done")
    tap.check(gatherd.alive(), "the daemon is alive", gatherd.log()[-2000:])
    try:
        after = measure(gatherd, pg)
    except AssertionError as error:
        tap.check(False, "tasks, requests and sessions are as at the start", str(error))
        return
    tap.check(True, "tasks, requests and sessions are as at the start")
    print(f"# resident: {before[0]} kB at the start, {after[0]} kB at the end; descriptors: {before[1]}, {after[1]}")
    print(f"# resident under load, kB: {' '.join(map(str, run.resident_kb))}")
    tap.check(after[1] == before[1], "descriptors are as at the start", f"{before[1]}, then {after[1]}")
    if not sanitized(gatherd):  # which keep what was freed
        tap.check(after[0] <= before[0] + RESIDENT_SLACK_KB, "memory is as at the start",
                  f"{before[0]} kB, then {after[0]} kB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float, nargs="?", default=2)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--load", action="store_true", help="many clients instead")
    options = parser.parse_args()
    tap = Tap()
    try:
        if options.load:
            load.run(tap)
        else:
            seed = random.SystemRandom().randrange(1 << 31) if options.seed is None else options.seed
            print(f"# seed {seed}", flush=True)
            soak(tap, options.minutes, seed)
    except AssertionError as error:
        tap.check(False, "the run", str(error))
    print(f"{tap.count - tap.failed} passed, {tap.failed} failed")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
