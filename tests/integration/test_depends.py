# SPDX-License-Identifier: PostgreSQL
"""Items that take values from the rows of other items."""
import pytest

pytestmark = pytest.mark.valgrind


def ask(client, items, **options):
    return client.request({"gather": items, **options})["results"]


def take(name, column, row=None):
    reference = {"from": name, "column": column}
    return reference if row is None else {**reference, "row": row}


def test_one_value(client):
    results = ask(client, {
        "second": {"sql": "select $1::int + 1 as y", "params": [take("first", "x", 0)]},
        "first": "select 41 as x"})
    assert results["second"]["rows"] == [[42]]


def test_by_name_and_in_a_chain(client):
    items = {"n0": "select 1 as x"}
    for n in range(1, 20):
        items[f"n{n}"] = {"sql": "select :before::int + 1 as x", "params": {"before": take(f"n{n - 1}", "x", 0)}}
    assert ask(client, items)["n19"]["rows"] == [[20]]


def test_a_whole_column(client):
    results = ask(client, [
        {"name": "ids", "sql": "select n as id, 'say \"' || n || '\\, ü' as t from generate_series(1, 40) n"},
        {"sql": "select sum(v), count(*) from unnest($1::int[]) v", "params": [take("ids", "id")]},
        {"sql": "select v from unnest($1::text[]) v limit 1", "params": [take("ids", "t")]}])
    assert results[1]["rows"] == [[820, 40]]
    assert results[2]["rows"] == [['say "1\\, ü']]


def test_null_is_null(client):
    results = ask(client, {"a": "select null::int as x union all select 2", "b": {
        "sql": "select $1::int is null, $2::int[]", "params": [take("a", "x", 0), take("a", "x")]}})
    assert results["b"]["rows"] == [[True, [None, 2]]]


@pytest.mark.parametrize("source, reference, words", [
    ("select 1/0 as x", take("a", "x", 0), "failed"),
    ("select 1 as x", take("a", "y", 0), "no such column"),
    ("select 1 as x", take("a", "x", 1), "no such row"),
    ("select 1 as x where false", take("a", "x", 0), "no such row"),
    ("select 1 as x where false", take("a", "x"), "no rows"),
    ("create temp table nothing_here ()", take("a", "x", 0), "no rows"),
])
def test_what_is_missing(client, source, reference, words):
    results = ask(client, {"a": source, "b": {"sql": "select $1::int", "params": [reference]},
                           "c": {"sql": "select $1::int", "params": [take("b", "int4", 0)]},
                           "d": "select 7"})
    for name in ("b", "c"):
        assert results[name]["error"]["code"] == "skipped" and results[name]["error"]["effects"] == "none"
    assert words in results["b"]["error"]["message"] and '"a"' in results["b"]["error"]["message"]
    assert results["d"]["rows"] == [[7]]


def test_only_those_that_depend_wait_and_hold_no_connection(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 2})
    with pg.gate() as gate, gatherd.client() as client, gatherd.client() as other:
        client.send(gather={"slow": gate.sql + " ", **{
            f"d{n}": {"sql": "select $1::text", "params": [take("slow", "x", 0)]} for n in range(5)},
            "free": "select 1"})
        gate.wait_waiting()
        assert other.value("select 5") == 5  # the second connection is free: nobody sits on it
    # the gate is open: whatever its columns are called, each of the five is answered


def test_steps_take_values(client):
    results = ask(client, {"a": "select 5 as x", "t": {"transaction": [
        {"sql": "select $1::int * 2", "params": [take("a", "x", 0)]}, "select 1"]}})
    assert results["t"]["steps"][0]["rows"] == [[10]]
    assert results["t"]["outcome"] == "committed"


def test_streamed(client):
    client.send(id=1, gather={"b": {"sql": "select $1::int", "params": [take("a", "x", 0)]}, "a": "select 5 as x"},
                stream=True)
    rows = {}
    while (event := client.recv())["event"] != "end":
        if event["event"] == "rows":
            rows[event["name"]] = event["rows"]
    assert event["ok"] and rows == {"a": [[5]], "b": [[5]]}


@pytest.mark.parametrize("items, words", [
    ({"a": {"sql": "select $1::int", "params": [take("b", "x", 0)]},
      "b": {"sql": "select $1::int as x", "params": [take("a", "x", 0)]}}, ""),
    ({"a": {"sql": "select $1::int", "params": [take("a", "x", 0)]}}, ""),
    ({"a": {"sql": "select $1::int", "params": [take("nobody", "x", 0)]}}, "nobody"),
    ({"a": {"sequence": ["select 1 as x"]}, "b": {"sql": "select $1::int", "params": [take("a", "x", 0)]}}, ""),
])
def test_refused_beforehand(client, items, words):
    answer = client.request({"gather": items})
    assert answer["error"]["code"] == "bad_request" and words in answer["error"]["message"]


def test_any_number_of_references(client):
    """As many as fit into a statement, and more rows than that: what each of them costs depends on neither."""
    count = 60000
    items = [{"name": "source", "sql": f"select n - 1 as x, n as y, n as x from generate_series(1, {count}) n"},
             {"name": "taker", "sql": "select $1::int, $2::int, $3::int, cardinality($4::int[])",
              "params": [take("source", "x", count - 1), take("source", "y", 7), take("source", "x", 0),
                         take("source", "y")]},
             {"name": "many", "sql": "select " + ",".join(f"${n}::int" for n in range(1, 1601)),
              "params": [take("source", "x", n * 30) for n in range(1600)]},
             {"name": "missing", "sql": "select 1", "params": [take("source", "x", n) for n in range(count + 1)]}]
    results = ask(client, items)
    assert results[1]["rows"] == [[count - 1, 8, 0, count]]
    assert results[2]["rows"] == [[n * 30 for n in range(1600)]]
    assert "no such row" in results[3]["error"]["message"]
