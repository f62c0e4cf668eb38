"""What a shard costs beside its work: claimed and kept in the database, against one server's own SQLite."""

import json
import os
import subprocess

from places import Failed

from .figure import Figure

NAME = "queue"


def run(cluster):
    cluster.postgres.make("queue")
    done = subprocess.run(
        [cluster.dither, "bench", "queue", "--seconds", "3", "--json"], capture_output=True, text=True, timeout=120,
        env={**os.environ, "DITHER_DATABASE": cluster.postgres.address("queue")})
    if done.returncode:
        raise Failed(done.stderr[-300:])
    found = {one["name"]: one for one in json.loads(done.stdout)["benches"]}
    shared, own = found["queue/postgres"], found["queue/sqlite"]
    rate = shared["details"]["claims_per_second"]
    # With eight at once each waits for the others: by itself a claim takes an eighth of it at most.
    later = 100 * max(0, 1 / rate - 1 / own["details"]["claims_per_second"])
    return [
        Figure("claims with their results, 8 workers", f"{rate:.0f} a second", "500 a second", rate >= 500),
        Figure("a shard of a second is later than with SQLite by", f"{later:.2f} %", "2 %", later <= 2),
    ]
