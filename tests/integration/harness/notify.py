# SPDX-License-Identifier: PostgreSQL
"""What systemd would hear of the daemon: the datagrams that it sends to $NOTIFY_SOCKET."""
import os
import select
import socket

from harness.wait import LIMIT_S


class NotifySocket:
    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.messages = []  # every datagram so far, as a dict of its lines

    def wait_for(self, assignment, pid=None, limit_s=LIMIT_S):
        """The next message that has the line `assignment`, e.g. READY=1. Fails when the process `pid` ends first."""
        watched = [self.socket]
        process = os.pidfd_open(pid) if pid else None
        if process:
            watched.append(process)
        try:
            while True:
                ready, _, _ = select.select(watched, [], [], limit_s)
                assert ready, f"no {assignment} after {limit_s:g} s; so far {self.messages}"
                if self.socket not in ready:
                    raise AssertionError(f"the daemon ended before {assignment}")
                text = self.socket.recv(65536).decode()
                message = dict(line.split("=", 1) for line in text.splitlines())
                self.messages.append(message)
                if assignment in text.splitlines():
                    return message
        finally:
            if process:
                os.close(process)

    def close(self):
        self.socket.close()
