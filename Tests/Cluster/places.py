"""The processes of a cluster on loopback: each in a folder of its own, ended with this process."""

import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failed(Exception):
    """Something did not do what it must."""


def free_port():
    """Below 32 000: SeaweedFS adds 10 000 to some."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) != 0:
                return port


def wait_for(what, seconds, condition, pause=0.02, child=None):
    """What `condition` answers, once that is true; a child that it needs is ended where it does not come."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        gone = child is not None and child.process.poll() is not None
        if gone or time.monotonic() > end:
            if child is not None:
                child.end(signal.SIGKILL)
            raise Failed(f"{what}: " + (f"it ended: {child.words()}" if gone else f"not within {seconds} s"))
        time.sleep(pause)


def is_open(port):
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


class Child:
    """A process that is ended when its owner is."""

    def __init__(self, command, log, environment=None):
        self.log = log
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env={**os.environ, **(environment or {})},
                start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def send(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self, number=signal.SIGTERM, seconds=40):
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def words(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]


class Postgres:
    """Debian's server over a folder; root has the user `postgres` run it, as it refuses root."""

    def __init__(self, folder):
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))[-1]
        self.folder = folder
        self.port = free_port()
        os.makedirs(folder)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync")
        self.start()

    def _run(self, program, *arguments):
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run([*as_user, f"{self.programs}/{program}", *arguments], cwd="/", capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{program}: {done.stderr[-500:]}")
        return done.stdout.strip()

    def start(self):
        options = (f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=300 "
                   "-c shared_buffers=64MB")
        # Not through `_run`: what it starts would keep its pipes.
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*as_user, f"{self.programs}/pg_ctl", "-D", f"{self.folder}/data", "-w", "-o", options, "-l",
             f"{self.folder}/log", "start"], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode:
            raise Failed(f"PostgreSQL did not start: {self.folder}/log")

    def stop(self, how="immediate"):
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", how, "stop")

    def end(self):
        try:
            self.stop()
        except Failed:
            pass

    def make(self, name):
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name)

    def sql(self, text, database="dither"):
        """Rows as lists of texts."""
        found = self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\t", "-h", "127.0.0.1", "-p", str(self.port), "-U",
                          "postgres", "-d", database, "-c", text)
        return [line.split("\t") for line in found.splitlines()]

    def address(self, database="dither", port=None):
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}?sslmode=disable"


class Bucket:
    """SeaweedFS with one bucket."""

    KEYS = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret"}

    def __init__(self, folder, tools):
        os.makedirs(folder)
        names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
                 "s3.port", "s3.port.grpc"]
        ports = {name: free_port() for name in names}
        identity = {"name": "test", "actions": ["Admin", "Read", "Write", "List"],
                    "credentials": [{"accessKey": "test-key", "secretKey": "test-secret"}]}
        with open(f"{folder}/s3.json", "w", encoding="utf-8") as file:
            json.dump({"identities": [identity]}, file)
        self.child = Child(
            [f"{tools}/weed", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
             f"-s3.config={folder}/s3.json", "-volume.max=100", "-master.volumeSizeLimitMB=64",
             # Its catalogs have ports of their own, at which only one server of a machine can be.
             "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
             f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock",
             *(f"-{name}={port}" for name, port in ports.items())], f"{folder}/log")
        self.endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        filer = f"http://127.0.0.1:{ports['filer.port']}/buckets/"

        def made():
            try:
                urllib.request.urlopen(urllib.request.Request(filer + "dither/", method="POST"), timeout=5).read()
            except urllib.error.HTTPError as error:
                # It is there already.
                return error.code == 409
            except OSError:
                return False
            return True

        wait_for("SeaweedFS", 60, lambda: made() and is_open(ports["s3.port"]), 0.2, self.child)

    def address(self, prefix):
        return f"s3://dither/{prefix}?endpoint={self.endpoint}"

    def end(self):
        self.child.end(signal.SIGKILL)


class Server:
    """`dither serve`, without TLS: at the same port each time that it is started."""

    def __init__(self, cluster, name, **options):
        self.cluster, self.name, self.options = cluster, name, options
        self.port = free_port()
        self.folder = f"{cluster.folder}/{name}"
        self.child = None

    def command(self, database=None):
        options = {
            "--state": self.folder, "--database": database or self.cluster.database, "--blobs": self.cluster.blobs,
            "--grpc-port": self.port, "--framed-port": 0, "--http-port": 0, "--threads": 1, "--log-level": "notice",
            "--ready-file": f"{self.folder}.ready.json", **self.cluster.lease, **self.options}
        return [self.cluster.dither, "serve", "--insecure"] + [
            str(word) for pair in options.items() if pair[1] is not None for word in pair]

    def start(self, database=None):
        """Returns once it serves, with the seconds that it took."""
        ready, begin = f"{self.folder}.ready.json", time.monotonic()
        if os.path.exists(ready):
            os.remove(ready)
        self.child = Child(self.command(database), f"{self.folder}.log", self.cluster.environment)

        wait_for(f"{self.name} serves", 60, lambda: os.path.exists(ready) and os.path.getsize(ready) > 0, 0.001, self.child)
        took = time.monotonic() - begin
        with open(ready, encoding="utf-8") as file:
            self.ready = json.load(file)
        return took

    def memory(self):
        """MiB that are resident."""
        with open(f"/proc/{self.child.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def end(self, number=signal.SIGTERM):
        if self.child:
            self.child.end(number)


class Worker:
    """`dither work` with one thread."""

    def __init__(self, cluster, name="worker", database=None, more=()):
        folder = f"{cluster.folder}/{name}"
        lease = [str(word) for pair in cluster.lease.items() for word in pair]
        self.child = Child(
            [cluster.dither, "work", "--state", folder, "--database", database or cluster.database, "--blobs",
             cluster.blobs, "--threads", "1", "--log-level", "notice", *lease, *more], f"{folder}.log", cluster.environment)

    @property
    def pid(self):
        return self.child.pid

    def end(self, number=signal.SIGTERM):
        self.child.end(number)


class Envoy:
    """With the file that is shipped, but for its ports."""

    def __init__(self, folder, tools, servers):
        os.makedirs(folder)
        with open(f"{ROOT}/deploy/envoy/envoy.yaml", encoding="utf-8") as file:
            text = file.read()
        self.port, admin = free_port(), free_port()
        for shipped, port in zip((7439, 7440, 7441, 7442, 7443), (admin, self.port, *(server.port for server in servers))):
            text = text.replace(f"port_value: {shipped}", f"port_value: {port}")
        with open(f"{folder}/envoy.yaml", "w", encoding="utf-8") as file:
            file.write(text)
        self.child = Child(
            [f"{tools}/envoy", "-c", f"{folder}/envoy.yaml", "--base-id", str(random.SystemRandom().randrange(1, 1 << 30)),
             "--concurrency", "1"], f"{folder}/log")

        def sees_all():
            try:
                text = urllib.request.urlopen(f"http://127.0.0.1:{admin}/clusters", timeout=5).read().decode()
                return text.count("health_flags::healthy") == len(servers)
            except OSError:
                return False

        self.sees_all = lambda: wait_for("Envoy sees all servers", 30, sees_all, 0.1, self.child)
        self.sees_all()

    def end(self):
        self.child.end(signal.SIGKILL)
