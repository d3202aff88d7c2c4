# SPDX-License-Identifier: PostgreSQL
"""JSON parameters as PostgreSQL's values."""
import os
import random

import pytest

# query of one value, params, the value
POSITIONAL = [
    ("select $1::int", [42], 42),
    ("select $1::text", [42], "42"),
    ("select $1::numeric", [1.5], 1.5),
    ("select $1::int8", [9223372036854775807], 9223372036854775807),
    ("select $1::bool", [True], True),
    ("select $1::text", [False], "false"),
    ("select $1::text is null", [None], True),
    ("select $1::text", ["it's; -- \"quoted\" $1 :name\n\\"], "it's; -- \"quoted\" $1 :name\n\\"),
    ("select $1::text", [""], ""),
    ("select $1::text", ["grüße 🙂"], "grüße 🙂"),
    ("select $1::date + 1", ["2026-11-20"], "2026-11-21"),
    ("select $1::int + $2::int", [1, 2], 3),
    ("select $2::int - $1::int", [1, 5], 4),
    ("select $1::int + $1::int", [2], 4),
    ("select n from generate_series(1, 3) n where n = $1", [2], 2),
    # arrays, where the parameter is one
    ("select $1::int[]", [[1, 2, None]], [1, 2, None]),
    ("select $1::int[]", [[[1, 2], [3, 4]]], [[1, 2], [3, 4]]),
    ("select $1::int[]", [[]], []),
    ("select $1::text[]", [["a,b", 'c"d', "e\\f", "", "NULL", None, "{g}"]],
     ["a,b", 'c"d', "e\\f", "", "NULL", None, "{g}"]),
    ("select count(*) from generate_series(1, 9) n where n = any($1)", [[2, 3, 99]], 2),
    ("select $1::bool[]", [[True, False]], [True, False]),
    ("select $1::jsonb[]", [[{"a": 1}, [2], "\"x\"", None]], [{"a": 1}, [2], "x", None]),
    # else JSON text
    ("select $1::jsonb", [[1, {"a": [None]}]], [1, {"a": [None]}]),
    ("select $1::jsonb", [{"a": 1}], {"a": 1}),
    ("select $1::json -> 'b'", [{"a": 1, "b": [2.50]}], [2.5]),
    ("select $1::jsonb", ["\"a string\""], "a string"),
    ("select $1::jsonb", [{"json": {"from": "x", "column": "y"}}], {"from": "x", "column": "y"}),
    ("select $1::jsonb", [{"json": [1]}], [1]),
    ("select $1::jsonb", [{"json": 1, "other": 2}], {"json": 1, "other": 2}),
]

# query of one value, params, the value
NAMED = [
    ("select :a::int + :b::int", {"a": 1, "b": 2}, 3),
    ("select :a::int + :a::int", {"a": 2}, 4),
    ("select ':a' || :a", {"a": "x"}, ":ax"),
    ("select '1'::int + :int::int", {"int": 2}, 3),
    ("select \":a\" from (select :a::int as \":a\") s", {"a": 7}, 7),
    ("select /* :a */ :a::int -- :a", {"a": 7}, 7),
    ("select $$:a$$ || :a", {"a": "x"}, ":ax"),
    ("select (array[1, 2, 3])[:lo:2]", {"lo": 2}, [2]),
    ("select :ab::text || :a::text", {"a": "1", "ab": "2"}, "21"),
]


# What looks like a name and is none, with `a` and `n` given as well; every text uses :a once at least.
NOT_NAMES = [
    ("select :a || ' :n ' || ':a'", "x :n :a"),
    ("select :a || e'\\':n \\\\' || 'z'", "x':n \\z"),
    ("select :a || E'it''s :n\\'' || $$ :n $$ || $n$ :n $$ $n$", "xit's :n' :n  :n $$ "),
    ("select :a || U&':n \\0041' || u&'d!0061t!+000061' uescape '!'", "x:n Adata"),
    ("select :a || b'101'::text || x'1F'::text || N':n'", "x10100011111:n"),
    ("select :a || 'one'\n ' :n'", "xone :n"),
    ("select :a || \":n\" from (values ('q')) v(\":n\")", "xq"),
    ("select :a || u&\"\\003an\" from (values ('q')) v(\":n\")", "xq"),
    ("select :a || \"a\"\":n\" from (values ('q')) v(\"a\"\":n\")", "xq"),
    ("select /* :n /* :n */ ':n */ :a -- :n '\n || 'y'", "xy"),
    ("select :a::text || '1'::text::varchar(3) || (1::int4)::text", "x11"),
    ("select :a || ('{1,2,3}'::int[])[2:3]::text", "x{2,3}"),
    ("select :a || (array[1,2,3])[:2]::text", "x{1,2}"),
    ("select :a || (array[1,2,3])[2:]::text", "x{2,3}"),
    ("select :a || (array[1,2,3])[:]::text", "x{1,2,3}"),
    ("select :a || (v.i)[1:n]::text || (v.i)[n:n]::text from (select array[1,2,3] as i, 2 as n) v", "x{1,2}{2}"),
    ("select :a || (v.i)[:n]::text from (select array[1,2,3] as i, 2 as n) v", "x{1,2}"),
    ("select :a || (v.i)[1:n][1:n]::text from (select array[[1,2],[3,4]] as i, 1 as n) v", "x{{1}}"),
    ("select :a || f_colon(n := 4)", "x4"),
    ("select :a || f_colon(n:=4)", "x4"),
    ("select :a || f_colon(n => :a::text = 'x')", "xtrue"),
    ("select :a || '2026-11-20 10:20:30'::timestamp::time::text", "x10:20:30"),
    ("select :a || case when '1:n' = '1:n' then 'y' end", "xy"),
    ("select :a||:a||'y'", "xxy"),
    ("select(:a)", "x"),
    ("select $$a$$||:a", "ax"),
    ("select :a as \"größe:n\"", "x"),
    ("select 'a\\' || :a || ':n'", "a\\x:n"),
]


@pytest.mark.parametrize("sql, expected", NOT_NAMES, ids=[sql for sql, _ in NOT_NAMES])
def test_what_is_no_name_stays_as_written(client, pg, sql, expected):
    pg.psql("create or replace function f_colon(n int) returns text language sql as 'select n::text'; "
            "create or replace function f_colon(n bool) returns text language sql as 'select n::text'")
    assert client.value({"sql": sql, "params": {"a": "x"}}) == expected
    # if :n stood for a parameter the text would have one that is not used, or another value
    error = client.one({"sql": sql, "params": {"a": "x", "n": "other"}})["error"]
    assert error["code"] == "bad_request" and error["key"] == "n"


@pytest.mark.parametrize("name", ["größe", "Größe", "数", "имя_1", "é", "a\u0308", "🙂", "_ß2"])
def test_names_that_are_not_ascii(client, name):
    sql = f"select :{name}::int * 2 as \"{name}\", ':{name}', nonsense(:{name})"
    item = {"sql": sql.replace(f", nonsense(:{name})", ""), "params": {name: 21}}
    assert client.one(item)["rows"] == [[42, f":{name}"]]
    error = client.one({"sql": sql, "params": {name: 21}})["error"]
    assert error["sqlstate"] == "42883" and error["position"] == sql.index("nonsense") + 1


@pytest.mark.parametrize("name", ["1a", "a b", "a$", "", "a-b", "a:b"])
def test_what_cannot_be_a_name(client, name):
    error = client.one({"sql": f"select 1 -- :{name}", "params": {name: 1}})["error"]
    assert error["code"] == "bad_request" and error["effects"] == "none"


@pytest.mark.parametrize("sql, params, sqlstate", [
    # an operator may hold no colon: PostgreSQL itself reads "@:" as two tokens
    ("select 1 @: a", {"a": 1}, "42601"),
    ("select 1 :: :a", {"a": 1}, "42601"),
    ("select : a", {"a": 1}, None),
])
def test_colons_that_postgresql_does_not_know(client, sql, params, sqlstate):
    error = client.one({"sql": sql, "params": params})["error"]
    assert (error["code"] == "bad_request" if sqlstate is None else error.get("sqlstate") == sqlstate
            or error["code"] == "bad_request")


def test_names_at_random(client):
    """Pieces of text with and without :name, put together at random, mean what they mean one by one."""
    seed = int(os.environ.get("GATHERD_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    rng = random.Random(seed)
    pieces = [(":a::text", "x"), ("':a'", ":a"), ("$$:b$$", ":b"), ("$q$ :a $q$", " :a "), (":größe::text", "ü"),
              ("/* :b */''", ""), ("e'\\':a'", "':a"), ("('{7,8}'::int[])[1:1]::text", "{7}"), ("-- :b\n'z'", "z"),
              ("(array[:a,:a])[2]", "x"), ("(array['p','q'])[:lo:2]::text", "{q}"), ("u&':b'", ":b"), ("'1'::text", "1"),
              ("(select \":a\" from (select 'i'::text as \":a\") s)", "i"), ("(:größe)::text", "ü")]
    items, expected = [], []
    for _ in range(150):
        chosen = [rng.choice(pieces) for _ in range(rng.randint(1, 12))]
        sql = "select " + rng.choice(["||", " || ", "\n||\n"]).join(piece + " " for piece, _ in chosen)
        values = {"a": "x", "größe": "ü", "lo": 2}
        items.append({"sql": sql, "params": {name: value for name, value in values.items()
                                             if any(f":{name}" in piece and shown in ("x", "ü", "{q}")
                                                    for piece, shown in chosen)}})
        expected.append("".join(shown for _, shown in chosen))
    for item, result, shown in zip(items, client.gather(items)["results"], expected):
        assert result.get("rows") == [[shown]], f"GATHERD_TEST_SEED={seed}: {item} {result}"


@pytest.mark.parametrize("sql, params, expected", POSITIONAL, ids=[f"{sql} {params}" for sql, params, _ in POSITIONAL])
def test_positional(client, sql, params, expected):
    value = client.value({"sql": sql, "params": params})
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize("sql, params, expected", NAMED, ids=[sql for sql, _, _ in NAMED])
def test_named(client, sql, params, expected):
    assert client.value({"sql": sql, "params": params}) == expected


@pytest.mark.parametrize("number", ["1e2", "0.10", "-0", "12345678901234567890.123456789", "1E+2"])
def test_numbers_keep_their_digits(client, number):
    client.send(f'{{"gather":[{{"sql":"select $1::text","params":[{number}]}}]}}')
    assert client.recv()["results"][0]["rows"] == [[number]]


@pytest.mark.parametrize("params", [[], {}, None])
def test_no_parameters(client, params):
    assert client.value({"sql": "select ':a'", "params": params}) == ":a"


def test_a_name_is_not_looked_for_without_params(client):
    error = client.one("select :a")["error"]
    assert error["code"] == "sql" and error["sqlstate"] == "42601"


def test_a_name_that_is_not_given_stays_as_written(client):
    error = client.one({"sql": "select :a, :b", "params": {"a": 1}})["error"]
    assert error["code"] == "sql" and error["sqlstate"] == "42601"


@pytest.mark.parametrize("item", [
    {"sql": "select 1", "params": {"unused": 1}},
    {"sql": "select :a, $1", "params": {"a": 1}},
    {"sql": "select ':a'", "params": {"a": 1}},
])
def test_wrong_names_are_judged_in_place(client, item):
    first, second = client.gather([item, "select 1"])["results"]
    assert first["error"]["code"] == "bad_request" and first["error"]["effects"] == "none"
    assert second["rows"] == [[1]]


@pytest.mark.parametrize("sql, params, sqlstate", [
    ("select $1::int", ["x"], "22P02"),
    ("select $1::int", [1.5], "22P02"),
    ("select $1::date", ["2026-13-40"], "22008"),
    ("select $1::bool", ["perhaps"], "22P02"),
])
def test_a_value_that_is_none_of_its_type(client, sql, params, sqlstate):
    error = client.one({"sql": sql, "params": params})["error"]
    assert error["code"] == "sql" and error["sqlstate"] == sqlstate and error["effects"] == "none"


@pytest.mark.parametrize("sql, params", [
    ("select $1::int, $2::int", [1]),
    ("select 1", [1]),
    ("select $1::int", []),
    ("select $1::int", [1, 2]),
])
def test_a_wrong_number_of_parameters_is_an_error_in_place(client, sql, params):
    first, second = client.gather([{"sql": sql, "params": params}, "select 1"])["results"]
    assert first["error"]["effects"] == "none"
    assert second["rows"] == [[1]]


def test_a_nul_in_a_parameter_is_refused_in_place(client):
    client.send('{"gather":[{"sql":"select $1::text","params":["a\\u0000b"]},"select 1"]}')
    first, second = client.recv()["results"]
    assert first["error"]["code"] == "bad_request" and second["rows"] == [[1]]


@pytest.mark.parametrize("array", [[[1, 2], [3]], [1, [2]], [[1], 2]])
def test_ragged_arrays_are_an_error_in_place(client, array):
    first, second = client.gather([{"sql": "select $1::int[]", "params": [array]}, "select 1"])["results"]
    assert first["error"]["effects"] == "none"
    assert second["rows"] == [[1]]


def test_error_positions_refer_to_the_clients_own_text(client):
    sql = "select :first_long_name::int, :b::int, nonsense"
    error = client.one({"sql": sql, "params": {"first_long_name": 1, "b": 2}})["error"]
    assert error["position"] == sql.index("nonsense") + 1


def test_error_positions_are_characters(client):
    sql = "select 'größe', nonsense"
    assert client.one(sql)["error"]["position"] == sql.index("nonsense") + 1


def test_parameters_are_never_pasted(client, pg):
    pg.psql("drop table if exists t_inject; create table t_inject (n text)")
    evil = "'); drop table t_inject; --"
    assert client.one({"sql": "insert into t_inject values (:v)", "params": {"v": evil}})["count"] == 1
    assert client.value("select n from t_inject") == evil


def test_the_same_text_with_and_without_array(client):
    # The type of a parameter is learnt from the server; both ways of use must stay right afterwards.
    for _ in range(4):
        assert client.value({"sql": "select cardinality($1::int[])", "params": [[1, 2, 3]]}) == 3
        assert client.value({"sql": "select cardinality($1::int[])", "params": ["{4,5}"]}) == 2
