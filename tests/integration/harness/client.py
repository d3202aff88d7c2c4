# SPDX-License-Identifier: PostgreSQL
"""A client of the wire protocol, as a program in any language would write it."""
import json
import socket

from harness import schema
from harness.wait import LIMIT_S


def unique_object(pairs):
    """No answer may have a key twice."""
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"repeated key in an answer: {keys}"
    return dict(pairs)


def parse_answer(line):
    """One line as the protocol promises it: UTF-8, one JSON object by its schema, numbers as Python reads them."""
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")
    answer = json.loads(line.decode("utf-8"), object_pairs_hook=unique_object, parse_constant=refuse)
    assert isinstance(answer, dict) and "id" in answer, f"an answer without id: {line!r}"
    schema.assert_answer(answer, len(line))
    return answer


class Client:
    def __init__(self, path, limit_s=LIMIT_S):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(limit_s)
        self.socket.connect(path)
        self.received = bytearray()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, request=None, **keys):
        """A request as a dict, as text, or as keywords."""
        if request is None:
            request = keys
        text = request if isinstance(request, str) else json.dumps(request)
        self.send_bytes(text.encode() + b"\n")

    def recv_line(self):
        """The next line with its newline; b"" when the daemon has closed."""
        while True:
            end = self.received.find(b"\n")
            if end >= 0:
                line = bytes(self.received[:end + 1])
                del self.received[:end + 1]
                return line
            data = self.socket.recv(1 << 20)
            if not data:
                assert not self.received, f"a line without its end: {bytes(self.received)!r}"
                return b""
            self.received += data

    def recv(self):
        """The next answer; None when the daemon has closed."""
        line = self.recv_line()
        return parse_answer(line) if line else None

    def recv_all(self):
        """Every answer until the daemon closes."""
        return list(iter(self.recv, None))

    def request(self, request=None, **keys):
        self.send(request, **keys)
        return self.recv()

    def gather(self, items, **options):
        """A gather of a list or a dict of items; the next answer, whole."""
        return self.request({"gather": items, **options})

    def one(self, item, **options):
        """The one result of a gather of one item."""
        answer = self.gather([item], **options)
        assert "results" in answer, answer
        return answer["results"][0]

    def value(self, item, **options):
        """The first value of the first row of one item."""
        result = self.one(item, **options)
        assert "rows" in result, result
        return result["rows"][0][0]

    def events(self):
        """The events of one streamed answer, its end included."""
        events = []
        while True:
            event = self.recv()
            assert event is not None, f"the stream has no end: {events}"
            events.append(event)
            if event.get("event") == "end" or "error" in event and "event" not in event:
                return events

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
