# SPDX-License-Identifier: PostgreSQL
"""A server that answers what no PostgreSQL would: the client gets a valid answer, the daemon lives."""
import contextlib
import socket
import struct
import threading

import pytest


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def columns(*names):
    return message(b"T", struct.pack("!H", len(names)) + b"".join(
        name + b"\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0) for name in names))


def row(*lengths, data=b""):
    return message(b"D", struct.pack("!H", len(lengths)) + b"".join(struct.pack("!i", n) for n in lengths) + data)


DONE = message(b"C", b"SELECT 1\0")
GREETING = (message(b"R", struct.pack("!I", 0))
            + b"".join(message(b"S", pair) for pair in (b"server_version\x0015.0\0", b"client_encoding\0UTF8\0"))
            + message(b"K", struct.pack("!II", 1, 2)) + message(b"Z", b"I"))


class Server:
    """Takes everybody, does nothing, and has its own answer to what names HOSTILE."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=[self.socket.accept()[0]], daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, struct.error), connection, connection.makefile("rb") as stream:
            stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
            connection.sendall(GREETING)
            hostile = False
            while kind := stream.read(1):
                body = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                if kind == b"P":
                    hostile = b"HOSTILE" in body
                reply = {b"P": message(b"1"), b"B": message(b"2"), b"S": message(b"Z", b"I"),
                         b"D": b"" if hostile else message(b"n"),
                         b"E": self.answer if hostile else message(b"C", b"SET\0")}
                connection.sendall(reply.get(kind, b""))


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
