# SPDX-License-Identifier: PostgreSQL
"""
What a query costs the daemon, in figures that no other program on the machine changes much: instructions (callgrind)
and system calls (strace). They are the difference between a short and a long run, so that start-up and the first sight
of a statement are not in them. tests/cost holds them to limits.
"""
import json
import os
import re
import subprocess

from harness import programs
from harness.measure import Case, progress, progress_end
from harness.section import Section
from harness.servers import Gatherd

TITLE = "Cost of a query to the daemon"
HISTORY = os.path.join(programs.BENCH, "cost.tsv")
ROWS = 1000
ROWS_REQUEST = json.dumps({"gather": [f"select n, n * 2, 'row ' || n, n % 2 = 0 from generate_series(1, {ROWS}) as n"]})
# name → keys of the database, the load's words, how many of what is counted are in a request, requests of both runs
WORKLOADS = {
    "lookup, 1 client": ({}, ["-c", 1], 20, (40, 100)),
    "lookup, 8 clients": ({}, ["-c", 8], 20, (60, 160)),
    "lookup, 8 clients, read_only": ({"read_only": "yes"}, ["-c", 8], 20, (60, 160)),
    "gather of one": ({}, ["-c", 1, "-i", 1], 1, (200, 500)),
    "lookup in gathers of 1000": ({}, ["-c", 2, "-i", 1000], 1000, (4, 8)),
    "lookup, 1000 clients": ({}, ["-c", 1000, "-i", 2], 2, (1500, 3000)),
    "row of 4 columns": ({}, ["-c", 1, "-r", ROWS_REQUEST], ROWS, (20, 60)),
}
# System calls of the others: rows hardly have any, and crowds depend on what arrives together.
WITH_CALLS = {"lookup, 1 client", "lookup, 8 clients", "lookup, 8 clients, read_only", "gather of one"}


def count_instructions(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        totals = re.search(r"^totals: (\d+)", file.read(), flags=re.M)
    if not totals:
        raise programs.Failed("callgrind wrote no totals")
    return int(totals[1])


def count_calls(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if words and words[-1] == "total":
                return int(words[3])
    raise programs.Failed("strace wrote no total")


def run_under(context, wrapper, path, keys, load, requests):
    """A daemon with so many requests, under the tool; what it counted is in the file afterwards."""
    # Under these tools everything is slow; what is fast otherwise has to count as fast.
    with Gatherd(context.postgres, wrapper=wrapper, pool_min=4, pool_max=4, pipeline_threshold="1s", **keys) as daemon:
        said = daemon.load("-n", requests, *load)
        if said["requests"] != requests:
            raise programs.Failed(f"{said['requests']} of {requests} requests were answered")
    return path


def difference(context, tool, count, workload):
    keys, load, units, runs = WORKLOADS[workload]
    totals = []
    for requests in runs:
        path = context.postgres.dir.join(f"cost.{requests}")
        command = [programs.found("strace"), "-f", "-c", "-o", path] if tool == "strace" else \
            [programs.found("valgrind"), "--quiet", "--tool=callgrind", f"--callgrind-out-file={path}"]
        totals.append(count(run_under(context, command, path, keys, load, requests)))
        os.remove(path)
    return (totals[1] - totals[0]) / ((runs[1] - runs[0]) * units)


def measure(context, workload):
    progress(workload)
    figures = {"instructions": difference(context, "callgrind", count_instructions, workload)}
    if workload in WITH_CALLS:
        figures["calls"] = difference(context, "strace", count_calls, workload)
    progress_end()
    return figures


def history_read():
    """Lines of: commit and date, then the instructions of each workload; the file's first line names them."""
    if not os.path.exists(HISTORY):
        return []
    with open(HISTORY, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file][1:]


def history_write(lines):
    with open(HISTORY, "w", encoding="utf-8") as file:
        for line in [["commit", *WORKLOADS], *lines]:
            file.write("\t".join(line) + "\n")


def commit():
    said = subprocess.run(["git", "-C", programs.SOURCE, "log", "-1", "--format=%h %cs", "--", "src"],
                          capture_output=True, text=True, check=False)
    return said.stdout.strip() or "no commit"


def run(context):
    section = Section("cost", TITLE, "Instructions and system calls of the daemon's process for each query (or row), "
                      "libpq's among them; pool of 4, in the steady state. Each is what a longer run has more than a "
                      "shorter one: calls of several clients depend on how many meet in a turn, and may come out as none.")
    context.postgres.load("accounts")
    cases = []
    for workload in WORKLOADS:
        case = Case(workload, lambda name=workload: measure(context, name))
        case.attempt(lambda one=case: one.samples.append(one.once()))
        cases.append(case)
    section.cases("", ["instructions", "system calls"], cases, ["instructions", "calls"])
    lines = [line for line in history_read() if line[0] != commit()]
    lines.append([commit(), *[f"{case.get('instructions', 0):.0f}" for case in cases]])
    if context.save:
        history_write(lines)
    section.text("Instructions over time:")
    section.figures(["commit", *WORKLOADS], [[line[0], *map(float, line[1:])] for line in lines])
    return section
