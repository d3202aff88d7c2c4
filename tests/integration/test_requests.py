# SPDX-License-Identifier: PostgreSQL
"""Framing, ids and verbs; requests that are refused."""
import pytest

pytestmark = pytest.mark.valgrind

# A line, and what of its error is fixed: the code is bad_request, `key` as given here. The connection goes on.
BAD_LINES = [
    ("{}", None),
    ('{"gather":["select 1"]', None),
    ('{"gather":["select 1"]} x', None),
    ('{"gather":["select 1"]}{"ping":true}', None),
    ('{"gather":["select 1",]}', None),
    ("{'gather':[]}", None),
    ('{"gather":["\\ud800"]}', None),
    ('{"gather":["\\x"]}', None),
    ('{"gather":["tab\there"]}', None),
    ('{"nonsense":true}', "nonsense"),
    ('{"gather":["select 1"],"nonsense":null}', "nonsense"),
    ('{"gather":["select 1"],"gather":["select 1"]}', "gather"),
    ('{"gather":["select 1"],"ping":true}', None),
    ('{"ping":false}', "ping"),
    ('{"ping":1}', "ping"),
    ('{"stats":"yes"}', "stats"),
    ('{"reports":0}', "reports"),
    ('{"ping":true,"timeout":1}', "timeout"),
    ('{"gather":"select 1"}', "gather"),
    ('{"gather":7}', "gather"),
    ('{"gather":null}', None),
    ('{"gather":[7]}', None),
    ('{"gather":[null]}', None),
    ('{"gather":[[]]}', None),
    ('{"gather":[{}]}', "sql"),
    ('{"gather":[{"sql":7}]}', "sql"),
    ('{"gather":[{"sql":"select 1","nonsense":1}]}', "nonsense"),
    ('{"gather":[{"sql":"select 1","sql":"select 2"}]}', "sql"),
    ('{"gather":[{"sql":"select 1","params":"x"}]}', "params"),
    ('{"gather":[{"sql":"select 1","params":7}]}', "params"),
    ('{"gather":[{"sql":"select 1","timeout":0}]}', "timeout"),
    ('{"gather":[{"sql":"select 1","timeout":-1}]}', "timeout"),
    ('{"gather":[{"sql":"select 1","timeout":"1"}]}', "timeout"),
    ('{"gather":[{"sql":"select 1","timeout":1e400}]}', "timeout"),
    ('{"gather":[{"sql":"select 1","name":7}]}', "name"),
    ('{"gather":[{"sql":"select 1","name":"a"},{"sql":"select 1","name":"a"}]}', "name"),
    ('{"gather":{"a":"select 1","a":"select 2"}}', "a"),
    ('{"gather":{"a":{"sql":"select 1","name":"b"}}}', "name"),
    ('{"gather":["select 1"],"timeout":0}', "timeout"),
    ('{"gather":["select 1"],"timeout":1e999}', "timeout"),
    ('{"gather":["select 1"],"timeout":true}', "timeout"),
    ('{"gather":["select 1"],"on_error":"stop"}', "on_error"),
    ('{"gather":["select 1"],"on_error":1}', "on_error"),
    ('{"gather":["select 1"],"stream":1}', "stream"),
    ('{"gather":["select 1"],"rows":"tuples"}', "rows"),
    ('{"gather":["select 1"],"values":"xml"}', "values"),
    ('{"gather":["select 1"],"concurrency":0}', "concurrency"),
    ('{"gather":["select 1"],"concurrency":-1}', "concurrency"),
    ('{"gather":["select 1"],"concurrency":1.5}', "concurrency"),
    ('{"gather":["select 1"],"concurrency":1e99}', "concurrency"),
    ('{"gather":["select 1"],"db":7}', "db"),
    ('{"gather":["select 1"],"format":"arrow"}', "format"),
    ('{"gather":["select 1"],"sql":"select 1"}', "sql"),
    ('{"report":7}', "report"),
    ('{"report":"x","params":[1]}', "params"),
    ('{"cancel":null}', None),
    ('{"cancel":1.5}', "cancel"),
    ('{"cancel":[1]}', "cancel"),
    ('{"id":1.5,"ping":true}', "id"),
    ('{"id":true,"ping":true}', "id"),
    ('{"id":{},"ping":true}', "id"),
    ('{"id":"' + "x" * 129 + '","ping":true}', "id"),
    ('{"gather":' + "[" * 100 + "]" * 100 + "}", None),
    ('{"gather":[{"sql":"select 1","params":[' + "[" * 1000 + "]" * 1000 + "]}]}", None),
]


@pytest.mark.parametrize("line, key", BAD_LINES, ids=[line[:70] for line, _ in BAD_LINES])
def test_bad_line(client, line, key):
    client.send(line)
    answer = client.recv()
    assert answer["error"]["code"] == "bad_request" and answer["error"]["effects"] == "none"
    assert answer["error"]["message"]
    if key is not None:
        assert answer["error"].get("key") == key
    assert "results" not in answer
    assert client.request(ping=True)["pong"] is True


@pytest.mark.parametrize("data", [b'{"gather":["\xff"]}', b'{"gather":["\xed\xa0\x80"]}', b'{"gather":["\xc0\x80"]}',
                                  b'{"gather":["a\x00b"]}', b'{\x00}'])
def test_bad_bytes(client, data):
    client.send_bytes(data + b"\n")
    assert client.recv()["error"]["code"] == "bad_request"
    assert client.request(ping=True)["pong"] is True


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"[]\n", b" {}\n", b"\x00\n", b"\xff\n", b'"x"\n', b"quit\n"])
def test_a_first_byte_that_is_no_brace_closes(client, data):
    client.send_bytes(data)
    answer = client.recv()
    assert answer["id"] == 1 and answer["error"]["code"] == "bad_request"
    assert client.recv() is None


def test_what_came_before_a_bad_first_byte_is_answered(client):
    client.send_bytes(b'{"gather":["select 1"],"id":"before"}\nnonsense\n{"ping":true}\n')
    answers = {answer["id"]: answer for answer in client.recv_all()}
    assert answers["before"]["ok"] is True
    assert answers[2]["error"]["code"] == "bad_request"
    assert set(answers) == {"before", 2}


def test_empty_lines_are_ignored_but_counted(client):
    client.send_bytes(b"\n\n")
    assert client.request(ping=True)["id"] == 3


def test_last_request_without_its_newline_counts(client):
    client.send_bytes(b'{"gather":["select 1"]}')
    client.half_close()
    [answer] = client.recv_all()
    assert answer["ok"] is True


def test_last_request_that_is_not_whole_does_not_run(client, pg):
    pg.psql("create table if not exists t_half (n int); truncate t_half")
    client.send_bytes(b'{"gather":["insert into t_half values (1)"]')
    client.half_close()
    for answer in client.recv_all():
        assert answer["error"]["code"] == "bad_request"
    assert pg.psql("select count(*) from t_half") == "0"


def test_half_close_gets_every_answer(client, pg):
    with pg.gate() as gate:
        for number in range(5):
            client.send(gather=[gate.sql, f"select {number}"], id=number)
        client.half_close()
        gate.wait_waiting(5)
        gate.open()
        answers = client.recv_all()
    assert sorted(answer["id"] for answer in answers) == list(range(5))
    assert all(answer["results"][1]["rows"] == [[answer["id"]]] for answer in answers)


def test_half_close_without_a_request_closes(client):
    client.half_close()
    assert client.recv_all() == []


def test_request_byte_by_byte(client):
    for byte in b'{"gather":["select 1"]}\n':
        client.send_bytes(bytes([byte]))
    assert client.recv()["ok"] is True


def test_many_requests_in_one_write(client):
    client.send_bytes(b"".join(b'{"id":%d,"gather":["select %d"]}\n' % (n, n) for n in range(300)))
    answers = [client.recv() for _ in range(300)]
    assert sorted(answer["id"] for answer in answers) == list(range(300))
    assert all(answer["results"][0]["rows"] == [[answer["id"]]] for answer in answers)


@pytest.mark.parametrize("text", ["7", '"7"', '""', "-1", "9007199254740993", '"ä\\n\\""', "0",
                                  '"' + "x" * 128 + '"'])
def test_id_is_echoed_as_written(client, text):
    client.send(f'{{"id":{text},"ping":true}}')
    line = client.recv_line().decode()
    assert line.startswith('{"id":' + text + ","), line


def test_an_id_is_the_lines_number_where_there_is_none(client):
    assert [client.request(ping=True)["id"] for _ in range(3)] == [1, 2, 3]
    client.send("{nonsense")
    assert client.recv()["id"] == 4


def test_a_null_id_counts_as_absent(client):
    assert client.request(id=None, ping=True)["id"] == 1


def test_an_id_is_kept_in_an_error_where_it_can_be_read(client):
    assert client.request(id="mine", gather=["select 1"], nonsense=1)["id"] == "mine"


def test_an_id_in_use_is_refused(client, pg):
    with pg.gate() as gate:
        client.send(id="a", gather=[gate.sql])
        gate.wait_waiting()
        for verb in ({"gather": ["select 1"]}, {"ping": True}, {"cancel": "a"}):
            answer = client.request(id="a", **verb)
            assert answer["id"] == "a" and answer["error"]["code"] == "bad_request"
            assert answer["error"]["key"] == "id"
        gate.open()
        assert client.recv()["ok"] is True
    assert client.request(id="a", gather=["select 1"])["ok"] is True


def test_an_integer_and_a_string_are_different_ids(client, pg):
    with pg.gate() as gate:
        client.send(id=1, gather=[gate.sql])
        gate.wait_waiting()
        assert client.request(id="1", gather=["select 1"])["ok"] is True
        gate.open()
        assert client.recv()["id"] == 1


def test_ping(client):
    answer = client.request(ping=True)
    assert answer["pong"] is True and answer["protocol"] == 1
    assert isinstance(answer["version"], str) and isinstance(answer["features"], list)


def test_null_options_count_as_absent(client):
    answer = client.gather([{"sql": "select 1", "params": None, "timeout": None, "db": None, "name": None}],
                           db=None, timeout=None, on_error=None, stream=None, rows=None, values=None,
                           concurrency=None)
    assert answer["ok"] is True


@pytest.mark.parametrize("item", [{"sql": "select 1", "db": "nowhere"}, {"sql": "select 1", "db": ""}])
def test_an_unknown_database_refuses_the_whole_request(client, pg, item):
    pg.psql("create table if not exists t_refused (n int); truncate t_refused")
    answer = client.gather(["insert into t_refused values (1)", item])
    assert answer["error"]["code"] == "unknown_database" and answer["error"]["effects"] == "none"
    assert "results" not in answer
    assert pg.psql("select count(*) from t_refused") == "0"


def test_cancel_of_an_unknown_request(client):
    assert client.request(cancel="nothing")["cancelled"] is False


def test_report_that_does_not_exist(client):
    assert client.request(report="nothing")["error"]["code"] == "unknown_report"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", ".", "", "x\u0001y"])
def test_report_names_stay_inside_the_directory(client, name):
    assert client.request(report=name)["error"]["code"] in ("unknown_report", "bad_request")


@pytest.mark.parametrize("request_", [{"gather": ["select 1"]}, {"report": "any"}, {"listen": ["any"]}])
def test_without_a_default_database_a_request_has_to_name_one(start_gatherd, pg, request_):
    gatherd = start_gatherd(pg, sections={"database other": {"conninfo": pg.conninfo()}})
    gatherd.write_report("any", "-- name: q\nselect 1;\n")
    with gatherd.client() as client:
        error = client.request(request_)["error"]
    assert error["code"] == "bad_request" and error["key"] == "db" and error["effects"] == "none"


def test_more_parameters_than_postgresql_takes_are_refused(client):
    error = client.one({"sql": "select 1", "params": [1] * 65536})["error"]
    assert error["code"] == "bad_request" and "65535" in error["message"] and error["effects"] == "none"
