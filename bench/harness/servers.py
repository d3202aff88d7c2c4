# SPDX-License-Identifier: PostgreSQL
"""What is measured against: a private PostgreSQL with its data, gatherd, PgBouncer, and slow networks to the server."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import programs
from harness.programs import Failed

SETTINGS = """
listen_addresses = ''
max_connections = 300
shared_buffers = 512MB
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 4GB
autovacuum = off
jit = off
"""
ACCOUNTS_SCALE = 10
MIXED_ROWS = 1_000_000
# Ten columns as tables have them: numbers, text with quotes and accents, times, a boolean, json, NULLs.
MIXED = f"""
create table mixed as
select n as id, n * 1000003::int8 as big, (n % 10007) / 8.0::float8 as ratio, (n % 1000003)::numeric / 100 as price,
    'customer ' || n as name, case when n % 10 = 0 then 'she said "yes" – naïve' else md5(n::text) end as note,
    n % 3 = 0 as active, timestamptz '2026-01-01 00:00Z' + n * interval '1 second' as at,
    case when n % 4 = 0 then null else (n % 97)::int2 end as grade, jsonb_build_object('n', n, 'tag', n % 7) as extra
from generate_series(1, {MIXED_ROWS}) as n
"""


def wait_for(condition, what, limit_s=20):
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"waited {limit_s} s for {what}")
        time.sleep(0.01)


def connects(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
            return True
        except OSError:
            return False


def as_postgres(command):
    """PostgreSQL and PgBouncer refuse to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def inner_pid(process):
    """The program itself, where another one (runuser, strace) has started it."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        children = file.read().split()
    return int(children[0]) if children else process.pid


def end(process):
    if process and process.poll() is None:
        os.kill(inner_pid(process), signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Directory:
    """One for everything of a run; the user postgres may write to it."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="gatherd-bench-")
        os.chmod(self.path, 0o755)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.path, owner.pw_uid, owner.pw_gid)

    def join(self, *names):
        return os.path.join(self.path, *names)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Postgres:
    port = 5432

    def __init__(self, directory):
        self.dir = directory
        self.data = directory.join("data")
        self.tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"{SETTINGS}\nunix_socket_directories = '{directory.path}'\n")
        self.tool("pg_ctl", "-D", self.data, "-l", directory.join("log"), "-w", "-s", "start")
        self.loaded = set()

    def tool(self, name, *arguments):
        done = subprocess.run(as_postgres([programs.found(name), *arguments]), cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise Failed(f"{name}: {done.stdout[-500:]}")

    def env(self, host=None, port=None, **more):
        """What libpq, and our peers, take as the server."""
        return {"PGHOST": host or self.dir.path, "PGPORT": port or self.port, "PGUSER": "postgres",
                "PGDATABASE": "postgres", **more}

    def psql(self, sql):
        done = subprocess.run([programs.found("psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"], input=sql,
                              text=True, env=programs.environment(self.env()), capture_output=True, check=False)
        if done.returncode:
            raise Failed(done.stderr)
        return done.stdout.strip()

    def load(self, what):
        """Makes the data of that name, once."""
        if what in self.loaded:
            return
        self.loaded.add(what)
        if what == "accounts":
            subprocess.run([programs.found("pgbench"), "-i", "-q", "-s", str(ACCOUNTS_SCALE)],
                           env=programs.environment(self.env()), capture_output=True, check=True)
        elif what == "mixed":
            self.psql(f"{MIXED}; vacuum analyze mixed")
        elif what == "store":
            with open(os.path.join(programs.SOURCE, "sql", "demo-store.sql"), encoding="utf-8") as file:
                self.psql(file.read())
            self.psql("vacuum analyze")
        self.psql("checkpoint")

    def stop(self):
        self.tool("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "-s", "stop")


class Gatherd:
    """A daemon of its own; keywords are keys of [database main], `gatherd` has those of [gatherd]."""

    count = 0

    def __init__(self, postgres, host=None, gatherd=None, wrapper=(), **main):
        Gatherd.count += 1
        self.dir = postgres.dir
        self.socket = self.dir.join(f"gatherd{Gatherd.count}.sock")
        self.config = self.dir.join(f"gatherd{Gatherd.count}.ini")
        self.log = self.dir.join(f"gatherd{Gatherd.count}.log")
        self.wrapper = list(wrapper)
        self.main = main
        sections = {
            "gatherd": {"socket": self.socket, "log_level": "warning", "max_clients": 20000,
                        "report_dir": os.path.join(programs.SOURCE, "etc", "reports"), **(gatherd or {})},
            "database main": {
                "conninfo": f"host={host or self.dir.path} port={postgres.port} user=postgres dbname=postgres", **main}}
        with open(self.config, "w", encoding="utf-8") as file:
            for name, keys in sections.items():
                file.write(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.wrapper, programs.built("gatherd"), "-c", self.config], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        wait_for(lambda: self.process.poll() is not None or connects(self.socket), "gatherd to listen")
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise Failed(f"gatherd ended: {log.read()[-500:]}")

    def restart(self):
        """For a cold pool: as a daemon is when nobody has asked yet."""
        self.stop()
        self.start()

    def env(self):
        return {"GATHERD_SOCKET": self.socket}

    def load(self, *arguments):
        return programs.run_json(self.load_command(*arguments), self.env())

    def load_command(self, *arguments):
        return [programs.built("bench/load"), *arguments, self.socket]

    def gather(self, *arguments):
        return [programs.built("gather"), *arguments]

    def stop(self):
        end(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class PgBouncer:
    """In transaction mode, over a Unix socket."""

    port = 6432

    def __init__(self, postgres, pool_size=20, pool_mode="transaction"):
        binary = programs.found("pgbouncer")
        directory = postgres.dir.join("pgbouncer")
        os.makedirs(directory, exist_ok=True)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        config = os.path.join(directory, "pgbouncer.ini")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[databases]\npostgres = host={postgres.dir.path} port={postgres.port} user=postgres\n"
                       f"[pgbouncer]\nlisten_port = {self.port}\nunix_socket_dir = {directory}\nauth_type = any\n"
                       f"pool_mode = {pool_mode}\ndefault_pool_size = {pool_size}\nmax_client_conn = 15000\n"
                       "log_connections = 0\nlog_disconnections = 0\nlog_stats = 0\nignore_startup_parameters = "
                       "extra_float_digits\n")
        self.dir = directory
        self.postgres = postgres
        self.socket = os.path.join(directory, f".s.PGSQL.{self.port}")
        # runuser gives it few descriptors
        limit = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"]
        self.process = subprocess.Popen(as_postgres([*limit, binary, "-q", config]), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.process.poll() is not None or connects(self.socket), "PgBouncer to listen")
        if self.process.poll() is not None:
            raise Failed("PgBouncer ended")

    def env(self):
        return self.postgres.env(host=self.dir, port=self.port)

    def pid(self):
        return inner_pid(self.process)

    def stop(self):
        end(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Network:
    """Another way to the server, whose round trip takes so long."""

    def __init__(self, postgres, round_trip_ms):
        self.dir = postgres.dir.join(f"network{round_trip_ms}")
        os.makedirs(self.dir, exist_ok=True)
        name = f".s.PGSQL.{postgres.port}"
        self.socket = os.path.join(self.dir, name)
        self.process = subprocess.Popen([programs.built("bench/delay"), str(round_trip_ms), self.socket,
                                         postgres.dir.join(name)])
        wait_for(lambda: os.path.exists(self.socket) and connects(self.socket), "the network")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)
