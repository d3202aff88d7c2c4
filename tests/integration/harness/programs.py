# SPDX-License-Identifier: PostgreSQL
"""Where the programs under test are: $GATHERD_BUILD, else build/asan."""
import glob
import os
import shlex
import subprocess

from harness.wait import LIMIT_S

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BUILD = os.path.realpath(os.environ.get("GATHERD_BUILD", os.path.join(ROOT, "build", "asan")))
WRAPPER = shlex.split(os.environ.get("GATHERD_WRAPPER", ""))

# What a sanitizer writes when it has found something.
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "AddressSanitizer:DEADLYSIGNAL", "runtime error:")


def program(name):
    for path in [os.path.join(BUILD, name), *glob.glob(os.path.join(BUILD, "src", "*", name))]:
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise AssertionError(f"no {name} in {BUILD}: ./dev build asan, or set GATHERD_BUILD")


def assert_clean(output):
    """No sanitizer has said anything."""
    for report in REPORTS:
        assert report not in output, output


def run(name, *arguments, stdin=None, env=None, cwd=None, text=True):
    """Runs a program to its end; its exit status and output are the test's to judge."""
    done = subprocess.run([program(name), *map(str, arguments)], input=stdin, text=text, capture_output=True, cwd=cwd,
                          env={**os.environ, **(env or {})}, timeout=LIMIT_S, check=False,
                          **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    assert_clean(done.stderr if text else done.stderr.decode(errors="replace"))
    return done
