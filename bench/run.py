#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Runs benchmarks, prints what they found, and puts it into bench/results.md. `./dev bench` builds and installs."""
import argparse
import datetime
import importlib
import os
import re
import signal
import subprocess
import sys

from harness import programs
from harness.servers import Directory, Postgres

ALL = ["w1", "w2", "w3", "w4", "w5", "w6", "latency", "scale", "cost"]
RESULTS = os.path.join(programs.BENCH, "results.md")
HEAD = """# Results

Written by `./dev bench`; `bench/README.md` says what is measured and how. Client, daemon and server share the
processors of one machine. Single figures swing with whatever else it does; cases of one table ran interleaved, so their
ratios hold.
"""


class Context:
    """What a benchmark gets: a server, and how long it may take."""

    def __init__(self, postgres, quick, save):
        self.postgres = postgres
        self.quick = quick
        self.save = save

    def rounds(self, quick, full):
        return quick if self.quick else full

    def seconds(self, quick, full):
        return quick if self.quick else full

    def say(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return f"{len(os.sched_getaffinity(0))} × {model[1] if model else 'unknown processor'}"


def commit():
    said = subprocess.run(["git", "-C", programs.SOURCE, "rev-parse", "--short", "HEAD"], capture_output=True,
                          text=True, check=False)
    return said.stdout.strip() or "no commit"


def sections_of(path):
    """Heading → text of the sections that stand in the file."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        parts = re.split(r"^(?=## )", file.read(), flags=re.M)
    return {part.split("\n", 1)[0]: part for part in parts if part.startswith("## ")}


def write_results(section, quick, built_from):
    """Puts the section in the place of its last edition; the others stay."""
    kept = sections_of(RESULTS)
    text = section.render()
    when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    command = f"./dev bench {'--quick ' if quick else ''}{section.name}"
    text += f"\n`{command}` at {built_from}, {when}, on {machine()}; {programs.versions()}.\n"
    kept[text.split("\n", 1)[0]] = text
    titles = [importlib.import_module(name).TITLE for name in ALL]
    order = {f"## {title}": number for number, title in enumerate(titles)}
    parts = sorted(kept.items(), key=lambda part: order.get(part[0], len(order)))
    with open(RESULTS, "w", encoding="utf-8") as file:
        file.write(HEAD + "\n" + "\n".join(part.rstrip() + "\n" for _, part in parts))
    return text


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Benchmarks: " + " ".join(ALL))
    parser.add_argument("names", nargs="*", metavar="W", help="default: all")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    parser.add_argument("--no-save", action="store_true", help="leave bench/results.md as it is")
    arguments = parser.parse_args()
    names = [name.lower() for name in arguments.names] or ALL
    unknown = [name for name in names if name not in ALL]
    if unknown:
        parser.error(f"no such benchmark: {' '.join(unknown)} (there are {' '.join(ALL)})")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of it stays
    built_from = commit()
    directory = Directory()
    postgres = None
    failed = []
    try:
        postgres = Postgres(directory)
        for name in names:
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                section = importlib.import_module(name).run(Context(postgres, arguments.quick, not arguments.no_save))
            except (programs.Failed, programs.Missing) as why:
                failed.append(f"{name}: {why}")
                continue
            failed += section.failures
            saved = None if arguments.no_save else write_results(section, arguments.quick, built_from)
            print(saved or section.render(), flush=True)
    finally:
        if postgres:
            postgres.stop()
        directory.remove()
    for failure in failed:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
