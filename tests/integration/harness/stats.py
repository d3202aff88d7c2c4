# SPDX-License-Identifier: PostgreSQL
"""What the answer to {"stats": true} says is still going on."""

OWN_CLIENTS = 1  # the one that asks
OWN_TASKS = 1  # the service itself; each database has a task, and each connection to PostgreSQL
OWN_BUFFERS_BYTES = 256 * 1024  # of the one that asks


def left_over(answer):
    """What is left of other requests, as a dict; empty when the daemon is idle."""
    stats = answer["stats"]
    left = {
        "clients": stats["clients"]["connected"] - OWN_CLIENTS,
        "requests": stats["requests"]["running"],
        "buffers": max(0, stats["memory"]["buffers"] - OWN_BUFFERS_BYTES),
    }
    drivers = 0
    for name, pool in stats["pools"].items():
        connections = pool["connections"]
        drivers += 1 + connections["open"] + connections["connecting"]
        left[f"{name}: busy connections"] = connections["busy"]
        left[f"{name}: shared connections"] = connections["shared"]
        left[f"{name}: pending items"] = pool["pending"]
        left[f"{name}: queued items"] = pool["queued"]
    left["tasks"] = max(0, stats["loop"]["tasks"] - OWN_TASKS - drivers)
    return {what: count for what, count in left.items() if count}
