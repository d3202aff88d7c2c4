# SPDX-License-Identifier: PostgreSQL
"""W4: one large result."""
import time

from harness import programs
from harness.measure import Case, run_rounds
from harness.section import Section
from harness.servers import MIXED_ROWS, Gatherd

TITLE = "W4 one large result"
SQL = "select * from mixed"


def peak_reset(pid):
    """The kernel then counts the greatest memory anew."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def gather(daemon, *options):
    pid = daemon.process.pid
    before = programs.memory_of(pid)
    peak_reset(pid)
    figures = programs.run_timed(daemon.gather(*options, SQL), daemon.env())
    return {**figures, "daemon_mb": (programs.memory_of(pid, "VmHWM") - before) / 1024}


def server_copy(postgres):
    begun = time.monotonic()
    postgres.psql("copy mixed to '/dev/null'")
    return {"seconds": time.monotonic() - begun}


def run(context):
    section = Section("w4", TITLE, f"{MIXED_ROWS:,} rows of 10 mixed columns, through a pipe: wall seconds, "
                      "the client's memory in MB, and by how much the daemon's grew meanwhile.")
    postgres, env = context.postgres, context.postgres.env()
    postgres.load("mixed")

    def psql(*options):
        return lambda: programs.run_timed([programs.found("psql"), "-X", "-q", *options], env)

    def driver(peer):
        return lambda: programs.run_timed([*programs.peer(peer), "rows", SQL], env)

    with Gatherd(postgres) as daemon:
        cases = run_rounds([
            Case("the server's own COPY to /dev/null", lambda: server_copy(postgres)),
            Case("gather --json", lambda: gather(daemon, "--json")),
            Case("gather --csv", lambda: gather(daemon, "--csv")),
            Case("libpq program, row by row, JSON",
                 lambda: programs.run_timed([programs.built("bench/libpq"), "rows", SQL], env)),
            Case("psql COPY csv", psql("-c", f"copy ({SQL}) to stdout csv")),
            Case("psql -A", psql("-A", "-c", SQL)),
            Case("psql --csv", psql("--csv", "-c", SQL)),
            Case("psql COPY row_to_json", psql("-c", f"copy (select row_to_json(m) from ({SQL}) as m) to stdout")),
            Case("asyncpg, json.dumps", driver("asyncpg_peer.py")),
            Case("postgres.js, cursor", driver("postgresjs.cjs")),
        ], context.rounds(1, 5))
    section.cases("", ["seconds", "client MB", "daemon MB"], cases.values(), ["seconds", "rss_mb", "daemon_mb"])
    ours = cases["gather --json"]
    seconds = ours.get("seconds")
    section.ratio("gather --json, of the server's COPY", seconds,
                  cases["the server's own COPY to /dev/null"].get("seconds"), "≤", 1.3)
    section.ratio("gather --json, of psql COPY csv", seconds, cases["psql COPY csv"].get("seconds"), "≤", 1)
    section.ratio("asyncpg's time, of gather's", cases["asyncpg, json.dumps"].get("seconds"), seconds, "≥", 6)
    section.goal("growth of the daemon", ours.get("daemon_mb"), "≤", 16, " MB")
    return section
