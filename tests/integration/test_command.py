# SPDX-License-Identifier: PostgreSQL
"""The command `gather`, end to end."""
import csv
import io
import json
import os
import re
import signal
import subprocess
import tempfile

import pytest

from harness import programs
from harness.wait import LIMIT_S, TIME_SCALE, wait_until


def popen(gatherd, *arguments, **options):
    return subprocess.Popen([programs.program("gather"), *arguments], text=True,
                            env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path}, **options)


# ---- formats ----

def test_raw(gatherd):
    done = gatherd.command("-r", "select 1, 'two', null, true")
    assert done.returncode == 0 and done.stdout == "1\ttwo\t\tt\n" and done.stderr == ""


def test_raw_puts_nothing_between_results(gatherd):
    assert gatherd.command("-r", "select 1", "select n from generate_series(2, 3) n").stdout == "1\n2\n3\n"


def test_raw_keeps_every_digit(gatherd):
    done = gatherd.command("-r", "select 9223372036854775807, 0.10::numeric, 1e-20::float8, array[1,2]")
    assert done.stdout == "9223372036854775807\t0.10\t1e-20\t{1,2}\n"


def test_csv(gatherd):
    done = gatherd.command("--csv", "select 1 as a, 'x,\"y\"' as b, null as c, e'l1\\nl2' as \"d d\"")
    assert done.returncode == 0
    assert list(csv.reader(io.StringIO(done.stdout))) == [["a", "b", "c", "d d"], ["1", 'x,"y"', "", "l1\nl2"]]


def test_csv_puts_an_empty_line_between_results(gatherd):
    assert gatherd.command("--csv", "select 1 as a", "select 2 as b").stdout.replace("\r", "") == "a\n1\n\nb\n2\n"


def test_json_is_the_combined_answer(gatherd):
    answer = json.loads(gatherd.command("--json", "select 1 as a", "select 'x' as b").stdout)
    assert answer["ok"] is True and answer["failed"] == 0
    assert [result["rows"] for result in answer["results"]] == [[[1]], [["x"]]]


def test_json_objects(gatherd):
    answer = json.loads(gatherd.command("--json", "--objects", "select 1 as a").stdout)
    assert answer["results"][0]["rows"] == [{"a": 1}]


def test_json_by_name_where_every_statement_has_one(gatherd, tmp_path):
    path = tmp_path / "named.sql"
    path.write_text("-- name: first\nselect 1;\n-- name: second\nselect 2;\n", "utf-8")
    answer = json.loads(gatherd.command("--json", "-f", path).stdout)
    assert {name: result["rows"] for name, result in answer["results"].items()} == {"first": [[1]], "second": [[2]]}


def test_jsonl_are_the_events(gatherd):
    events = [json.loads(line) for line in gatherd.command("--jsonl", "select 1", "select 2").stdout.splitlines()]
    assert events[-1]["event"] == "end" and events[-1]["ok"] is True
    assert sorted(event["rows"][0][0] for event in events if event["event"] == "rows") == [1, 2]


def test_table(gatherd):
    done = gatherd.command("select 1 as id, 'grüße' as word union all select 20, null order by 1")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "id" in lines[0] and "word" in lines[0]
    assert any(re.search(r"\b1\b.*grüße", line) for line in lines)
    assert any(re.search(r"\b20\b", line) for line in lines)


def test_table_in_a_pipe_is_the_same_as_in_a_file(gatherd, tmp_path):
    piped = gatherd.command("select 1 as id").stdout
    gatherd.command("-o", tmp_path / "out", "select 1 as id")
    assert (tmp_path / "out").read_text("utf-8") == piped
    assert "\x1b" not in piped


@pytest.mark.parametrize("control", [1, 0x1b, 0x7f, 0x80, 0x9b, 0x9f])
def test_no_control_character_of_the_databases_reaches_the_terminal(gatherd, control):
    table = gatherd.command(f"select chr({control}) || 'c'")
    message = gatherd.command(f"do $$ begin raise exception 'a%c', chr({control}); end $$")
    assert table.returncode == 0 and message.returncode != 0
    assert "ERROR" in message.stderr and chr(control) not in table.stdout + message.stderr


@pytest.mark.parametrize("flags", [[], ["-r"], ["--csv"], ["--json"], ["--jsonl"]])
def test_many_rows_in_every_format(gatherd, flags):
    done = gatherd.command(*flags, "select n from generate_series(1, 20000) n", "select 'last'")
    assert done.returncode == 0
    assert "20000" in done.stdout and "last" in done.stdout


@pytest.mark.parametrize("flags", [[], ["-r"], ["--csv"], ["--json"]])
def test_results_stand_in_order(gatherd, pg, flags):
    with pg.gate() as gate:
        process = popen(gatherd, *flags, f"select 'first' from {gate.table}", "select 'second'",
                        stdout=subprocess.PIPE)
        gate.wait_waiting()
        gate.open()
        out, _ = process.communicate(timeout=LIMIT_S)
    assert out.index("first") < out.index("second")


def test_command_without_rows(gatherd, pg):
    pg.psql("drop table if exists t_cli; create table t_cli (n int)")
    for flags in ([], ["-r"], ["--csv"], ["--json"], ["--jsonl"]):
        assert gatherd.command(*flags, "insert into t_cli values (1)").returncode == 0
    assert pg.psql("select count(*) from t_cli") == "5"


# ---- what to run ----

def test_file(gatherd, tmp_path):
    path = tmp_path / "two.sql"
    path.write_text("-- a comment; with a semicolon\nselect 'a;b';\nselect $$c;d$$ ;\n", "utf-8")
    assert gatherd.command("-r", "-f", path).stdout == "a;b\nc;d\n"


def test_stdin(gatherd):
    assert gatherd.command("-r", "-f", "-", stdin="select 1; select 2").stdout == "1\n2\n"


def test_file_and_commands_together(gatherd, tmp_path):
    path = tmp_path / "one.sql"
    path.write_text("select 'file'", "utf-8")
    assert sorted(gatherd.command("-r", "-c", "select 'command'", "-f", path).stdout.split()) == ["command", "file"]


def test_set_sends_a_parameter(gatherd):
    evil = "x'; drop table t; --"
    assert gatherd.command("-r", "-v", f"a={evil}", "select :a::text").stdout == evil + "\n"
    assert gatherd.command("-r", "-v", "n=41", "-v", "m=1", "select :n::int + :m::int").stdout == "42\n"


def test_a_set_name_that_no_query_uses_is_a_usage_error_or_refused(gatherd):
    assert gatherd.command("-r", "-v", "a=1", "select 1").returncode in (1, 2, 64)


def test_a_set_name_need_not_be_in_every_query(gatherd):
    assert gatherd.command("-r", "-v", "a=1", "select :a::int", "select 2").stdout == "1\n2\n"


def test_one_word_is_a_command_and_c_makes_it_sql(gatherd):
    done = gatherd.command("nonsense")
    assert done.returncode == 64 and done.stdout == ""
    assert gatherd.command("-c", "checkpoint").returncode == 0


def test_db(gatherd):
    assert gatherd.command("-r", "-d", "other", "select current_database()").stdout == "other\n"
    done = gatherd.command("-d", "nowhere", "select 1")
    assert done.returncode == 2 and "nowhere" in done.stderr and done.stdout == ""


def test_socket_option_beats_the_environment(gatherd):
    done = programs.run("gather", "-r", "-S", gatherd.socket_path, "select 1", env={"GATHERD_SOCKET": "/nowhere"})
    assert done.returncode == 0 and done.stdout == "1\n"


def test_jobs(gatherd, pg):
    with pg.gate() as gate:
        process = popen(gatherd, "-r", "-j", "2", *[gate.sql] * 5, stdout=subprocess.PIPE)
        gate.wait_waiting(2)
        gate.open()
        out, _ = process.communicate(timeout=LIMIT_S)
    assert out == "1\n" * 5


def test_max_time(gatherd, pg):
    gatherd.command("select pg_sleep(0.1)", "select pg_sleep(0.1)")  # there is a connection for each
    with pg.gate() as gate:
        done = gatherd.command("-m", f"{2 * TIME_SCALE}", gate.sql, "select 2")
        assert done.returncode == 1 and "2" in done.stdout and "time" in done.stderr
        gate.wait_waiting(0)


@pytest.mark.parametrize("time", ["5", "0.5", "500ms", "2min", "1h"])
def test_times(gatherd, time):
    assert gatherd.command("-r", "-m", time, "select 1").stdout == "1\n"


@pytest.mark.parametrize("time", ["0", "-1", "x", "5 parsecs", ""])
def test_wrong_times(gatherd, time):
    assert gatherd.command("-m", time, "select 1").returncode == 64


def test_exit_on_error(gatherd, pg):
    with pg.gate() as gate:
        done = gatherd.command("-e", gate.sql, "select 1/0")
        assert done.returncode == 1 and "division by zero" in done.stderr
        gate.wait_waiting(0)


def test_report(gatherd):
    gatherd.write_report("cli", "-- report: cli\n-- title: T\n-- param: n int = 1\n\n-- name: q\nselect :n + 1 as m;\n")
    assert gatherd.command("-r", "report", "cli").stdout == "2\n"
    assert gatherd.command("-r", "report", "cli", "n=41").stdout == "42\n"
    assert gatherd.command("report", "nothing").returncode == 2
    assert gatherd.command("report", "cli", "nonsense=1").returncode in (2, 64)


def test_reports_ping_and_stats(gatherd):
    gatherd.write_report("listed", "-- report: listed\n-- title: A listed one\n\n-- name: q\nselect 1;\n")
    done = gatherd.command("reports")
    assert done.returncode == 0 and "listed" in done.stdout and "A listed one" in done.stdout
    assert gatherd.command("ping").returncode == 0
    assert gatherd.command("stats").returncode == 0


def test_reports_say_what_is_wrong_with_a_broken_one(gatherd):
    gatherd.write_report("cracked", "-- title: Cracked\n\nselect 1;\n")
    listed = json.loads(gatherd.command("reports", "--json").stdout)["reports"]
    error = [report["error"] for report in listed if report["name"] == "cracked"][0]
    done = gatherd.command("reports", "--csv")
    assert done.returncode == 0 and ["cracked", f"broken: {error}", ""] in list(csv.reader(io.StringIO(done.stdout)))


def test_request_lines(gatherd):
    done = gatherd.command("-J", "-", stdin='{"id":"a","gather":["select 1"]}\n{"ping":true}\n')
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert answers["a"]["results"][0]["rows"] == [[1]] and answers[2]["pong"] is True
    assert done.returncode == 0


def test_request_lines_with_a_failing_one(gatherd):
    done = gatherd.command("-J", "-", stdin='{"gather":["select nope"]}\n')
    assert done.returncode == 1 and json.loads(done.stdout)["failed"] == 1


# ---- output ----

def test_output_file(gatherd, tmp_path):
    path = tmp_path / "out.csv"
    done = gatherd.command("--csv", "-o", path, "select 1 as a")
    assert done.returncode == 0 and done.stdout == "" and path.read_text("utf-8").replace("\r", "") == "a\n1\n"


def test_output_appears_only_if_all_went_well(gatherd, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old", "utf-8")
    done = gatherd.command("--csv", "-o", path, "select 1 as a", "select nope")
    assert done.returncode == 1 and path.read_text("utf-8") == "old"
    assert os.listdir(tmp_path) == ["out.csv"], "nothing else is left"


def test_output_is_not_there_after_a_signal(gatherd, pg, tmp_path):
    with pg.gate() as gate:
        process = popen(gatherd, "--csv", "-o", str(tmp_path / "out.csv"), "select 1", gate.sql)
        gate.wait_waiting()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) != 0
    assert os.listdir(tmp_path) == []


def test_output_to_standard_output(gatherd, tmp_path):
    done = gatherd.command("-r", "-o", "-", "select 1", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "1\n" and os.listdir(tmp_path) == []


def test_output_by_query_name(gatherd, tmp_path):
    path = tmp_path / "daily.sql"
    path.write_text("-- name: one\nselect 1 as a;\n-- name: two\nselect 2 as a;\n", "utf-8")
    done = gatherd.command("--csv", "-o", tmp_path / "%n.csv", "-f", path)
    assert done.returncode == 0
    assert (tmp_path / "one.csv").read_text("utf-8").split() == ["a", "1"]
    assert (tmp_path / "two.csv").read_text("utf-8").split() == ["a", "2"]


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/b", "..", "."])
def test_a_querys_name_cannot_leave_the_directory(gatherd, name):
    with tempfile.TemporaryDirectory() as outer:
        inner = os.path.join(outer, "inner")
        os.mkdir(inner)
        sql = os.path.join(inner, "q.sql")
        with open(sql, "w", encoding="utf-8") as file:
            file.write(f"-- name: {name}\nselect 1;\n")
        gatherd.command("--csv", "-o", os.path.join(inner, "%n"), "-f", sql)
        assert os.listdir(outer) == ["inner"]
    assert not os.path.exists("/tmp/evil")


def test_output_into_a_directory_that_does_not_exist(gatherd, pg, tmp_path):
    pg.psql("create table if not exists t_noout (n int); truncate t_noout")
    done = gatherd.command("-o", tmp_path / "none" / "out", "insert into t_noout values (1)")
    assert done.returncode == 2 and "none" in done.stderr
    assert pg.psql("select count(*) from t_noout") == "0"


def test_full_disk(gatherd):
    done = gatherd.command("-o", "/dev/full", "select 1")
    assert done.returncode != 0 and done.stderr


def test_closed_pipe_ends_quietly(gatherd, pg):
    process = popen(gatherd, "-r", "select repeat('x', 1000) from generate_series(1, 1000000) /* head */",
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.wait(LIMIT_S)
    process.stderr.close()
    wait_until(lambda: pg.running("head") == 0, "the query that nobody reads any more")


# ---- exit status ----

def test_a_failed_query_is_1_and_said_on_stderr(gatherd):
    done = gatherd.command("-r", "select 1", "select nope")
    assert done.returncode == 1 and done.stdout == "1\n" and 'column "nope" does not exist' in done.stderr


@pytest.mark.parametrize("sql", ["", " \n"])
def test_a_query_without_text_has_none_to_show(gatherd, sql):
    done = gatherd.command("-c", sql)
    assert done.returncode != 0 and done.stderr.startswith("gather: ") and "QUERY" not in done.stderr


def test_no_daemon_is_2(tmp_path):
    done = programs.run("gather", "select 1", env={"GATHERD_SOCKET": str(tmp_path / "none.sock")})
    assert done.returncode == 2 and "none.sock" in done.stderr and done.stdout == ""


def test_doubt_is_3(start_gatherd, pg):
    pg.psql("create table if not exists t_doubt (n int)")
    gatherd = start_gatherd(pg)
    with pg.gate() as gate:
        process = popen(gatherd, f"insert into t_doubt select n from {gate.table}", stderr=subprocess.PIPE)
        gate.wait_waiting()
        gatherd.kill()
        _, said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 3 and said
        gatherd.process = None  # killed on purpose


@pytest.mark.parametrize("arguments", [
    [], ["--nonsense", "select 1"], ["-c"], ["-j", "0", "select 1"], ["-j", "x", "select 1"],
    ["-v", "novalue", "select 1"], ["report"], ["ping", "extra"], ["-f", "/nonexistent/file"],
], ids=str)
def test_usage_is_64(gatherd, arguments):
    done = gatherd.command(*arguments)
    assert done.returncode in ((2, 64) if "-f" in arguments else (64,)) and done.stderr and done.stdout == ""


def test_help_and_version(gatherd):
    done = gatherd.command("--help")
    assert done.returncode == 0 and done.stdout.startswith("Usage: gather") and done.stderr == ""
    done = gatherd.command("-V")
    assert done.returncode == 0 and re.match(r"^gather\b.* \d+\.\d+\.\d+", done.stdout)


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_cancel_all(gatherd, pg, number, status):
    with pg.gate() as gate:
        process = popen(gatherd, gate.sql, gate.sql, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        gate.wait_waiting(2)
        process.send_signal(number)
        process.communicate(timeout=LIMIT_S)
        # a shell sees either as 128 + number
        assert process.returncode in (status, -number)
        gate.wait_waiting(0)
