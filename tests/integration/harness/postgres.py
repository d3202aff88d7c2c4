# SPDX-License-Identifier: PostgreSQL
"""Private PostgreSQL clusters: a Unix socket in a directory of their own, and loopback TCP where a test asks."""
import contextlib
import glob
import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile

from harness.wait import LIMIT_S, wait_until

SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 32MB
logging_collector = off
log_line_prefix = '%m [%p] %q%a '
"""


def bin_dir():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    initdb = found[-1] if found else shutil.which("initdb")
    assert initdb, "PostgreSQL's server programs are missing (Debian: postgresql)"
    return os.path.dirname(os.path.realpath(initdb))


def as_postgres(command):
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def free_port():
    """None of those that the system gives to whoever asks for any: it stays free while its server is down."""
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Postgres:
    """A cluster that is up. `dir` holds everything, also the socket; `host` and `port` are what clients connect to."""

    gates = itertools.count(1)

    def __init__(self, tcp=False, max_connections=100, settings=""):
        self.prepare(tcp)
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                 "--no-sync", "--no-instructions")
        self.configure(max_connections, settings)
        self.start()

    def prepare(self, tcp):
        """Its directory and addresses; nothing is in it yet."""
        self.dir = tempfile.mkdtemp(prefix="gatherd-pg-")
        self.data = os.path.join(self.dir, "data")
        self.log = os.path.join(self.dir, "log")
        self.host = self.dir
        self.port = free_port()
        self.tcp_host = "127.0.0.1" if tcp else None
        os.chmod(self.dir, 0o755)
        if os.geteuid() == 0:
            postgres = pwd.getpwnam("postgres")
            os.chown(self.dir, postgres.pw_uid, postgres.pw_gid)

    def configure(self, max_connections=100, settings=""):
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"{SETTINGS}\nport = {self.port}\nlisten_addresses = '{self.tcp_host or ''}'\n"
                       f"unix_socket_directories = '{self.dir}'\nmax_connections = {max_connections}\n{settings}\n")

    def standby(self, **options):
        """A hot standby that streams from this one, up and caught up with what is there now."""
        standby = Postgres.__new__(Postgres)
        standby.prepare(options.pop("tcp", False))
        self.run("pg_basebackup", "-D", standby.data, "-h", self.host, "-p", str(self.port), "-U", "postgres",
                 "-R", "-c", "fast", "-X", "stream", "--no-sync")
        standby.configure(**options)
        standby.start()
        standby.wait_caught_up(self)
        return standby

    def wait_caught_up(self, primary):
        lsn = primary.psql("select pg_current_wal_flush_lsn()")
        wait_until(lambda: self.psql(f"select pg_last_wal_replay_lsn() >= '{lsn}'") == "t", "the standby's replay")

    def promote(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-s", "promote")

    def run(self, program, *arguments):
        subprocess.run(as_postgres([os.path.join(bin_dir(), program), *arguments]), check=True, cwd="/",
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=LIMIT_S * 2)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-s", "start")

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "-s", "stop")

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def postmaster_pid(self):
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
            return int(file.readline())

    def kill_backend(self, pid):
        """kill -9 of one backend: the server then ends them all and recovers."""
        os.kill(pid, signal.SIGKILL)

    def destroy(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)

    def conninfo(self, db="postgres", user="postgres", **options):
        options = {"host": self.host, "port": self.port, "user": user, "dbname": db, **options}
        return " ".join(f"{key}={value}" for key, value in options.items())

    def psql_command(self, db="postgres", user="postgres"):
        return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", str(self.port),
                "-U", user, "-d", db]

    def psql(self, sql, db="postgres", user="postgres"):
        """The output of one psql, rows a line each, columns with | between."""
        done = subprocess.run(self.psql_command(db, user), input=sql, text=True, capture_output=True,
                              timeout=LIMIT_S, check=False)
        assert done.returncode == 0, f"psql: {done.stderr}"
        return done.stdout.rstrip("\n")

    def psql_file(self, path, db="postgres", options="", **variables):
        """Runs a script; its output, or the error as an exception."""
        command = self.psql_command(db) + [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        done = subprocess.run([*command, "-f", path], env={**os.environ, "PGOPTIONS": options}, text=True,
                              capture_output=True, timeout=LIMIT_S * 8, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def session(self, db="postgres", user="postgres"):
        return PsqlSession(self.psql_command(db, user))

    def gate(self, db="postgres"):
        return Gate(self, db, f"gate_{next(self.gates)}")

    def running(self, mark):
        """How many backends run a query whose text has `mark` in it."""
        return int(self.psql("select count(*) from pg_stat_activity where pid <> pg_backend_pid() "
                             f"and state = 'active' and position($mark${mark}$mark$ in query) > 0"))

    def wait_running(self, mark, count=1):
        wait_until(lambda: self.running(mark) == count, f"{count} running queries with {mark!r}")

    def backend_of(self, mark):
        """The pid of the one backend that runs a query with `mark` in it."""
        self.wait_running(mark)
        return int(self.psql("select pid from pg_stat_activity where pid <> pg_backend_pid() "
                             f"and state = 'active' and position($mark${mark}$mark$ in query) > 0"))


class PsqlSession:
    """A psql that stays: one session, statement by statement."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, sql):
        """Runs it and returns its output lines, once psql has ended it."""
        self.process.stdin.write(f"{sql}\n\\echo @@end\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "@@end\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"psql ended while it ran {sql!r}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Gate:
    """A table that nobody else can read until the gate opens: queries on `gate.table` wait for as long as a test likes."""

    def __init__(self, pg, db, table):
        self.pg, self.db, self.table = pg, db, table
        self.sql = f"select n from {table}"
        pg.psql(f"create table {table} (n int); insert into {table} values (1)", db)
        self.session = pg.session(db)
        self.session.run(f"begin; lock table {table} in access exclusive mode;")
        self.shut = True

    def waiting(self):
        return int(self.pg.psql("select count(*) from pg_locks where not granted "
                                f"and relation = '{self.table}'::regclass", self.db))

    def wait_waiting(self, count=1):
        """Until so many queries stand before the gate."""
        wait_until(lambda: self.waiting() == count, f"{count} queries at the gate")

    def open(self):
        if self.shut:
            self.shut = False
            self.session.run("commit;")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()
        self.session.close()
