# SPDX-License-Identifier: PostgreSQL
"""What the soak's clients ask, and what the answers must be. Each kind of work is a function of its client."""
import contextlib
import hashlib
import socket
import struct
import time

from harness.client import Client

ACCOUNTS = 50

SCHEMA = f"""
create table account (id int primary key, balance int not null);
insert into account select n, 1000 from generate_series(1, {ACCOUNTS}) n;
create table mark (token text not null);
"""

# Errors that a fault may give to anybody, with the SQLSTATEs of a server that ends a session, goes down or comes up.
FAULT_CODES = {"connection_lost", "unavailable", "timeout"}
FAULT_STATES = {"57P01", "57P02", "57P03", "57P05", "53300", "08006"}
# What is run again by the server's own word: transfers run beside each other.
RETRY_STATES = {"40001", "40P01"}


class Wrong(Exception):
    """An answer that no fault explains."""


def by_fault(error):
    return error["code"] in FAULT_CODES or error["code"] == "sql" and error.get("sqlstate") in FAULT_STATES


class Marks:
    """What each INSERT of a token must have left: "in", "out", "any", or the same as others of its transaction."""

    def __init__(self):
        self.fates = []  # (tokens, fate)

    def note(self, tokens, fate):
        self.fates.append((tokens, fate))

    def note_error(self, token, error):
        self.note([token], {"none": "out", "done": "in", "unknown": "any"}[error["effects"]])

    def judge(self, counts):
        """token → how often it is in the table, against what was told; the contradictions."""
        wrong = []
        for tokens, fate in self.fates:
            found = [counts.pop(token, 0) for token in tokens]
            if max(found) > 1 or fate == "in" and min(found) == 0 or fate == "out" and max(found) > 0 or \
                    len(set(found)) > 1:
                wrong.append(f"{tokens} told {fate}, found {found}")
        return wrong + [f"{token}: nobody's" for token in counts]


class Worker:
    """One client, its numbers and its connection; `random` alone decides what it does."""

    def __init__(self, number, path, random, marks):
        self.number, self.path, self.random, self.marks = number, path, random, marks
        self.serial = 0
        self.connection = None

    def token(self):
        self.serial += 1
        return f"{self.number}-{self.serial}"

    def client(self):
        if self.connection is None:
            self.connection = Client(self.path, 120)
        return self.connection

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def db(self):
        """The direct way to the server, or the one through the proxy."""
        return self.random.choice(["main", "main", "proxied"])

    def gather(self, items, **options):
        """The results of a gather; each is what was asked for or has a fault's error, which the caller tells apart."""
        answer = self.client().request({"gather": items, "db": self.db(), **options})
        if answer is None or "results" not in answer:
            raise Wrong(f"{items} {options}: {answer}")
        if len(answer["results"]) != len(items):
            raise Wrong(f"{len(items)} items, answered {answer}")
        failed = sum("error" in result for result in answer["results"])
        if answer["failed"] != failed or answer["ok"] != (failed == 0):
            raise Wrong(f"miscounted: {answer}")
        return answer["results"]


def expect(result, rows, error_free=True):
    """The rows of one result, or a fault. True where it went well."""
    if "error" in result:
        if not by_fault(result["error"]):
            raise Wrong(f"expected {str(rows)[:200]}, got {result['error']}")
        return False
    if result["rows"] != rows or error_free and result["count"] != len(rows):
        raise Wrong(f"expected {str(rows)[:200]}, got {str(result)[:400]}")
    return True


def expect_state(result, *states):
    """An error that the statement itself brings about, or a fault."""
    error = result.get("error")
    if error is None or error.get("sqlstate") not in states and not by_fault(error):
        raise Wrong(f"expected {states}, got {result}")


def small(worker):
    """Rows of one's own, from parameters and from literals."""
    numbers = [worker.random.randrange(1 << 30) for _ in range(worker.random.randint(1, 8))]
    items = [{"sql": "select $1::int, $2::text", "params": [number, f"ä{number}"]} if number % 3 else
             f"select {number}, 'ä{number}'" for number in numbers]
    for number, result in zip(numbers, worker.gather(items)):
        expect(result, [[number, f"ä{number}"]])


def large(worker):
    """Some megabytes in one line."""
    rows, base = worker.random.randint(1000, 8000), worker.random.randrange(1 << 20)
    sql = f"select n, n + {base}, md5((n + {base})::text) from generate_series(1, {rows}) n"
    result, other = worker.gather([sql, f"select {base}"])
    expect(result, [[n, n + base, hashlib.md5(str(n + base).encode()).hexdigest()] for n in range(1, rows + 1)])
    expect(other, [[base]])


def streamed(worker):
    """As they come, sometimes for a slow reader; another's events come between."""
    rows, base = worker.random.randint(1000, 20000), worker.random.randrange(1 << 20)
    slow = worker.random.random() < 0.3
    client = worker.client()
    client.send(gather=[f"select n, n + {base} from generate_series(1, {rows}) n", f"select {base}"],
                stream=True, db=worker.db())
    got, ended = {0: [], 1: []}, {}
    while True:
        event = client.recv()
        if event is None:
            raise Wrong("a stream without end")
        if event["event"] == "rows":
            got[event["item"]] += event["rows"]
            if slow and worker.random.random() < 0.05:
                time.sleep(0.05)
        elif event["event"] in ("done", "error"):
            ended[event["item"]] = event
        elif event["event"] == "end":
            break
    for item, rows_wanted in ((0, [[n, n + base] for n in range(1, rows + 1)]), (1, [[base]])):
        end = ended[item]
        if end["event"] == "done":
            expect({"rows": got[item], "count": end["count"]}, rows_wanted)
        else:
            expect(end, rows_wanted)
            if got[item] != rows_wanted[:len(got[item])]:
                raise Wrong(f"item {item}: rows before its error are not its own")


def slow(worker):
    """Longer than the others, with a fast one beside it."""
    number = worker.random.randrange(1 << 30)
    first, second = worker.gather([f"select {number} from pg_sleep({worker.random.uniform(0.05, 0.4):.2f})",
                                   f"select {number + 1}"])
    expect(first, [[number]])
    expect(second, [[number + 1]])


def failing(worker):
    """Errors stand in their places and touch nobody else."""
    number = worker.random.randrange(1 << 30)
    one, zero, table, syntax, two = worker.gather([f"select {number}", f"select {number} / 0", "table no_such_table",
                                                   "selekt", {"sql": "select $1::int", "params": [number]}])
    expect(one, [[number]])
    expect_state(zero, "22012")
    expect_state(table, "42P01")
    expect_state(syntax, "42601")
    expect(two, [[number]])


def cancelled(worker):
    """Cancelled in the queue, at the server or not at all; what ran beside it stays."""
    client, name = worker.client(), worker.token()
    number = worker.random.randrange(1 << 30)
    token = worker.token()
    client.send({"id": name, "gather": ["select pg_sleep(60)",
                                        f"insert into mark select '{token}' from pg_sleep(0.05)"], "db": worker.db()})
    client.send({"id": "beside", "gather": [f"select {number}"], "db": worker.db()})
    time.sleep(worker.random.choice([0, 0, 0.02, 0.1]))
    client.send({"id": "cancel", "cancel": name})
    answers = {}
    while len(answers) < 3:
        answer = client.recv()
        if answer is None or answer["id"] in answers:
            raise Wrong(f"{answer} after {list(answers)}")
        answers[answer["id"]] = answer
    expect(answers["beside"]["results"][0], [[number]])
    long, write = answers[name]["results"]
    error = long.get("error")
    if error is None or error["code"] != "cancelled" and not by_fault(error):
        raise Wrong(f"cancelled, but {long}")
    note_write(worker, token, write, ("cancelled",))


def note_write(worker, token, result, codes=()):
    if "error" in result:
        if result["error"]["code"] not in codes and not by_fault(result["error"]):
            raise Wrong(f"{result}")
        worker.marks.note_error(token, result["error"])
    else:
        worker.marks.note([token], "in")


def late(worker):
    """A time limit that the server's work exceeds."""
    number = worker.random.randrange(1 << 30)
    first, second = worker.gather([{"sql": "select pg_sleep(60)", "timeout": worker.random.choice([0.05, 0.2])},
                                   f"select {number}"])
    if first.get("error", {}).get("code") != "timeout" and not by_fault(first.get("error", {"code": ""})):
        raise Wrong(f"late, but {first}")
    expect(second, [[number]])


def written(worker):
    """What is told of a write is what the table holds in the end."""
    tokens = [worker.token() for _ in range(worker.random.randint(1, 3))]
    results = worker.gather([{"sql": "insert into mark values ($1) returning token", "params": [token]}
                             for token in tokens])
    for token, result in zip(tokens, results):
        if "error" not in result:
            expect(result, [[token]])
        note_write(worker, token, result)


def transaction(worker):
    """Two marks and a transfer: all of it or nothing."""
    tokens = [worker.token(), worker.token()]
    source, target = worker.random.sample(range(1, ACCOUNTS + 1), 2)
    amount = worker.random.randint(1, 100)
    fails = worker.random.random() < 0.2
    steps = [f"insert into mark values ('{tokens[0]}')",
             {"sql": "update account set balance = balance - $1 where id = $2", "params": [amount, source]},
             {"sql": "update account set balance = balance + $1 where id = $2", "params": [amount, target]},
             "select 1 / 0" if fails else "select 1",
             f"insert into mark values ('{tokens[1]}')"]
    result, = worker.gather([{"transaction": steps, "isolation": worker.random.choice(["serializable", "read committed"])}])
    error = result.get("error")
    if error is None and fails:
        raise Wrong(f"committed in spite of an error: {result}")
    if error is not None and not by_fault(error) and error.get("sqlstate") not in RETRY_STATES and \
            not (fails and error.get("sqlstate") == "22012"):
        raise Wrong(f"{result}")
    worker.marks.note(tokens, {"committed": "in", "rolled_back": "out", "unknown": "any"}[result["outcome"]])


def sequence(worker):
    """Steps in order on one session, whose state reaches nobody."""
    token = worker.token()
    steps = [f"set work_mem = '{worker.random.randint(5, 99)}MB'", "create temp table scratch (n int)",
             f"insert into mark values ('{token}')", f"select count(*) from mark where token = '{token}'"]
    result, clean, tables = worker.gather([{"sequence": steps}, "select current_setting('work_mem')",
                                           "select count(*) from pg_class where relname = 'scratch' and "
                                           "pg_table_is_visible(oid)"])
    done = result["steps"]
    if "error" in done[2]:
        if done[2]["error"]["code"] != "skipped" and not by_fault(done[2]["error"]):
            raise Wrong(f"{result}")
        worker.marks.note_error(token, done[2]["error"])
    else:
        worker.marks.note([token], "in")
        if "error" not in done[3]:
            expect(done[3], [[1]])
    expect(clean, [["4MB"]])
    expect(tables, [[0]])


def snapshot(worker):
    """One state for all items, while transfers go on."""
    results = worker.gather(["select sum(balance)::int, count(*)::int from account",
                             *["select sum(balance * id)::int from account"] * 4], snapshot=True)
    expect(results[0], [[1000 * ACCOUNTS, ACCOUNTS]])
    seen = {result["rows"][0][0] for result in results[1:] if "error" not in result}
    if len(seen) > 1:
        raise Wrong(f"a snapshot with several states: {seen}")
    for result in results[1:]:
        if "error" in result and not by_fault(result["error"]) and result["error"]["code"] != "skipped":
            raise Wrong(f"{result}")


def referred(worker):
    """Values that come from another item."""
    rows = worker.random.randint(1, 50)
    first, second = worker.gather([{"name": "source", "sql": f"select n from generate_series(1, {rows}) n"},
                                   {"sql": "select sum(n)::int from unnest($1::int[]) n",
                                    "params": [{"from": "source", "column": "n"}]}])
    well = expect({key: value for key, value in first.items() if key != "name"}, [[n] for n in range(1, rows + 1)])
    if not well or second.get("error", {}).get("code") == "skipped":
        if second.get("error", {}).get("code") != "skipped" or well:
            raise Wrong(f"{first} {second}")
        return
    expect(second, [[rows * (rows + 1) // 2]])


def listening(worker):
    """Notifications in their order, or word that some are missing."""
    channel = f"soak {worker.number}"
    with Client(worker.path, 120) as client:
        client.send({"id": "l", "listen": [channel], "db": "main"})
        event = client.recv()
        if "error" in event:
            if not by_fault(event["error"]):
                raise Wrong(f"{event}")
            return
        count = worker.random.randint(1, 20)
        result, = worker.gather([{"sql": "select pg_notify($1, n::text) from generate_series(1, $2::int) n",
                                  "params": [channel, count]}], db="main")
        if "error" in result:
            return
        wanted = 1
        while wanted <= count:
            event = client.recv()
            if event["event"] == "resync":
                return
            if event["event"] != "notification" or event["payload"] != str(wanted):
                raise Wrong(f"notification {wanted} expected: {event}")
            wanted += 1


def dying(worker):
    """A client that goes, with or without a word, in the middle of it all."""
    token = worker.token()
    worker.marks.note([token], "any")
    client = Client(worker.path, 120)
    with contextlib.closing(client):
        client.send(gather=[f"insert into mark select '{token}' from pg_sleep({worker.random.choice([0, 0.1])})",
                            "select pg_sleep(60)", "select n, md5(n::text) from generate_series(1, 100000) n"],
                    stream=worker.random.random() < 0.5, db=worker.db())
        time.sleep(worker.random.choice([0, 0.01, 0.1]))
        if worker.random.random() < 0.5:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if worker.random.random() < 0.3:
            client.half_close()


def half_closed(worker):
    """All answers come, then the end."""
    with Client(worker.path, 120) as client:
        numbers = [worker.random.randrange(1 << 30) for _ in range(worker.random.randint(1, 10))]
        for name, number in enumerate(numbers):
            client.send(id=name, gather=[f"select {number}"], db=worker.db())
        client.half_close()
        answers = {answer["id"]: answer for answer in client.recv_all()}
    if sorted(answers) != list(range(len(numbers))):
        raise Wrong(f"{len(numbers)} requests, answers for {sorted(answers)}")
    for name, number in enumerate(numbers):
        expect(answers[name]["results"][0], [[number]])


# what → how often beside the others
KINDS = {small: 30, large: 3, streamed: 6, slow: 6, failing: 8, cancelled: 5, late: 4, written: 10, transaction: 12,
         sequence: 6, snapshot: 6, referred: 5, listening: 3, dying: 4, half_closed: 6}
