# SPDX-License-Identifier: PostgreSQL
"""
`gather` where each allocation and each system call of it fails once: it does not crash, exit status 0 means that all of the
output is there, 2 that nothing has run, and what one call of many does late or in parts changes nothing. The `faults`
ones take every place, the others some.
"""
import errno
import itertools
import signal

import pytest

from harness import faults
from harness.faults import ALLOC, CONNECT, KEEP, OPEN, POLL, READ, RECV, SEND, SHORT, SOCKET, WRITE, Faults

pytestmark = pytest.mark.timeout(3600)

REQUESTS = '{"id":"a","gather":["select 1"]}\n{"ping":true}\n{"id":"b","stream":true,"gather":["select 2","select 3"]}\n'
FILE = "\ufeff-- name: one\nselect :day::date as day, 1.50 as n;\n-- name: two\nselect g from generate_series(1, 3) g;\n"
REPORT = "-- report: fails\n-- title: One that fails\n-- param: n int = 1\n\n-- name: q\n-- title: Q\nselect :n + 1 as m;\n"
SPOOLED = ["select 1 from pg_sleep(0.05)", "select g, repeat('x', 500) as x from generate_series(1, 600) g"]
TEXTS = "select g, 'a\"\n' || g as \"T\", null as n, array[1, g] as a from generate_series(1, 12) g"

# Arguments; {dir} is a directory of its own, {n} the next number of the table of marks.
LIVES = {
    "table": [TEXTS, "select true as b", "create temp table fresh ()"],
    "csv": ["--csv", TEXTS, "select 1 as a"],
    "json": ["--json", "--objects", TEXTS],
    "jsonl": ["--jsonl", "select 1", "select 1/0"],
    "errors": ["-r", "select 1", "select 1/0", "selct 2"],
    "write": ["-r", "insert into command_marks values ({n}) returning 1"],
    "transaction": ["-1", "-r", "insert into command_marks values ({n}) returning 1", "select 2"],
    "sequence": ["-s", "-r", "insert into command_marks values ({n}) returning 1", "select 1/0", "select 3"],
    "snapshot": ["--snapshot", "-r", "select 1", "select 2"],
    "file": ["--csv", "-v", "day=2026-11-20", "-o", "{dir}/%n.csv", "-f", "{dir}/in.sql"],
    "one file": ["-o", "{dir}/out.txt", "-c", "select 1 as a", "select 2"],
    "spooled": ["-r", *SPOOLED],
    "spooled table": ["-o", "{dir}/out.txt", *SPOOLED],
    "report": ["report", "fails", "n=41"],
    "reports": ["reports"],
    "reports json": ["reports", "--json"],
    "ping": ["ping", "--json"],
    "requests": ["-J", "{dir}/requests"],
    "usage": ["-m", "soon", "select 1"],
    "help": ["--help"],
}


class Command:
    """Runs one of the lives, with faults."""

    numbers = itertools.count(1)

    def __init__(self, gatherd, pg, name, folder):
        self.gatherd, self.pg, self.name, self.folder = gatherd, pg, name, folder
        self.faults = Faults("gather")
        self.number = 0
        pg.psql("create table if not exists command_marks (n int)")
        gatherd.write_report("fails", REPORT)
        self.expected = self.run()
        assert self.expected[0] == {"jsonl": 1, "errors": 1, "sequence": 1, "usage": 64}.get(name, 0)

    def run(self):
        """Its exit status, output and files, and what it said."""
        for path in self.folder.iterdir():
            path.unlink()
        (self.folder / "in.sql").write_text(FILE, "utf-8")
        (self.folder / "requests").write_text(REQUESTS, "utf-8")
        self.number = next(self.numbers)
        arguments = [argument.replace("{dir}", str(self.folder)).replace("{n}", str(self.number))
                     for argument in LIVES[self.name]]
        done = self.gatherd.command(*arguments, env=self.faults.env)
        files = {path.name: path.read_text("utf-8") for path in self.folder.iterdir()
                 if path.name not in ("in.sql", "requests")}
        return done.returncode, self.constant(done.stdout), files, done.stderr

    def constant(self, output):
        """What differs from run to run left out: the times of answers, and in which order those of requests come."""
        if self.name in ("requests", "json", "jsonl"):
            lines = [line.split(',"queued"')[0].split(',"elapsed"')[0] for line in output.splitlines()]
            return "\n".join(sorted(lines))
        return output.split('"uptime')[0] if self.name == "ping" else output

    def judge(self, spared):
        """`spared`: what happened is no failure, so that nothing may have changed."""
        status, output, files, said = self.run()
        expected_status, expected_output, expected_files, _ = self.expected
        if status == -signal.SIGSEGV and faults.has_gcov():
            return None
        assert status in (0, 1, 2, 3, 64), (status, said)
        if spared or status == 0:
            assert (status, output, files) == (expected_status, expected_output, expected_files), said
        for name, text in files.items():
            assert text == expected_files.get(name), f"{name}: {said}"
        assert len(files) < 2 or files == expected_files or said
        if status not in (0, expected_status):
            assert said.startswith("gather: "), (status, said)
        return status

    def check_mark(self, status):
        count = int(self.pg.psql(f"select count(*) from command_marks where n = {self.number}"))
        writes = self.name in ("write", "transaction", "sequence")
        assert count <= writes
        if writes and status in (0, 2):
            assert count == (status == 0), f"status {status}, and the table has it {count} times"
        # What was done and not printed is no mere failure.
        if status == 1 and self.name in ("write", "transaction"):
            assert count == 0, "status 1, and the table has it"


@pytest.fixture
def start_command(gatherd, pg, tmp_path):
    started = []

    def start(name):
        started.append(Command(gatherd, pg, name, tmp_path))
        return started[-1]

    yield start
    for command in started:
        command.faults.close()


def try_each(command, calls, action, spared, step):
    """Each of these calls, or every so many of them. How many there were."""
    n = 1
    while True:
        command.faults.nth(n, calls, action)
        try:
            command.check_mark(command.judge(spared))
        except AssertionError as error:
            raise AssertionError(f"the {n}th: {error}") from error
        if not command.faults.page.hit:
            return n - 1
        n += step


def places(every, some):
    """Every place of these lives, and some of those."""
    return pytest.mark.parametrize("name, every", [
        *[pytest.param(name, True, marks=pytest.mark.faults, id=f"{name}-every") for name in every],
        *[pytest.param(name, False, id=f"{name}-some") for name in some]])


@places(LIVES, ["table", "transaction", "file", "report"])
def test_each_allocation_fails_in_the_command(start_command, name, every):
    if faults.has_sanitizers():
        pytest.skip("the sanitizers have their own malloc")
    try_each(start_command(name), ALLOC, 0, False, 1 if every else 17)


@places([name for name in LIVES if not name.startswith("spooled")], ["transaction"])
def test_each_allocation_fails_while_answers_come_in_parts(start_command, name, every):
    """What has memory at hand when an answer comes whole asks for it at other places when it does not."""
    if faults.has_sanitizers():
        pytest.skip("the sanitizers have their own malloc")
    command = start_command(name)
    command.faults.page.recv_max = 97
    try_each(command, ALLOC, 0, False, 1 if every else 17)


# What, how, and whether it is no failure.
CALLS = {
    "short reads": (READ, SHORT, True),
    "short writes": (WRITE, SHORT, True),
    "short receives": (RECV, SHORT, True),
    "short sends": (SEND, SHORT, True),
    "reads are interrupted": (READ, errno.EINTR, True),
    "writes are interrupted": (WRITE, errno.EINTR, True),
    "receives are interrupted": (RECV, errno.EINTR, True),
    "sends are interrupted": (SEND, errno.EINTR, True),
    "waits are interrupted": (POLL, errno.EINTR, True),
    "nothing there yet": (RECV, errno.EAGAIN, True),
    "no room yet": (SEND, errno.EAGAIN, True),
    "no files without names": (OPEN, errno.EOPNOTSUPP, False),
    "no descriptor": (OPEN | SOCKET, errno.EMFILE, False),
    "reads fail": (READ, errno.EIO, False),
    "disk full": (WRITE, errno.ENOSPC, False),
    "lost in a receive": (RECV, errno.ECONNRESET, False),
    "lost in a send": (SEND, errno.EPIPE, False),
    "refused": (CONNECT, errno.ECONNREFUSED, False),
    "waits fail": (POLL, errno.ENOMEM, False),
    "not kept": (KEEP, errno.EIO, False),
}


@places(["table", "write", "file", "one file", "spooled", "spooled table", "requests"], ["one file", "requests"])
@pytest.mark.parametrize("calls, action, spared", CALLS.values(), ids=CALLS.keys())
def test_each_call_fails_in_the_command(start_command, name, calls, action, spared, every):
    try_each(start_command(name), calls, action, spared, 1 if every else 7)
