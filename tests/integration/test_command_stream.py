# SPDX-License-Identifier: PostgreSQL
"""`gather` prints rows while their query still runs, and what then becomes of it can be told from what was printed."""
import itertools
import json
import os
import subprocess

import pytest

from harness import programs
from harness.wait import LIMIT_S

LOCKS = itertools.count(7100)
# More than PostgreSQL and the daemon keep back before they hand rows on.
WIDE = "repeat('x', 1000)"
STREAMING = [["-r"], ["--csv"], ["--json"], ["--json", "--objects"], ["--jsonl"]]


class Held:
    """A query of 300 wide rows that stands still before the last of them, for as long as a test likes."""

    def __init__(self, pg):
        self.lock = next(LOCKS)
        self.sql = (f"select n, {WIDE} as x, case when n = 300 then (select count(pg_advisory_xact_lock({self.lock}))) end "
                    "as c from generate_series(1, 300) n")
        self.session = pg.session()
        self.session.run(f"select pg_advisory_lock({self.lock});")
        self.held = True

    def release(self):
        if self.held:
            self.held = False
            self.session.run(f"select pg_advisory_unlock({self.lock});")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        self.session.close()


def popen(gatherd, *arguments, **options):
    return subprocess.Popen([programs.program("gather"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path}, **options)


def read_until(process, mark):
    """What it prints, up to and with the mark and perhaps some more."""
    shown = b""
    while mark not in shown:
        some = os.read(process.stdout.fileno(), 65536)
        assert some, f"no {mark!r}: {shown[:300]!r}"
        shown += some
    return shown


def finish(process):
    out, said = process.communicate(timeout=LIMIT_S)
    return out, said.decode()


@pytest.mark.parametrize("flags", STREAMING, ids=" ".join)
def test_rows_are_printed_while_the_query_runs(gatherd, pg, flags):
    with Held(pg) as held:
        process = popen(gatherd, *flags, held.sql, "select 'second'")
        shown = read_until(process, b"x" * 1000)
        held.release()
        rest, said = finish(process)
    assert process.returncode == 0 and said == "" and (shown + rest).count(b"x" * 1000) == 300
    if flags[0] == "--json":
        assert shown.startswith(b'{"results":[{"columns":[{"name":"n",') and b'"ok"' not in shown
        answer = json.loads(shown + rest)
        assert [result["count"] for result in answer["results"]] == [300, 1] and answer["ok"] is True


def test_json_by_name_while_the_query_runs(gatherd, pg, tmp_path):
    with Held(pg) as held:
        (tmp_path / "in.sql").write_text(f"-- name: held\n{held.sql};\n-- name: other\nselect 1;\n", "utf-8")
        process = popen(gatherd, "--json", "-f", tmp_path / "in.sql")
        shown = read_until(process, b"x" * 1000)
        held.release()
        rest, _ = finish(process)
    assert shown.startswith(b'{"results":{"held":{"columns":[')
    assert {name: len(result["rows"]) for name, result in json.loads(shown + rest)["results"].items()} == {
        "held": 300, "other": 1}


@pytest.mark.parametrize("flag", ["-s", "-1"])
def test_json_of_steps_while_one_runs(gatherd, pg, flag):
    with Held(pg) as held:
        process = popen(gatherd, flag, "--json", held.sql, "select 1 as a")
        shown = read_until(process, b"x" * 1000)
        held.release()
        rest, _ = finish(process)
    assert shown.startswith(b'{"results":[{"steps":[{"columns":[{"name":"n",')
    result, = json.loads(shown + rest)["results"]
    assert [step["count"] for step in result["steps"]] == [300, 1]
    assert result.get("outcome") == (None if flag == "-s" else "committed")


def test_json_of_a_query_that_fails_behind_rows(gatherd):
    done = gatherd.command("--json", f"select n, {WIDE}, 1 / (300 - n) from generate_series(1, 300) n", "select 2")
    assert done.returncode == 1 and "division by zero" in done.stderr
    answer = json.loads(done.stdout)
    failed, second = answer["results"]
    assert 0 < len(failed["rows"]) < 300 and failed["error"]["sqlstate"] == "22012" and "count" not in failed
    assert second["rows"] == [[2]] and answer["ok"] is False and answer["failed"] == 1


def test_json_of_a_query_that_fails_before_its_turn(gatherd, pg):
    """What is known to be void is not printed."""
    failing = f"select n, {WIDE}, 1 / (300 - n) from generate_series(1, 300) n"
    with Held(pg) as held:
        done = gatherd.command("--json", "-e", held.sql, failing)
    assert done.returncode == 1
    cancelled, failed = json.loads(done.stdout)["results"]
    assert cancelled["error"]["code"] == "cancelled" and set(failed) == {"error", "queued", "elapsed"}


def test_json_of_what_is_refused(gatherd):
    done = gatherd.command("--json", "-d", "nowhere", "select 1")
    assert done.returncode == 2 and done.stdout == ""


@pytest.mark.parametrize("into_file", [False, True], ids=["pipe", "file"])
def test_json_when_the_daemon_goes_away(start_gatherd, pg, tmp_path, into_file):
    gatherd = start_gatherd(pg)
    shown = b""
    with Held(pg) as held:
        process = popen(gatherd, "--json", *(["-o", tmp_path / "out.json"] if into_file else []), held.sql)
        if into_file:
            pg.wait_running(str(held.lock))
        else:
            shown = read_until(process, b"x" * 1000)
        gatherd.kill()
        rest, said = finish(process)
        gatherd.process = None  # killed on purpose
    assert process.returncode == 3 and "went away" in said
    assert os.listdir(tmp_path) == []
    if not into_file:
        with pytest.raises(json.JSONDecodeError):
            json.loads(shown + rest)


@pytest.mark.parametrize("flags", STREAMING, ids=" ".join)
def test_one_query_needs_no_temporary_file(gatherd, tmp_path, flags):
    done = gatherd.command(*flags, "-o", tmp_path / "out", f"select n, {WIDE} from generate_series(1, 3000) n",
                           env={"TMPDIR": "/nowhere"})
    assert done.returncode == 0 and (tmp_path / "out").stat().st_size > 3000000


def test_json_file_for_each_query(gatherd, tmp_path):
    assert gatherd.command("--json", "-o", tmp_path / "%n.json", "select 1 as a", "select 2 as a").returncode == 0
    rows = {path.name: json.loads(path.read_text("utf-8"))["rows"] for path in tmp_path.iterdir()}
    assert rows == {"1.json": [[1]], "2.json": [[2]]}
