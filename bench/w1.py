# SPDX-License-Identifier: PostgreSQL
"""W1: a gather takes as long as its slowest query, with a cold pool too."""
import subprocess
import time

from harness import programs
from harness.measure import Case, run_rounds
from harness.section import Section
from harness.servers import Gatherd

TITLE = "W1 a gather of sleeps"
WORK = {"three": ["1", "2", "1"], "fifty": ["0.1"] * 50}
POOL = 20


def timed(command, env, stdin=None):
    begun = time.monotonic()
    subprocess.run(command, env=programs.environment(env), input=stdin, stdout=subprocess.DEVNULL, text=True,
                   check=True)
    return time.monotonic() - begun


def sleep_sql(seconds):
    return f"select pg_sleep({seconds})"


def psql(env):
    command = [programs.found("psql"), "-X", "-At"]
    return {name: timed([*command, *[word for each in work for word in ("-c", sleep_sql(each))]], env)
            for name, work in WORK.items()}


def xargs(env):
    command = ["xargs", "-d", "\n", "-n", "1", "-P", str(POOL), programs.found("psql"), "-X", "-At", "-c"]
    return {name: timed(command, env, "\n".join(map(sleep_sql, work))) for name, work in WORK.items()}


def driver(peer, env):
    figures = {}
    for name, work in WORK.items():
        said = programs.run_json([*programs.peer(peer), "sleeps", POOL, *work], env)
        figures.update({name: said["warm_s"], f"{name}_cold": said["cold_s"]})
    return figures


def gather(daemon):
    figures = {}
    for name, work in WORK.items():
        daemon.restart()
        for key in (f"{name}_cold", name):
            figures[key] = timed(daemon.gather("-r", *map(sleep_sql, work)), daemon.env())
    return figures


def run(context):
    section = Section("w1", TITLE, f"Wall seconds; at most {POOL} connections. Cold: the pool has none "
                      "open when the gather comes. psql and gather pay for the start of their processes, drivers do "
                      "not.")
    env = context.postgres.env()
    with Gatherd(context.postgres, pool_min=0, pool_max=POOL) as daemon:
        cases = run_rounds([
            Case("gather", lambda: gather(daemon)),
            Case("psql, one after another", lambda: psql(env)),
            Case(f"xargs -P {POOL} psql", lambda: xargs(env)),
            Case("asyncpg gather", lambda: driver("asyncpg_peer.py", env)),
            Case("postgres.js", lambda: driver("postgresjs.cjs", env)),
        ], context.rounds(1, 3))
    section.cases("", ["1, 2, 1 s", "cold", "50 × 0.1 s", "cold"], cases.values(),
                  ["three", "three_cold", "fifty", "fifty_cold"])
    ours, theirs = cases["gather"], cases["asyncpg gather"]
    section.goal("1, 2, 1 s", ours.get("three"), "≤", 2.01, " s")
    section.goal("1, 2, 1 s, cold", ours.get("three_cold"), "≤", 2.01, " s")
    section.goal("50 × 0.1 s", ours.get("fifty"), "≤", 0.31, " s")
    section.goal("50 × 0.1 s, cold", ours.get("fifty_cold"), "≤", 0.31, " s")
    section.ratio("50 × 0.1 s against asyncpg", ours.get("fifty"), theirs.get("fifty"), "≤", 1.0)
    section.ratio("50 × 0.1 s against asyncpg, both cold", ours.get("fifty_cold"), theirs.get("fifty_cold"), "≤", 1.0)
    return section
