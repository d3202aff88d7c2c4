# SPDX-License-Identifier: PostgreSQL
"""Sequences and transactions: order, outcome, what is skipped and what remains; rows that are cut at max_rows."""
import select
import socket
import threading

import pytest

from harness.wait import TIME_SCALE

pytestmark = pytest.mark.valgrind


@pytest.fixture
def table(pg):
    """An empty table of its own, whose unique constraint is looked at by COMMIT only."""
    pg.psql("drop table if exists steps; create table steps "
            "(id int primary key, v int unique deferrable initially deferred)")
    return lambda: pg.psql("select coalesce(string_agg(id || '=' || v, ' ' order by id), '') from steps").strip()


def run(client, item, **options):
    return client.request({"gather": [item], **options})["results"][0]


def codes(result):
    return [step.get("error", {}).get("code") for step in result["steps"]]


def test_sequence_in_order_on_one_connection(client, table):
    result = run(client, {"sequence": ["insert into steps values (1, 1)", "set work_mem = '5MB'",
                                       "select count(*), current_setting('work_mem') from steps"], "name": "s"})
    assert result["name"] == "s" and "error" not in result and "outcome" not in result
    assert [step["command"] for step in result["steps"]] == ["INSERT", "SET", "SELECT"]
    assert result["steps"][2]["rows"] == [[1, "5MB"]]
    assert client.value("select current_setting('work_mem')") == "4MB"


def test_sequence_stops_at_the_first_error_and_keeps_what_was_done(client, table):
    result = run(client, {"sequence": ["insert into steps values (1, 1)", "select 1/0", "insert into steps values (2, 2)"]})
    assert codes(result) == [None, "sql", "skipped"]
    assert result["error"]["sqlstate"] == "22012"
    assert result["steps"][2]["error"]["effects"] == "none"
    assert table() == "1=1"


def test_transaction_commits(client, table):
    result = run(client, {"transaction": ["insert into steps values (1, 1)", "select count(*) from steps"]})
    assert result["outcome"] == "committed" and "error" not in result
    assert result["steps"][1]["rows"] == [[1]]
    assert table() == "1=1"


def test_transaction_rolls_back(client, table):
    result = run(client, {"transaction": ["insert into steps values (1, 1)", "select 1/0", "insert into steps values (2, 2)"]})
    assert codes(result) == [None, "sql", "skipped"]
    assert result["outcome"] == "rolled_back" and result["error"]["effects"] == "none"
    assert table() == ""


def test_what_a_rollback_leaves_is_said(client, table, pg):
    pg.psql("drop sequence if exists t_steps; create sequence t_steps")
    result = run(client, {"transaction": ["select setval('t_steps', 7)", "select 1/0", "select setval('t_steps', 8)"]})
    assert codes(result) == [None, "sql", "skipped"]
    assert [step["error"]["effects"] for step in result["steps"][1:]] == ["none", "none"]
    assert result["outcome"] == "rolled_back" and result["error"]["effects"] == "unknown"
    assert pg.psql("select last_value from t_steps") == "7"
    result = run(client, {"transaction": ["insert into steps values (1, 1)", "select setval('t_steps', 9) / 0"]})
    assert result["steps"][1]["error"]["effects"] == "unknown" and result["error"]["effects"] == "unknown"
    assert pg.psql("select last_value from t_steps") == "9"
    # A COMMIT that is refused is a rollback like any other.
    result = run(client, {"transaction": ["select setval('t_steps', 10)", "insert into steps values (1, 1), (2, 1)"]})
    assert result["outcome"] == "rolled_back" and result["error"]["effects"] == "unknown"
    assert table() == ""


def test_commit_that_fails(client, table):
    result = run(client, {"transaction": ["insert into steps values (1, 1)", "insert into steps values (2, 1)"]})
    assert codes(result) == [None, None]
    assert result["error"]["sqlstate"] == "23505" and result["error"]["effects"] == "none"
    assert result["outcome"] == "rolled_back"
    assert table() == ""


@pytest.mark.parametrize("options, setting, value", [
    ({"isolation": "serializable"}, "transaction_isolation", "serializable"),
    ({"isolation": "repeatable read"}, "transaction_isolation", "repeatable read"),
    ({"isolation": "read committed"}, "transaction_isolation", "read committed"),
    ({"read_only": True}, "transaction_read_only", "on"),
    ({"deferrable": True, "isolation": "serializable", "read_only": True}, "transaction_deferrable", "on"),
])
def test_transaction_modes(client, options, setting, value):
    result = run(client, {"transaction": [f"select current_setting('{setting}')"], **options})
    assert result["steps"][0]["rows"] == [[value]]


def test_a_begin_that_fails_runs_nothing(client, table, pg, start_gatherd):
    # only a hot standby refuses a BEGIN by itself; a session that is made read-only cannot be made read-write by mode
    gatherd = start_gatherd(pg, main={"read_only": "yes", "pool_max": 1})
    with gatherd.client() as reader:
        result = run(reader, {"transaction": ["insert into steps values (1, 1)", "select 1"]})
    assert codes(result) == ["sql", "skipped"]
    assert result["steps"][0]["error"]["sqlstate"] == "25006"
    assert table() == ""


@pytest.mark.parametrize("step", ["commit", "rollback", "begin", "savepoint a", "copy steps from stdin",
                                  "copy steps to stdout", "", "select 1; select 2"])
@pytest.mark.parametrize("kind", ["sequence", "transaction"])
def test_what_a_step_cannot_be(client, table, kind, step):
    result = run(client, {kind: ["insert into steps values (1, 1)", step, "insert into steps values (2, 2)"]})
    assert codes(result) == [None, "bad_request", "skipped"]
    assert table() == ("1=1" if kind == "sequence" else "")
    assert client.value("select 1") == 1


def test_parameters_and_arrays_in_steps(client, table):
    for kind in ("sequence", "transaction"):
        result = run(client, {kind: [
            "create temp table x (a int[])",
            {"sql": "insert into x values (:v)", "params": {"v": [1, 2, 3]}},
            {"sql": "select a from x where $1 = any(a)", "params": [2]},
        ]})
        assert "error" not in result, result
        assert result["steps"][2]["rows"] == [[[1, 2, 3]]]


@pytest.mark.parametrize("kind", ["sequence", "transaction"])
def test_timeout_of_the_item(client, table, kind):
    client.gather(["select 1"])  # there is a connection: the time is the steps' alone
    result = run(client, {kind: ["insert into steps values (1, 1)", "select pg_sleep(100)"], "timeout": 2 * TIME_SCALE})
    assert result["error"]["code"] == "timeout"
    assert codes(result)[1] == "timeout"
    assert table() == ("1=1" if kind == "sequence" else "")


def test_timeout_of_a_step(client, table):
    result = run(client, {"transaction": ["insert into steps values (1, 1)",
                                          {"sql": "select pg_sleep(100)", "timeout": 0.3}, "select 1"]})
    assert codes(result) == [None, "timeout", "skipped"]
    assert result["outcome"] == "rolled_back"
    assert table() == ""


def test_connection_lost_in_the_middle(client, table, pg):
    with pg.gate() as gate:
        client.send(gather=[{"transaction": ["insert into steps values (1, 1)", gate.sql, "select 1"]}])
        gate.wait_waiting()
        pg.psql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' "
                "and backend_type = 'client backend'")
        result = client.recv()["results"][0]
    assert result["outcome"] == "rolled_back" and result["error"]["effects"] == "none"
    assert table() == ""


def test_cancel_on_error_spares_nothing(client, table, pg):
    with pg.gate() as gate:
        client.send(gather=[{"transaction": ["insert into steps values (1, 1)", gate.sql]},
                            {"sql": "select 1/(select count(*)::int * 0 from pg_locks)"}], on_error="cancel")
        answer = client.recv()
    assert answer["failed"] == 2
    assert answer["results"][0]["outcome"] == "rolled_back"
    assert table() == ""


def test_pool_of_one(start_gatherd, pg, table):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as one:
        answer = one.request({"gather": [
            {"transaction": [{"sql": "insert into steps values ($1, 1)", "params": [n]} for n in range(3)]
             + [f"update steps set v = id + {n} * 10"]} if n % 2 == 0 else "select 1" for n in range(6)]})
    assert answer["results"][0]["outcome"] == "committed"
    assert [result["outcome"] for result in answer["results"][2::2]] == ["rolled_back"] * 2  # the same keys again


def test_streamed_steps(client, table):
    client.send(id="x", gather=[{"transaction": ["insert into steps values (1, 1)", "select v from steps"]}], stream=True)
    events = []
    while not events or events[-1]["event"] != "end":
        events.append(client.recv())
    assert [(event["event"], event.get("step")) for event in events] == [
        ("columns", 1), ("rows", 1), ("done", 0), ("done", 1), ("done", None), ("end", None)]
    assert events[-2]["outcome"] == "committed"


def test_max_rows(client):
    result = run(client, {"sql": "select generate_series(1, 100000000)", "max_rows": 3})
    assert result["rows"] == [[1], [2], [3]] and result["truncated"] is True and result["count"] == 3
    result = run(client, {"sql": "select * from generate_series(1, 3)", "max_rows": 3})
    assert "truncated" not in result and result["count"] == 3


def test_max_rows_stops_the_query_in_the_server(client, pg):
    pg.psql("drop sequence if exists seen cascade; create sequence seen;"
            "create or replace function see() returns bigint language sql as $$ select nextval('seen') $$")
    result = run(client, {"sql": "select see(), generate_series(1, 100000000)", "max_rows": 3})
    assert result["rows"] == [[1, 1], [2, 2], [3, 3]] and result["truncated"] is True
    assert int(pg.psql("select last_value from seen")) < 100000000


def test_max_rows_undoes_no_write(client, table):
    result = run(client, {"sql": "insert into steps select n, n from generate_series(1, 5) n returning id", "max_rows": 2})
    assert result["rows"] == [[1], [2]] and result["truncated"] is True
    assert table() == "1=1 2=2 3=3 4=4 5=5"
    result = run(client, {"transaction": [{"sql": "select id from steps order by 1", "max_rows": 2}, "delete from steps"]})
    assert result["outcome"] == "committed" and result["steps"][0]["truncated"] is True
    assert result["steps"][0]["count"] == 2
    assert table() == ""


def test_what_is_too_large_is_that_steps_error(start_gatherd, pg):
    gatherd = start_gatherd(pg, gatherd={"max_answer": "64K"})
    large = "select repeat('x', 1000) from generate_series(1, 100000)"
    with gatherd.client() as client:
        result = run(client, {"transaction": ["select 1", large, "select 2"]})
    assert codes(result) == [None, "too_large", "skipped"]
    assert result["error"]["code"] == "too_large" and result["error"]["effects"] == "none"
    assert result["outcome"] == "rolled_back"


class SilentRollback(threading.Thread):
    """Stands between the daemon and the server; when a ROLLBACK goes by it passes nothing on any more."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server_port = port
        self.kept = []

    def run(self):
        peer, forward = {}, True
        while forward:
            for ready in select.select([self.listener, *peer], [], [])[0]:
                if ready is self.listener:
                    client = ready.accept()[0]
                    server = socket.create_connection(("127.0.0.1", self.server_port))
                    peer[client], peer[server] = server, client
                    continue
                data = ready.recv(65536)
                if b"rollback" in data:
                    forward = False
                    break
                if data:
                    peer[ready].sendall(data)
                else:
                    other = peer.pop(ready)
                    peer.pop(other)
                    other.close()
                    ready.close()
        self.kept = list(peer)


def test_a_rollback_that_gets_no_answer_holds_nothing_up(start_gatherd, pg_own):
    server = pg_own(tcp=True)
    proxy = SilentRollback(server.port)
    proxy.start()
    gatherd = start_gatherd(server, main={"conninfo": server.conninfo(host="127.0.0.1", port=proxy.port)})
    with gatherd.client() as client:
        result = run(client, {"transaction": ["select 1/0"]})
    assert result["error"]["sqlstate"] == "22012" and result["outcome"] == "rolled_back"
    gatherd.wait_idle()
