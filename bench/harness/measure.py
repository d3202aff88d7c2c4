# SPDX-License-Identifier: PostgreSQL
"""
Measuring side by side: every case of a benchmark runs once in each round, so that whatever the machine does meanwhile
hits all of them; what counts is each one's median.
"""
import statistics
import subprocess
import sys
import time

from harness.programs import Failed, Missing


class Case:
    """
    `run` returns a dict of figures, or raises Missing or Failed. Cases with `settings` are tried with each of them
    before the first round, and run with the one whose `best` figure is the greatest.
    """

    def __init__(self, name, run, settings=(), best="rate"):
        self.name = name
        self.run = run
        self.settings = list(settings)
        self.best = best
        self.chosen = None
        self.samples = []
        self.failure = None

    def once(self, setting=None):
        setting = setting if setting is not None else self.chosen
        return self.run() if setting is None else self.run(setting)

    def choose(self):
        if len(self.settings) > 1:
            self.chosen = max(self.settings, key=lambda setting: self.once(setting)[self.best])
        elif self.settings:
            self.chosen = self.settings[0]

    def get(self, key, default=None):
        """The median of a figure; None when there is none."""
        values = [sample[key] for sample in self.samples if key in sample]
        return statistics.median(values) if values and not self.failure else default

    def attempt(self, step):
        if self.failure:
            return
        try:
            step()
        except Missing as missing:
            self.failure = f"missing: {missing}"
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as failed:
            self.failure = f"failed: {str(failed).strip()[-160:]}"
        if self.failure:
            progress_end()
            print(f"  {self.name}: {self.failure}", file=sys.stderr, flush=True)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K  {text}", end="", file=sys.stderr, flush=True)


def progress_end():
    progress("")
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr, flush=True)


def run_rounds(cases, rounds):
    """Each case once a round; the order turns, so that nobody always follows the same one."""
    begun = time.monotonic()
    for case in cases:
        progress(f"settings of {case.name}")
        case.attempt(case.choose)
    for turn in range(rounds):
        shift = turn % len(cases)
        for case in cases[shift:] + cases[:shift]:
            progress(f"round {turn + 1} of {rounds}, {time.monotonic() - begun:.0f} s: {case.name}")
            case.attempt(lambda one=case: one.samples.append(one.once()))
    progress_end()
    return {case.name: case for case in cases}
