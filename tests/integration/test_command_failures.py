# SPDX-License-Identifier: PostgreSQL
"""`gather` where its files, its terminal or its daemon fail it: what it says, and its exit status."""
import os
import pty
import select
import signal
import socket
import subprocess
import threading

import pytest

from harness import programs
from harness.wait import LIMIT_S

REQUEST = '{"id": 1, "gather": ["select 1"]}\n'


def read_terminal(terminal, until):
    """What it shows, up to and with these bytes."""
    shown = b""
    while until not in shown:
        ready, _, _ = select.select([terminal], [], [], LIMIT_S)
        assert ready, f"no {until!r} on the terminal: {shown!r}"
        shown += os.read(terminal, 4096)
    return shown


def test_progress_on_a_terminal_comes_and_goes(gatherd, pg):
    terminal, end = pty.openpty()
    with pg.gate() as gate:
        process = subprocess.Popen([programs.program("gather"), "-r", "select 1", gate.sql], stdout=subprocess.PIPE,
                                   stderr=end, env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path})
        os.close(end)
        read_terminal(terminal, b"1 of 2 queries, 1 row, ")
        gate.open()
        read_terminal(terminal, b"\r\x1b[K")
        assert process.communicate(timeout=LIMIT_S)[0] == b"1\n1\n" and process.returncode == 0
    os.close(terminal)


def on_a_terminal(gatherd, *arguments):
    """`gather` with its output and its messages on one terminal, which is given too."""
    terminal, end = pty.openpty()
    process = subprocess.Popen([programs.program("gather"), *arguments], stdout=end, stderr=end,
                               env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path})
    os.close(end)
    return process, terminal


def test_messages_begin_a_line_of_the_terminal(gatherd, pg):
    with pg.gate() as gate:
        process, terminal = on_a_terminal(gatherd, "--json", "select 'shown'", "select 1/0", gate.sql)
        shown = read_terminal(terminal, b"division by zero")
        process.send_signal(signal.SIGINT)
        shown += read_terminal(terminal, b"gather: cancelled")
        assert process.wait(LIMIT_S) == 130
    os.close(terminal)
    lines = shown[shown.index(b"{"):].decode().rstrip().split("\r\n")
    assert lines[0].startswith('{"results":[{"columns"') and "gather:" not in lines[0]
    assert len([line for line in lines if line.startswith("gather: ")]) == shown.count(b"gather:") == 3
    assert "" not in lines and not [line for line in lines if "\x1b" in line]


@pytest.mark.parametrize("verb", ["reports", "ping", "stats"])
@pytest.mark.parametrize("output, said", [("none/out", "none/out"), ("/dev/full", "No space left")])
def test_listings_whose_output_fails(gatherd, tmp_path, verb, output, said):
    if verb == "reports" and output == "/dev/full":
        gatherd.write_report("one", "-- title: One\n\n-- name: q\nselect 1;\n")
    done = gatherd.command(verb, "-o", output, cwd=tmp_path)
    assert done.returncode in (1, 2) and said in done.stderr and done.stdout == ""


def test_listing_into_a_file(gatherd, tmp_path):
    assert gatherd.command("ping", "-o", tmp_path / "pong").returncode == 0
    assert "gatherd" in (tmp_path / "pong").read_text("utf-8")


def test_listing_into_a_closed_pipe_ends_quietly(gatherd):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([programs.program("gather"), "stats", "--json"], stdout=writer, stderr=subprocess.PIPE,
                          env={**os.environ, "GATHERD_SOCKET": gatherd.socket_path}, timeout=LIMIT_S, check=False)
    os.close(writer)
    assert done.returncode != 0 and done.stderr == b""


@pytest.mark.parametrize("arguments, status, said", [
    (["-J", "none"], 2, "none: No such file"),
    (["-J", "."], 2, "Is a directory"),
    (["-J", "-", "-o", "none/out"], 2, "none/out: its directory does not exist"),
    (["-J", "-", "-o", "/dev/full"], 1, "No space left"),
])
def test_request_lines_whose_files_fail(gatherd, tmp_path, arguments, status, said):
    done = gatherd.command(*arguments, stdin=REQUEST, cwd=tmp_path)
    assert done.returncode == status and said in done.stderr, done


# Told in the words of the command line.
@pytest.mark.parametrize("arguments, status, said", [
    (["reprot", "daily"], 64, "no such command: reprot; did you mean \"report\"?"),
    (["qwertz"], 64, "no such command: qwertz (SQL"),
    (["select", "1"], 64, "SQL is one argument in quotes"),
    (["\\d"], 1, "commands of psql"),
    (["-d", "mian", "select 1"], 2, 'no database "mian" is configured; did you mean "main"?'),
    (["-m", "0", "select 1"], 64, "-m takes a time above 0"),
    (["-o", "x%q", "select 1"], 64, "only %n and %%: x%q"),
    (["-o", "%n.json", "-J", "-"], 64, "%n needs queries with names"),
    (["-o", "%n.txt", "stats"], 64, "%n needs queries with names"),
    (["ping", "-r"], 64, "ping has no rows"),
    (["reports", "-d", "main"], 64, "run no query"),
    (["-c", "begin"], 1, "gather -1"),
    (["-s", "select 1", "-c", "begin"], 1, "gather -1"),
    (["-1", "select 1", "-c", "begin"], 1, "all steps are in one already"),
    (["select 1; select 2"], 1, "an argument of gather each"),
    (["select :b"], 1, "but there is no -v b=VALUE"),
    (["select $1"], 1, "given with -v name=VALUE"),
    (["select :day::date", "-v", "day=someday"], 1, "PARAMETER:  :day\n"),
    (["-o", "none/%n.csv", "select 1"], 2, "none/%n.csv: its directory does not exist"),
])
def test_mistakes_of_beginners(gatherd, arguments, status, said):
    done = gatherd.command(*arguments)
    assert done.returncode == status and said in done.stderr, done


def serve_once(path, answer):
    """A daemon that reads something, answers this and closes."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()

    def serve():
        with listener, listener.accept()[0] as client:
            client.recv(65536)
            client.sendall(answer)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):  # or what it has not read would become a reset
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


# What no daemon says: the command takes nothing of it for an answer.
@pytest.mark.parametrize("answer", [b"", b"garbage\n", b'{"id":1,"ok":true', b"[1]\n", b'{"id":1,"pong":true\xff}\n'])
@pytest.mark.parametrize("arguments", [["ping"], ["-J", "-"], ["select 1"]])
def test_a_daemon_that_talks_nonsense(tmp_path, arguments, answer):
    path = str(tmp_path / "sock")
    thread = serve_once(path, answer)
    done = programs.run("gather", *arguments, stdin=REQUEST.encode(), env={"GATHERD_SOCKET": path}, text=False)
    thread.join(LIMIT_S)
    assert done.returncode in (2, 3) and done.stderr, done
    if arguments != ["ping"]:
        assert done.returncode == 3, "it was sent, so it may have been executed"


def test_request_lines_to_a_daemon_that_hangs_up_at_once(tmp_path):
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(1)
        process = subprocess.Popen([programs.program("gather"), "-S", path, "-J", "-"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        listener.accept()[0].close()
        # Its requests are still to come when it has noticed.
        assert process.wait(LIMIT_S) == 2, "nothing ran"
        output, said = process.communicate(timeout=LIMIT_S)
    assert output == "" and said == "gather: gatherd closed the connection; nothing more was sent\n"
