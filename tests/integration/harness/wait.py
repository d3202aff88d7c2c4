# SPDX-License-Identifier: PostgreSQL
"""Waiting for conditions. Limits are generous: they end a test that hangs, they measure nothing."""
import os
import time

TIME_SCALE = float(os.environ.get("GATHERD_TIME_SCALE", "1"))
LIMIT_S = 30 * TIME_SCALE


def wait_until(predicate, what="the condition", limit_s=LIMIT_S):
    """Polls until predicate() is true and returns its value; fails the test after the limit."""
    end = time.monotonic() + limit_s
    pause_s = 0.002
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not after {limit_s:g} s; last value {value!r}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
