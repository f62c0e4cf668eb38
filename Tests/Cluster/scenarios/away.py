"""PostgreSQL is away for ten seconds under predictions."""

import time

from calls import Load, now

from .figure import Figure

NAME = "away"
SECONDS = 10


def run(cluster):
    load = Load([server.port for server in cluster.servers], cluster.token, "mnist-mlp-noise", threads=3, pause=0.005)
    time.sleep(SECONDS / 2)
    begin = now()
    cluster.postgres.stop()
    try:
        time.sleep(SECONDS)
    finally:
        end = now()
        cluster.postgres.start()
    time.sleep(2)
    load.stop()
    quiet, away = load.milliseconds(0.99, end=begin), load.milliseconds(0.99, begin, end)
    cluster.caller.set_alias("mnist-mlp-noise@1", "after-the-database-was-away")
    return [
        Figure(f"database away for {SECONDS} s: predictions that failed", f"{load.failed() or 0} of {len(load.calls)}", "0",
               not load.failed(), must=True),
        Figure("p99 meanwhile, against before", f"{away:.1f} ms, {quiet:.1f} ms", "2 ×", away <= 2 * quiet),
    ]
