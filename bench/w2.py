# SPDX-License-Identifier: PostgreSQL
"""W2: requests of twenty random primary key lookups each, answered as JSON, 1, 8 and 64 requests at a time."""
import contextlib
import os
import re
import subprocess

from harness import programs
from harness.measure import Case, run_rounds
from harness.programs import Failed
from harness.section import Section
from harness.servers import Gatherd, PgBouncer

TITLE = "W2 requests of 20 lookups"
AT_ONCE = (1, 8, 64)
LOOKUPS = 20
SLOW_REQUEST = '{"gather":["select pg_sleep(0.1)"]}'


def pgbench_script(path, pipeline):
    lines = [f"\\set k{n} random(100000, 999999)" for n in range(LOOKUPS)]
    lookups = [f"select abalance from pgbench_accounts where aid = :k{n};" for n in range(LOOKUPS)]
    lines += ["\\startpipeline", *lookups, "\\endpipeline"] if pipeline else lookups
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.chmod(path, 0o644)
    return path


def pgbench(env, script, clients, seconds, protocol="prepared"):
    """pgbench has no notion of more requests than connections: the settings that are tried say how many it has."""
    done = subprocess.run([programs.found("pgbench"), "-n", "-M", protocol, "-f", script, "-c", str(clients),
                           "-j", str(min(2, clients)), "-T", str(max(1, round(seconds))), "postgres"],
                          env=programs.environment(env), capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode or not rate:
        raise Failed(f"pgbench: {done.stderr[-200:]}")
    return {"rate": float(rate[1])}


def driver(peer, env, at_once, seconds, *rest):
    return lambda pool: programs.run_json([*programs.peer(peer), "lookups", at_once, seconds, pool, *rest], env)


def gatherd(daemon, at_once, seconds):
    return lambda: daemon.load("-c", at_once, "-t", seconds, "-w", 0.3)


def pools(at_once):
    return (1, 2, 4) if at_once == 1 else (2, 4, 8)


def cases_at(context, at_once, daemons, scripts, bouncer):
    """Every way to do the work, so many requests at a time."""
    env, seconds = context.postgres.env(), context.seconds(1, 3)

    def pgbench_case(name, script, server=env, protocol="prepared", counts=None):
        return Case(name, lambda clients: pgbench(server, scripts[script], clients, seconds, protocol),
                    settings=counts or ((1,) if at_once == 1 else (2, 4, min(at_once, 16))))

    cases = [Case(name, gatherd(daemon, at_once, seconds)) for name, daemon in daemons.items()]
    cases += [
        pgbench_case("pgbench, \\startpipeline", "pipeline"),
        pgbench_case("pgbench, one after another", "sequence"),
        pgbench_case("pgbench through PgBouncer", "sequence", bouncer.env() if bouncer else env, "simple"),
        Case("asyncpg, reset off", driver("asyncpg_peer.py", env, at_once, seconds, "keep", "gather"), pools(at_once)),
        Case("asyncpg, default", driver("asyncpg_peer.py", env, at_once, seconds, "reset", "gather"), pools(at_once)),
        Case("asyncpg, in order on one connection",
             driver("asyncpg_peer.py", env, at_once, seconds, "keep", "serial"), pools(at_once)),
        Case("psycopg 3, pipeline", driver("psycopg_peer.py", env, at_once, seconds), pools(at_once)),
        Case("postgres.js", driver("postgresjs.cjs", env, at_once, seconds), pools(at_once)),
        Case("node-postgres, named statements", driver("nodepg.cjs", env, at_once, seconds), pools(at_once)),
    ]
    if not bouncer:
        cases = [case for case in cases if "PgBouncer" not in case.name]
    if at_once == 1:
        cases.append(Case("libpq, blocking",
                          lambda: programs.run_json([programs.built("bench/libpq"), "lookups", seconds], env)))
    return cases


def goals(section, tables):
    for at_once, cases in tables.items():
        isolated, batched = cases["gatherd"].get("rate"), cases["gatherd read_only"].get("rate")
        pipeline = cases["pgbench, \\startpipeline"].get("rate")
        asyncpg = cases["asyncpg, reset off"].get("rate")
        node = cases["node-postgres, named statements"].get("rate")
        section.ratio(f"isolated, R={at_once}, of pgbench's pipeline", isolated, pipeline, "≥",
                      0.95 if at_once == 1 else 0.7)
        section.ratio(f"isolated, R={at_once}, of asyncpg, reset off", isolated, asyncpg, "≥", 8)
        section.ratio(f"isolated, R={at_once}, of node-postgres", isolated, node, "≥", 4)
        section.ratio(f"read_only, R={at_once}, of pgbench's pipeline", batched, pipeline, "≥", 0.95)
        section.ratio(f"read_only, R={at_once}, of asyncpg, reset off", batched, asyncpg, "≥", 12)


def beside_slow(context, section, daemon):
    """Eight clients' lookups, alone and beside one client whose queries take 100 ms."""
    seconds = context.seconds(1, 3)

    def beside():
        command = [str(word) for word in daemon.load_command("-c", 1, "-t", seconds + 0.5, "-r", SLOW_REQUEST)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as slow:
            figures = gatherd(daemon, 8, seconds)()
            slow.wait()
        return figures

    cases = run_rounds([Case("lookups alone, R=8", gatherd(daemon, 8, seconds)),
                        Case("beside a client with 100 ms queries", beside)], context.rounds(1, 5))
    alone, together = cases.values()
    section.cases("head of line", ["requests/s", "p50 ms", "p99 ms"], cases.values(), ["rate", "p50_ms", "p99_ms"])
    section.ratio("p99 beside slow queries, of undisturbed", together.get("p99_ms"), alone.get("p99_ms"), "≤", 3)


def bouncer_or_none(context, stack):
    try:
        return stack.enter_context(PgBouncer(context.postgres, pool_size=8))
    except (programs.Missing, Failed) as why:
        context.say(f"PgBouncer: {why}")
        return None


def run(context):
    section = Section("w2", TITLE, "Requests a second; each is 20 random primary key lookups, answered as JSON, R "
                      "requests at a time. gatherd's clients are one small program over the socket; pgbench writes no "
                      "JSON and has as many requests as connections. In brackets: the best pool size of those tried.")
    postgres = context.postgres
    postgres.load("accounts")
    scripts = {"pipeline": pgbench_script(postgres.dir.join("pipeline.sql"), True),
               "sequence": pgbench_script(postgres.dir.join("sequence.sql"), False)}
    tables = {}
    with contextlib.ExitStack() as stack:
        bouncer = bouncer_or_none(context, stack)
        daemon = stack.enter_context(Gatherd(postgres, pool_max=8))
        read_only = stack.enter_context(Gatherd(postgres, pool_max=8, read_only="yes"))
        for at_once in AT_ONCE:
            context.say(f"R={at_once}")
            tables[at_once] = run_rounds(
                cases_at(context, at_once, {"gatherd": daemon, "gatherd read_only": read_only}, scripts, bouncer),
                context.rounds(1, 5))
            section.cases(f"R={at_once}", ["requests/s", "p50 ms", "p99 ms"], tables[at_once].values(),
                          ["rate", "p50_ms", "p99_ms"])
        goals(section, tables)
        beside_slow(context, section, daemon)
    return section
