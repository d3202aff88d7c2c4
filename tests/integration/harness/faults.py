# SPDX-License-Identifier: PostgreSQL
"""Faults inside a daemon: system calls and allocations that fail at the nth, bytes of servers, time of day, names."""
import ctypes
import errno
import functools
import mmap
import os
import subprocess
import tempfile

from harness import programs

SOURCE = os.path.join(os.path.dirname(__file__), "..", "faults.c")

RECV, SEND, SOCKET, CONNECT, ACCEPT, ALLOC = 1, 2, 4, 8, 16, 32  # calls
READ, WRITE, OPEN, POLL, KEEP = 64, 128, 256, 512, 1024  # of files
CLIENT, SERVER = 1, 2  # whose sockets
SHORT, END, FLIP = 0, -1, -2  # what happens, or an errno
RESET = errno.ECONNRESET


class Page(ctypes.Structure):
    """As in faults.c."""
    _fields_ = [(name, ctypes.c_int64) for name in (
        "calls", "sides", "at", "times", "action", "seen", "hit",
        "byte_at", "byte_action", "byte_seen", "byte_hit", "clock_ns", "hang", "hanging", "recv_max")]


def linked(program):
    return subprocess.run(["ldd", program], text=True, capture_output=True, check=True).stdout


def mentions(name):
    with open(programs.program("gatherd"), "rb") as file:
        return name in file.read()


def has_sanitizers():
    return mentions(b"__asan_init")


@functools.cache
def has_gcov():
    """Then what a program does at its very end is not its own, and takes memory for granted."""
    return mentions(b"__gcov_exit")


@functools.cache
def library():
    """The directory, which goes with the process, and the library in it."""
    folder = tempfile.TemporaryDirectory(prefix="gatherd-faults-")
    path = os.path.join(folder.name, "faults.so")
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-fPIC", "-shared", "-Wall", "-Wextra",
                    "-Werror", SOURCE, "-o", path, "-ldl"], check=True)
    return folder, path


class Faults:
    """Its `env` is the environment of the daemon, or of another program; `page` is what that sees, at once."""

    def __init__(self, program="gatherd"):
        self.dir = tempfile.TemporaryDirectory(prefix="gatherd-faults-")
        path = os.path.join(self.dir.name, "page")
        with open(path, "w+b") as file:
            file.truncate(mmap.PAGESIZE)
            self.map = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.page = Page.from_buffer(self.map)
        self.clear()
        # gcc's sanitizers are a library, which must come first
        first = [line.split()[2] for line in linked(programs.program(program)).splitlines() if "libasan" in line]
        # what has been freed is filled, so that who still uses it is found out
        self.env = {"LD_PRELOAD": ":".join([*first, library()[1]]), "GATHERD_FAULTS": path, "MALLOC_PERTURB_": "165"}

    def clear(self):
        """Nothing goes wrong any more."""
        self.page.calls = 0
        self.page.byte_at = -1

    def nth(self, at, calls, action=0, sides=CLIENT | SERVER, times=1):
        """The nth of these calls from now on, from 1, and those after it up to `times`."""
        self.page.calls = 0
        self.page.sides, self.page.at, self.page.times, self.page.action = sides, at, times, action
        self.page.seen = self.page.hit = 0
        self.page.calls = calls

    def byte(self, at, action):
        """From now on, what servers send ends before byte `at`, from 0, or that byte is changed."""
        self.page.byte_at = -1
        self.page.byte_action = action
        self.page.byte_seen = self.page.byte_hit = 0
        self.page.byte_at = at

    def close(self):
        self.page.hang = 0
        self.page = None
        self.map.close()
        self.dir.cleanup()
