# SPDX-License-Identifier: PostgreSQL
"""
Thousands of random values of every type, compared with what PostgreSQL itself says of them (::text, to_jsonb), and sent
back as parameters. GATHERD_TEST_SEED runs one seed again; a failure names it.
"""
import decimal
import json
import math
import os
import random
import re
import struct

import pytest

from harness.daemon import Gatherd

SEED = int(os.environ.get("GATHERD_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
SCALARS = 80
ARRAYS = 40

TYPES_SQL = """
create type mood as enum ('sad', 'so so', 'it''s', 'a"b', 'c\\d', '{e}', 'NULL', 'größe', 'x,y', '(z)');
create domain d_int as int8 check (value is distinct from 13);
create domain d_d_numeric as numeric;
create domain d_text as text;
create domain d_ints as int4[];
create domain d_moods as mood[];
create domain d_jsonb as jsonb;
create type pair as (n int8, "T x" text, b bool);
create type nest as (p pair, l int4[], ts text[], j json);
create domain d_pair as pair;
create type span as range (subtype = float8);
create type oldname as enum ('one', 'two');
alter type oldname rename to "new ""name";
"""


class Num(str):
    """A JSON number, digit for digit."""


def load(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")
    return json.loads(text, parse_int=Num, parse_float=Num, parse_constant=refuse)


def dump(value):
    if isinstance(value, Num):
        return str.__str__(value)
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{dump(key)}:{dump(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def is_number(text):
    return re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", text) is not None


# ---- literals ----

LETTERS = ("abcXYZ019 _-.:;/", "\"'\\{}[](),=>$%", "".join(map(chr, range(1, 32))) + "\x7f", "äéßñЖ中あ",
           "\u0301\u0308\u200d\u200b\u2028\u2029\ufeff\ufffd\uffff\u0085\u00a0", "🙂𝔘\U0010ffff\U000e0001")


def text(rng):
    """Every kind of character but NUL, mixed; at times what an array or a number would look like."""
    if rng.random() < 0.1:
        return rng.choice(["", "NULL", "null", "{}", "{1,2}", "\\", '"', "'", "[1:2]={1,2}", "t", "NaN", "1e5", "\\N",
                           "()", "\\\"", "\r\n", "\\u0000", "</script>"])
    length = rng.choice([1, 2, 5, 20, 100])
    return "".join(rng.choice(rng.choice(LETTERS)) for _ in range(rng.randint(0, length)))


def integer(bits):
    def make(rng):
        top = 1 << (bits - 1)
        return str(rng.choice([0, 1, -1, top - 1, -top, rng.randrange(-top, top), rng.randint(-999, 999)]))
    return make


def numeric(rng):
    kind = rng.random()
    if kind < 0.06:
        return rng.choice(["NaN", "Infinity", "-Infinity", "1e131071", "1e-16383", "-0", "0.0000", "-1e-1000"])
    digits = "".join(rng.choice("0123456789") for _ in range(rng.choice([1, 5, 30, 300])))
    if kind < 0.5:
        digits = digits[:len(digits) // 2] + "." + digits[len(digits) // 2:]
        digits = digits if len(digits) > 1 else "0"
    return rng.choice(["", "-"]) + digits + rng.choice(["", "", f"e{rng.randint(-50, 50)}"])


def floating(code, bits):
    def make(rng):
        if rng.random() < 0.1:
            return rng.choice(["NaN", "Infinity", "-Infinity", "0", "-0"])
        if rng.random() < 0.3:
            return repr(rng.randint(-10**6, 10**6) / 1000)
        value = struct.unpack(code, rng.getrandbits(bits).to_bytes(bits // 8, "little"))[0]
        return repr(value) if value == value else "NaN"
    return make


def small(rng):
    return repr(rng.choice([0, -1, rng.randint(-999, 999), rng.uniform(-1e6, 1e6), rng.uniform(-1, 1) * 1e-200]))


def date(rng, first=-4712, last=290000):
    year = rng.choice([rng.randint(first, last), rng.randint(1900, 2100), rng.randint(-50, 50)]) or 1
    era = "" if year > 0 else " BC"
    return f"{abs(year):04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}", era


def clock(rng):
    fraction = rng.choice(["", f".{rng.randrange(10**6):06}", ".5"])
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}{fraction}"


def a_date(rng):
    return rng.choice(["infinity", "-infinity"]) if rng.random() < 0.05 else "".join(date(rng, last=5874897))


def timestamp(zone):
    def make(rng):
        if rng.random() < 0.05:
            return rng.choice(["infinity", "-infinity", "epoch"])
        day, era = date(rng, first=-4711)
        offset = f"{rng.randint(-14, 14):+03}:{rng.choice([0, 30, 45]):02}" if zone else ""
        return f"{day} {clock(rng)}{offset}{era}"
    return make


def interval(rng):
    sign = lambda: rng.choice(["", "-"])  # noqa: E731
    parts = [f"{sign()}{rng.randint(0, 9999)} years", f"{sign()}{rng.randint(0, 11)} mons",
             f"{sign()}{rng.randint(0, 99999)} days", f"{sign()}{rng.randint(0, 99)}:{rng.randint(0, 59):02}:"
             f"{rng.randint(0, 59):02}.{rng.randrange(10**6):06}"]
    return " ".join(part for part in parts if rng.random() < 0.6) or "0"


def point(rng):
    return f"({small(rng)},{small(rng)})"


def points(opening, closing, first, last=None):
    return lambda rng: opening + ",".join(point(rng) for _ in range(rng.randint(first, last or first))) + closing


def hexadecimal(count, group=0, separator=":"):
    def make(rng):
        digits = "".join(rng.choice("0123456789abcdef") for _ in range(count))
        return separator.join(digits[i:i + group] for i in range(0, count, group)) if group else digits
    return make


def ip4(rng):
    return ".".join(str(rng.randint(0, 255)) for _ in range(4))


def ip6(rng):
    return rng.choice(["::", "::1", "fe80::%x" % rng.getrandbits(16),
                       ":".join("%x" % rng.getrandbits(16) for _ in range(8)), "::ffff:" + ip4(rng)])


def inet(rng):
    four = rng.random() < 0.5
    return (ip4 if four else ip6)(rng) + (f"/{rng.randint(0, 32 if four else 128)}" if rng.random() < 0.6 else "")


def cidr(rng):
    bits = rng.randint(0, 32)
    network = rng.getrandbits(32) >> (32 - bits) << (32 - bits)
    return ".".join(str(network >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{bits}"


def a_json(rng, depth=0):
    kind = rng.random()
    if depth > 5 or kind < 0.5:
        return rng.choice([None, True, False, text(rng).replace("\\u0000", ""), Num(rng.randint(-2**70, 2**70)),
                           Num("1.50"), Num("-0.001E+5"), Num("12345678901234567890.123456789")])
    if kind < 0.75:
        return [a_json(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return {text(rng): a_json(rng, depth + 1) for _ in range(rng.randint(0, 4))}


def json_text(rng):
    if rng.random() < 0.03:
        depth = rng.choice([20, 300])
        return "[" * depth + "]" * depth
    written = dump(a_json(rng))
    if rng.random() < 0.3:  # json keeps what stands between the tokens
        written = rng.choice([" ", "\n", "\r\n\t"]) + written + rng.choice([" ", "\n"])
    return written


def bits(rng):
    return "".join(rng.choice("01") for _ in range(rng.randint(1, 80)))


def range_of(bound, ordered):
    def make(rng):
        if rng.random() < 0.1:
            return "empty"
        low, high = sorted((bound(rng), bound(rng)), key=ordered)
        return (rng.choice("[(") + rng.choice([f'"{low}"', "", f'"{low}"']) + ","
                + rng.choice([f'"{high}"', "", f'"{high}"']) + rng.choice("])"))
    return make


int_range = range_of(lambda rng: str(rng.randint(-2**31, 2**31 - 2)), int)
numeric_range = range_of(lambda rng: f"{rng.randint(-10**9, 10**9)}.{rng.randint(0, 99)}", decimal.Decimal)
text_day_range = range_of(lambda rng: f"{rng.randint(1, 9999):04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}", str)


def several(make):
    return lambda rng: "{" + ",".join(make(rng) for _ in range(rng.randint(0, 4))) + "}"


def row(*makes):
    def make(rng):
        fields = []
        for field in makes:
            value = field(rng) if rng.random() < 0.85 else None
            fields.append("" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '""') + '"')
        return "(" + ",".join(fields) + ")"
    return make


def quoted_element(value):
    return "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def array(make, delimiter=",", dimensions=None, nulls=True, bounds=True):
    def level(rng, lengths):
        if not lengths:
            return quoted_element(None if nulls and rng.random() < 0.15 else make(rng))
        return "{" + delimiter.join(level(rng, lengths[1:]) for _ in range(lengths[0])) + "}"

    def whole(rng):
        count = dimensions or rng.choice([0, 1, 1, 1, 2, 2, 3, 6])
        if count == 0:
            return "{}"
        lengths = [rng.randint(1, 8 if count == 1 else 3 if count < 4 else 2) for _ in range(count)]
        written = level(rng, lengths)
        if bounds and rng.random() < 0.3:
            lows = [rng.randint(-3, 5) for _ in lengths]
            written = "".join(f"[{low}:{low + n - 1}]" for low, n in zip(lows, lengths)) + "=" + written
        return written
    return whole


mood = ["sad", "so so", "it's", 'a"b', "c\\d", "{e}", "NULL", "größe", "x,y", "(z)"].__getitem__
pair = row(integer(64), text, lambda rng: rng.choice("tf"))


def a_mood(rng):
    return mood(rng.randrange(10))


def choice(*values):
    return lambda rng: rng.choice(values)


def hstore(rng):
    def quoted():
        return '"' + text(rng).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ",".join(f"{quoted()}=>{rng.choice([quoted(), 'NULL'])}" for _ in range(rng.randint(0, 4)))


# type, literal, what its values are in JSON ("number", "bool", "json", "text", or "to_jsonb": as that says), and whether
# to_jsonb says the same (it writes timestamps, composites, oids and some others in another way)
TYPES = [
    ("int2", integer(16), "number", True),
    ("int4", integer(32), "number", True),
    ("int8", integer(64), "number", True),
    ("numeric", numeric, "number", True),
    ("numeric(40,10)", lambda rng: str(rng.randint(-10**29, 10**29)), "number", True),
    ("float4", floating("<f", 32), "number", True),
    ("float8", floating("<d", 64), "number", True),
    ("oid", lambda rng: str(rng.getrandbits(32)), "number", False),
    ("bool", choice("t", "f", "yes", "0"), "bool", True),
    ("text", text, "text", True),
    ("varchar", text, "text", True),
    ("char(30)", lambda rng: text(rng)[:30], "to_jsonb", True),  # whose ::text is another
    ("name", lambda rng: text(rng)[:12], "text", True),
    ('"char"', lambda rng: chr(rng.randint(1, 126)), "text", True),
    ("bytea", lambda rng: "\\x" + rng.randbytes(rng.choice([0, 1, 40])).hex(), "text", True),
    ("date", a_date, "text", True),
    ("time", clock, "text", True),
    ("timetz", lambda rng: clock(rng) + f"{rng.randint(-15, 15):+03}", "text", True),
    ("timestamp", timestamp(False), "text", False),
    ("timestamp(0)", timestamp(False), "text", False),
    ("timestamptz", timestamp(True), "text", False),
    ("interval", interval, "text", True),
    ("uuid", hexadecimal(32), "text", True),
    ("inet", inet, "to_jsonb", True),  # likewise
    ("cidr", cidr, "text", True),
    ("macaddr", hexadecimal(12, 2), "text", True),
    ("macaddr8", hexadecimal(16, 2), "text", True),
    ("json", json_text, "json", True),
    ("jsonb", json_text, "json", True),
    ("jsonpath", choice("$", "$.a[*]", '$."x y"?(@ > 1)', "strict $.**"), "text", True),
    ("bit(5)", lambda rng: f"{rng.getrandbits(5):05b}", "text", True),
    ("varbit", bits, "text", True),
    ("money", lambda rng: f"{rng.choice(['', '-'])}{rng.randint(0, 2**53)}.{rng.randint(0, 99):02}", "text", True),
    ("point", point, "text", True),
    ("line", lambda rng: f"{{{rng.randint(1, 9)},{small(rng)},{small(rng)}}}", "text", True),
    ("lseg", points("[", "]", 2), "text", True),
    ("box", points("", "", 2), "text", True),
    ("path", lambda rng: rng.choice([points("[", "]", 1, 5), points("(", ")", 1, 5)])(rng), "text", True),
    ("polygon", points("(", ")", 1, 6), "text", True),
    ("circle", lambda rng: f"<{point(rng)},{rng.randint(0, 99)}>", "text", True),
    ("xml", choice("<a/>", '<a b="c">x &amp; y</a>', "text <b>ü</b>", "<!-- c --><x/>"), "text", True),
    ("int4range", int_range, "text", True),
    ("numrange", numeric_range, "text", True),
    ("daterange", text_day_range, "text", True),
    ("int4multirange", several(int_range), "text", True),
    ("nummultirange", several(numeric_range), "text", True),
    ("span", range_of(small, float), "text", True),
    ("span_multirange", several(range_of(small, float)), "text", True),
    ("tsquery", choice("'a' & 'b'", "!'x y'", "'a' <2> 'b'"), "text", True),
    ("tsvector", choice("'a':1A,2 'b c':3", "", "'it''s' '\\\\x'", "'ü':9B"), "text", True),
    ("pg_lsn", lambda rng: f"{rng.getrandbits(32):X}/{rng.getrandbits(32):X}", "text", True),
    ("xid", lambda rng: str(rng.getrandbits(32)), "text", True),
    ("tid", lambda rng: f"({rng.getrandbits(32)},{rng.getrandbits(16)})", "text", True),
    ("regclass", choice("pg_class", "pg_type", "information_schema.tables"), "text", True),
    ("regtype", choice("integer", "pair", "mood[]", "timestamp with time zone"), "text", True),
    ("regrole", choice("postgres", "pg_monitor"), "text", True),
    ("hstore", hstore, "text", False),
    ("ltree", choice("a.b.c", "", "Top_1.x"), "text", True),
    ("citext", text, "text", True),
    ("mood", a_mood, "text", True),
    ('"new ""name"', choice("one", "two"), "text", True),
    ("pair", pair, "text", False),
    ("nest", row(pair, array(integer(32)), array(text), json_text), "text", False),
    ("d_int", lambda rng: str(rng.randint(20, 2**62)), "number", True),
    ("d_d_numeric", numeric, "number", True),
    ("d_text", text, "text", True),
    ("d_pair", pair, "text", False),
    ("d_jsonb", json_text, "json", True),
    ("d_ints", array(integer(32)), "to_jsonb", True),
    ("d_moods", array(a_mood), "to_jsonb", True),
    ("int2vector", lambda rng: " ".join(str(rng.randint(-9, 9999)) for _ in range(rng.randint(1, 5))), "to_jsonb", True),
]
DELIMITERS = {"box": ";"}


def element(kind, written):
    """What one value's text is in JSON."""
    if written is None:
        return None
    if kind == "number":
        return Num(written) if is_number(written) else written
    if kind == "bool":
        return {"t": True, "f": False, "true": True, "false": False}[written]
    return load(written) if kind == "json" else written


def shaped(values, dims):
    """The elements of an array in the shape that array_dims tells of."""
    lengths = [int(high) - int(low) + 1 for low, high in (dim.split(":") for dim in dims.strip("[]").split("]["))]
    for length in reversed(lengths[1:]):
        values = [values[i:i + length] for i in range(0, len(values), length)]
    return values


def same_as_jsonb(value, jsonb):
    """to_jsonb writes floats in another way: there, numbers count by their value."""
    if isinstance(value, Num) and isinstance(jsonb, Num):
        return decimal.Decimal(value) == decimal.Decimal(jsonb)
    if isinstance(value, list) and isinstance(jsonb, list):
        return len(value) == len(jsonb) and all(map(same_as_jsonb, value, jsonb))
    if isinstance(value, dict) and isinstance(jsonb, dict):
        return value.keys() == jsonb.keys() and all(same_as_jsonb(value[key], jsonb[key]) for key in value)
    return value == jsonb


SCALAR_SQL = ("select v, v::text, {jsonb} from (select u.x::{type} as v, n from unnest($1::text[]) "
              "with ordinality u(x, n)) s order by n")
ARRAY_SQL = ("select v, v::text, {jsonb}, array_dims(v), to_jsonb(array(select e::text from (select unnest(v) as e) u))::text "
             "from (select u.x::{type} as v, n from unnest($1::text[]) with ordinality u(x, n)) s order by n")


@pytest.fixture(scope="module")
def typed(pg):
    pg.psql("create database values_random")
    pg.psql("create extension hstore; create extension ltree; create extension citext;" + TYPES_SQL, "values_random")
    with Gatherd(pg, main={"conninfo": pg.conninfo(db="values_random"), "pool_max": 4},
                 gatherd={"max_request": "64M"}) as daemon:
        yield daemon


@pytest.fixture
def client(typed):
    with typed.client() as connected:
        yield connected


def rows_of(client, request):
    """The rows of one gather's items, digits kept; json columns may repeat a key, so that nothing else is checked here."""
    client.send_bytes(dump(request).encode("utf-8") + b"\n")
    line = client.recv_line()
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    answer = load(line.decode("utf-8"))
    assert "results" in answer, line[:500]
    results = answer["results"]
    for result in results:
        assert "error" not in result, result
    return [result["rows"] for result in results]


def generator(*salt):
    return random.Random(f"{SEED} {salt}")


def name_of(case):
    return case[0]


@pytest.mark.parametrize("case", TYPES, ids=name_of)
def test_values_are_what_postgresql_says(client, case):
    type_name, make, kind, like_jsonb = case
    rng = generator(type_name)
    where = f"GATHERD_TEST_SEED={SEED}"
    jsonb = "to_jsonb(v)::text" if like_jsonb else "null"
    literals = [make(rng) for _ in range(SCALARS)]
    arrays = [array(make, DELIMITERS.get(type_name, ","))(rng) for _ in range(ARRAYS)]
    gather = [{"sql": SCALAR_SQL.format(type=type_name, jsonb=jsonb), "params": [literals]},
              {"sql": ARRAY_SQL.format(type=type_name + "[]", jsonb=jsonb), "params": [arrays]}]
    scalar_rows, array_rows = rows_of(client, {"gather": gather})
    assert len(scalar_rows) == SCALARS and len(array_rows) == ARRAYS
    for literal, (value, written, said) in zip(literals, scalar_rows):
        if kind != "to_jsonb":
            assert value == element(kind, written), f"{where}: {literal!r}::{type_name}"
        if like_jsonb:
            assert same_as_jsonb(value, load(said)), f"{where}: {literal!r}::{type_name}"
    for literal, (value, written, said, dims, elements) in zip(arrays, array_rows):
        if kind != "to_jsonb":
            expected = [element(kind, one) for one in load(elements)]
            expected = shaped(expected, dims) if dims else []
            assert value == expected, f"{where}: {literal!r}::{type_name}[]"
        if like_jsonb:
            assert same_as_jsonb(value, load(said)), f"{where}: {literal!r}::{type_name}[]"
    # as text it is PostgreSQL's own
    for rows in rows_of(client, {"gather": gather, "values": "text"}):
        for one in rows:
            if type_name not in ("bool", "char(30)", "inet"):  # whose ::text is another
                assert one[0] == one[1], f"{where}: {type_name}"


def parameter(kind, value):
    """What a client sends to have this value back."""
    if kind == "json" and isinstance(value, str) and not isinstance(value, Num):
        return json.dumps(value)  # a string is JSON text itself
    if kind == "json" and isinstance(value, dict):
        return {"json": value}
    return element_parameter(kind, value)


def element_parameter(kind, value):
    if isinstance(value, Num) and not math.isfinite(float(value)):
        return str(value)  # beyond a double it is no number for the protocol
    if kind == "json" and isinstance(value, str) and not isinstance(value, Num):
        return json.dumps(value)
    return value


def nested(rng, values, dimensions):
    if dimensions == 0:
        return rng.choice(values)
    inner = [nested(rng, values, dimensions - 1) for _ in range(3)] if dimensions == 1 else \
            [nested(rng, values, dimensions - 1) for _ in range(2)]
    return inner


def mapped(function, value, dimensions):
    return function(value) if dimensions == 0 else [mapped(function, item, dimensions - 1) for item in value]


@pytest.mark.parametrize("case", [case for case in TYPES if case[2] != "to_jsonb"], ids=name_of)
def test_parameters_come_back_as_they_were_sent(client, case):
    type_name, make, kind, _ = case
    rng = generator("parameters", type_name)
    literals = [one for one in (make(rng) for _ in range(25)) if not one.startswith("[" * 20)]
    [rows] = rows_of(client, {"gather": [{"sql": SCALAR_SQL.format(type=type_name, jsonb="null"), "params": [literals]}]})
    # what the server gives is what it takes
    values = [one[0] for one in rows]
    if kind == "json":
        values = [value for value in values if value is not None]  # JSON's null is sent as SQL's
    gather, sent = [], []
    for value in values:
        gather.append({"sql": f"select $1::{type_name}", "params": [parameter(kind, value)]})
        sent.append(value)
        gather.append({"sql": f"select :größe::{type_name}", "params": {"größe": parameter(kind, value)}})
        sent.append(value)
    for dimensions in [1] * 10 + ([2, 3] if kind != "json" else []):
        value = nested(rng, values + [None], dimensions)
        gather.append({"sql": f"select $1::{type_name}[]",
                       "params": [mapped(lambda item: element_parameter(kind, item), value, dimensions)]})
        sent.append(value)
    for (got,), value in zip(map(lambda rows: rows[0], rows_of(client, {"gather": gather})), sent):
        if kind == "number" and isinstance(value, Num):
            assert same_as_jsonb(got, value), f"GATHERD_TEST_SEED={SEED}: {value!r}::{type_name}"
        else:
            assert got == value, f"GATHERD_TEST_SEED={SEED}: {value!r}::{type_name}"


def test_numbers_of_any_size_are_sent_digit_by_digit(client):
    rng = generator("numbers")
    numbers = [Num(one) for one in (numeric(rng) for _ in range(300)) if is_number(one)]
    numbers += [Num(2**63), Num(-2**63 - 1), Num(2**64), Num(10**300)]
    numbers = [one for one in numbers if math.isfinite(float(one))]
    gather = [{"sql": "select $1::text, $2::numeric::text = $1::text::numeric::text", "params": [one, one]}
              for one in numbers]
    for [(written, same)], one in zip(rows_of(client, {"gather": gather}), numbers):
        assert written == str(one) and same is True, f"GATHERD_TEST_SEED={SEED}: {one}"
