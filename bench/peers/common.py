# SPDX-License-Identifier: PostgreSQL
"""What the Python peers share: the lookups, the clock of a run, and the line of JSON at its end."""
import json
import random
import time

LOOKUP = "select abalance from pgbench_accounts where aid = $1"
LOOKUPS = 20
WARM_S = 0.3


def key():
    return random.randrange(100000, 1000000)


class Clock:
    """The time of a run, and how long each request took."""

    def __init__(self, seconds):
        self.begin = time.monotonic() + WARM_S
        self.end = self.begin + seconds
        self.took_ms = {}

    def over(self):
        return time.monotonic() >= self.end

    async def repeat(self, what, work):
        while not self.over():
            begun = time.monotonic()
            await work()
            now = time.monotonic()
            if now >= self.begin:
                self.took_ms.setdefault(what, []).append((now - begun) * 1e3)

    def figures(self):
        seconds = time.monotonic() - self.begin
        said = {}
        for what, samples in self.took_ms.items():
            samples.sort()
            said.update({f"{what}_rate": len(samples) / seconds, f"{what}_p50_ms": samples[len(samples) // 2],
                         f"{what}_p99_ms": samples[int(0.99 * (len(samples) - 1))]})
        return said


def say(figures):
    """Lookups are what most ask for: their figures go by their bare names."""
    print(json.dumps({key.removeprefix("lookups_"): value for key, value in figures.items()}))
