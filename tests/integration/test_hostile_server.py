# SPDX-License-Identifier: PostgreSQL
"""A server that answers what no PostgreSQL would: the client gets a valid answer, the daemon lives."""
import contextlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from harness.wait import LIMIT_S, wait_until


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def columns(*names):
    return message(b"T", struct.pack("!H", len(names)) + b"".join(
        name + b"\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0) for name in names))


def row(*lengths, data=b""):
    return message(b"D", struct.pack("!H", len(lengths)) + b"".join(struct.pack("!i", n) for n in lengths) + data)


needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate with openssl")

DONE = message(b"C", b"SELECT 1\0")
GREETING = (message(b"R", struct.pack("!I", 0))
            + b"".join(message(b"S", pair) for pair in (b"server_version\x0015.0\0", b"client_encoding\0UTF8\0"))
            + message(b"K", struct.pack("!II", 1, 2)) + message(b"Z", b"I"))


class Listener:
    """A server on a port of its own: a thread that serves each who connects."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=[self.socket.accept()[0]], daemon=True).start()


class Server(Listener):
    """Takes everybody (after so many rounds of SCRAM, if it asks for any), does nothing and says `tag`, and has its own
    answer to what names HOSTILE, or `hostile`."""

    def __init__(self, answer, rounds=0, greeting=GREETING, tag=b"SET", hostile=b"HOSTILE"):
        self.answer = answer
        self.hostile = hostile
        self.rounds = rounds
        self.greeting = greeting
        self.tag = tag
        super().__init__()

    def serve(self, connection):
        with contextlib.suppress(OSError, struct.error), connection, connection.makefile("rb") as stream:
            if stream.read(struct.unpack("!I", stream.read(4))[0] - 4) == struct.pack("!I", 80877103):
                connection.sendall(b"N")  # no TLS here
                stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
            if self.rounds:
                self.challenge(connection, stream)
            connection.sendall(self.greeting)
            hostile = False
            while kind := stream.read(1):
                body = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                if kind == b"P":
                    hostile = self.hostile in body
                reply = {b"P": message(b"1"), b"B": message(b"2"), b"S": message(b"Z", b"I"),
                         b"D": b"" if hostile else message(b"n"),
                         b"E": self.answer if hostile else message(b"C", self.tag + b"\0")}
                connection.sendall(reply.get(kind, b""))

    def challenge(self, connection, stream):
        connection.sendall(message(b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
        stream.read(1)
        first = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
        nonce = first.partition(b",r=")[2]
        connection.sendall(message(b"R", struct.pack("!I", 11) + b"r=%sserver,s=c2FsdA==,i=%d" % (nonce, self.rounds)))
        stream.read(1)  # nobody gets so far


ANSWERS = {
    "name of no encoding": columns(b"\xff\xfe\x01\"\\") + row(1, data=b"1") + DONE,
    "many columns": columns(*[b"x"] * 20000) + row(*[-1] * 20000) + DONE,
    "tag of no encoding": columns(b"a") + row(1, data=b"\xc2") + message(b"C", b"SEL\xff\"\n 9999999999999999999999\0"),
    "more values than columns": columns(b"a") + row(1, 1, 1, data=b"xyz") + DONE,
    "negative length": columns(b"a") + row(-5, data=b"x") + DONE,
    "length beyond the message": columns(b"a") + row(0x7fffffff, data=b"x") + DONE,
    "columns twice": columns(b"a") + columns(b"b", b"c") + row(1, 1, data=b"xy") + DONE,
    "row without columns": row(1, data=b"x") + DONE,
    "ended twice": DONE + DONE,
    "error without sense": message(b"E", b"S\xff\x9b\0C\x01\"\xff\n~\0M\xff\xc2\x9b31m\"\\\0P99999999999999\0\0"),
    "error without message": message(b"E", b"SERROR\0C42601\0"),
    "empty error": message(b"E", b"\0"),
    "copy out": message(b"H", b"\0\0\0"),
    "a Sync too many": message(b"Z", b"I") * 3,
    "huge message": b"D\x7f\xff\xff\xff" + b"x" * 100000,
    "zeroes": b"\0" * 1000,
    "every byte": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_whatever_a_server_says_the_answer_is_valid(start_gatherd, pg, answer):
    server = Server(answer)
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "pool_max": 1, "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=disable"}})
        with gatherd.client() as client:
            client.one({"sql": "select HOSTILE()", "db": "foul", "timeout": 2})
            assert client.one({"sql": "select 1", "db": "main"})["rows"] == [[1]]


def test_an_answer_that_came_before_its_query_is_not_given_to_it(start_gatherd, pg):
    """Two answers to one query: the second lies there, whole, when the next query goes out."""
    one, another = (columns(b"a") + row(1, data=value) + DONE for value in (b"1", b"2"))
    sync = message(b"Z", b"I")
    server = Server(one + sync + message(b"1") + message(b"2") + another + sync)
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "pool_max": 1, "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=disable"}})
        with gatherd.client() as client:
            first, second = client.gather(["select HOSTILE()", "select 'harmless'"], db="foul", timeout=20)["results"]
            assert first["rows"] == [["1"]]
            assert second["command"] == "SET" and "rows" not in second


def test_the_end_of_a_session_is_no_answer_out_of_step(start_gatherd, pg):
    """Between COMMIT and its Sync: nobody can know whom it is for, but everybody is told why."""
    greeting = GREETING[:9] + message(b"S", b"default_transaction_read_only\0on\0") + GREETING[9:]
    server = Server(message(b"n") + message(b"C", b"COMMIT\0")
                    + message(b"E", b"SFATAL\0VFATAL\0C57P01\0Mthe operator wants it\0\0"),
                    greeting=greeting, hostile=b"commit")
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "pool_max": 1, "read_only": "yes", "pipeline_threshold": "60s", "prepared_statements": 0,
            "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=disable"}})
        with gatherd.client() as client:
            for _ in range(3):
                client.gather(["select 1"], db="foul")
            results = client.gather(["select 1"] * 8, db="foul")["results"]
            assert gatherd.stats()["stats"]["pools"]["foul"]["batches"] > 0
    errors = [result["error"] for result in results if "error" in result]
    assert errors
    assert all(error["code"] == "connection_lost" and error["message"] == "the operator wants it" for error in errors)


def scram_section(server, **more):
    return {"database foul": {"pool_max": 1, **more, "conninfo":
                              f"host=127.0.0.1 port={server.port} user=x password=y sslmode=disable"}}


def test_a_password_that_takes_for_ever_is_given_up_in_time(start_gatherd, pg):
    """libpq computes as many rounds of SCRAM as the server asks for: others are served meanwhile."""
    server = Server(b"", rounds=2**31 - 1)
    with server.socket:
        gatherd = start_gatherd(pg, sections=scram_section(server, server_connect_timeout="1s"))
        with gatherd.client() as late, gatherd.client() as client:
            late.send({"gather": ["select 1"], "db": "foul", "timeout": 5})
            for _ in range(20):
                assert client.one({"sql": "select 1", "db": "main"})["rows"] == [[1]]
            assert late.recv()["results"][0]["error"]["code"] in ("timeout", "unavailable")


def test_more_rounds_than_anybody_needs_are_refused(start_gatherd, pg):
    """Known after a million of them, which is a matter of the processor's time: nobody may be tired of waiting before."""
    server = Server(b"", rounds=2**31 - 1)
    with server.socket:
        gatherd = start_gatherd(pg, sections=scram_section(server, server_connect_timeout="1h", unavailable_after="1h"))
        with gatherd.client() as client:
            client.socket.settimeout(LIMIT_S * 3)
            error = client.one({"sql": "select 1", "db": "foul"}, timeout=LIMIT_S * 3)["error"]
            assert error["code"] == "unavailable"
            assert "more than 1000000 rounds of SCRAM" in error["message"]


class Notifier(Listener):
    """Speaks TLS, says yes to each command of a session that listens, and when it listens sends these records.

    Before the first answer to a LISTEN comes `early`."""

    def __init__(self, directory, records, greeting=GREETING, early=b""):
        self.early = early
        self.records = records
        self.greeting = greeting
        key, certificate = str(directory / "key"), str(directory / "certificate")
        subprocess.run(["openssl", "req", "-new", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__()

    def serve(self, plain):
        with contextlib.suppress(OSError, struct.error):
            plain.recv(8)
            plain.sendall(b"S")
            with self.context.wrap_socket(plain, server_side=True) as connection, connection.makefile("rb") as stream:
                stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                connection.sendall(self.greeting)
                while kind := stream.read(1):
                    body = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                    if kind == b"Q" and body.startswith(b"listen"):
                        connection.sendall(self.early)
                        self.early = b""
                    if kind == b"Q":
                        connection.sendall(message(b"C", b"LISTEN\0") + message(b"Z", b"I"))
                    if kind == b"Q" and body.startswith(b"listen"):
                        for record in self.records:
                            connection.sendall(record)


@needs_openssl
def test_what_waits_decrypted_is_heard(start_gatherd, pg, tmp_path):
    """A record larger than the room that libpq has: its end stays in OpenSSL, and no descriptor tells of it."""
    payloads = ["x" * 8000, "y" * 8000, "z" * 348]
    burst = b"".join(message(b"A", b"\0\0\0\1tls\0" + payload.encode() + b"\0") for payload in payloads)
    server = Notifier(tmp_path, [burst[:10], burst[10:]])
    assert 16384 - 10 < len(burst) - 10 <= 16384  # the one record, behind the begin of a message
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=require"}})
        with gatherd.client() as client:
            client.send({"id": 1, "listen": ["tls"], "db": "foul"})
            assert client.recv()["event"] == "listening"
            assert [client.recv()["payload"] for _ in payloads] == payloads


@pytest.mark.parametrize("tag, outcome, effects", [
    (b"COMMIT", "committed", None), (b"ROLLBACK", "rolled_back", "none"), (b"CO\x18MIT", "unknown", "unknown"),
    (b"", "unknown", "unknown")])
def test_a_transaction_is_what_the_answer_to_commit_says(start_gatherd, pg, tag, outcome, effects):
    server = Server(b"", tag=tag)
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "pool_max": 1, "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=disable"}})
        with gatherd.client() as client:
            result = client.one({"transaction": ["insert into t values (1)"], "db": "foul", "timeout": 20})
    assert result["outcome"] == outcome
    assert result.get("error", {}).get("effects") == effects


@needs_openssl
def test_an_answer_too_many_is_none_to_a_listen(start_gatherd, pg, tmp_path):
    """Who was told that he listens would hear nothing: the session is another one before he is."""
    server = Notifier(tmp_path, [], early=message(b"Z", b"I"))
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=require"}})
        with gatherd.client() as client:
            client.send({"id": 1, "listen": ["any"], "db": "foul"})
            assert client.recv()["event"] == "listening"
            assert gatherd.stats()["stats"]["pools"]["foul"]["listen"]["lost"] == 1


@needs_openssl
def test_a_session_that_listens_and_hears_nonsense_is_replaced(start_gatherd, pg, tmp_path):
    server = Notifier(tmp_path, [bytes(range(128, 160))])
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=require"}})
        with gatherd.client() as client:
            client.send({"id": 1, "listen": ["any"], "db": "foul"})
            assert client.recv()["event"] == "listening"
            assert client.recv()["event"] == "resync"


PARAMETERS = b"".join(message(b"S", b"p%d\0v\0" % number) for number in range(100000))
WITHOUT_END = "the server reports parameters without end"


@pytest.mark.parametrize("sslmode, tls", [("disable", False), ("prefer", False),
                                          pytest.param("require", True, marks=needs_openssl)])
def test_parameters_without_end_while_connecting(start_gatherd, pg, tmp_path, sslmode, tls):
    """libpq keeps each and searches them all each time; a connection gets so far and no further."""
    greeting = GREETING[:9] + PARAMETERS + GREETING[9:]
    server = Notifier(tmp_path, [], greeting) if tls else Server(b"", greeting=greeting)
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode={sslmode}"}})
        with gatherd.client() as client:
            error = client.one({"sql": "select 1", "db": "foul"})["error"]
            assert error["code"] == "unavailable" and WITHOUT_END in error["message"]


def test_a_notice_without_end_while_connecting(start_gatherd, pg):
    """libpq takes in all of a message before it shows any of it."""
    server = Server(b"", greeting=GREETING[:9] + b"N\x08\0\0\0" + b"x" * 2 ** 26)
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "pool_min": 0, "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=disable"}})
        with gatherd.client() as client:
            before = gatherd.resident_kb()
            error = client.one({"sql": "select 1", "db": "foul"})["error"]
            assert error["code"] == "unavailable" and "before the session begins" in error["message"]
        assert gatherd.resident_kb("VmHWM") - before < 48 * 1024


def test_parameters_without_end_in_an_answer(start_gatherd, pg):
    server = Server(PARAMETERS)
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "pool_max": 1, "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=disable"}})
        with gatherd.client() as client:
            error = client.one({"sql": "select HOSTILE()", "db": "foul"})["error"]
            assert error["code"] == "connection_lost" and WITHOUT_END in error["message"]


@needs_openssl
def test_parameters_without_end_while_listening(start_gatherd, pg, tmp_path):
    server = Notifier(tmp_path, [PARAMETERS])
    with server.socket:
        gatherd = start_gatherd(pg, sections={"database foul": {
            "conninfo": f"host=127.0.0.1 port={server.port} user=x sslmode=require"}})
        with gatherd.client() as client:
            client.send({"id": 1, "listen": ["any"], "db": "foul"})
            wait_until(lambda: WITHOUT_END in gatherd.stats()["stats"]["pools"]["foul"]["listen"].get("error", ""))


def test_a_session_with_many_parameters_is_replaced(start_gatherd, pg):
    """More than a thousand reports in one session: it is closed when nothing runs, and nobody notices."""
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with gatherd.client() as client:
        backend = client.value("select pg_backend_pid()")
        for _ in range(12):
            client.gather([f"set timezone = {offset}" for offset in range(-12, 13)] * 2)
        assert client.value("select pg_backend_pid()") != backend
