"""An alias that is moved at one server, as the two others see it: with notifications, and by polls alone."""

import json
import queue
import subprocess
import sys
import threading

from calls import Load, now, quantile, shipped
from places import ROOT, Failed
from wire import Wire

from .figure import Figure

NAME = "aliases"
MOVES, DEAF_MOVES = 1000, 6


class Watch:
    """The changes that one server shows, asked for in a process of its own."""

    def __init__(self, cluster, server, pause):
        self.seen = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, f"{ROOT}/Tests/Cluster/watch.py", json.dumps(
                {"port": server.port, "token": cluster.token, "reference": "moved:best", "pause": pause})],
            stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            moment, version = line.split()
            self.seen.put((float(moment), int(version)))

    def wait(self, version, seconds=10):
        """The moment at which it was seen."""
        while True:
            try:
                moment, found = self.seen.get(timeout=seconds)
            except queue.Empty:
                raise Failed(f"version {version} was not seen within {seconds} s") from None
            if found == version:
                return moment

    def end(self):
        self._process.kill()
        self._process.wait()


def moves(cluster, count, watches, first):
    """Milliseconds from the answer until each of the others shows it."""
    caller, found = cluster.only(cluster.servers[0]), []
    for number in range(count):
        version = 1 + (first + number) % 2
        caller.set_alias(f"moved@{version}", "best")
        answered = now()
        found += [max(0, 1000 * (watch.wait(version) - answered)) for watch in watches]
    caller.close()
    return found


def run(cluster):
    content = shipped("mnist-mlp-noise")
    for number in range(2):
        cluster.caller.upload("moved", content, card=json.dumps({"number": number}))
    cluster.caller.set_alias("moved@1", "best")
    load = Load([server.port for server in cluster.servers], cluster.token, "mnist-mlp-noise", threads=2, pause=0.01)
    watches = [Watch(cluster, server, 0.0005) for server in cluster.servers[1:]]
    try:
        for watch in watches:
            watch.wait(1)
        heard = moves(cluster, MOVES, watches, 1)
    finally:
        load.stop()
        for watch in watches:
            watch.end()
    # The third server hears no notification any more.
    server, wire = cluster.servers[2], cluster.ending(Wire(cluster.postgres.port))
    wire.is_deaf = True
    server.end()
    server.start(cluster.postgres.address(port=wire.port))
    watch = Watch(cluster, server, 0.005)
    try:
        watch.wait(1 + MOVES % 2)
        deaf = moves(cluster, DEAF_MOVES, [watch], MOVES + 1)
    finally:
        watch.end()
        server.end()
        cluster.end_now(wire)
        server.start()
    middle, late = quantile(heard, 0.5), quantile(heard, 0.99)
    return [
        Figure(f"{MOVES} moves under load, seen by the others, p50", f"{middle:.1f} ms", "5 ms", middle <= 5),
        Figure("the same, p99", f"{late:.1f} ms", "50 ms", late <= 50),
        Figure("with LISTEN cut, at most", f"{max(deaf) / 1000:.2f} s", "2.5 s", max(deaf) <= 2500),
        Figure("predictions that failed meanwhile", f"{load.failed() or 0} of {len(load.calls)}", "0", not load.failed(),
               must=True),
    ]
