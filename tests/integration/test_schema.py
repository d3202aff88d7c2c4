# SPDX-License-Identifier: PostgreSQL
"""
The JSON Schemas of the protocol: they accept what the documents show and what the daemon says, and refuse what the
daemon refuses. Answers to all other tests are held to them by harness/client.py.
"""
import json
import os
import re

import jsonschema
import pytest

from harness import schema
from test_docs import DOCUMENTS
from test_requests import BAD_LINES

# Bad lines that are beyond a schema: a double key or name, a number that only JSON's text tells from a good one.
BEYOND_A_SCHEMA = [
    '{"gather":["select 1"],"gather":["select 1"]}',
    '{"gather":[{"sql":"select 1","sql":"select 2"}]}',
    '{"gather":{"a":"select 1","a":"select 2"}}',
    '{"gather":{"a":{"sql":"select 1","name":"b"}}}',
    '{"gather":[{"sql":"select 1","name":"a"},{"sql":"select 1","name":"a"}]}',
    '{"gather":[{"sql":"select 1","timeout":1e400}]}',
    '{"gather":["select 1"],"timeout":1e999}',
    '{"gather":["\\ud800"]}',
    '{"gather":' + "[" * 100 + "]" * 100 + "}",
]

# How deep a value may be is not said by the schema; json gave up by itself before Python 3.13.
DEEPEST = 100

REFERENCE = {"from": "a", "column": "n"}

GOOD_REQUESTS = [
    {"gather": []},
    {"gather": {}, "id": "x" * 128},
    {"gather": ["select 1"], "id": None, "db": None, "timeout": None, "on_error": None, "snapshot": None, "stream": None,
     "rows": None, "values": None, "concurrency": None, "format": None, "params": None, "report": None, "ping": None},
    {"gather": ["select 1"], "id": -7, "db": "main", "timeout": 0.5, "on_error": "cancel", "snapshot": False,
     "stream": False, "rows": "objects", "values": "text", "concurrency": 1},
    {"gather": [{"sql": "select $1::int", "name": "a", "params": [1], "db": "main", "timeout": 3, "max_rows": 1}]},
    {"gather": [{"sql": "select 1", "params": None, "max_rows": None, "sequence": None, "isolation": None}]},
    {"gather": {"a": "select 1 as n", "b": {"sql": "select $1::int", "params": [{**REFERENCE, "row": 0}]}}},
    {"gather": {"a": "select 1 as n", "b": {"sql": "select :x::int", "params": {"x": {**REFERENCE, "row": None}}}}},
    {"gather": [{"sql": "select $1::json", "params": [{"json": {"from": 1, "column": 2}}]}]},
    {"gather": [{"sql": "select $1::json", "params": [{"from": 1, "column": 2, "more": 3}]}]},
    {"gather": [{"sql": "select $1::json", "params": [[{"from": 1, "column": 2}]]}]},
    {"gather": [{"sequence": ["select 1"]}]},
    {"gather": [{"sequence": ["select 1", {"sql": "select $1::int", "params": [1], "name": "b", "timeout": 1,
                                           "max_rows": 2, "db": None}],
                 "name": "s", "db": "main", "timeout": 2, "sql": None, "isolation": None}]},
    {"gather": {"t": {"transaction": ["select 1"], "isolation": "repeatable read", "read_only": True,
                      "deferrable": False}}},
    {"gather": [{"transaction": ["select 1"], "isolation": None, "read_only": None, "deferrable": None}]},
    {"gather": [{"sql": "select 1", "db": "main"}, "select 2"], "snapshot": True, "db": "main"},
    {"report": "r", "params": {"a": 1}, "db": "main", "snapshot": True},
    {"report": "r", "params": []},
    {"reports": True},
    {"listen": ["a", "A", "x" * 63], "id": 3, "db": None, "gather": None},
    {"cancel": 7},
    {"cancel": "x", "id": "y"},
    {"ping": True, "timeout": None},
    {"stats": True},
]

BAD_REQUESTS = [
    {"gather": [{"sequence": []}]},
    {"gather": [{"transaction": "select 1"}]},
    {"gather": [{"transaction": {"a": "select 1"}}]},
    {"gather": [{"sequence": [7]}]},
    {"gather": [{"sequence": [{}]}]},
    {"gather": [{"sequence": ["select 1"], "sql": "select 1"}]},
    {"gather": [{"sequence": ["select 1"], "transaction": ["select 1"]}]},
    {"gather": [{"sequence": ["select 1"], "params": []}]},
    {"gather": [{"sequence": ["select 1"], "max_rows": 1}]},
    {"gather": [{"sequence": ["select 1"], "isolation": "serializable"}]},
    {"gather": [{"sequence": ["select 1"], "nonsense": None}]},
    {"gather": [{"sequence": [{"sql": "select 1", "db": "main"}]}]},
    {"gather": [{"sequence": [{"sequence": ["select 1"]}]}]},
    {"gather": [{"transaction": [{"sql": "select 1", "transaction": ["select 1"]}]}]},
    {"gather": [{"transaction": [{"sql": "select 1", "read_only": True}]}]},
    {"gather": [{"transaction": ["select 1"], "isolation": "read uncommitted"}]},
    {"gather": [{"transaction": ["select 1"], "read_only": "yes"}]},
    {"gather": [{"transaction": ["select 1"], "deferrable": 1}]},
    {"gather": [{"sql": "select 1", "deferrable": True}]},
    {"gather": [{"sql": "select 1", "max_rows": 0}]},
    {"gather": [{"sql": "select 1", "max_rows": 1.5}]},
    {"gather": [{"sql": "select 1", "max_rows": 1 << 63}]},
    {"gather": [{"sql": None}]},
    {"gather": [{"name": "a"}]},
    {"gather": [{"sql": "select 1", "name": "a\0"}]},
    {"gather": {"a\0": "select 1"}},
    {"gather": ["select 1", {"sql": "select $1", "params": [{"from": 0, "column": "n"}]}]},
    {"gather": {"a": "select 1 as n", "b": {"sql": "select $1", "params": [{"from": "a", "column": None}]}}},
    {"gather": {"a": "select 1 as n", "b": {"sql": "select $1", "params": [{**REFERENCE, "row": -1}]}}},
    {"gather": {"a": "select 1 as n", "b": {"sql": "select :x", "params": {"x": {**REFERENCE, "row": "0"}}}}},
    {"gather": [{"sequence": ["select 1"]}], "snapshot": True},
    {"gather": {"t": {"transaction": ["select 1"]}}, "snapshot": True},
    {"gather": ["select 1"], "snapshot": "yes"},
    {"report": "r", "params": {"a": REFERENCE}},
    {"report": "r", "snapshot": 1},
    {"listen": "a"},
    {"listen": []},
    {"listen": [""]},
    {"listen": [7]},
    {"listen": ["a\0b"]},
    {"listen": ["a", "a"]},
    {"listen": ["x" * 64]},
    {"listen": ["a"], "timeout": 5},
    {"listen": ["a"], "stream": True},
    {"listen": ["a"], "params": {}},
    {"listen": ["a"], "ping": True},
]

TIMES = {"queued": 0.0, "elapsed": 0.1}
ERROR = {"code": "timeout", "message": "late", "effects": "none"}
SQL_ERROR = {"code": "sql", "message": "no", "effects": "unknown", "sqlstate": "42P01", "severity": "ERROR", "position": 1}
COLUMNS = [{"name": "n", "type": "int4", "oid": 23}]
SELECTED = {"columns": COLUMNS, "rows": [[1]], "count": 1, "command": "SELECT", **TIMES}
SNAPSHOT = {"id": "00000003-0000001B-1", "server": "/run/postgresql", "lsn": "0/1519530", "time": "2026-11-20",
            "in_recovery": False}


def combined(*results, failed=0, **more):
    return {"id": 1, "ok": failed == 0, "failed": failed, "elapsed": 0.1, "results": list(results), **more}


def event(kind, **more):
    return {"id": "x", "event": kind, **more}


GOOD_ANSWERS = [
    combined(),
    combined(SELECTED, {**SELECTED, "rows": [], "truncated": True, "name": "a"}, {"command": "SET", **TIMES}),
    combined({"error": ERROR, **TIMES}, {"error": SQL_ERROR, "name": "a", **TIMES}, failed=2),
    combined({"steps": [SELECTED, {"error": ERROR, **TIMES}], "error": ERROR, "outcome": "rolled_back", **TIMES}, failed=1),
    combined({"steps": [SELECTED], **TIMES}, {"steps": [SELECTED], "name": "t", "outcome": "committed", **TIMES}),
    combined(SELECTED, snapshot=SNAPSHOT, later_versions="may add keys"),
    {**combined(), "results": {"a": {**SELECTED, "rows": [{"n": 1}]}}},
    {"id": None, "error": ERROR},
    {"id": 1, "error": {"code": "bad_request", "message": "no", "effects": "none", "key": "timeout"}},
    event("columns", item=0, columns=COLUMNS),
    event("rows", item=0, step=1, name="a", rows=[[1], {"n": 1}]),
    event("done", item=0, count=1, command="SELECT", **TIMES),
    event("done", item=0, outcome="committed", **TIMES),
    event("error", item=0, error=SQL_ERROR, outcome="unknown", **TIMES),
    event("error", item=0, step=0, error=ERROR, **TIMES),
    event("end", ok=True, failed=0, elapsed=0.1, snapshot={"in_recovery": True}),
    event("end", ok=False, failed=1, elapsed=0.1, error=ERROR),
    event("listening", db="main", channels=["a"]),
    event("notification", channel="a", payload="", pid=7),
    event("resync"),
    {"id": 1, "cancelled": True},
    {"id": 1, "pong": True, "version": "0.1.0", "protocol": 1, "features": ["gather"]},
    {"id": 1, "reports": [{"name": "a", "params": [{"name": "p", "type": "date", "default": "now"}],
                           "queries": [{"name": "q", "title": "Q"}]}, {"name": "b", "error": "line 1: no"}]},
]

BAD_ANSWERS = [
    [],
    {"ok": True},
    {"id": 1.5, "error": ERROR},
    {"id": 1},
    {"id": 1, "error": {"code": "timeout", "message": "late"}},
    {"id": 1, "error": {**ERROR, "code": "late"}},
    {"id": 1, "error": {**ERROR, "effects": "some"}},
    {"id": 1, "error": {**ERROR, "sqlstate": "57014"}},
    {"id": 1, "error": {**ERROR, "key": "timeout"}},
    {"id": 1, "error": {**SQL_ERROR, "sqlstate": "42p0"}},
    {"id": 1, "error": {**SQL_ERROR, "position": 0}},
    {"id": 1, "error": ERROR, "pong": True, "version": "0.1.0", "protocol": 1, "features": []},
    {**combined(), "error": ERROR},
    {**combined(), "ok": False},
    {**combined(failed=1), "ok": True},
    {**combined(), "elapsed": -1},
    {**combined(), "results": "none"},
    combined(snapshot={"id": "00000003-0000001B-1"}),
    combined(TIMES),
    combined({"command": "SET", "queued": 0.0}),
    combined({"command": "SELECT", "columns": COLUMNS, **TIMES}),
    combined({"command": "SELECT", "rows": [[1]], **TIMES}),
    combined({**SELECTED, "error": ERROR}),
    combined({**SELECTED, "rows": [1]}),
    combined({**SELECTED, "truncated": False}),
    combined({**SELECTED, "count": -1}),
    combined({**SELECTED, "columns": [{"name": "n", "type": "int4"}]}),
    combined({**SELECTED, "outcome": "committed"}),
    combined({"steps": [], **TIMES}),
    combined({"steps": [{"steps": [SELECTED], **TIMES}], **TIMES}),
    combined({"steps": [SELECTED], "outcome": "done", **TIMES}),
    combined({"steps": [SELECTED], "command": "COMMIT", **TIMES}),
    event("begin", item=0),
    event("columns", columns=COLUMNS),
    event("columns", item=0),
    event("rows", item=0, rows=[]),
    event("rows", item=-1, rows=[[1]]),
    event("done", item=0, command="SELECT"),
    event("done", item=0, error=ERROR, **TIMES),
    event("done", item=0, step=0, outcome="committed", **TIMES),
    event("error", item=0, **TIMES),
    event("end", ok=True, failed=1, elapsed=0.1),
    event("end", ok=True, failed=0),
    event("end", ok=True, failed=0, elapsed=0.1, error=ERROR),
    event("listening", db="main", channels=[]),
    event("listening", channels=["a"]),
    event("notification", channel="a", pid=7),
    event("notification", channel="a", payload=None, pid=7),
    event("resync", item=0),
    event("end", item=0, ok=True, failed=0, elapsed=0.1),
    {"id": 1, "pong": False, "version": "0.1.0", "protocol": 1, "features": []},
    {"id": 1, "pong": True, "version": "0.1.0", "protocol": 2, "features": []},
    {"id": 1, "cancelled": 1},
    {"id": 1, "reports": [{"name": "a"}]},
    {"id": 1, "stats": {}},
]


def label(value):
    return json.dumps(value)[:70]


@pytest.mark.parametrize("validator", [schema.REQUEST, schema.ANSWER], ids=["request", "answer"])
def test_it_is_a_schema(validator):
    jsonschema.Draft202012Validator.check_schema(validator.schema)


def documented():
    """(document and line, value, whether it is a request that shows a mistake) for each JSON value in the documents."""
    decoder = json.JSONDecoder()
    found = []
    for path in DOCUMENTS:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for block in re.finditer(r"^```json\b[^\n]*\n(.*?)^```$", text, re.M | re.S):
            rest = block[1].strip()
            while rest:
                value, end = decoder.raw_decode(rest)
                found.append((f"{os.path.basename(path)}:{text.count(chr(10), 0, block.start()) + 1}", value))
                rest = rest[end:].strip()
    for (where, value), (_, following) in zip(found, [*found[1:], (None, {})]):
        yield where, value, following.get("error", {}).get("code") == "bad_request"


def without_ellipses(value):
    """An answer in a document, with what it leaves out left out."""
    if isinstance(value, dict):
        empty = {"results": [], "columns": [], "rows": [], "features": [], "pid": 0}
        return {key: empty[key] if part == "…" and key in empty else without_ellipses(part)
                for key, part in value.items() if (key, part) != ("lsn", "…")}
    if isinstance(value, list):
        return [without_ellipses(part) for part in value]
    return value


VERBS = {"gather", "report", "cancel", "ping", "listen"}


@pytest.mark.parametrize("value, is_mistake", [pytest.param(value, mistake, id=where)
                                               for where, value, mistake in documented()])
def test_documented(value, is_mistake):
    if is_mistake:
        assert VERBS & set(value)
    elif VERBS & set(value) or value.get("reports") is True or value.get("stats") is True:
        schema.REQUEST.validate(value)
    else:
        schema.ANSWER.validate(without_ellipses(value))


def test_the_protocol_is_documented_by_examples():
    shown = [value for where, value, _ in documented() if where.startswith("protocol.md")]
    assert len(shown) > 30


@pytest.mark.parametrize("request_", GOOD_REQUESTS, ids=label)
def test_good_request(client, request_):
    schema.REQUEST.validate(request_)
    answer = client.request(request_)
    assert answer.get("error", {}).get("code") in {None, "unknown_report"}, answer


@pytest.mark.parametrize("request_", BAD_REQUESTS, ids=label)
def test_bad_request(client, request_):
    assert not schema.REQUEST.is_valid(request_)
    assert client.request(request_)["error"]["code"] == "bad_request"


@pytest.mark.parametrize("line", [line for line, _ in BAD_LINES], ids=lambda line: line[:70])
def test_bad_line(line):
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return
    assert schema.REQUEST.is_valid(value) <= (line in BEYOND_A_SCHEMA or line.count("[") > DEEPEST)


@pytest.mark.parametrize("answer", GOOD_ANSWERS, ids=label)
def test_good_answer(answer):
    schema.ANSWER.validate(answer)


@pytest.mark.parametrize("answer", BAD_ANSWERS, ids=label)
def test_bad_answer(answer):
    assert not schema.ANSWER.is_valid(answer)


@pytest.mark.parametrize("verb", ["ping", "stats", "reports"])
def test_verbs(client, verb):
    schema.ANSWER.validate(client.request({verb: True}))
