"""Two workers against one, the queue that servers share against SQLite, and how many claims a second there can be."""

from calls import now
from places import Failed, wait_for

from .audits import MODEL, PATIENCE
from .figure import Figure

NAME = "hands"
ROWS, SAMPLES = 16, 8
# Shards of a second and more.
PROBES = (("pgd", {"norm": "linf", "epsilon": "0.1", "steps": "40", "restarts": "4"}), ("square", {"epsilon": "0.1"}))


def seconds_of(cluster, workers):
    """How long an audit takes that some workers do alone, from when the first of them has a shard."""
    audit = cluster.caller.start_audit(MODEL, ROWS, PROBES, SAMPLES)
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
    wait_for("the audit is done", PATIENCE, lambda: sql(f"SELECT state FROM dither.jobs WHERE id = '{audit}'")[0][0] == "done", 0.02)
    took = now() - begin
    for hand in hands:
        cluster.end_now(hand)
    cluster.start_servers()
    report = cluster.caller.report(audit)
    return took, report


def run(cluster):
    one, whole = seconds_of(cluster, 1)
    two, again = seconds_of(cluster, 2)
    ratio = one / two
    return [
        Figure("two workers of one thread against one", f"{ratio:.2f} × ({one:.1f} s, {two:.1f} s)", "1.8 ×", ratio >= 1.8),
        Figure("their reports", "equal" if whole == again else "differ", "equal", whole == again, must=True),
    ]
