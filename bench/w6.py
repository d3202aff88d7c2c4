# SPDX-License-Identifier: PostgreSQL
"""W6: reports under load: eight generators of the shop's report beside 64 clients with lookups, on one pool of 16."""
import json
import os
import re
import subprocess

from harness import programs
from harness.measure import Case, run_rounds
from harness.section import Section
from harness.servers import Gatherd

TITLE = "W6 reports under load"
GENERATORS, CLIENTS, POOL = 8, 64, 16
WARM_UP = 3
REPORT = "store-daily"


def report_queries(postgres):
    """The report's queries as plain SQL, for peers that know no reports: parameters are put in as their defaults."""
    with open(os.path.join(programs.SOURCE, "etc", "reports", f"{REPORT}.sql"), encoding="utf-8") as file:
        text = file.read()
    head, *named = re.split(r"^-- name: .*$", text, flags=re.M)
    values = {}
    for name, kind, default in re.findall(r"^-- param: (\w+) (\w+) = (.*)$", head, flags=re.M):
        values[name] = "'" + postgres.psql(f"select {default}") + f"'::{kind}"
    bodies = [re.sub(r"^--.*\n", "", part, flags=re.M).strip().rstrip(";") for part in named]
    return [re.sub(r"(?<![:\w]):(\w+)", lambda found: values.get(found[1], found[0]), one) for one in bodies]


def start(daemon, seconds, *load):
    command = daemon.load_command("-t", seconds, "-w", WARM_UP, *load)
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def both(reports, lookups, seconds):
    """The figures of two loads that run at the same time, each on a daemon; either may be None."""
    running = {}
    if reports:
        running["report"] = start(reports, seconds, "-c", GENERATORS, "-r", json.dumps({"report": REPORT}))
    if lookups:
        running["lookups"] = start(lookups, seconds, "-c", CLIENTS)
    figures = {}
    for name, process in running.items():
        said = process.communicate()[0]
        if process.returncode:
            raise programs.Failed(f"{name}: status {process.returncode}")
        figures.update({f"{name}_{key}": value for key, value in json.loads(said).items()})
    return figures


def with_share(alone_ms, rate, rate_alone):
    """The report's time if it had only what lookups at this rate leave of the processors."""
    return alone_ms / (1 - rate / rate_alone) if alone_ms and rate and rate_alone and rate < rate_alone else None


def run(context):
    section = Section("w6", TITLE, f"{GENERATORS} generators run the report {REPORT} while {CLIENTS} "
                      f"clients ask for 20 lookups each, on one pool of {POOL}. Apart: both at the same time, but each "
                      "with a daemon and a pool of its own, so that they share nothing but the processors. Counted from "
                      f"{WARM_UP} seconds on: when the reports begin it takes one or two until the lanes have settled. What "
                      "lookups get of the processors reports do not: their time is compared with that of reports alone, "
                      "divided by the part that the lookups leave them of what they can do alone.")
    postgres, seconds = context.postgres, context.seconds(4, 20)
    postgres.load("accounts")
    postgres.load("store")
    queries = postgres.dir.join("report.json")
    with open(queries, "w", encoding="utf-8") as file:
        json.dump(report_queries(postgres), file)

    def driver(peer, generators, clients):
        def figures():
            said = programs.run_json([*programs.peer(peer), "reports", queries, generators, clients, seconds, POOL],
                                     postgres.env())
            return {key if key.startswith("report") else f"lookups_{key}": value for key, value in said.items()}
        return figures

    def driver_cases(name, peer):
        return [Case(f"{name}, reports alone", driver(peer, GENERATORS, 0)),
                Case(f"{name}, lookups alone", driver(peer, 0, CLIENTS)),
                Case(f"{name}, together", driver(peer, GENERATORS, CLIENTS))]

    with Gatherd(postgres, pool_max=POOL) as one, Gatherd(postgres, pool_max=POOL) as other:
        cases = run_rounds([
            Case("gatherd, reports alone", lambda: both(one, None, seconds)),
            Case("gatherd, lookups alone", lambda: both(None, one, seconds)),
            Case("gatherd, together", lambda: both(one, one, seconds)),
            Case("gatherd, apart", lambda: both(one, other, seconds)),
            *driver_cases("asyncpg", "asyncpg_peer.py"),
            *driver_cases("postgres.js", "postgresjs.cjs"),
        ], context.rounds(1, 3))
    section.cases("", ["report ms", "p99 ms", "reports/s", "lookups p50 ms", "p99 ms", "lookups/s"], cases.values(),
                  ["report_p50_ms", "report_p99_ms", "report_rate", "lookups_p50_ms", "lookups_p99_ms", "lookups_rate"])
    together, apart, alone, reports = (cases[f"gatherd, {how}"]
                                       for how in ("together", "apart", "lookups alone", "reports alone"))
    p99 = together.get("lookups_p99_ms")
    section.ratio("a report's time together, of alone with the same share", together.get("report_p50_ms"),
                  with_share(reports.get("report_p50_ms"), together.get("lookups_rate"), alone.get("lookups_rate")),
                  "≤", 1.2)
    section.ratio("lookups' p99 together, of undisturbed", p99, alone.get("lookups_p99_ms"), "≤", 3)
    section.ratio("lookups' p99 together, of apart", p99, apart.get("lookups_p99_ms"), "≤", 3)
    return section
