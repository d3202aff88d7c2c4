# SPDX-License-Identifier: PostgreSQL
"""What happens to the server and to the way to it while the soak's clients work."""
import os
import signal
import socket
import struct
import threading

from harness.postgres import free_port

OURS = "from pg_stat_activity where application_name like 'gatherd%' and pid <> pg_backend_pid()"


class Proxy:
    """TCP to the server's Unix socket; it can reset its connections, after so many more bytes, or hold their data back."""

    def __init__(self, pg):
        self.target = os.path.join(pg.host, f".s.PGSQL.{pg.port}")
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = set()
        self.flows = threading.Event()
        self.flows.set()
        self.countdown = None  # bytes from the server until a reset
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            outer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                outer.connect(self.target)
            except OSError:
                outer.close()
                inner.close()
                continue
            pair = (inner, outer)
            with self.lock:
                self.pairs.add(pair)
            threading.Thread(target=self.pump, args=(pair, inner, outer, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(pair, outer, inner, True), daemon=True).start()

    def pump(self, pair, source, target, answers):
        try:
            while data := source.recv(1 << 16):
                self.flows.wait()
                if answers:
                    data, cut = self.cut(data)
                    target.sendall(data)
                    if cut:
                        break
                else:
                    target.sendall(data)
        except OSError:
            pass
        self.drop(pair)

    def cut(self, data):
        """How much of it still goes through, and whether that was the last."""
        with self.lock:
            if self.countdown is None:
                return data, False
            if len(data) < self.countdown:
                self.countdown -= len(data)
                return data, False
            data, self.countdown = data[:self.countdown], None
            return data, True

    def drop(self, pair):
        with self.lock:
            if pair not in self.pairs:
                return
            self.pairs.remove(pair)
        inner, outer = pair
        try:  # a reset, not an end
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        for side in (inner, outer):
            try:
                side.shutdown(socket.SHUT_RD)  # wakes the other pump, and says nothing to the peer
            except OSError:
                pass
            side.close()

    def reset(self):
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self.drop(pair)

    def reset_after(self, size_bytes):
        with self.lock:
            self.countdown = size_bytes

    def close(self):
        self.flows.set()
        self.listener.close()
        self.reset()


class Faults:
    """One fault at a time, each over when its function returns."""

    def __init__(self, pg, proxy, gatherd, random):
        self.pg, self.proxy, self.gatherd, self.random = pg, proxy, gatherd, random
        self.stop = threading.Event()
        self.counts = {}
        self.broken = None

    def backend(self):
        pids = self.pg.psql(f"select pid {OURS}").split()
        return int(self.random.choice(pids)) if pids else None

    def backend_terminated(self):
        self.pg.psql(f"select pg_terminate_backend(pid) {OURS} order by random() limit {self.random.randint(1, 3)}")

    def backend_killed(self):
        """The server ends all of them and recovers."""
        pid = self.backend()
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def backend_frozen(self):
        pid = self.backend()
        if not pid:
            return
        try:
            os.kill(pid, signal.SIGSTOP)
            self.stop.wait(self.random.uniform(0.1, 1))
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def server_restarted(self):
        self.pg.restart(self.random.choice(["fast", "immediate"]))

    def connections_reset(self):
        self.proxy.reset()

    def answer_cut(self):
        self.proxy.reset_after(self.random.choice([1, 5, 100, 5000, 100000]))

    def data_held_back(self):
        self.proxy.flows.clear()
        self.stop.wait(self.random.uniform(0.1, 1.5))
        self.proxy.flows.set()

    def reload(self):
        self.gatherd.signal(signal.SIGHUP)

    WEIGHTS = {backend_terminated: 6, backend_killed: 1, backend_frozen: 3, server_restarted: 1,
               connections_reset: 4, answer_cut: 6, data_held_back: 3, reload: 2}

    def run(self):
        """Until told to stop."""
        while not self.stop.wait(self.random.uniform(0.2, 2)):
            fault, = self.random.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))
            try:
                fault(self)
            except AssertionError as error:
                # the server is just recovering and takes no psql
                if "psql" not in str(error):
                    self.broken = error
                    return
                continue
            except Exception as error:  # pylint: disable=broad-exception-caught
                self.broken = error
                return
            name = fault.__name__.replace("_", " ")
            self.counts[name] = self.counts.get(name, 0) + 1
