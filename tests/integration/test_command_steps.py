# SPDX-License-Identifier: PostgreSQL
"""The command `gather` with -s, -1 and --snapshot, end to end; the titles of a report."""
import json
import os
import signal
import subprocess

import pytest

from harness import programs
from harness.wait import LIMIT_S

ROLLED_BACK = "the transaction was rolled back: nothing of it remains"


def popen(gatherd, *arguments, **options):
    return subprocess.Popen([programs.program("gather"), *arguments], text=True,
                            env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path}, **options)


@pytest.fixture
def table(pg):
    """An empty table of its own, whose unique constraint is looked at by COMMIT only; gives what it holds."""
    pg.psql("drop table if exists cli_steps; create table cli_steps "
            "(id int primary key, v int unique deferrable initially deferred)")
    return lambda: pg.psql("select coalesce(string_agg(id::text, ' ' order by id), '') from cli_steps").strip()


def insert(number, value=None):
    return f"insert into cli_steps values ({number}, {number if value is None else value})"


# ---- -s ----

def test_sequence_runs_in_order_on_one_connection(gatherd, table):
    done = gatherd.command("-s", "-r", insert(1), "set work_mem = '5MB'",
                           "select count(*), current_setting('work_mem') from cli_steps")
    assert done.returncode == 0 and done.stdout == "1\t5MB\n" and done.stderr == ""
    assert table() == "1"


def test_sequence_takes_its_steps_from_everywhere(gatherd, table, tmp_path):
    path = tmp_path / "change.sql"
    path.write_text(f"{insert(2)};\n-- name: shown\nselect count(*) from cli_steps;", "utf-8")
    done = gatherd.command("-s", "-r", insert(1), "-f", path, "-c", "table cli_steps")
    assert done.returncode == 0 and done.stdout == "2\n1\t1\n2\t2\n"


def test_sequence_stops_at_the_first_error(gatherd, table):
    done = gatherd.command("-s", "-r", "select 'first'", insert(1), "select 1/0", insert(2), insert(3))
    assert done.returncode == 1 and done.stdout == "first\n"
    assert "gather: step 3: ERROR:  division by zero" in done.stderr and "2 steps were" in done.stderr
    assert "rolled back" not in done.stderr
    assert table() == "1"


def test_sequence_in_doubt(start_gatherd, pg, table):
    gatherd = start_gatherd(pg)
    with pg.gate() as gate:
        process = popen(gatherd, "-s", insert(1), gate.sql, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        gate.wait_waiting()
        gatherd.kill()
        _, said = process.communicate(timeout=LIMIT_S)
        gatherd.process = None  # killed on purpose
    assert process.returncode == 3 and said


# ---- -1 ----

def test_a_step_that_may_not_run_there_leaves_nothing(gatherd, table):
    done = gatherd.command("-1", insert(1), "vacuum analyze")
    assert done.returncode == 1 and "EFFECTS" not in done.stderr and done.stderr.endswith(f"gather: {ROLLED_BACK}\n")
    assert table() == ""


def test_a_step_that_acts_outside_is_not_taken_back(gatherd, pg, table):
    pg.psql("drop sequence if exists t_outside; create sequence t_outside")
    done = gatherd.command("-1", "-r", "select setval('t_outside', 7)", "select 1/0")
    assert done.returncode == 3 and ROLLED_BACK not in done.stderr
    assert "was rolled back; what a step did outside of it" in done.stderr
    assert pg.psql("select last_value from t_outside") == "7" and table() == ""


def test_transaction_commits(gatherd, table, tmp_path):
    path = tmp_path / "change.sql"
    path.write_text(f"{insert(1)};\n{insert(2)};\nselect count(*) from cli_steps;\n", "utf-8")
    done = gatherd.command("-1", "-f", path)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == "INSERT 0 1\nINSERT 0 1\n count \n-------\n     2\n(1 row)\n\n"
    assert table() == "1 2"


def test_it_is_one_transaction(gatherd):
    first, second = gatherd.command("-1", "-r", "select txid_current()", "select txid_current()").stdout.split()
    assert first == second
    first, second = gatherd.command("-s", "-r", "select txid_current()", "select txid_current()").stdout.split()
    assert first != second


def test_single_transaction_with_sequence_is_the_same(gatherd, table):
    for flags in (["-1", "-s"], ["-s", "-1"]):
        done = gatherd.command(*flags, insert(1), "select 1/0")
        assert done.returncode == 1 and ROLLED_BACK in done.stderr and table() == ""


def test_transaction_with_parameters_and_a_database(gatherd):
    done = gatherd.command("-1", "-r", "-d", "other", "-v", "day=2026-11-20", "-v", "n=41",
                           "select :day::date", "select :n::int + 1, current_database()")
    assert done.returncode == 0 and done.stdout == "2026-11-20\n42\tother\n"


def test_transaction_rolls_back(gatherd, table, tmp_path):
    path = tmp_path / "change.sql"
    path.write_text(f"{insert(1)};\n-- name: wrong\nselect\n  1/0;\n{insert(2)};\n", "utf-8")
    done = gatherd.command("-1", "-f", path)
    assert done.returncode == 1
    assert f"{path}:3: wrong: ERROR:  division by zero" in done.stderr
    assert done.stderr.endswith(f"gather: {ROLLED_BACK}\n")
    assert table() == ""


@pytest.mark.parametrize("flags", [[], ["-r"], ["--csv"], ["--json"], ["--jsonl"]], ids=str)
def test_rows_of_what_was_rolled_back_are_disowned(gatherd, table, flags):
    done = gatherd.command("-1", *flags, insert(1) + " returning 'seen'", "select 1/0")
    assert done.returncode == 1 and done.stderr.endswith(f"gather: {ROLLED_BACK}\n")
    if flags == ["--json"]:
        result = json.loads(done.stdout)["results"][0]
        assert result["outcome"] == "rolled_back" and result["steps"][1]["error"]["sqlstate"] == "22012"
    assert table() == ""


def test_output_of_what_was_rolled_back_does_not_appear(gatherd, table, tmp_path):
    done = gatherd.command("-1", "--csv", "-o", tmp_path / "out.csv", insert(1) + " returning id", insert(2, 1))
    assert done.returncode == 1 and os.listdir(tmp_path) == [] and table() == ""


def test_commit_that_fails(gatherd, table):
    done = gatherd.command("-1", insert(1), insert(2, 1))
    assert done.returncode == 1
    assert "gather: COMMIT: ERROR:  duplicate key value" in done.stderr and "DETAIL:  Key (v)=(1)" in done.stderr
    assert done.stderr.endswith(f"gather: {ROLLED_BACK}\n")
    assert table() == ""


def test_transaction_control_is_refused_with_a_reason(gatherd, table):
    done = gatherd.command("-1", insert(1), "commit;", insert(2))
    assert done.returncode == 1 and "a step cannot begin or end a transaction" in done.stderr and table() == ""


def test_max_time_of_a_transaction(gatherd, table):
    done = gatherd.command("-1", "-m", "300ms", insert(1), "select pg_sleep(100)", insert(2))
    assert done.returncode == 1 and "timeout" in done.stderr and ROLLED_BACK in done.stderr
    assert table() == ""


def test_transaction_that_loses_its_connection(gatherd, pg, table):
    with pg.gate() as gate:
        process = popen(gatherd, "-1", insert(1), gate.sql, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        gate.wait_waiting()
        pg.psql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' "
                "and backend_type = 'client backend'")
        _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1 and ROLLED_BACK in said and table() == ""


def test_transaction_in_doubt(start_gatherd, pg, table):
    """The daemon is gone: whoever asks for the outcome is not told that nothing happened."""
    gatherd = start_gatherd(pg)
    with pg.gate() as gate:
        process = popen(gatherd, "-1", insert(1), gate.sql, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        gate.wait_waiting()
        gatherd.kill()
        _, said = process.communicate(timeout=LIMIT_S)
        gatherd.process = None  # killed on purpose
    assert process.returncode == 3 and "not known" in said and "rolled back" not in said


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_rolls_back(gatherd, pg, table, number, status):
    with pg.gate() as gate:
        process = popen(gatherd, "-1", insert(1), gate.sql, insert(2), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        gate.wait_waiting()
        process.send_signal(number)
        out, said = process.communicate(timeout=LIMIT_S)
        gate.wait_waiting(0)
    assert process.returncode == status and ROLLED_BACK in said and said.endswith("gather: cancelled\n")
    assert out == "" and table() == ""


def test_no_database(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"conninfo": pg.conninfo(db="nowhere")})
    done = gatherd.command("-1", "select 1", "select 2")
    assert done.returncode == 1 and "nowhere" in done.stderr and "2 steps were" in done.stderr


def test_json_is_the_combined_answer(gatherd, client):
    steps = ["select 1 as a", "create temp table x (n int)", "select 'y' as b"]
    answer = json.loads(gatherd.command("-1", "--json", *steps).stdout)
    direct = client.request({"gather": [{"transaction": steps}]})
    for whole in (answer, direct):
        for of in [whole, *whole["results"], *whole["results"][0]["steps"]]:
            for key in ("elapsed", "queued", "id"):
                of.pop(key, None)
    assert answer == direct


def test_jsonl_are_the_events(gatherd):
    events = [json.loads(line) for line in gatherd.command("-1", "--jsonl", "select 1", "select 2").stdout.splitlines()]
    assert {event.get("step") for event in events if event["event"] == "rows"} == {0, 1}
    assert events[-2]["outcome"] == "committed" and "step" not in events[-2] and events[-1]["event"] == "end"


def test_file_for_each_step(gatherd, tmp_path):
    path = tmp_path / "in.sql"
    path.write_text("-- name: one\nselect 1 as a;\n-- name: two\nselect 2 as a;\n", "utf-8")
    assert gatherd.command("-1", "--csv", "-o", tmp_path / "%n.csv", "-f", path).returncode == 0
    assert (tmp_path / "one.csv").read_text("utf-8") == "a\n1\n"
    assert (tmp_path / "two.csv").read_text("utf-8") == "a\n2\n"


@pytest.mark.parametrize("flags", [[], ["-r"], ["--csv"], ["--json"], ["--jsonl"]], ids=str)
def test_many_rows_in_steps(gatherd, flags):
    done = gatherd.command("-1", *flags, "select n from generate_series(1, 20000) n", "select 'last'")
    assert done.returncode == 0 and "20000" in done.stdout and done.stdout.count("last") == 1


# ---- --snapshot ----

def test_snapshot(gatherd, tmp_path):
    path = tmp_path / "report.sql"
    path.write_text("select txid_current_snapshot()::text as s;\nselect txid_current_snapshot()::text as s;\n", "utf-8")
    events = [json.loads(line) for line in gatherd.command("--snapshot", "-f", path, "--jsonl").stdout.splitlines()]
    rows = [event["rows"][0][0] for event in events if event["event"] == "rows"]
    assert len(rows) == 2 and rows[0] == rows[1] and events[-1]["snapshot"]["id"]
    answer = json.loads(gatherd.command("--snapshot", "--json", "-f", path).stdout)
    assert answer["ok"] and answer["snapshot"]["server"]


def test_snapshot_is_not_mentioned_in_tables(gatherd):
    done = gatherd.command("--snapshot", "select 1 as a")
    assert done.returncode == 0 and done.stderr == "" and done.stdout == gatherd.command("select 1 as a").stdout


def test_snapshot_reads_only(gatherd, table):
    done = gatherd.command("--snapshot", insert(1))
    assert done.returncode == 1 and "read-only" in done.stderr and table() == ""


# ---- usage ----

@pytest.mark.parametrize("arguments", [
    ["-s"], ["-1"], ["-1", "report", "x"], ["-s", "report", "x"], ["-s", "ping"], ["-1", "reports"],
    ["--snapshot", "-s", "select 1"], ["-1", "--snapshot", "select 1"], ["-J", "-", "-1"], ["-J", "-", "--snapshot"],
], ids=str)
def test_usage_is_64(gatherd, arguments):
    done = gatherd.command(*arguments)
    assert done.returncode == 64 and done.stderr and done.stdout == ""


# ---- titles ----

def test_titles_of_a_report_head_its_tables(gatherd):
    gatherd.write_report("titled", "-- report: titled\n\n"
                         "-- name: q\n-- title: How many\nselect 1 as how_many_there_are;\n"
                         "-- name: untitled\nselect 2 as b;\n")
    done = gatherd.command("report", "titled")
    assert done.returncode == 0 and done.stderr == ""
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "How many" in lines and "untitled" in lines and "q" not in lines
    assert set(json.loads(gatherd.command("--json", "report", "titled").stdout)["results"]) == {"q", "untitled"}
