# SPDX-License-Identifier: PostgreSQL
"""Where programs are, and how one is run that answers with a line of JSON."""
import glob
import json
import os
import platform
import shutil
import subprocess
import time

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.dirname(BENCH)
BUILD = os.environ.get("GATHERD_BUILD", os.path.join(SOURCE, "build", "release"))
NODE_MODULES = os.environ.get("BENCH_NODE_MODULES", os.path.join(SOURCE, "build", "bench", "node_modules"))
# Debian's interpreter: the drivers are Debian's packages.
PYTHON = "/usr/bin/python3"
LIMIT_S = 300


class Missing(Exception):
    """A peer that this machine does not have."""


class Failed(Exception):
    """A peer, or gatherd, that did not do its work."""


def built(name):
    path = os.path.join(BUILD, name)
    if not os.path.exists(path):
        raise Failed(f"{path} has not been built")
    return path


def found(name):
    server_programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    path = shutil.which(name, path=os.pathsep.join([*server_programs[-1:], os.environ["PATH"], "/usr/sbin"]))
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def peer(name):
    """The command of a peer of ours in bench/peers; Missing when its driver is."""
    path = os.path.join(BENCH, "peers", name)
    if name.endswith(".py"):
        module = name.split("_")[0]
        if not os.path.exists(PYTHON) or subprocess.run(
                [PYTHON, "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=False).returncode:
            raise Missing(f"Python's {module} is not installed")
        return [PYTHON, path]
    module = {"postgresjs.cjs": "postgres", "nodepg.cjs": "pg"}[name]
    if not os.path.isdir(os.path.join(NODE_MODULES, module)):
        raise Missing(f"node's {module} is not installed")
    return [found("node"), path]


def environment(extra):
    return {**os.environ, "NODE_PATH": NODE_MODULES, **{key: str(value) for key, value in (extra or {}).items()}}


def run_json(command, env=None):
    """The object that the command prints as its last line."""
    command = [str(word) for word in command]
    done = subprocess.run(command, env=environment(env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)
    if done.returncode or not done.stdout.strip():
        raise Failed(f"{' '.join(command)[:120]}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_timed(command, env=None, stdin=subprocess.DEVNULL):
    """Seconds, and the greatest memory in MB, of a command whose output goes through a pipe to nobody."""
    command = [str(word) for word in command]
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as drain:
        begun = time.monotonic()
        process = subprocess.Popen(command, env=environment(env), stdin=stdin, stdout=drain.stdin,
                                   stderr=subprocess.PIPE)
        drain.stdin.close()
        stderr = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
    if process.returncode:
        raise Failed(f"{' '.join(command)[:120]}: status {process.returncode}: {stderr.decode()[-300:]}")
    return {"seconds": seconds, "rss_mb": usage.ru_maxrss / 1024}


def memory_of(pid, field="VmRSS"):
    """Kilobytes, as the kernel says."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise Failed(f"no {field} of {pid}")


def versions():
    """What was measured, in a line."""
    said = []
    for command in (["postgres", "--version"], ["pgbouncer", "--version"], ["node", "--version"]):
        try:
            text = subprocess.run([found(command[0]), *command[1:]], capture_output=True, text=True, check=False).stdout
            said.append(text.splitlines()[0] if command[0] != "node" else f"node {text.strip()}")
        except (Missing, IndexError):
            pass
    for module in ("asyncpg", "uvloop", "psycopg"):
        text = subprocess.run([PYTHON, "-c", f"import {module}; print({module}.__version__)"], capture_output=True,
                              text=True, check=False).stdout.strip()
        said += [f"{module} {text}"] if text else []
    for module, name in (("postgres", "postgres.js"), ("pg", "node-postgres")):
        path = os.path.join(NODE_MODULES, module, "package.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                said.append(f"{name} {json.load(file)['version']}")
    said.append(f"Linux {platform.release()}")
    return ", ".join(said)
