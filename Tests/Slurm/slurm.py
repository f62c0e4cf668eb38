"""Arrays of deploy/slurm under a Slurm of one node: killed tasks change no report. `Tests/Slurm/run` starts it."""

import argparse
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from calls import Caller, shipped
from places import ROOT, Bucket, Child, Failed, Postgres, Server, free_port, wait_for

TASKS = 3
# Some seconds of one thread for each task, in many shards.
PARTS = [f"{ROOT}/models/fashion-mlp-noise.onnx", "--data", "fashion-mnist:160", "--samples", "8", "--probe",
         "pgd:norm=linf,epsilon=0.1,steps=40,restarts=3", "--probe", "square:epsilon=0.1", "--probe", "gaussian_noise:severity=3"]
MODEL, ROWS, SAMPLES = "mnist-cnn-noise", 96, 8
PROBES = (("pgd", {"norm": "linf", "epsilon": "0.1", "steps": "20"}), ("square", {"epsilon": "0.1"}))
# Seconds: whoever computes for jobs gives way to all other work of the machine.
PATIENCE = 600
# What the tasks ask for in the files is more than this node has: what is said to sbatch goes before.
SMALL = [f"--array=1-{TASKS}", "--cpus-per-task=1", "--mem=600M", "--time=10"]


class Slurm:
    """munge, a controller and one node with a processor for each task, in a folder."""

    def __init__(self, folder):
        os.makedirs(f"{folder}/munge", mode=0o700)
        self.folder, self.children = folder, []
        user, host, socket_path = getpass.getuser(), socket.gethostname(), f"{folder}/munge/socket"
        with open(os.open(f"{folder}/munge/key", os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(128))
        with open(f"{folder}/slurm.conf", "w", encoding="utf-8") as file:
            file.write(f"""\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmdPort={free_port()}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={socket_path}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000
MpiDefault=none
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={TASKS} RealMemory=2048
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""")
        for name in ("state", "spool"):
            os.makedirs(f"{folder}/{name}")
        self.environment = {"SLURM_CONF": f"{folder}/slurm.conf"}
        try:
            munge = self.child("munged", "--foreground", "--force", f"--socket={socket_path}", f"--key-file={folder}/munge/key",
                               f"--pid-file={folder}/munge/pid", f"--seed-file={folder}/munge/seed", f"--log-file={folder}/munge/log")
            wait_for("munge", 20, lambda: os.path.exists(socket_path), 0.05, munge)
            controller = self.child("slurmctld", "-D")
            node = self.child("slurmd", "-D")
            wait_for("Slurm's controller", 30, lambda: self.ask("sinfo", "-h", "-o", "%t", fails=True) == "idle", 0.1, controller)
            if node.process.poll() is not None:
                raise Failed(f"slurmd ended: {node.words()}")
        except Exception:
            self.end()
            raise

    def child(self, *command):
        child = Child(command, f"{self.folder}/{command[0]}.log", self.environment)
        self.children.append(child)
        return child

    def ask(self, *command, fails=False, more=None, folder=None):
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **self.environment, **(more or {})},
                              cwd=folder or self.folder, timeout=30)
        if done.returncode and not fails:
            raise Failed(f"{' '.join(command)}: {done.stderr[-500:]}")
        return done.stdout.strip()

    def submit(self, script, words, folder, more):
        """The array's number. `sbatch`'s own output folder is `folder`."""
        os.makedirs(folder)
        return self.ask("sbatch", "--parsable", *SMALL, f"{ROOT}/deploy/slurm/{script}", *words, folder=folder, more=more)

    def wait_until_empty(self, seconds):
        wait_for("the queue of Slurm is empty", seconds, lambda: not self.ask("squeue", "-h"), 0.2)

    def process_of(self, array, task):
        """The process of a task, by what Slurm has told it."""
        wanted = {word.encode() for word in (
            f"SLURM_CONF={self.folder}/slurm.conf", f"SLURM_ARRAY_JOB_ID={array}", f"SLURM_ARRAY_TASK_ID={task}")}
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{number}/comm", encoding="utf-8") as file:
                    is_ours = file.read().startswith("dither")
                with open(f"/proc/{number}/environ", "rb") as file:
                    if is_ours and wanted <= set(file.read().split(b"\0")):
                        return int(number)
            except OSError:
                continue
        return None

    def end(self):
        # Tasks outlive the daemons.
        try:
            self.ask("scancel", f"--user={getpass.getuser()}")
            self.wait_until_empty(20)
        except (Failed, subprocess.SubprocessError) as error:
            print(f"while ending: {error}", file=sys.stderr)
        for child in reversed(self.children):
            child.end(signal.SIGTERM, 10)


def logs(folder):
    """What tasks have said, by the names of their files."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".log"):
            with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:
                found[name] = file.read()
    return found


def ends_of(found):
    return "\n" + "\n".join(f"{name}: {text[-800:]}" for name, text in found.items())


def parts(slurm, dither, folder, environment):
    """An array of parts, of which one is killed, and the job behind it that merges."""
    whole = f"{folder}/whole.html"
    begin = time.monotonic()
    subprocess.run([dither, "audit", *PARTS, "--report", whole], check=True, capture_output=True, timeout=PATIENCE)
    alone = time.monotonic() - begin
    array = slurm.submit("parts.sh", PARTS, f"{folder}/parts", environment)
    journal = f"{folder}/parts/audit-journal"
    pid = wait_for("part 2 runs", 30, lambda: slurm.process_of(array, 2), 0.02)
    wait_for("a result is in the journal", 60, lambda: len(os.listdir(journal) if os.path.isdir(journal) else []) > 3, 0.02)
    os.kill(pid, signal.SIGKILL)
    slurm.wait_until_empty(PATIENCE)
    found, report = logs(f"{folder}/parts"), f"{folder}/parts/audit.html"
    merged = [name for name in found if name.count("-") == 1]
    if not os.path.exists(report) or len(merged) != 1 or len(found) != TASKS + 1:
        raise Failed(f"no report of the parts, or not one merge behind {TASKS} of them:{ends_of(found)}")
    if len(os.listdir(journal)) < 4:
        raise Failed("nothing is in the journal")
    same = open(whole, "rb").read() == open(report, "rb").read()
    if not same:
        raise Failed("the report of the parts is not that of one run")
    return f"array of {TASKS} parts, one killed, and the merge: the report of one run, byte for byte ({alone:.1f} s alone)"


class Shared:
    """A database, a bucket and a server, which puts an audit there and is gone while it is done."""

    def __init__(self, dither, tools, folder):
        self.dither, self.tools, self.folder = dither, tools, folder
        self.environment, self.lease = dict(Bucket.KEYS), {"--lease": 3}
        self.ends = []
        self.postgres = self.ending(Postgres(f"{folder}/postgres"))
        self.postgres.make("dither")
        self.database = self.postgres.address()
        self.blobs = self.ending(Bucket(f"{folder}/bucket", tools)).address("shared")
        self.server = self.ending(Server(self, "server"))
        self.server.start()
        token = subprocess.run([dither, "tokens", "create", "--name", "slurm", "--role", "admin", "--database", self.database],
                               check=True, capture_output=True, text=True, timeout=30).stdout.split()[-1]
        self.caller = lambda: Caller([self.server.port], token)
        self.caller().upload(MODEL, shipped(MODEL))

    def ending(self, place):
        self.ends.append(place)
        return place

    def state(self, audit):
        return self.postgres.sql(f"SELECT state FROM dither.jobs WHERE id = '{audit}'")[0][0]

    def wait(self, audit):
        wait_for("the audit ends", PATIENCE, lambda: self.state(audit) not in ("queued", "running"), 0.1)

    def left(self, audit):
        """An audit that nobody works on: the server has put it there and is gone."""
        self.server.end(signal.SIGKILL)
        if (state := self.state(audit)) not in ("queued", "running"):
            raise Failed(f"the audit is {state} before the workers came")
        self.postgres.sql(
            f"UPDATE dither.job_shards SET result = NULL, owner = NULL, lease_until_ms = 0 WHERE job = '{audit}'")

    def end(self):
        for place in reversed(self.ends):
            place.end()


def workers(slurm, shared, folder, environment):
    """An array of workers, of which one is killed inside a shard: nobody does anything about it."""
    audit = shared.caller().start_audit(MODEL, ROWS, PROBES, SAMPLES)
    shared.wait(audit)
    whole = shared.caller().report(audit)
    audit = shared.caller().start_audit(MODEL, ROWS, PROBES, SAMPLES)
    shared.left(audit)
    array = slurm.submit("workers.sh", (), f"{folder}/workers", {
        **environment, **shared.environment, "DITHER_DATABASE": shared.database, "DITHER_BLOBS": shared.blobs,
        "DITHER_LEASE": "3"})
    held = f"SELECT owner FROM dither.job_shards WHERE job = '{audit}' AND result IS NULL AND owner IS NOT NULL"

    def all_have_one():
        found = shared.postgres.sql(held)
        return found if len(set(map(tuple, found))) == TASKS else None

    try:
        owners = wait_for("all workers have a shard", PATIENCE, all_have_one, 0.02)
    except Failed as error:
        raise Failed(f"{error}:{ends_of(logs(f'{folder}/workers'))}") from None
    victim = slurm.process_of(array, 2)
    if victim is None or not any(owner[0].endswith(f" {victim}") for owner in owners):
        raise Failed(f"task 2 ({victim}) has no shard: {owners}")
    os.kill(victim, signal.SIGKILL)
    slurm.wait_until_empty(PATIENCE)
    if shared.state(audit) != "done":
        raise Failed(f"the audit is {shared.state(audit)}:{ends_of(logs(f'{folder}/workers'))}")
    shared.server.start()
    if shared.caller().report(audit) != whole:
        raise Failed("the report of the workers is not that of one server")
    return f"array of {TASKS} workers, one killed inside a shard: the report of one server, byte for byte, without a human"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("dither")
    options.add_argument("--tools", required=True)
    options.add_argument("--only", choices=["parts", "workers"])
    wanted = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder, begin, ends = tempfile.mkdtemp(prefix="dither-slurm-"), time.monotonic(), []
    os.chmod(folder, 0o755)
    # The files call it by its name.
    for name in ("bin", "home"):
        os.makedirs(f"{folder}/{name}")
    os.symlink(wanted.dither, f"{folder}/bin/dither")
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": f"{folder}/home"}
    try:
        slurm = Slurm(f"{folder}/slurm")
        ends.append(slurm)
        print(f"slurmctld, slurmd and munge: {time.monotonic() - begin:.1f} s", flush=True)
        if wanted.only != "workers":
            print(parts(slurm, wanted.dither, folder, environment), flush=True)
        if wanted.only != "parts":
            shared = Shared(wanted.dither, wanted.tools, f"{folder}/shared")
            ends.append(shared)
            print(workers(slurm, shared, folder, environment), flush=True)
    except (Failed, subprocess.SubprocessError) as error:
        print(f"test-slurm: {error}", file=sys.stderr)
        sys.exit(1)
    finally:
        for place in reversed(ends):
            place.end()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"test-slurm: {time.monotonic() - begin:.0f} s")


main()
