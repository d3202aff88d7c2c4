# SPDX-License-Identifier: PostgreSQL
"""JSON parameters as PostgreSQL's values."""
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
