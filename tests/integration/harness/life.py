# SPDX-License-Identifier: PostgreSQL
"""Requests of every kind, sent by one client at once, and whether their answers are true: a table tells what was executed."""
import itertools

TIMEOUT_S = 3  # where bytes were changed, the server may seem to owe some

ROWS = [[g, "x" * 20] for g in range(1, 11)]
STREAMED = [[g] for g in range(1, 51)]


class Marks:
    """Each statement writes a number of its own; `expect` says of which it is known whether it did."""

    tables = itertools.count(1)

    def __init__(self, pg):
        self.pg = pg
        self.table = f"marks_{next(self.tables)}"
        pg.psql(f"create table {self.table} (n int)")
        self.numbers = itertools.count(1)
        self.expected = {}  # by number: whether it is there, or None where nobody can know
        self.why = {}

    def item(self):
        """The number and the item that writes it."""
        number = next(self.numbers)
        self.expected[number] = None
        return number, {"sql": f"insert into {self.table} values ($1::int) returning n", "params": [number]}

    def judge(self, number, result):
        """An item's or a step's own result."""
        self.why[number] = result
        if "error" in result:
            self.expected[number] = {"none": False, "done": True, "unknown": None}[result["error"]["effects"]]
        else:
            assert result["rows"] == [[number]] and result["command"] == "INSERT", result
            self.expected[number] = True

    def verify(self):
        """What was answered is what is there, and nothing is there twice."""
        lines = self.pg.psql(f"select n, count(*) from {self.table} group by n").split()
        counts = dict(map(int, line.split("|")) for line in lines)
        assert set(counts) <= set(self.expected)
        for number, expected in self.expected.items():
            count = counts.get(number, 0)
            assert count <= 1, f"{number} was executed {count} times"
            assert expected in (None, count == 1), f"{number} is {count}: {self.why.get(number)}"


class Life:
    """What one client sends. `flipped`: bytes of values may have been changed on their way."""

    def __init__(self, marks, flipped=False):
        self.marks = marks
        self.flipped = flipped
        (self.alone, alone), (self.first, first) = marks.item(), marks.item()
        (self.second, second), (self.step, step) = marks.item(), marks.item()
        self.requests = [
            {"id": "g", "gather": [alone, "select g, repeat('x', 20) from generate_series(1, 10) g", "select 1/0",
                                   {"sql": "select $1::int[]", "params": [[1, 2]]}]},
            {"id": "t", "gather": [{"transaction": [first, second]}, {"sequence": [step, "select 2"]}]},
            {"id": "s", "stream": True, "gather": ["select generate_series(1, 50)"]},
            {"id": "p", "ping": True},
            {"id": "c", "gather": ["select 1 from pg_sleep(600)"]},
            {"id": "k", "cancel": "c"},
        ]
        for request in self.requests:
            if "gather" in request:
                request["timeout"] = TIMEOUT_S
        self.answers = {}
        self.events = []

    def run(self, client):
        """Sends all and reads what comes; whether all was answered before the daemon closed."""
        for request in self.requests:
            try:
                client.send(request)
            except (BrokenPipeError, ConnectionResetError):
                break
        owed = {request["id"] for request in self.requests}
        while owed:
            try:
                answer = client.recv()
            except ConnectionResetError:
                break
            except TimeoutError:
                raise AssertionError(f"no answer to {sorted(owed)}; so far {self.answers} {self.events}") from None
            if answer is None:
                break
            if isinstance(answer["id"], int):  # there was no memory to read its id: it is the line's number
                assert "error" in answer, answer
                answer["id"] = self.requests[answer["id"] - 1]["id"]
            assert answer["id"] in owed, f"answered twice: {answer}"
            if "event" in answer:
                assert answer["id"] == "s", answer
                self.events.append(answer)
                if answer["event"] != "end":
                    continue
            self.answers[answer["id"]] = answer
            owed.remove(answer["id"])
        for name, answer in self.answers.items():
            getattr(self, f"judge_{name}")(answer)
        return not owed

    def judge_rows(self, result, rows):
        if "error" not in result and not self.flipped:
            assert result["rows"] == rows and result["count"] == len(rows), result

    def judge_g(self, answer):
        if "error" in answer:
            return self.judge_refused(answer, self.alone)
        insert, rows, failed, array = answer["results"]
        self.judge_mark(self.alone, insert)
        self.judge_rows(rows, ROWS)
        assert "error" in failed
        self.judge_rows(array, [[[1, 2]]])
        return None

    def judge_t(self, answer):
        if "error" in answer:
            return self.judge_refused(answer, self.first, self.second, self.step)
        transaction, sequence = answer["results"]
        outcome = transaction.get("outcome", "rolled_back")
        self.marks.why[self.first] = self.marks.why[self.second] = transaction
        if outcome != "unknown":
            self.marks.expected[self.first] = self.marks.expected[self.second] = outcome == "committed"
        steps = sequence.get("steps")
        if steps:
            self.judge_mark(self.step, steps[0])
            assert len(steps) == 2 and (sequence.get("error") or steps[1]["rows"] == [[2]] or self.flipped)
        else:
            assert "error" in sequence
            self.judge_mark(self.step, sequence)
        return None

    def judge_s(self, answer):
        if "error" in answer:
            return self.judge_refused(answer)
        rows = [row for event in self.events if event["event"] == "rows" for row in event["rows"]]
        kinds = [event["event"] for event in self.events if event["event"] in ("done", "error")]
        assert len(kinds) == 1, self.events
        assert answer["failed"] == (kinds == ["error"])
        if kinds == ["done"] and not self.flipped:
            assert rows == STREAMED
        return None

    def judge_p(self, answer):
        assert answer.get("pong") or "error" in answer

    def judge_c(self, answer):
        results = answer.get("results", [answer])
        assert all("error" in result for result in results), answer

    def judge_k(self, answer):
        assert "cancelled" in answer or "error" in answer

    def judge_mark(self, number, result):
        if self.flipped and "error" not in result:
            self.marks.expected[number] = None if result.get("rows") != [[number]] else True
        else:
            self.marks.judge(number, result)

    def judge_refused(self, answer, *numbers):
        """A request that was refused as a whole: nothing of it ran."""
        assert answer["error"]["effects"] in ("none", "unknown"), answer
        for number in numbers:
            self.marks.why[number] = answer
            self.marks.expected[number] = False if answer["error"]["effects"] == "none" else None
