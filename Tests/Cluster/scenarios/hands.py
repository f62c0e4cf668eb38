"""Two workers of one thread against one, on a whole battery."""

from calls import now, shipped
from places import Failed, wait_for

from .audits import PATIENCE
from .figure import Figure

NAME = "hands"
# So many that the dearest shard, which nothing divides, is a small part of the whole.
MODEL, DATA, BATTERY = "fashion-mlp-noise", "fashion-mnist:2000", "standard"


def seconds_of(cluster, workers):
    """How long an audit takes that some workers do alone, from when each of them has a shard."""
    audit = cluster.caller.start_battery(MODEL, DATA, BATTERY)
    cluster.stop_servers()
    sql = cluster.postgres.sql
    if sql(f"SELECT state FROM dither.jobs WHERE id = '{audit}'")[0][0] != "running":
        raise Failed("the servers were done before they were stopped")
    # What they have done is done again, by the hands alone.
    sql(f"UPDATE dither.job_shards SET result = NULL, owner = NULL, lease_until_ms = 0 WHERE job = '{audit}'")
    hands = [cluster.worker(f"hand-{number}") for number in range(workers)]
    wait_for("a worker has a shard", PATIENCE, lambda: int(sql(
        f"SELECT count(*) FROM dither.job_shards WHERE job = '{audit}' AND owner IS NOT NULL")[0][0]) == workers, 0.01)
    begin = now()
    # Seldom asked: each question is a process on the workers' cores.
    wait_for("the audit is done", PATIENCE, lambda: sql(f"SELECT state FROM dither.jobs WHERE id = '{audit}'")[0][0] == "done", 0.25)
    took = now() - begin
    for hand in hands:
        cluster.end_now(hand)
    cluster.start_servers()
    report = cluster.caller.report(audit)
    return took, report


def run(cluster):
    cluster.caller.upload(MODEL, shipped(MODEL))
    one, whole = seconds_of(cluster, 1)
    two, again = seconds_of(cluster, 2)
    ratio = one / two
    return [
        Figure(f"two workers of one thread against one, {BATTERY} on {DATA}", f"{ratio:.2f} × ({one:.1f} s, {two:.1f} s)", "1.8 ×", ratio >= 1.8),
        Figure("their reports", "equal" if whole == again else "differ", "equal", whole == again, must=True),
    ]
