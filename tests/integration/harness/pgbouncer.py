# SPDX-License-Identifier: PostgreSQL
"""A private PgBouncer before a cluster, on a Unix socket of its own."""
import os
import pwd
import shutil
import subprocess
import tempfile

from harness.postgres import free_port
from harness.wait import LIMIT_S, wait_until

PROGRAM = "/usr/sbin/pgbouncer"


class PgBouncer:
    """Up when the constructor returns. `settings` are lines of [pgbouncer]."""

    def __init__(self, pg, pool_mode="transaction", pool_size=2, settings=""):
        program = PROGRAM if os.path.exists(PROGRAM) else shutil.which("pgbouncer")
        assert program, "PgBouncer is missing (Debian: pgbouncer)"
        self.dir = tempfile.mkdtemp(prefix="gatherd-bouncer-")
        self.port = free_port()
        ini = os.path.join(self.dir, "pgbouncer.ini")
        with open(ini, "w", encoding="utf-8") as file:
            file.write(f"[databases]\n* = host={pg.host} port={pg.port} user=postgres\n[pgbouncer]\n"
                       f"listen_addr =\nlisten_port = {self.port}\nunix_socket_dir = {self.dir}\nauth_type = any\n"
                       f"pool_mode = {pool_mode}\ndefault_pool_size = {pool_size}\nmax_client_conn = 200\n"
                       f"{settings}\n")
        os.chmod(self.dir, 0o755)
        who = {}  # it does not run as root
        if os.geteuid() == 0:
            postgres = pwd.getpwnam("postgres")
            os.chown(self.dir, postgres.pw_uid, postgres.pw_gid)
            who = {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}
        self.log = open(os.path.join(self.dir, "log"), "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen([program, ini], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        cwd="/", **who)
        wait_until(lambda: os.path.exists(os.path.join(self.dir, f".s.PGSQL.{self.port}")), "PgBouncer's socket")

    def conninfo(self, db="postgres", **options):
        options = {"host": self.dir, "port": self.port, "user": "postgres", "dbname": db, **options}
        return " ".join(f"{key}={value}" for key, value in options.items())

    def destroy(self):
        self.process.kill()  # from 1.23 on it waits for its clients at a SIGTERM
        self.process.wait(LIMIT_S)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
