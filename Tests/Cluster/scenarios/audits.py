"""A real audit, and what befalls a worker in it at random moments: the report is that of an undisturbed one, byte for byte."""

import signal
import time

from calls import now
from places import Failed, wait_for
from wire import Wire

from .figure import Figure

NAME = "audits"
# Seconds: whoever computes for jobs gives way to all other work of the machine.
PATIENCE = 600
MODEL, ROWS, SAMPLES = "mnist-cnn-noise", 48, 8
PROBES = (("clean", {}), ("pgd", {"norm": "linf", "epsilon": "0.1", "steps": "20"}), ("square", {"epsilon": "0.1"}),
          ("gaussian_noise", {"severity": "3"}))


class Audit:
    def __init__(self, cluster):
        self.cluster = cluster
        caller = cluster.only(cluster.random.choice(cluster.servers))
        self.name = caller.start_audit(MODEL, ROWS, PROBES, SAMPLES)
        caller.close()

    def sql(self, text):
        return self.cluster.postgres.sql(text.replace("JOB", f"'{self.name}'"))

    def state(self):
        return self.sql("SELECT state FROM dither.jobs WHERE id = JOB")[0][0]

    def held_by(self, worker):
        """Shards that a worker has claimed and not done, with how often each was claimed."""
        return {int(shard): int(attempts) for shard, attempts in self.sql(
            f"SELECT shard, attempts FROM dither.job_shards WHERE job = JOB AND result IS NULL AND owner LIKE '% {worker.pid}'")}

    def taken_over(self, held):
        """Whether those shards are others' by now, or done: the report's has no result, it is the job that ends with it."""
        if self.state() not in ("queued", "running"):
            return True
        return all(int(attempts) > held[int(shard)] or done == "t" for shard, attempts, done in self.sql(
            "SELECT shard, attempts, result IS NOT NULL FROM dither.job_shards WHERE job = JOB") if int(shard) in held)

    def report(self):
        wait_for("the audit ends", PATIENCE, lambda: self.state() not in ("queued", "running"), 0.1)
        caller = self.cluster.only(self.cluster.random.choice(self.cluster.servers))
        try:
            return caller.report(self.name)
        finally:
            caller.close()


def killed(cluster, worker, wire):
    worker.end(signal.SIGKILL)
    return lambda: None


def frozen(cluster, worker, wire):
    worker.child.send(signal.SIGSTOP)

    def thaw():
        worker.child.send(signal.SIGCONT)

    return thaw


def cut_off(cluster, worker, wire):
    wire.is_cut = True

    def mend():
        wire.is_cut = False

    return mend


def restarted(cluster, worker, wire):
    cluster.postgres.stop()
    time.sleep(1)
    cluster.postgres.start()
    return None


def caught(cluster, worker, takes):
    """An audit at a random moment, with the shards that the worker has of it."""
    for _ in range(20):
        audit, held = Audit(cluster), {}
        time.sleep(cluster.random.uniform(0, takes / 2))

        def is_at_work():
            held.update(audit.held_by(worker))
            return held or audit.state() not in ("queued", "running")

        wait_for("the worker has a shard", PATIENCE, is_at_work, 0.005)
        if held:
            return audit, held
    raise Failed("the servers have left the worker nothing of twenty audits")


def run(cluster):
    wire = cluster.ending(Wire(cluster.postgres.port))
    through = cluster.postgres.address(port=wire.port)
    begin = now()
    whole = Audit(cluster).report()
    takes = now() - begin
    figures, takeovers = [], []
    for words, mishap in (("worker killed", killed), ("worker frozen past its lease", frozen),
                          ("worker cut off past its lease", cut_off), ("database restarted", restarted)):
        same = 0
        for _ in range(cluster.rounds):
            worker = cluster.worker(database=through)
            audit, held = caught(cluster, worker, takes)
            at, mend = now(), mishap(cluster, worker, wire)
            if mend:
                held = {**held, **audit.held_by(worker)}
                wait_for("others take its shards", PATIENCE, lambda: audit.taken_over(held), 0.05)
                takeovers.append(now() - at)
                time.sleep(max(0, cluster.lease_seconds + 1 - (now() - at)))
                mend()
            same += audit.report() == whole
            cluster.end_now(worker)
        figures.append(Figure(f"{words}: reports equal to the undisturbed one", f"{same} of {cluster.rounds}",
                              f"{cluster.rounds} of {cluster.rounds}", same == cluster.rounds, must=True))
    cluster.end_now(wire)
    slowest = max(takeovers)
    bar = cluster.lease_seconds + 2
    return figures + [
        Figure(f"take-over, lease {cluster.lease_seconds:g} s, at most", f"{slowest:.1f} s", f"{bar:g} s", slowest <= bar)]
