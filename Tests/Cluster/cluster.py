"""The figures of a cluster on loopback, as a table and as JSON. `Tests/Cluster/run` starts it."""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from calls import Caller, shipped
from places import Bucket, Failed, Postgres, Server, Worker
from scenarios import ALL


class Cluster:
    """Three servers and a worker that share a database and a bucket."""

    def __init__(self, dither, tools, folder, rounds, lease, seed):
        self.dither, self.tools, self.folder = dither, tools, folder
        self.rounds, self.lease_seconds = rounds, lease
        self.lease = {} if lease == 30 else {"--lease": lease}
        self.random = random.Random(seed)
        self.environment = dict(Bucket.KEYS)
        self._ends = []

    def start(self):
        """Its processes: what has started when one of them fails is ended by `end`."""
        folder, tools = self.folder, self.tools
        self.postgres = self.ending(Postgres(f"{folder}/postgres"))
        self.postgres.make("dither")
        self.database = self.postgres.address()
        self.bucket = self.ending(Bucket(f"{folder}/bucket", tools))
        self.blobs = self.bucket.address("shared")
        self.servers = [self.ending(Server(self, name)) for name in ("one", "two", "three")]
        for server in self.servers:
            server.start()
        self.token = subprocess.run(
            [self.dither, "tokens", "create", "--name", "cluster", "--role", "admin", "--database", self.database],
            check=True, capture_output=True, text=True, timeout=30).stdout.split()[-1]
        self.caller = Caller([server.port for server in self.servers], self.token)
        for name in ("mnist-mlp-noise", "mnist-cnn-noise"):
            self.caller.upload(name, shipped(name))

    def ending(self, place):
        """Ends it with the cluster."""
        self._ends.append(place)
        return place

    def end_now(self, place, *how):
        place.end(*how)
        self._ends.remove(place)

    def worker(self, *arguments, **options):
        return self.ending(Worker(self, *arguments, **options))

    def only(self, server):
        return Caller([server.port], self.token)

    def stop_servers(self):
        for server in self.servers:
            server.child.send(signal.SIGTERM)
        for server in self.servers:
            server.end()

    def start_servers(self):
        for server in self.servers:
            server.start()
        # One that saw them all gone would wait before it tries again.
        self.caller.close()
        self.caller = Caller([server.port for server in self.servers], self.token)

    def end(self):
        for place in reversed(self._ends):
            try:
                place.end(signal.SIGKILL) if isinstance(place, (Server, Worker)) else place.end()
            except (OSError, Failed) as error:
                print(f"while ending: {error}", file=sys.stderr)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("dither")
    options.add_argument("--tools", required=True)
    options.add_argument("--only", nargs="*", default=[], choices=[scenario.NAME for scenario in ALL])
    options.add_argument("--json")
    options.add_argument("--keep", action="store_true", help="leave the folder, with the logs")
    wanted = options.parse_args()
    rounds, seed = int(os.environ.get("ROUNDS", "1")), int(os.environ.get("SEED", "1"))
    folder = tempfile.mkdtemp(prefix="dither-cluster-")
    os.chmod(folder, 0o755)
    begin, figures, cluster = time.monotonic(), [], None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        cluster = Cluster(wanted.dither, wanted.tools, folder, rounds, float(os.environ.get("LEASE", "3")), seed)
        cluster.start()
        print(f"three servers, PostgreSQL and a bucket: {time.monotonic() - begin:.1f} s", flush=True)
        for scenario in ALL:
            if wanted.only and scenario.NAME not in wanted.only:
                continue
            at = time.monotonic()
            try:
                found = scenario.run(cluster)
            except Exception as error:  # One that breaks is a bar that is missed; the others have their turn.
                traceback.print_exc()
                found = [scenario.broken(f"{type(error).__name__}: {error}")]
            figures += [{"scenario": scenario.NAME, **vars(figure)} for figure in found]
            for figure in found:
                print(f"  {figure.line()}", flush=True)
            print(f"{scenario.NAME}: {time.monotonic() - at:.1f} s", flush=True)
    finally:
        if cluster:
            cluster.end()
        if wanted.keep:
            print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - begin
    print("\n| scenario | figure | measured | bar | |\n| --- | --- | --- | --- | --- |")
    for figure in figures:
        print(f"| {figure['scenario']} | {figure['what']} | {figure['measured']} | {figure['bar']} | {figure['verdict']} |")
    missed = [figure for figure in figures if figure["verdict"] == "MISSED"]
    print(f"\n{len(figures)} figures in {seconds:.0f} s; {len(missed)} bars of correctness missed")
    if wanted.json:
        with open(wanted.json, "w", encoding="utf-8") as file:
            json.dump({"seconds": seconds, "rounds": rounds, "seed": seed, "figures": figures}, file, indent=1)
    sys.exit(1 if missed or not figures else 0)


main()
