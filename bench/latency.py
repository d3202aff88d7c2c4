# SPDX-License-Identifier: PostgreSQL
"""A server that is far away: a gather takes one round trip, not twenty."""
import json
import subprocess
import time

from harness import programs
from harness.measure import Case, run_rounds
from harness.section import Section
from harness.servers import Gatherd, Network
from w2 import pgbench, pgbench_script

TITLE = "Network latency"
ROUND_TRIPS_MS = (1, 5, 20)
POOL = 20
AT_ONCE = (8, 64)
# Twenty different queries, each of them quick.
REPORT = [f"select count(*), sum(abalance) from pgbench_accounts where aid between {first} and {first + 100}"
          for first in range(100_000, 120_000, 1000)]


def psql_report(env):
    """In one process, as a script would have it."""
    begun = time.monotonic()
    subprocess.run([programs.found("psql"), "-X", "-At", *[word for sql in REPORT for word in ("-c", sql)]],
                   env=programs.environment(env), stdout=subprocess.DEVNULL, check=True)
    return {"p50_ms": (time.monotonic() - begun) * 1e3}


def measure(context, round_trip_ms, queries, scripts):
    """What each of the ways takes at this distance: tables of cases, lookups and reports."""
    seconds = context.seconds(1, 3)
    with Network(context.postgres, round_trip_ms) as network, \
            Gatherd(context.postgres, host=network.dir, pool_max=POOL) as daemon:
        env = context.postgres.env(host=network.dir)

        def driver(peer, *arguments):
            return lambda: programs.run_json([*programs.peer(peer), *arguments], env)

        def pgbench_ms(script):
            return {"p50_ms": 1e3 / pgbench(env, scripts[script], 1, seconds)["rate"]}

        def driver_report(peer):
            def figures():
                said = driver(peer, "reports", queries, 1, 0, seconds, POOL)()
                return {"p50_ms": said["report_p50_ms"]}
            return figures

        lookups = run_rounds([
            Case("gatherd", lambda: daemon.load("-c", 1, "-t", seconds, "-w", 0.5)),
            Case("asyncpg, reset off", driver("asyncpg_peer.py", "lookups", 1, seconds, POOL, "keep", "gather")),
            Case("postgres.js", driver("postgresjs.cjs", "lookups", 1, seconds, POOL)),
            Case("pgbench, \\startpipeline", lambda: pgbench_ms("pipeline")),
            Case("pgbench, one after another", lambda: pgbench_ms("sequence")),
        ], context.rounds(1, 3))
        request = json.dumps({"gather": REPORT})
        reports = run_rounds([
            Case("gatherd", lambda: daemon.load("-c", 1, "-t", seconds, "-w", 0.5, "-r", request)),
            Case("asyncpg, reset off", driver_report("asyncpg_peer.py")),
            Case("postgres.js", driver_report("postgresjs.cjs")),
            Case("psql, one process", lambda: psql_report(env)),
        ], context.rounds(1, 3))
        crowds = {at_once: run_rounds([
            Case("gatherd", lambda: daemon.load("-c", at_once, "-t", seconds, "-w", 0.5)),
            Case("asyncpg, reset off", driver("asyncpg_peer.py", "lookups", at_once, seconds, POOL, "keep", "gather")),
            Case("postgres.js", driver("postgresjs.cjs", "lookups", at_once, seconds, POOL)),
        ], context.rounds(1, 3)) for at_once in AT_ONCE}
    return {"20 lookups": lookups, "a report of 20 queries": reports, **crowds}


def run(context):
    section = Section("latency", TITLE, "Milliseconds a request, one at a time, when each round trip to the server "
                      f"takes so long, then requests a second, several at a time; pools of {POOL}, warm.")
    context.postgres.load("accounts")
    queries = context.postgres.dir.join("latency.json")
    with open(queries, "w", encoding="utf-8") as file:
        json.dump(REPORT, file)
    scripts = {"pipeline": pgbench_script(context.postgres.dir.join("pipeline.sql"), True),
               "sequence": pgbench_script(context.postgres.dir.join("sequence.sql"), False)}
    found = {}
    for round_trip_ms in ROUND_TRIPS_MS:
        context.say(f"{round_trip_ms} ms")
        found[round_trip_ms] = measure(context, round_trip_ms, queries, scripts)
    for what in ("20 lookups", "a report of 20 queries"):
        table(section, what, found, what, "p50_ms")
        for each in ROUND_TRIPS_MS:
            section.ratio(f"{what}, {each} ms away, in round trips", found[each][what]["gatherd"].get("p50_ms"), each,
                          "≤", 2 if each == 1 else 1.5)
    for at_once in AT_ONCE:
        table(section, f"requests/s, {at_once} at a time", found, at_once, "rate")
        for each in ROUND_TRIPS_MS:
            cases = found[each][at_once]
            section.ratio(f"{at_once} at a time, {each} ms away, of asyncpg", cases["gatherd"].get("rate"),
                          cases["asyncpg, reset off"].get("rate"), "≥", 8)
    return section


def table(section, title, found, what, key):
    """A row for each way to do it, a column for each distance."""
    for each in ROUND_TRIPS_MS:
        section.fail(found[each][what].values())
    section.figures([title, *[f"{each} ms" for each in ROUND_TRIPS_MS]],
                    [[name, *["failed" if found[each][what][name].failure else found[each][what][name].get(key)
                              for each in ROUND_TRIPS_MS]] for name in found[ROUND_TRIPS_MS[0]][what]])
