# SPDX-License-Identifier: PostgreSQL
"""
Sweeps: what a query costs as there are more items in a gather, more clients, more rows, more connections. Nothing may
grow faster than the work does.
"""
import json
import math
import os

from harness import programs
from harness.measure import Case, run_rounds
from harness.plot import draw
from harness.section import Section
from harness.servers import Gatherd

TITLE = "Scale"
ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
CLIENTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
ROWS = (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)
CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)


def per_query(figures, queries):
    return {"cost": 1e6 / (figures["rate"] * queries), "p99_ms": figures["p99_ms"]}


def items_case(daemon, items, seconds):
    return lambda: per_query(daemon.load("-c", 2, "-i", items, "-t", seconds, "-w", 0.2), items)


def clients_case(daemon, clients, seconds):
    # every client is answered at least once before the clock counts
    return lambda: per_query(daemon.load("-c", clients, "-i", 5, "-t", seconds, "-w", 0.2 + clients / 4000), 5)


def rows_case(daemon, rows, seconds):
    sql = f"select n, n * 2, 'row ' || n from generate_series(1, {rows}) as n"
    request = json.dumps({"stream": True, "gather": [sql]})
    return lambda: per_query(daemon.load("-s", "-c", 1, "-t", seconds, "-w", 0.2, "-r", request), rows)


def connections_case(context, connections, seconds):
    def run():
        with Gatherd(context.postgres, pool_min=connections, pool_max=connections) as daemon:
            return per_query(daemon.load("-c", 64, "-t", seconds, "-w", 0.3), 20)
    return run


def slope(points):
    """By how much the cost of one grows for tenfold the size, over the upper half of the sweep: 1 is no growth."""
    (x1, y1), (x2, y2) = points[len(points) // 2], points[-1]
    return (y2 / y1) ** (1 / math.log10(x2 / x1))


def sweep(context, section, name, title, x_label, unit, cases):
    """`cases`: size → function. A table, a plot, and the goal that the cost of one does not grow."""
    done = run_rounds([Case(str(size), run) for size, run in cases.items()], context.rounds(1, 3))
    points = [(size, done[str(size)].get("cost")) for size in cases if done[str(size)].get("cost")]
    file = f"scale-{name}.svg"
    draw(os.path.join(programs.BENCH, file), title, x_label, f"µs a {unit}", {"gatherd": points})
    section.figures([x_label, *[f"{size:,}" for size in cases]],
                    [[f"µs a {unit}", *["failed" if case.failure else case.get("cost") for case in done.values()]],
                     ["p99 ms", *[case.get("p99_ms") for case in done.values()]]])
    section.fail(done.values())
    section.text(f"![{title}]({file})")
    section.goal(f"{x_label}: cost of one, tenfold the size", slope(points) if len(points) > 2 else None, "≤", 1.5, "×")


def run(context):
    section = Section("scale", TITLE, "What one query (or one row) costs in microseconds of wall time, as sizes grow. "
                      "Linear growth of the work is a flat line.")
    context.postgres.load("accounts")
    seconds = context.seconds(0.5, 2)
    with Gatherd(context.postgres, pool_max=8, queue_limit=5 * max(CLIENTS)) as daemon:
        sweep(context, section, "items", "Items in a gather", "items in a gather", "query",
              {items: items_case(daemon, items, seconds) for items in ITEMS})
        sweep(context, section, "clients", "Clients, each with gathers of 5", "clients", "query",
              {clients: clients_case(daemon, clients, seconds) for clients in CLIENTS})
        sweep(context, section, "rows", "Rows of a streamed result", "rows", "row",
              {rows: rows_case(daemon, rows, seconds) for rows in ROWS})
    sweep(context, section, "connections", "Connections of the pool, 64 clients", "connections", "query",
          {count: connections_case(context, count, seconds) for count in CONNECTIONS})
    return section
