# SPDX-License-Identifier: PostgreSQL
"""PostgreSQL's values as JSON."""
import json
import os
import random

import pytest

from harness.daemon import Gatherd

# expression, the JSON text that stands for it
VALUES = [
    ("null::int", "null"),
    ("1::int2", "1"),
    ("'-2147483648'::int4", "-2147483648"),
    ("9223372036854775807::int8", "9223372036854775807"),
    ("4294967295::oid", "4294967295"),
    ("1.5::float8", "1.5"),
    ("0.1::float4", "0.1"),
    ("1e300::float8", "1e+300"),
    ("'-0'::float8", "-0"),
    ("'NaN'::float8", '"NaN"'),
    ("'Infinity'::float8", '"Infinity"'),
    ("'-Infinity'::float4", '"-Infinity"'),
    ("1.50::numeric", "1.50"),
    ("123456789012345678901234567890.12345678901234567890", "123456789012345678901234567890.12345678901234567890"),
    ("'NaN'::numeric", '"NaN"'),
    ("'-Infinity'::numeric", '"-Infinity"'),
    ("true", "true"),
    ("false", "false"),
    ("'text'::text", '"text"'),
    ("''::text", '""'),
    ("'quote \" backslash \\'::text", '"quote \\" backslash \\\\"'),
    ("e'tab\\tnewline\\nbell\\x07'::text", '"tab\\tnewline\\nbell\\u0007"'),
    ("'grüße €🙂'::text", '"grüße €🙂"'),
    ("'x'::char(3)", '"x  "'),
    ("'x'::\"char\"", '"x"'),
    ("'name'::name", '"name"'),
    ("'\\xdeadbeef'::bytea", '"\\\\xdeadbeef"'),
    ("date '2026-11-20'", '"2026-11-20"'),
    ("timestamp '2026-11-20 10:00:00.5'", '"2026-11-20 10:00:00.5"'),
    ("time '10:00'", '"10:00:00"'),
    ("interval '1 day 2 hours'", '"1 day 02:00:00"'),
    ("'6f9619ff-8b86-d011-b42d-00cf4fc964ff'::uuid", '"6f9619ff-8b86-d011-b42d-00cf4fc964ff"'),
    ("row(1, 'a', null)", '"(1,a,)"'),
    ("int4range(1, 5)", '"[1,5)"'),
    ("point(1, 2)", '"(1,2)"'),
    ("inet '10.0.0.1/8'", '"10.0.0.1/8"'),
    ("'1.23'::money", '"$1.23"'),
    # json and jsonb are embedded
    ("'{\"a\": [1, 2.50, null]}'::json", '{"a":[1,2.50,null]}'),
    ("'{\"b\":1,\"a\":2}'::jsonb", '{"a":2,"b":1}'),
    ("e'{\"a\":\\n\\r 1}'::json", '{"a":1}'),
    ("'\"x\"'::jsonb", '"x"'),
    ("'null'::json", "null"),
    # arrays nest as their dimensions, elements by the same rules
    ("array[1, 2, null]", "[1,2,null]"),
    ("'{}'::int[]", "[]"),
    ("array[[1, 2], [3, 4]]", "[[1,2],[3,4]]"),
    ("'[0:1]={5,6}'::int[]", "[5,6]"),
    ("array[true, false]", "[true,false]"),
    ("array[1.50, 'NaN'::numeric]", '[1.50,"NaN"]'),
    ("array['a', 'NULL', null, '', 'x\"y', 'b\\c', 'd,e', '{f}', ' g ']",
     '["a","NULL",null,"","x\\"y","b\\\\c","d,e","{f}"," g "]'),
    ("array['{\"a\": 1}'::jsonb, '[2]']", '[{"a":1},[2]]'),
    ("array[date '2026-11-20']", '["2026-11-20"]'),
    ("array[box '((0,0),(1,1))', box '((2,2),(3,3))']", '["(1,1),(0,0)","(3,3),(2,2)"]'),
    ("'1 2 3'::int2vector", None),
]


def normal(text):
    """JSON text compared with its digits kept."""
    return json.dumps(json.loads(text, parse_int=lambda digits: f"int {digits}",
                                 parse_float=lambda digits: f"float {digits}"))


def raw_value(line):
    """The one value of a one-row answer as the daemon wrote it."""
    rows = line.decode().split('"rows":[[', 1)[1]
    return rows[:rows.rindex(']],"count"')]


@pytest.mark.parametrize("expression, expected", [case for case in VALUES if case[1] is not None],
                         ids=[case[0] for case in VALUES if case[1] is not None])
def test_value(client, expression, expected):
    client.send(gather=[f"select {expression}"])
    line = client.recv_line()
    assert normal(raw_value(line)) == normal(expected), line


def test_domains_are_as_their_base_type(client, pg):
    pg.psql("drop domain if exists d_int; create domain d_int as int")
    assert client.value("select 5::d_int") == 5


def test_enums_and_arrays_of_a_databases_own_types(client, pg):
    pg.psql("drop type if exists mood cascade; create type mood as enum ('sad', 'so so')")
    result = client.one("select 'so so'::mood, array['sad', 'so so']::mood[]")
    assert result["rows"] == [["so so", ["sad", "so so"]]]
    assert [column["type"] for column in result["columns"]] == ["mood", "mood[]"]


def test_values_as_text_are_postgresqls_own(client):
    row = client.one("select 1.50::numeric, true, array[1, null], '[1]'::json, null, 'NaN'::float8",
                     values="text")["rows"][0]
    assert row == ["1.50", "t", "{1,NULL}", "[1]", None, "NaN"]


def test_session_settings_that_decide_about_text(client):
    names = ["client_encoding", "DateStyle", "IntervalStyle", "bytea_output", "extra_float_digits"]
    values = client.one("select " + ", ".join(f"current_setting('{name}')" for name in names))["rows"][0]
    assert values[0] == "UTF8" and values[1].startswith("ISO") and values[2:] == ["postgres", "hex", "1"]


def test_a_roles_own_settings_do_not_change_the_text(start_gatherd, pg):
    pg.psql("create role stylish login; alter role stylish set datestyle = 'German'; "
            "alter role stylish set intervalstyle = 'iso_8601'; alter role stylish set bytea_output = 'escape'; "
            "alter role stylish set client_encoding = 'LATIN1'; alter role stylish set extra_float_digits = -5")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(user="stylish")})
    with gatherd.client() as client:
        row = client.one("select date '2026-11-20', interval '1 day', '\\x01ff'::bytea, 'é€', 0.1::float8 + 0.2")
        assert row["rows"] == [["2026-11-20", "1 day", "\\x01ff", "é€", 0.30000000000000004]]


def test_a_database_without_encoding_still_gives_utf8(start_gatherd, pg):
    pg.psql("create database ascii template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'")
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(db="ascii")})
    with gatherd.client() as client:
        assert client.value("select 'a' || chr(255) || chr(254) || 'b'") in ("a��b", "a�b")


@pytest.fixture(scope="module")
def ascii_gatherd(pg):
    """A database that takes any bytes for text."""
    pg.psql("create database any_bytes template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'")
    with Gatherd(pg, main={"conninfo": pg.conninfo(db="any_bytes")}) as daemon:
        yield daemon


# what makes text of the bytes of $1 (hexadecimal), whether it may have none of them (a name, json's grammar)
BYTES = "convert_from(decode($1, 'hex'), 'SQL_ASCII')"
ASCII_VALUES = [
    BYTES,
    f"array[{BYTES}, null, {BYTES} || ',{{}}\"']",
    f"row({BYTES}, 1, {BYTES})",
    f"('\"' || regexp_replace({BYTES}, '[\\x01-\\x1f\"\\\\]', '', 'g') || '\"')::json",
    f"array[('{{\"k' || regexp_replace({BYTES}, '[\\x01-\\x1f\"\\\\]', '', 'g') || '\":1}}')::json]",
    f"xmlcomment(replace({BYTES}, '-', ''))",
]


@pytest.mark.parametrize("expression", ASCII_VALUES)
@pytest.mark.parametrize("options", [{}, {"values": "text"}, {"rows": "objects"}, {"stream": True}],
                         ids=["json", "text", "objects", "stream"])
def test_any_bytes_give_valid_utf8(ascii_gatherd, expression, options):
    seed = int(os.environ.get("GATHERD_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    rng = random.Random(f"{seed} {expression}")
    pool = [b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x9f\x99", b"\xff", b"a",
            "é🙂".encode(), b"\xc3"]
    texts = [b"".join(rng.choice([rng.choice(pool), rng.randbytes(1).replace(b"\0", b"-")])
                      for _ in range(rng.randint(0, 40))) for _ in range(60)]
    with ascii_gatherd.client() as client:
        client.send({"gather": [{"sql": f"select {expression} as v", "params": [one.hex()]} for one in texts], **options})
        # the harness takes nothing but valid UTF-8, JSON and what the schema says
        if options.get("stream"):
            rows = [event["item"] for event in client.events() if event["event"] == "rows"]
            assert sorted(rows) == list(range(60)), f"GATHERD_TEST_SEED={seed}"
            return
        results = client.recv()["results"]
    for one, result in zip(texts, results):
        assert "rows" in result, f"GATHERD_TEST_SEED={seed}: {one!r} {result}"
        if expression == BYTES:
            value = result["rows"][0]["v"] if "rows" in options else result["rows"][0][0]
            kept = [char for char in one.decode("utf-8", "replace") if char != "\ufffd"]
            assert [char for char in value if char != "\ufffd"] == kept, f"GATHERD_TEST_SEED={seed}: {one!r}"


def test_errors_and_names_with_any_bytes(ascii_gatherd):
    """What is no value: a column's name, a type's, an error's text, a notice."""
    run = "do $x$ begin execute {}; end $x$"
    odd = "convert_from('\\xff80'::bytea, 'SQL_ASCII')"
    with ascii_gatherd.client() as client:
        assert client.one(run.format(f"format('create type %I as enum (%L)', {odd}, {odd})")).get("error") is None
        assert client.one(run.format(f"format('create table odd as select %L::%I as %I', {odd}, {odd}, {odd})")) \
            .get("error") is None
        result = client.one("select * from odd")
        assert "\ufffd" in result["columns"][0]["name"] and "\ufffd" in result["columns"][0]["type"]
        assert "\ufffd" in result["rows"][0][0]
        error = client.one(run.format(f"format('select %I', {odd})"))["error"]
        assert error["sqlstate"] == "42703" and "\ufffd" in error["message"]
        client.one(run.format("'drop table odd'"))


def test_half_a_character_of_the_type_char(client):
    # before PostgreSQL 16 "char" keeps one byte of any text, whatever the encoding
    assert client.value("select 'é'::\"char\"") in ("\ufffd", "\\303")


def test_json_as_deep_as_postgresql_takes_it(client):
    for depth in (1000, 6000):
        client.send(gather=[f"select (repeat('[', {depth}) || repeat(']', {depth}))::json", "select 1"])
        line = client.recv_line()
        assert b"[" * depth + b"]" * depth in line or b'"sqlstate":"54001"' in line
        assert line.endswith(b"}\n")


def test_wide_and_long_results(client):
    result = client.one("select " + ", ".join(f"{n} as c{n}" for n in range(1600)))
    assert result["rows"] == [list(range(1600))]
    assert client.value("select repeat('é', 500000)") == "é" * 500000
