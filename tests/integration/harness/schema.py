# SPDX-License-Identifier: PostgreSQL
"""The JSON Schemas of the protocol, compiled once; None where python3-jsonschema is not installed."""
import json
import os

from harness import programs

try:
    import jsonschema
except ImportError:
    jsonschema = None

# Longer lines are rows for the most part, and checking each of them would take longer than the tests.
CHECKED_BYTES = 64 * 1024


def load(name):
    if jsonschema is None:
        return None
    with open(os.path.join(programs.ROOT, "docs", f"protocol-{name}.schema.json"), encoding="utf-8") as file:
        return jsonschema.Draft202012Validator(json.load(file))


REQUEST = load("request")
ANSWER = load("answer")


def assert_answer(answer, size_bytes):
    """An answer, and how long its line was."""
    if ANSWER is None or size_bytes > CHECKED_BYTES:
        return
    for error in ANSWER.iter_errors(answer):
        raise AssertionError(f"{json.dumps(answer, ensure_ascii=False)[:2000]}\n"
                             f"against docs/protocol-answer.schema.json: {error.message} at {error.json_path}")
