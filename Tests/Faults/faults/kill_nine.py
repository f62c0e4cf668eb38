"""SIGKILL during uploads and moves of aliases loses nothing that was acknowledged; it is ready again within 2 s."""

import json
import random
import threading
import time

import grpc
from dither import _methods
from support import Server, need, scratch, variant


def check() -> str:
    state, chance = scratch() / "state", random.Random(7)
    kept: dict[str, str] = {}
    aliases: dict[str, int] = {}
    asked: dict[str, int] = {}
    slowest, uploads = 0.0, 0
    for round_ in range(8):
        with Server(state=state, models=False) as server:
            slowest = max(slowest, server.seconds_to_ready)
            if round_:
                verify(server, kept, aliases, asked)

            def work(number: int) -> None:
                nonlocal uploads
                channel = server.channel()
                for at in range(1000):
                    name = f"m{number}"
                    content = variant(round_ * 100_000 + number * 10_000 + at)
                    try:
                        model = channel.upload(name, content, timeout=20).model
                        kept[f"{name}@{model.version}"] = model.digest
                        uploads += 1
                        asked[name] = model.version
                        channel.call(
                            _methods.SET_ALIAS,
                            _methods.SET_ALIAS.request(model=f"{name}@{model.version}", alias="prod"),
                        )
                        aliases[name] = model.version
                    except (grpc.RpcError, ValueError):
                        return

            threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(1.2 + chance.random())
            server.process.kill()
            server.process.wait()
            for thread in threads:
                thread.join(60)
    with Server(state=state, models=False) as server:
        slowest = max(slowest, server.seconds_to_ready)
        verify(server, kept, aliases, asked)
    need(uploads > 8, f"only {uploads} uploads")
    need(slowest < 2, f"{slowest:.1f} s to ready")
    return f"8 kills, {uploads} uploads and {len(aliases)} aliases kept, ready within {slowest:.2f} s"


def verify(server: Server, kept: dict[str, str], aliases: dict[str, int], asked: dict[str, int]) -> None:
    channel = server.channel()
    for reference, digest in kept.items():
        found = channel.call(_methods.GET_MODEL, _methods.GET_MODEL.request(model=reference))
        need(found.digest == digest, f"{reference} is another file")
    for name, version in aliases.items():
        status, body = server.ask("/v1/Registry/GetModel", {"model": f"{name}:prod"})
        need(status == 200, f"the alias of {name} is gone")
        # The last move may have been done and not acknowledged.
        at = int(json.loads(body)["version"])
        need(version <= at <= max(asked[name], version), f"{name}:prod is at {at}, acknowledged was {version}")
