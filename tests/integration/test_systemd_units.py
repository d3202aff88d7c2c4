# SPDX-License-Identifier: PostgreSQL
"""The systemd units: what systemd itself says of them, and what gatherd's design asks of them.

Run: /usr/bin/python3 -m pytest tests/integration/test_systemd_units.py
"""
import configparser
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
UNITS = TOP / "systemd"

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path):
    """The units as an installation has them, with a daemon that is there."""
    daemon = tmp_path / "gatherd"
    daemon.write_text("#!/bin/sh\n")
    daemon.chmod(0o755)
    service = (UNITS / "gatherd.service.in").read_text()
    service = service.replace("@sbindir@", str(tmp_path)).replace("@sysconfdir@", "/etc")
    assert not re.search(r"@\w+@", service), "a placeholder that the makefile does not know"
    (tmp_path / "gatherd.service").write_text(service)
    shutil.copy(UNITS / "gatherd.socket", tmp_path)
    return tmp_path


def run(*argv, cwd):
    return subprocess.run(argv, cwd=cwd, text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def settings(path):
    """Section -> key -> list of values, since systemd's keys may be repeated."""
    found = {}
    section = None
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and line[0] not in "#;":
            key, value = line.split("=", 1)
            section.setdefault(key, []).append(value)
    return found


def seconds(text):
    match = re.fullmatch(r"(\d+)(ms|s|min)", text)
    return int(match[1]) * {"ms": 0.001, "s": 1, "min": 60}[match[2]]


@pytest.fixture
def sample():
    """The sample configuration's defaults: its commented lines."""
    text = (TOP / "etc" / "gatherd.ini").read_text()
    parser = configparser.ConfigParser(comment_prefixes="#", interpolation=None)
    parser.read_string(re.sub(r"^;", "", text, flags=re.MULTILINE))
    return parser["gatherd"]


def test_verify_has_nothing_to_say(units):
    done = run("systemd-analyze", "verify", "--man=no", "./gatherd.service", "./gatherd.socket",
               cwd=units)
    assert (done.returncode, done.stdout) == (0, "")


def test_verify_can_fail(units):
    service = units / "gatherd.service"
    service.write_text(service.read_text().replace("WatchdogSec=10s", "WatchdogSec=ten"))
    done = run("systemd-analyze", "verify", "--man=no", "./gatherd.service", cwd=units)
    assert "Failed to parse" in done.stdout


def test_exposure_is_low(units):
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15",
               "./gatherd.service", cwd=units)
    assert done.returncode == 0, done.stdout
    level = re.search(r"Overall exposure level for gatherd.service: ([\d.]+)", done.stdout)
    assert float(level[1]) <= 1.5


def test_clients_are_seen_as_who_they_are(units):
    # in a user namespace SO_PEERCRED names every client nobody
    service = settings(units / "gatherd.service")["Service"]
    assert service.get("PrivateUsers", ["no"]) == ["no"]
    assert "DynamicUser" not in service


def test_a_crash_writes_no_memory_to_disk(units):
    assert settings(units / "gatherd.service")["Service"]["LimitCORE"] == ["0"]


def test_a_stop_leaves_the_socket(units):
    service = settings(units / "gatherd.service")["Service"]
    assert service["RuntimeDirectory"] == ["gatherd"]
    assert service["RuntimeDirectoryPreserve"] == ["yes"]


def test_the_socket_is_where_clients_look(units, sample):
    socket = settings(units / "gatherd.socket")["Socket"]
    assert socket["ListenStream"] == [sample["socket"]]
    assert socket["SocketMode"] == [sample["socket_mode"]]


def test_databases_can_be_reached(units):
    families = settings(units / "gatherd.service")["Service"]["RestrictAddressFamilies"]
    assert set(families[0].split()) == {"AF_UNIX", "AF_INET", "AF_INET6"}


def test_files_suffice_for_the_default_number_of_clients(units, sample):
    service = settings(units / "gatherd.service")["Service"]
    assert int(service["LimitNOFILE"][0]) > int(sample["max_clients"]) + 1000


def test_a_stop_waits_longer_than_the_daemon(units, sample):
    service = settings(units / "gatherd.service")["Service"]
    assert seconds(service["TimeoutStopSec"][0]) > seconds(sample["shutdown_timeout"])


def test_reload_checks_first_and_then_signals(units):
    check, signal = settings(units / "gatherd.service")["Service"]["ExecReload"]
    assert check.endswith("-c /etc/gatherd/gatherd.ini --check")
    assert signal == "/bin/kill -HUP $MAINPID"


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers")
def test_sysusers_makes_user_and_group(tmp_path):
    done = run("systemd-sysusers", f"--root={tmp_path}", "--dry-run",
               str(UNITS / "sysusers.d" / "gatherd.conf"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Creating user 'gatherd'" in done.stdout
    assert "Creating group 'gatherd'" in done.stdout


@pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None, reason="no systemd-tmpfiles")
def test_tmpfiles_makes_the_sockets_directory(tmp_path):
    # under a root of its own, where the user is one that is there
    snippet = (UNITS / "tmpfiles.d" / "gatherd.conf").read_text()
    assert "0755 gatherd gatherd" in snippet
    mine = tmp_path / "gatherd.conf"
    mine.write_text(snippet.replace("gatherd gatherd", "- -"))
    root = tmp_path / "root"
    root.mkdir()
    done = run("systemd-tmpfiles", f"--root={root}", "--create", str(mine), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert (root / "run" / "gatherd").is_dir()
