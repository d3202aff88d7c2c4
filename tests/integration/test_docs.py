# SPDX-License-Identifier: PostgreSQL
"""
Runs the examples of the documents. A fenced block takes part when its info string has a second word:

    sh test        run by bash, all of a document in one shell; must succeed (or `# exit: N` in its first line)
    text output    what the `sh test` before it printed, standard error included; … stands for any text in a line
    json request   sent to the daemon as one request (line breaks are spaces)
    json answer    what comes back; "elapsed" and "queued" are not compared, and "…" is any value
    ini test       accepted by gatherd --check
    c test         a whole program that compiles against the installed library

The shell has gatherd's programs in its PATH, a daemon at $GATHERD_SOCKET whose database `main` has the demo store, and
a directory of its own, empty but for the repository's `etc`.
"""
import glob
import json
import os
import re
import subprocess

import pytest

from harness import programs
from harness.daemon import Gatherd
from harness.wait import LIMIT_S

FENCE = re.compile(r"^```(\w+) (test|output|request|answer)\n(.*?)^```$", re.M | re.S)
DOCUMENTS = sorted(glob.glob(os.path.join(programs.ROOT, "*.md")) +
                   glob.glob(os.path.join(programs.ROOT, "docs", "*.md")))


def examples():
    """(document, [(line, language, role, text)]) for every document that has some."""
    for path in DOCUMENTS:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        blocks = [(text.count("\n", 0, match.start()) + 1, *match.groups()) for match in FENCE.finditer(text)]
        if blocks:
            yield os.path.relpath(path, programs.ROOT), blocks


@pytest.fixture(scope="module")
def store(pg, demo_store):
    """A daemon with the demo store and the shipped reports."""
    with Gatherd(pg, main={"conninfo": pg.conninfo(db=demo_store)},
                 gatherd={"report_dir": os.path.join(programs.ROOT, "etc", "reports")}) as daemon:
        yield daemon


class Shell:
    """One bash for the blocks of one document."""

    def __init__(self, daemon, folder):
        path = ":".join({os.path.dirname(programs.program(name)) for name in ("gather", "gatherd")})
        env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "GATHERD_SOCKET": daemon.socket_path,
               "HOME": str(folder)}
        self.process = subprocess.Popen(["bash"], cwd=folder, env=env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, text):
        """Exit status and output of a block."""
        self.process.stdin.write(f"{text}\nprintf '\\n@@%d\\n' $?\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith("@@"):
                return int(line[2:]), "".join(lines)[:-1]
            lines.append(line)
        raise AssertionError("the shell has ended")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(LIMIT_S)


def assert_output(actual, expected):
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", expected.rstrip("\n")))
    assert re.fullmatch(pattern, actual.rstrip("\n")), f"expected:\n{expected}\nprinted:\n{actual}"


def same_json(actual, expected):
    """As == but for what differs from run to run."""
    if expected == "…":
        return True
    if isinstance(expected, dict):
        times = {"elapsed", "queued"}
        return isinstance(actual, dict) and set(actual) == set(expected) and all(
            key in times or same_json(actual[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return isinstance(actual, list) and len(actual) == len(expected) and all(map(same_json, actual, expected))
    return actual == expected


@pytest.mark.parametrize("blocks", [pytest.param(blocks, id=path) for path, blocks in examples()])
def test_examples(blocks, store, tmp_path):
    os.symlink(os.path.join(programs.ROOT, "etc"), tmp_path / "etc")
    shell = Shell(store, tmp_path)
    printed = None
    with store.client() as client:
        for line, language, role, text in blocks:
            where = f"line {line}:\n{text}"
            kind = (language, role)
            if kind == ("sh", "test"):
                expected = re.match(r"# exit: (\d+)", text)
                status, printed = shell.run(text)
                assert status == int(expected.group(1) if expected else 0), f"{where}\n{printed}"
            elif role == "output":
                assert_output(printed, text)
            elif kind == ("json", "request"):
                client.send(" ".join(text.split("\n")))
            elif kind == ("json", "answer"):
                for expected in text.strip().split("\n{"):
                    expected = json.loads(expected if expected.startswith("{") else "{" + expected)
                    actual = client.recv()
                    assert same_json(actual, expected), f"{where}\ncame: {json.dumps(actual, ensure_ascii=False)}"
            elif kind == ("ini", "test"):
                path = tmp_path / "example.ini"
                path.write_text(text, "utf-8")
                done = programs.run("gatherd", "-c", path, "--check")
                assert done.returncode == 0, f"{where}\n{done.stderr}"
            elif kind == ("c", "test"):
                source = tmp_path / "example.c"
                source.write_text(text, "utf-8")
                header = os.path.join(programs.ROOT, "src", "client")
                done = subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{header}",
                                       source], text=True, capture_output=True, check=False)
                assert done.returncode == 0, f"{where}\n{done.stderr}"
            else:
                raise AssertionError(f"{where}: no such kind of example: {language} {role}")
    shell.close()


def test_every_shipped_report_runs(store):
    with store.client() as client:
        reports = client.request(reports=True)["reports"]
        assert {"store-daily", "pg-health"} <= {report["name"] for report in reports}
        for report in reports:
            answer = client.request(report=report["name"])
            assert answer["ok"] is True, answer


def test_months_that_have_not_come_are_null(store):
    with store.client() as client:
        rows = client.request(report="store-daily")["results"]["cohorts"]["rows"]
    assert None not in rows[0] and rows[-1][-1] is None, rows


DISTRIBUTION = {"count", "p50", "p90", "p99", "p999", "max"}


def fields(value, path):
    """The fields of the answer to stats, named as the table of protocol.md names them."""
    if path == "pools":
        for pool in value.values():
            yield from fields(pool, "pools.*")
    elif isinstance(value, dict) and set(value) != DISTRIBUTION and path != "errors":
        for key, member in value.items():
            yield from fields(member, f"{path}.{key}" if path else key)
    else:
        yield path


def test_every_field_of_stats_is_documented(start_gatherd, pg):
    """And none that is not there. One database cannot be reached, so that its fields for errors are there."""
    daemon = start_gatherd(pg, sections={"database away": {"conninfo": "host=/nonexistent", "unavailable_after": "1s"}})
    with daemon.client() as client:
        assert client.one("select 1", db="away")["error"]["code"] == "unavailable"
        assert client.request({"listen": ["c"], "db": "away"})["error"]["code"] == "unavailable"
        stats = client.request({"stats": True})["stats"]
    with open(os.path.join(programs.ROOT, "docs", "protocol.md"), encoding="utf-8") as file:
        text = file.read()
    table = re.findall(r"^\| `([\w.*]+)` \|", text[text.index("## ping and stats"):], re.M)
    assert sorted(set(fields(stats, ""))) == sorted(table)
    codes = re.search(r"^\| `code` \|.*?\n\n", text, re.M | re.S)[0]
    assert set(stats["errors"]) == set(re.findall(r"`(\w+)`", "\n".join(
        line.split("|")[1] for line in codes.splitlines()[2:] if line)))


def manual(page):
    """The literal examples of a manual page, unescaped."""
    with open(os.path.join(programs.ROOT, "docs", "man", page), encoding="utf-8") as file:
        literal = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", file.read(), re.M | re.S)
    return [text.replace("\\e", "\\") for text in literal]


def test_the_manuals_report(start_gatherd, pg, demo_store, tmp_path):
    report, commands, crontab = manual("gatherd-report.5")
    (tmp_path / "daily-sales.sql").write_text(report, "utf-8")
    daemon = start_gatherd(pg, main={"conninfo": pg.conninfo(db=demo_store)}, gatherd={"report_dir": tmp_path})
    shell = Shell(daemon, tmp_path)
    nightly = crontab.split(maxsplit=5)[5]
    for command in [*commands.splitlines(), nightly]:
        status, printed = shell.run(command)
        assert status == 0, f"{command}\n{printed}"
        if "--csv" in command:
            assert len((tmp_path / "products.csv").read_text("utf-8").splitlines()) == 11
        else:
            assert "Revenue by region" in printed and "What sold best" in printed
    shell.close()


def test_the_manual_names_no_field_of_stats_that_is_not_there():
    with open(os.path.join(programs.ROOT, "docs", "protocol.md"), encoding="utf-8") as file:
        table = set(re.findall(r"^\| `([\w.*]+)` \|", file.read(), re.M))
    with open(os.path.join(programs.ROOT, "docs", "man", "gatherd.8"), encoding="utf-8") as file:
        named = re.findall(r"^\.Li ((?:clients|log|loop|memory|pools|requests)\.[\w.*]+)", file.read(), re.M)
    assert len(named) > 10 and set(named) <= table


def test_the_readme_has_examples():
    assert any(path == "README.md" for path, _ in examples()), "README.md has no tested example"
