# SPDX-License-Identifier: PostgreSQL
"""The daemon's command line and its configuration file."""
import pytest

from harness import programs

GOOD = "[database main]\nconninfo = host=/nonexistent\n"


def check(tmp_path, text):
    path = tmp_path / "gatherd.ini"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path, programs.run("gatherd", "-c", path, "--check")


def test_version():
    done = programs.run("gatherd", "--version")
    assert done.returncode == 0 and done.stdout.startswith("gatherd ")


def test_help():
    done = programs.run("gatherd", "--help")
    assert done.returncode == 0 and "--check" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("arguments", [["--nonsense"], ["-c"], ["extra"], ["--check", "extra"],
                                       ["--check", "--print-config"], ["--print-config", "--check"]])
def test_usage_errors(arguments):
    done = programs.run("gatherd", *arguments)
    assert done.returncode == 64 and done.stderr and not done.stdout


def test_check_of_a_good_file(tmp_path):
    _, done = check(tmp_path, GOOD)
    assert done.returncode == 0 and done.stderr == ""


# text, the line of the mistake, a piece of what is said
MISTAKES = [
    ("[gatherd]\nnonsense = 1\n" + GOOD, 2, "nonsense"),
    ("[nonsense]\na = 1\n" + GOOD, 1, "nonsense"),
    ("[gatherd]\nmax_clients = many\n" + GOOD, 2, "max_clients"),
    ("[gatherd]\nmax_clients = -1\n" + GOOD, 2, "max_clients"),
    ("[gatherd]\nmax_clients = 99999999999999999999\n" + GOOD, 2, "max_clients"),
    ("[gatherd]\nshutdown_timeout = 30\n" + GOOD, 2, "shutdown_timeout"),
    ("[gatherd]\nshutdown_timeout = 30 parsecs\n" + GOOD, 2, "shutdown_timeout"),
    ("[gatherd]\nmax_answer = 16X\n" + GOOD, 2, "max_answer"),
    ("[gatherd]\nlog_level = loud\n" + GOOD, 2, "log_level"),
    ("[gatherd]\nsocket_mode = 999\n" + GOOD, 2, "socket_mode"),
    ("[gatherd]\nmax_clients = 1\nmax_clients = 2\n" + GOOD, 3, "max_clients"),
    ("[gatherd]\ndefault_database = nowhere\n" + GOOD, 2, "nowhere"),
    ("[database main]\npool_max = 3\n", 1, "conninfo"),
    (GOOD + GOOD, 3, "main"),
    (GOOD + "pool_min = 9\npool_max = 2\n", None, "pool_m"),
    (GOOD + "read_only = perhaps\n", 3, "read_only"),
    (GOOD + "session_reset = never\n", 3, "session_reset"),
    ("max_clients = 1\n" + GOOD, 1, "before the first section"),
    (GOOD + "conninfo2\n", 3, ""),
]


@pytest.mark.parametrize("text, line, piece", MISTAKES, ids=[repr(case[0])[:60] for case in MISTAKES])
def test_check_of_a_bad_file_says_where_and_what(tmp_path, text, line, piece):
    path, done = check(tmp_path, text)
    assert done.returncode == 1
    said = [text for text in done.stderr.splitlines() if piece in text and (line is None or f"{path}:{line}:" in text)]
    assert said, done.stderr


# text (of two directories: {0} is there, {1} is not), the line, a piece of what is said, the exit status
WRONG_HERE = [
    ("[gatherd]\nsocket = {1}/sock\n" + GOOD, 2, "socket: the directory {1}: No such file", 1),
    ("[gatherd]\nsocket = {0}/gatherd.ini\n" + GOOD, 2, "is no socket", 1),
    ("[gatherd]\nsocket_group = no-such-group\n" + GOOD, 2, 'no group "no-such-group"', 1),
    ("[gatherd]\nreport_dir = {1}\n" + GOOD, 2, "warning: report_dir: {1}: No such file", 0),
    ("[gatherd]\nreport_dir = {0}/gatherd.ini\n" + GOOD, 2, "no directory", 0),
    (GOOD + "[access a]\n", 3, "warning: [access a] is empty", 0),
    (GOOD + "[access a]\nread_only = yes\n[access b]\nusers = root\n", 5, "[access b] is never reached: [access a]", 0),
    (GOOD + "[access a]\nusers = no-such-user\n", 3, 'warning: [access a]: the system has no user "no-such-user"', 0),
    (GOOD + "[access a]\ngroups = root no-such-group\n", 3, 'warning: [access a]: the system has no group "no-such-', 0),
]


@pytest.mark.parametrize("text, line, piece, status", WRONG_HERE)
def test_check_finds_what_is_wrong_on_this_system(tmp_path, text, line, piece, status):
    names = tmp_path, tmp_path / "missing"
    path, done = check(tmp_path, text.format(*names))
    assert done.returncode == status and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"gatherd: {path}:{line}: ") and piece.format(*names) in done.stderr, done.stderr
    assert not names[1].exists()


def test_check_of_what_is_right_on_this_system(tmp_path):
    _, done = check(tmp_path, f"[gatherd]\nsocket = {tmp_path}/sock\nsocket_group = 0\nreport_dir = {tmp_path}\n" + GOOD
                    + "[access a]\nusers = root\n[access b]\nsql = any\n")
    assert done.returncode == 0 and done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["gatherd.ini"]


def test_check_tells_of_sections_in_their_order(tmp_path):
    path, done = check(tmp_path, GOOD + "[access a]\n[access b]\nusers = no-such-user\n[access c]\n")
    assert done.returncode == 0
    assert [line.split(": warning: ")[0] for line in done.stderr.splitlines()] == [
        f"gatherd: {path}:{line}" for line in (3, 4, 4, 6)], done.stderr


def test_check_reads_the_reports(tmp_path):
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "good.sql").write_text("-- name: a\nselect 1;\n")
    (reports / "twice.sql").write_text("-- name: a\nselect 1;\n-- name: a\nselect 2;\n")
    (reports / "wrong.sql").write_text("-- snapshot: perhaps\n-- name: a\nselect 'open\n")
    _, done = check(tmp_path, f"[gatherd]\nreport_dir = {reports}\n" + GOOD)
    assert done.returncode == 0
    said = [line.split(": warning: ")[0] for line in done.stderr.splitlines()]
    assert said[:2] == [f"gatherd: {reports}/twice.sql:3", f"gatherd: {reports}/wrong.sql:1"] and len(said) > 2, done.stderr


def test_the_shipped_reports_have_no_mistakes(tmp_path):
    _, done = check(tmp_path, f"[gatherd]\nreport_dir = {programs.ROOT}/etc/reports\n" + GOOD)
    assert done.returncode == 0 and done.stderr == ""


def test_check_leaves_the_service_managers_directory_alone(tmp_path):
    _, done = check(tmp_path, "[gatherd]\nsocket = /run/gatherd/gatherd.sock\n" + GOOD)
    assert done.returncode == 0 and done.stderr == ""


def test_every_mistake_is_said(tmp_path):
    path, done = check(tmp_path, "[gatherd]\na = 1\nb = 2\n" + GOOD + "c = 3\n")
    for line in (2, 3, 6):
        assert f"{path}:{line}:" in done.stderr


def test_default_database_of_several(tmp_path):
    _, done = check(tmp_path, "[gatherd]\ndefault_database = b\n[database a]\nconninfo = host=/x\n"
                    "[database b]\nconninfo = host=/y\n")
    assert done.returncode == 0


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"[database main]\nconninfo = " + b"x" * 10_000_000],
                         ids=["empty", "binary", "10 MB line"])
def test_absurd_files_are_refused_or_read_but_never_crash(tmp_path, content):
    _, done = check(tmp_path, content)
    assert done.returncode == 1 and done.stderr


def test_a_file_that_does_not_exist(tmp_path):
    done = programs.run("gatherd", "-c", tmp_path / "none.ini", "--check")
    assert done.returncode == 1 and "none.ini" in done.stderr


def test_a_directory_is_no_file(tmp_path):
    done = programs.run("gatherd", "-c", tmp_path, "--check")
    assert done.returncode == 1 and done.stderr


def test_a_broken_file_does_not_start(tmp_path):
    path = tmp_path / "gatherd.ini"
    path.write_text("[gatherd]\nnonsense = 1\n" + GOOD, "utf-8")
    done = programs.run("gatherd", "-c", path)
    assert done.returncode == 1 and f"{path}:2:" in done.stderr


@pytest.mark.parametrize("socket, said", [
    ("{0}/missing/sock", "its directory does not exist"),
    ("{0}/gatherd.ini", "the file is there, and is no socket"),
    ("{0}/gatherd.ini/sock", "Not a directory"),
])
def test_a_socket_that_cannot_be_says_why(tmp_path, socket, said):
    path = tmp_path / "gatherd.ini"
    path.write_text(f"[gatherd]\nsocket = {socket.format(tmp_path)}\n" + GOOD, "utf-8")
    done = programs.run("gatherd", "-c", path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"cannot listen on {socket.format(tmp_path)}: " in done.stderr and said in done.stderr


def test_a_socket_that_is_in_use_says_so(gatherd, tmp_path):
    path = tmp_path / "gatherd.ini"
    path.write_text(f"[gatherd]\nsocket = {gatherd.socket_path}\n" + GOOD, "utf-8")
    done = programs.run("gatherd", "-c", path)
    assert done.returncode == 1 and "is gatherd running already?" in done.stderr
    assert gatherd.command("ping").returncode == 0


def test_print_config_is_a_file_that_means_the_same(tmp_path):
    path = tmp_path / "gatherd.ini"
    path.write_text("[gatherd]\nmax_clients = 77\nrequest_timeout = 1500ms\n" + GOOD + "pool_max = 3\n", "utf-8")
    first = programs.run("gatherd", "-c", path, "--print-config")
    assert first.returncode == 0 and "max_clients = 77" in first.stdout and "pool_max = 3" in first.stdout
    again = tmp_path / "again.ini"
    again.write_text(first.stdout, "utf-8")
    second = programs.run("gatherd", "-c", again, "--print-config")
    assert second.returncode == 0 and second.stdout == first.stdout


def test_print_config_hides_passwords(tmp_path):
    path = tmp_path / "gatherd.ini"
    path.write_text("[database main]\nconninfo = host=/x password=hunter2 user=me\n", "utf-8")
    done = programs.run("gatherd", "-c", path, "--print-config")
    assert done.returncode == 0 and "hunter2" not in done.stdout and "user=me" in done.stdout


def test_long_conninfo_is_taken_whole(tmp_path):
    conninfo = "host=/x user=me application_name='" + "y" * 400 + "'"
    path = tmp_path / "gatherd.ini"
    path.write_text(f"[database main]\nconninfo = {conninfo}\n", "utf-8")
    done = programs.run("gatherd", "-c", path, "--print-config")
    # either the whole value or a mistake that says so: never a part of it
    assert done.returncode == 1 and f"{path}:2:" in done.stderr or "y" * 400 in done.stdout.replace("\n", "")


@pytest.mark.parametrize("options", [{}, {"concurrency": 1}, {"snapshot": True}])
def test_an_item_that_has_not_begun_times_out_in_time(start_gatherd, pg, options):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with pg.gate() as gate, gatherd.client() as client:
        client.send(gather=[*[gate.sql] * 4, {"sql": "select 1 as x", "timeout": 0.2, "name": "late"},
                            {"sql": "select $1::int", "params": [{"from": "late", "column": "x", "row": 0}]}],
                    stream=True, **options)
        event = client.recv()
        assert event["item"] == 4 and event["error"]["code"] == "timeout" and event["error"]["effects"] == "none"
        gate.wait_waiting()
        gate.open()
        events = {event.get("item"): event for event in client.events()}
        assert events[5]["error"]["code"] == "skipped" and events[None]["failed"] == 2


def test_an_item_that_times_out_before_it_began_cancels_the_rest(start_gatherd, pg):
    gatherd = start_gatherd(pg, main={"pool_max": 1})
    with pg.gate() as gate, gatherd.client() as client:
        answer = client.gather([*[gate.sql] * 4, {"sql": "select 1", "timeout": 0.2}], on_error="cancel")
        assert [result["error"]["code"] for result in answer["results"]] == ["cancelled"] * 4 + ["timeout"]
