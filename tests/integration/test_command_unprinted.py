# SPDX-License-Identifier: PostgreSQL
"""`gather` where a query was carried out and its result was not printed: it says so, and its exit status does."""
import json
import os
import signal
import subprocess

import pytest

from harness import programs
from harness.wait import LIMIT_S, wait_until

ONE = "gather: 1 query was carried out; its result was not printed\n"
INSERT = "insert into unprinted values (1) returning n"


@pytest.fixture
def written(pg):
    """How many rows an otherwise empty table has got."""
    pg.psql("drop table if exists unprinted, unprinted_copy; create table unprinted (n int)")
    return lambda: int(pg.psql("select count(*) from unprinted"))


def start(gatherd, *arguments):
    return subprocess.Popen([programs.program("gather"), *arguments], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path})


@pytest.mark.parametrize("flags", [[], ["-r"], ["--csv"], ["--json"], ["-o", "file"], ["-o", "%n"]], ids=str)
def test_a_signal(gatherd, pg, written, tmp_path, flags):
    flags = [flag if flag.startswith("-") else str(tmp_path / flag) for flag in flags]
    with pg.gate() as gate:
        process = start(gatherd, *flags, gate.sql, INSERT)
        gate.wait_waiting()
        wait_until(lambda: written() == 1, "the insert")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130 and said.endswith("gather: cancelled\n" + ONE), said
    assert written() == 1 and os.listdir(tmp_path) == []


def test_a_signal_is_silent_about_what_only_reads(gatherd, pg):
    with pg.gate() as gate:
        process = start(gatherd, "-j", "1", "-r", "show work_mem", gate.sql)
        gate.wait_waiting()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130 and "carried out" not in said and "cancelled" in said


def test_no_room_for_what_waits(gatherd, pg, written):
    with pg.gate() as gate:
        done = gatherd.command("--csv", gate.sql, INSERT, env={"TMPDIR": "/nonexistent"})
    assert done.returncode == 3 and "temporary file in /nonexistent (TMPDIR): No such" in done.stderr and done.stderr.endswith(ONE), done
    assert written() == 1


def test_a_full_disk(gatherd, written):
    done = gatherd.command("-o", "/dev/full", INSERT)
    assert done.returncode == 3 and "No space left" in done.stderr and done.stderr.endswith(ONE)
    assert written() == 1
    assert gatherd.command("-o", "/dev/full", "select 1").returncode == 1


def test_a_closed_pipe(gatherd, written):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([programs.program("gather"), "-r", INSERT], stdout=writer, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path}, timeout=LIMIT_S, check=False)
    os.close(writer)
    assert done.returncode == 141 and done.stderr == ONE
    assert written() == 1


def test_a_file_that_does_not_appear(gatherd, written, tmp_path):
    done = gatherd.command("--csv", "-o", tmp_path / "out.csv", INSERT, "select 1/0")
    assert done.returncode == 3 and "division by zero" in done.stderr and done.stderr.endswith(ONE)
    assert written() == 1 and os.listdir(tmp_path) == []


def test_a_table_made_of_a_select_counts(gatherd, pg, written, tmp_path):
    done = gatherd.command("-o", tmp_path / "out", "create table unprinted_copy as select 1 as n", "select 1/0")
    assert done.returncode == 3 and done.stderr.endswith(ONE)
    assert written() == 0 and pg.psql("select count(*) from unprinted_copy").strip() == "1"


def test_steps_count_as_far_as_they_stay(gatherd, written, tmp_path):
    done = gatherd.command("-s", "-o", tmp_path / "out", INSERT, "select 1/0")
    assert done.returncode == 3
    assert done.stderr.endswith("gather: 1 step was carried out; its result was not printed\n")
    done = gatherd.command("-1", "-o", tmp_path / "out", INSERT, "select 1/0")
    assert done.returncode == 1 and "carried out" not in done.stderr and "rolled back" in done.stderr
    assert written() == 1


def test_a_transaction_that_is_committed(gatherd, written):
    done = gatherd.command("-1", "-o", "/dev/full", INSERT, INSERT)
    count = written()
    assert (done.returncode, count) in ((1, 0), (3, 2)), done
    assert ("2 steps were carried out; their results were not printed" in done.stderr) == (count == 2), done


def test_nothing_is_said_where_all_is_printed(gatherd, written):
    done = gatherd.command("--json", INSERT, "select 1/0")
    assert done.returncode == 1 and "carried out" not in done.stderr
    assert json.loads(done.stdout)["results"][0]["rows"] == [[1]] and written() == 1
