# SPDX-License-Identifier: PostgreSQL
"""W5: many clients: what an idle one costs, how fast they come and go, and ten thousand that all ask."""
import subprocess

from harness import programs
from harness.measure import Case, run_rounds
from harness.programs import Failed
from harness.section import Section
from harness.servers import Gatherd, PgBouncer

TITLE = "W5 many clients"
IDLE = 10_000
ONE = '{"gather":["select 1"]}'


def idle_bytes(pid, command, env):
    """Memory of the process for each idle client, beyond what it had before them."""
    before = programs.memory_of(pid)
    with subprocess.Popen([str(word) for word in command], env=programs.environment(env), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        if "held" not in holder.stdout.readline():
            raise Failed("the clients could not connect")
        after = programs.memory_of(pid)
        holder.stdin.close()
        holder.wait()
    return {"idle_bytes": (after - before) * 1024 / IDLE}


def load(*words):
    return [programs.built("bench/load"), *words]


def connect_and_query(socket, env, seconds, *kind):
    return programs.run_json(load("-c", 16, "-C", "-t", seconds, "-w", 0.2, *kind, socket), env)


def gatherd_idle(context):
    """By a daemon that has served nobody, so that no memory of earlier clients is used again."""
    with Gatherd(context.postgres) as daemon:
        return idle_bytes(daemon.process.pid, daemon.load_command("-c", IDLE, "-H"), daemon.env())


def bouncer_idle(context):
    with PgBouncer(context.postgres) as bouncer:
        return idle_bytes(bouncer.pid(), load("-c", IDLE, "-H", "-p", "-r", "select 1", bouncer.socket), bouncer.env())


def gatherd_storm(daemon, seconds):
    return {key: value for key, value in
            connect_and_query(daemon.socket, {}, seconds, "-r", ONE).items() if key != "failed"}


def bouncer_storm(context, seconds):
    with PgBouncer(context.postgres) as bouncer:
        return connect_and_query(bouncer.socket, bouncer.env(), seconds, "-p", "-r", "select 1")


def postgres_storm(context, seconds):
    postgres = context.postgres
    socket = postgres.dir.join(f".s.PGSQL.{postgres.port}")
    return connect_and_query(socket, postgres.env(), seconds, "-p", "-r", "select 1")


def run(context):
    section = Section("w5", TITLE, f"Bytes for each of {IDLE:,} idle clients (resident memory), and connections a "
                      "second that each ask one tiny query, 16 at a time. All are asked by the same program, which knows "
                      "both protocols.")
    seconds = context.seconds(1, 3)
    with Gatherd(context.postgres) as daemon:
        cases = run_rounds([
            Case("gatherd", lambda: {**gatherd_idle(context), **gatherd_storm(daemon, seconds)}),
            Case("PgBouncer", lambda: {**bouncer_idle(context), **bouncer_storm(context, seconds)}),
            Case("PostgreSQL", lambda: postgres_storm(context, seconds)),
        ], context.rounds(1, 5))
        crowd = Case(f"{IDLE:,} clients, 10 queries each", lambda: daemon.load("-c", IDLE, "-n", 10 * IDLE, "-r", ONE))
        run_rounds([crowd], 1)
    section.cases("", ["bytes an idle client", "connect + query/s", "p99 ms"], cases.values(),
                  ["idle_bytes", "rate", "p99_ms"])
    section.cases("", ["answered", "failed", "requests/s", "p99 ms"], [crowd], ["requests", "failed", "rate", "p99_ms"])
    section.goal("an idle client", cases["gatherd"].get("idle_bytes"), "≤", 1024, " B")
    section.goal("connect + query", cases["gatherd"].get("rate"), "≥", 20000, "/s")
    section.goal(f"lost of {10 * IDLE:,} queries by {IDLE:,} clients",
                 None if crowd.failure else 10 * IDLE - crowd.get("requests") + crowd.get("failed"), "≤", 0)
    return section
