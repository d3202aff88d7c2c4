# SPDX-License-Identifier: PostgreSQL
"""What the answer to {"stats": true} says is still going on."""

# Where the answer has what must be zero when nobody asks for anything, beside the asking client itself.
OWN = {"clients": 1, "requests": 1}


def left_over(stats):
    """What is left of other requests, as a dict; empty when the daemon is idle."""
    left = {name: stats[name] - own for name, own in OWN.items() if stats[name] != own}
    for name, pool in stats["pools"].items():
        for key in ("busy", "queued"):
            if pool[key]:
                left[f"{name}.{key}"] = pool[key]
    return left
