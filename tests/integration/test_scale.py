# SPDX-License-Identifier: PostgreSQL
"""Many clients at once: each gets its own answers, right and in order."""
import selectors
import threading

from harness.client import parse_answer
from harness.wait import LIMIT_S


def serve(clients, expected, check):
    """Reads all clients as they become readable until each had its `expected` answers."""
    selector = selectors.DefaultSelector()
    counts = {}
    for number, client in enumerate(clients):
        client.socket.setblocking(False)
        selector.register(client.socket, selectors.EVENT_READ, (number, client))
        counts[number] = 0
    while counts:
        ready = selector.select(LIMIT_S)
        assert ready, f"{len(counts)} clients without an answer"
        for key, _ in ready:
            number, client = key.data
            data = client.socket.recv(1 << 20)
            assert data, f"client {number} was closed"
            client.received += data
            while b"\n" in client.received:
                line, _, rest = client.received.partition(b"\n")
                client.received = bytearray(rest)
                check(number, parse_answer(bytes(line)))
                counts[number] += 1
            if counts.get(number) == expected:
                del counts[number]
                selector.unregister(client.socket)


def test_500_clients_with_20_queries_each(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 20})
    clients = [gatherd.client() for _ in range(500)]

    def check(number, answer):
        assert answer["ok"] is True, answer
        assert [result["rows"] for result in answer["results"]] == [[[number, item]] for item in range(20)]

    for number, client in enumerate(clients):
        client.send(gather=[{"sql": "select $1::int, $2::int", "params": [number, item]} for item in range(20)])
    serve(clients, 1, check)
    # and once more, when the daemon knows the statement: half of them with texts of their own
    for number, client in enumerate(clients):
        client.send(gather=[f"select {number}, {item}" if item % 2 else
                            {"sql": "select $1::int, $2::int", "params": [number, item]} for item in range(20)])
    serve(clients, 1, check)
    for client in clients:
        client.close()


def test_connect_storm(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 50, "pool_min": 0})
    clients = [gatherd.client() for _ in range(300)]
    for number, client in enumerate(clients):
        client.send(gather=[f"select {number} from pg_sleep(0.01)"])

    def check(number, answer):
        assert answer["results"][0].get("rows") == [[number]], answer

    serve(clients, 1, check)
    for client in clients:
        client.close()


def test_a_thousand_idle_clients_disturb_nobody(start_gatherd, pg):
    gatherd = start_gatherd(pg)
    idle = [gatherd.client() for _ in range(900)]
    with gatherd.client() as client:
        for number in range(50):
            assert client.value(f"select {number}") == number
    assert idle[-1].request(ping=True)["pong"] is True
    for client in idle:
        client.close()


def test_deep_pipeline_of_requests(client):
    def send():
        for number in range(2000):
            client.send(id=number, gather=[{"sql": "select $1::int", "params": [number]}])
        client.half_close()

    # beside the reading, or both sides might wait for the other to read
    sender = threading.Thread(target=send)
    sender.start()
    answers = client.recv_all()
    sender.join()
    assert sorted(answer["id"] for answer in answers) == list(range(2000))
    assert all(answer["results"][0]["rows"] == [[answer["id"]]] for answer in answers)


def test_mixed_load_of_fast_slow_and_failing_queries(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 10})
    clients = [gatherd.client() for _ in range(40)]
    rounds = 5

    def items(number):
        return [{"sql": "select $1::int", "params": [number]}, "select 1/0", "select pg_sleep(0.002)",
                f"set work_mem = '{number + 1}MB'", "select current_setting('work_mem')",
                {"sql": f"select {number}", "timeout": 20}]

    def check(number, answer):
        results = answer["results"]
        assert results[0]["rows"] == [[number]] and results[5]["rows"] == [[number]]
        assert results[1]["error"]["sqlstate"] == "22012"
        assert results[3]["command"] == "SET" and results[4]["rows"] == [["4MB"]]

    for number, client in enumerate(clients):
        for _ in range(rounds):
            client.send(gather=items(number))
    serve(clients, rounds, check)
    for client in clients:
        client.close()
