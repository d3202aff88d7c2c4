# SPDX-License-Identifier: PostgreSQL
"""A daemon with a configuration, a socket and a log of its own."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import programs, stats
from harness.client import Client
from harness.notify import NotifySocket
from harness.wait import LIMIT_S, wait_until


def config_text(sections):
    lines = []
    for name, keys in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {value}" for key, value in keys.items() if value is not None]
    return "\n".join(lines) + "\n"


class Gatherd:
    """
    Started and ready when the constructor returns; at the end of a `with` it must stop well. Keywords: `gatherd` and
    `main` add to or (None) remove from the sections [gatherd] and [database main]; `sections` adds whole ones.
    """

    def __init__(self, pg, gatherd=None, main=None, sections=None, env=None, listen_socket=None, start=True):
        self.dir = tempfile.mkdtemp(prefix="gatherd-")
        os.chmod(self.dir, 0o755)
        self.socket_path = os.path.join(self.dir, "gatherd.sock")
        self.config_path = os.path.join(self.dir, "gatherd.ini")
        self.report_dir = os.path.join(self.dir, "reports")
        self.stderr_path = os.path.join(self.dir, "stderr")
        os.mkdir(self.report_dir)
        self.notify = NotifySocket(os.path.join(self.dir, "notify.sock"))
        self.sections = {
            "gatherd": {"socket": self.socket_path, "socket_mode": "0666", "report_dir": self.report_dir,
                        **(gatherd or {})},
            "database main": {"conninfo": pg.conninfo() if pg else "host=/nonexistent", **(main or {})},
            **(sections or {}),
        }
        self.env = env or {}
        self.listen_socket = listen_socket
        self.process = None
        self.write_config()
        if start:
            self.start()

    def write_config(self, text=None):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(config_text(self.sections) if text is None else text)

    def write_report(self, name, text):
        with open(os.path.join(self.report_dir, f"{name}.sql"), "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        env = {**os.environ, "NOTIFY_SOCKET": self.notify.path, **self.env}
        command = [*programs.WRAPPER, programs.program("gatherd"), "-c", self.config_path]
        keep = ()
        if self.listen_socket:
            # as systemd hands a socket over: descriptor 3, meant for this very process
            keep = (self.listen_socket.fileno(),)
            command = ["bash", "-c", f'exec 3<&{keep[0]}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "bash", *command]
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=env,
                                            pass_fds=keep, cwd="/")
        try:
            self.notify.wait_for("READY=1", self.process.pid)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log()}") from None

    def log(self):
        """What the daemons started here have written to stderr so far."""
        if not os.path.exists(self.stderr_path):
            return ""
        with open(self.stderr_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, text):
        wait_until(lambda: text in self.log(), f"{text!r} in the log")

    def signal(self, number):
        self.process.send_signal(number)

    def client(self):
        return Client(self.socket_path)

    def command(self, *arguments, **options):
        """Runs `gather` against this daemon."""
        env = {"GATHERD_SOCKET": self.socket_path, **options.pop("env", {})}
        return programs.run("gather", *arguments, env=env, **options)

    def stats(self):
        with self.client() as client:
            return client.request(stats=True)

    def resident_kb(self, which="VmRSS"):
        """Its memory now; with VmHWM the most that it was."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(which))

    def wait_idle(self):
        """Until nothing is left of any request: no task, client, request or busy connection but our own question's."""
        wait_until(lambda: not stats.left_over(self.stats()),
                   f"an idle daemon: {stats.left_over(self.stats())}")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_end(self):
        """Its exit status, once it has ended by itself."""
        status = self.process.wait(LIMIT_S)
        programs.assert_clean(self.log())
        return status

    def stop(self):
        """Asks it to end, as an operator would; it must leave nothing behind."""
        if self.alive():
            self.wait_idle()
            self.signal(signal.SIGTERM)
        status = self.wait_end()
        assert status == 0, f"gatherd ended with {status}:\n{self.log()}"

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait(LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        try:
            if kind is None:
                self.stop()
        finally:
            self.cleanup()

    def cleanup(self):
        self.kill()
        self.notify.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def connect_as(path, user_id, group_id):
    """A client whose socket another Unix user has connected, which is what SO_PEERCRED then says for good."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([group_id])
            os.setresgid(group_id, group_id, group_id)
            os.setresuid(user_id, user_id, user_id)
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.connect(path)
            socket.send_fds(theirs, [b"x"], [client.fileno()])
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"user {user_id} could not connect"
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    client = Client.__new__(Client)
    client.socket = socket.socket(fileno=descriptors[0])
    client.socket.settimeout(LIMIT_S)
    client.received = bytearray()
    return client
