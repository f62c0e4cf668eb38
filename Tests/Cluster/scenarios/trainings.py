"""A sweep and a study that two workers train, one of them killed and one frozen past its lease: the tables of one process left alone."""

import json
import os
import random
import signal
import subprocess
import threading
import time

from calls import now
from places import Child, Failed, wait_for

from .figure import Figure

NAME = "trainings"
# Seconds: whoever computes for jobs gives way to all other work of the machine.
PATIENCE = 600
# A training of a third of a second.
RECIPE = """\
name: small
data: TABLE
model: {kind: mlp, hidden: [64]}
optimizer: {kind: sgd, rate: 0.1}
noise: [{site: input, sigma: 0.1}]
validation: 300
epochs: 240
batch: 16
"""
PLANS = {
    "sweep": """\
name: NAME
recipe: small.yml
keys:
  optimizer.rate: [0.01, 0.03, 0.1]
  noise.0.sigma: [0, 0.1, 0.3]
seeds: [1, 2]
halving: {least: 80, factor: 3}
""",
    "study": """\
name: NAME
question: Does input noise help where there are few rows?
recipe: small.yml
arms:
  - {name: none, title: no noise, set: {noise: []}, tune: {optimizer.rate: [0.03, 0.1]}}
  - {name: input, title: input noise, tune: {noise.0.sigma: [0.1, 0.3]}}
tuning: {validation: 300, seeds: [1, 2], choose_by: nll}
seeds: [11, 12, 13, 14]
measures: [accuracy, nll]
""",
}


def rows():
    """Of two classes that overlap, the same each time."""
    chance, lines = random.Random(7), ["a,b,c,kind"]
    for number in range(2400):
        kind = number % 2
        values = [chance.random() + 0.3 * kind, chance.random() - 0.2 * kind, chance.random()]
        lines.append(",".join(f"{value:.4f}" for value in values) + f",{'one' if kind else 'other'}")
    return "\n".join(lines) + "\n"


class Training:
    """A sweep or a study, in a folder of its own."""

    def __init__(self, cluster, kind, name):
        self.cluster, self.kind, self.name = cluster, kind, name
        self.folder = f"{cluster.folder}/trainings/{name}"
        os.makedirs(self.folder)
        # The table is at one place for all: the path is part of what results depend on.
        table = f"{cluster.folder}/trainings/table.csv"
        for file, text in ((table, rows()), (f"{self.folder}/small.yml", RECIPE.replace("TABLE", table)),
                           (f"{self.folder}/plan.yml", PLANS[kind].replace("NAME", name))):
            with open(file, "w", encoding="utf-8") as out:
                out.write(text)
        self.command = [cluster.dither, kind, f"{self.folder}/plan.yml", "--out", f"{self.folder}/out"]

    def alone(self):
        """By one process, in its folder."""
        done = subprocess.run([*self.command, "--workers", "1"], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            raise Failed(done.stderr[-500:])
        return self.table()

    def waits(self):
        """Put into the database, and waited for."""
        return self.cluster.ending(Child(
            [*self.command, "--database", self.cluster.database, "--state", f"{self.folder}/state", "--wait"],
            f"{self.folder}/log"))

    def table(self):
        """All but its name and the time that it took."""
        with open(f"{self.folder}/out/{self.name}.json", encoding="utf-8") as file:
            table = json.load(file)
        for place in (table, *table.get("rows", ())):
            place.pop("name", None)
            place.pop("seconds", None)
        return table

    def shards(self):
        """Of its job, but for the report: number, whether it is done, who has it, how often it was claimed."""
        return [(int(shard), done == "t", owner, int(attempts)) for shard, done, owner, attempts in self.cluster.postgres.sql(
            "SELECT shard, result IS NOT NULL, owner, attempts FROM dither.job_shards WHERE job = (SELECT id FROM dither.jobs "
            f"WHERE kind = '{self.kind}' ORDER BY created_ms DESC LIMIT 1) ORDER BY shard")][:-1]

    def held_by(self, worker):
        return [shard for shard, done, owner, _ in self.shards() if not done and owner.endswith(f" {worker.pid}")]


def disturbed(cluster, kind, name, takes):
    """Its table, what became of its shards, and the shards that a mishap may have had begun again."""
    training, lease = Training(cluster, kind, name), cluster.lease_seconds
    workers = [cluster.worker(f"{name}-{number}") for number in range(2)]
    waiting = training.waits()
    wait_for("both workers have a shard", PATIENCE, lambda: all(training.held_by(worker) for worker in workers), 0.01)
    disturbable, lock = [], threading.Lock()

    def after(seconds, mishap):
        def act():
            time.sleep(seconds)
            mishap()

        thread = threading.Thread(target=act)
        thread.start()
        return thread

    def stop(worker):
        # What is held by one that stands still is not done a moment later.
        worker.child.send(signal.SIGSTOP)
        time.sleep(0.05)
        with lock:
            disturbable.extend(training.held_by(worker))

    def kill():
        stop(workers[0])
        workers[0].end(signal.SIGKILL)

    def freeze():
        stop(workers[1])
        time.sleep(lease + 1)
        workers[1].child.send(signal.SIGCONT)

    for thread in [after(cluster.random.uniform(0, takes / 3), mishap) for mishap in (kill, freeze)]:
        thread.join()
    try:
        waiting.process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        left = [shard for shard in training.shards() if not shard[1]]
        raise Failed(f"{name} is not done after {PATIENCE} s; left: {left}; {waiting.words()[-200:]}") from None
    if waiting.process.returncode:
        raise Failed(f"{name}: {waiting.words()[-500:]}")
    cluster.end_now(waiting)
    shards = training.shards()
    for worker in workers:
        cluster.end_now(worker)
    return training.table(), shards, disturbable


def run(cluster):
    figures = []
    for kind in PLANS:
        begin = now()
        whole = Training(cluster, kind, f"{kind}-alone").alone()
        takes, same, lost, twice, again, mishaps = now() - begin, 0, 0, 0, 0, 0
        for number in range(cluster.rounds):
            table, shards, disturbable = disturbed(cluster, kind, f"{kind}-{number}", takes)
            same += table == whole
            lost += sum(not done for _, done, _, _ in shards)
            again += sum(attempts - 1 for _, _, _, attempts in shards)
            twice += sum(attempts > 1 + disturbable.count(shard) for shard, _, _, attempts in shards)
            mishaps += len(disturbable)
        count = cluster.rounds
        figures += [
            Figure(f"a {kind} by two workers, one killed, one frozen: tables equal to that of one process left alone",
                   f"{same} of {count}", f"{count} of {count}", same == count, must=True),
            Figure("trainings lost; begun again though no worker stood still in them", f"{lost}; {twice} of {len(shards)}", "0; 0",
                   not lost and not twice, must=True),
            Figure("begun again of those in which one stood still", f"{again} of {mishaps}", "all, or fewer", again <= mishaps),
        ]
    return figures
