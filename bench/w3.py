# SPDX-License-Identifier: PostgreSQL
"""W3: a process that starts, asks one tiny query and ends, as scripts do in their loops."""
import subprocess

from harness import programs
from harness.measure import Case, run_rounds
from harness.section import Section
from harness.servers import Gatherd, PgBouncer, connects, end, wait_for

TITLE = "W3 a process that asks one query"


def run(context):
    section = Section("w3", TITLE, "Milliseconds from the start of a process to its end. The "
                      "floor: a static program that asks an echo server.")
    env, count = context.postgres.env(), 50 if context.quick else 200
    spawn = programs.built("bench/spawn")
    echo_socket = context.postgres.dir.join("echo.sock")
    psql = ["psql", "-X", "-At", "-c", "select 1"]
    bouncers = []

    def started(command, where=None):
        return lambda: programs.run_json([spawn, count, *command()], where)

    def bouncer_env():
        if not bouncers:
            bouncers.append(PgBouncer(context.postgres))
        return bouncers[0].env()

    def through_bouncer(command):
        return lambda: started(command, bouncer_env())()

    def psql_command():
        return [programs.found("psql"), *psql[1:]]

    def libpq_command():
        return [programs.built("bench/libpq"), "once"]

    with Gatherd(context.postgres) as daemon, \
            subprocess.Popen([programs.built("bench/echo"), "-l", echo_socket]) as echo:
        try:
            wait_for(lambda: connects(echo_socket), "the echo server")
            cases = run_rounds([
                Case("/bin/true", started(lambda: ["/bin/true"])),
                Case("static program, echo server", started(lambda: [programs.built("bench/echo"), echo_socket])),
                Case("gather -r 'select 1'", started(lambda: daemon.gather("-r", "select 1"), daemon.env())),
                Case("libpq program", started(libpq_command, env)),
                Case("libpq program, PgBouncer", through_bouncer(libpq_command)),
                Case("psql", started(psql_command, env)),
                Case("psql, PgBouncer", through_bouncer(psql_command)),
            ], context.rounds(2, 7))
        finally:
            end(echo)
            for bouncer in bouncers:
                bouncer.stop()
    section.cases("", ["median ms", "p99 ms", "least ms"], cases.values(), ["p50_ms", "p99_ms", "min_ms"])
    ours = cases["gather -r 'select 1'"].get("p50_ms")
    section.goal("gather", ours, "≤", 0.5, " ms")
    section.ratio("psql's time, of gather's", cases["psql"].get("p50_ms"), ours, "≥", 10)
    section.ratio("psql's time through PgBouncer, of gather's", cases["psql, PgBouncer"].get("p50_ms"), ours, "≥", 6)
    return section
