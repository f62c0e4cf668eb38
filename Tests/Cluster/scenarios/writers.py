"""Eight writers, 500 publishes and moves, while servers are killed: what was acknowledged is there, and adds up."""

import json
import random
import signal
import threading
import time

import grpc

from calls import shipped

from .figure import Figure

NAME = "writers"
WRITERS, ACTS, NAMES = 8, 500, ("net-a", "net-b", "net-c")


class Writer(threading.Thread):
    def __init__(self, cluster, number, content):
        super().__init__(daemon=True)
        self.cluster, self.number, self.content = cluster, number, content
        self.published, self.moved, self.errors, self.unexpected = [], [], 0, []

    def run(self):
        chance = random.Random(self.number)
        callers = [self.cluster.only(server) for server in self.cluster.servers]
        for act in range(ACTS // WRITERS + (1 if self.number < ACTS % WRITERS else 0)):
            name, card = chance.choice(NAMES), json.dumps({"by": self.number, "act": act})
            while True:
                caller = chance.choice(callers)
                try:
                    if act % 2 == 0 or not self.published:
                        version = caller.upload(name, self.content, card=card).model.version
                        self.published.append((name, version, card))
                    else:
                        name, version, _ = chance.choice(self.published)
                        caller.set_alias(f"{name}@{version}", "best")
                        self.moved.append((name, version))
                    break
                except grpc.RpcError as error:
                    self.errors += 1
                    if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                        self.unexpected.append(f"{error.code().name}: {error.details()}"[:200])
                        if len(self.unexpected) > 20:
                            return
                    time.sleep(0.05)
        for caller in callers:
            caller.close()


def run(cluster):
    content = shipped("fashion-mlp-noise")
    writers = [Writer(cluster, number, content) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    kills = 0
    while any(writer.is_alive() for writer in writers):
        time.sleep(cluster.random.uniform(0.5, 1.5))
        server = cluster.random.choice(cluster.servers)
        server.end(signal.SIGKILL)
        server.start()
        kills += 1
    published = [one for writer in writers for one in writer.published]
    moved = [one for writer in writers for one in writer.moved]
    unexpected = [words for writer in writers for words in writer.unexpected]
    sql = cluster.postgres.sql
    names = "','".join(NAMES)
    there = {(name, int(version)): card for name, version, card in sql(
        f"SELECT name, version, card FROM dither.versions WHERE name IN ('{names}') AND removed_ms IS NULL")}
    lost = [one for one in published if json.loads(there.get(one[:2], "null")) != json.loads(one[2])]
    history = [(name, int(version)) for name, version in sql(
        f"SELECT name, version FROM dither.alias_history WHERE name IN ('{names}') ORDER BY id")]
    # A move to where the alias stands already is none: it is in the history once.
    lost += [one for one in moved if one not in set(history)]
    gaps = [name for name in NAMES for numbers in [sorted(version for other, version in there if other == name)]
            if numbers != list(range(1, len(numbers) + 1))]
    last = dict(history)
    aliases = {name: int(version) for name, version in sql(
        f"SELECT name, version FROM dither.aliases WHERE name IN ('{names}')")}
    shown = {name: [caller.model(f"{name}:best").version for caller in map(cluster.only, cluster.servers)] for name in last}
    differ = [name for name in last if aliases.get(name) != last[name] or set(shown[name]) != {last[name]}]
    acts = len(published) + len(moved)
    return [
        Figure(f"{WRITERS} writers, {acts} publishes and moves, {kills} servers killed: acknowledged and lost",
               f"{len(lost)} of {acts}", "0 of 500", not lost and acts == ACTS, must=True),
        Figure("names with gaps in their versions", len(gaps), "0", not gaps, must=True),
        Figure("aliases that are not the last of their history, at any server", len(differ), "0", not differ, must=True),
        Figure("answers that were neither a success nor UNAVAILABLE", sorted(set(unexpected)) or 0, "0", not unexpected,
               must=True),
    ]
