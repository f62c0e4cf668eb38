"""A full disk is said, loses nothing, and an upload, an audit and a restart work again once there is room."""

import os
import pathlib
import subprocess

import grpc
from support import Server, Skipped, need, scratch, variant


def check() -> str:
    place = scratch() / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place]).returncode != 0:
        raise Skipped("only root can mount a file system of its own")
    try:
        return fill(place)
    finally:
        subprocess.run(["umount", "-l", place], check=False)


def fill(place: pathlib.Path) -> str:
    state = place / "state"
    with Server(state=state, models=False) as server:
        server.ready.unlink()
        channel, kept, refusal = server.channel(), 0, ""
        for at in range(64):
            try:
                channel.upload(f"model-{at % 4}", variant(at))
                kept += 1
            except grpc.RpcError as error:
                refusal = f"{error.code().name}"
                break
        need(refusal in ("RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "UNAVAILABLE"), f"a full disk says {refusal}")
        filler = place / "filler"
        try:
            with open(filler, "wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
        except OSError:
            pass
        listed = server.ask("/v1/Registry/ListModels", {})
        need(
            listed[0] == 200 and listed[1].count(b'"digest"') == kept,
            f"{listed[1].count(b'digest')} of {kept} are listed",
        )
        # For good: what can be restored keeps its file. Two, as what the database writes takes room too.
        for name in ("model-0@1", "model-1@1"):
            removed = server.ask("/v1/Registry/RemoveModel", {"model": name, "purge": True})
            need(removed[0] == 200, f"on a full disk nothing can be removed: {removed}")
        filler.unlink(missing_ok=True)
        channel.upload("after", variant(1000))
        need(server.alive, "it has ended")
        server.stop()
    with Server(state=state, models=False) as again:
        again.ready.unlink()
        count = again.ask("/v1/Registry/ListModels", {})[1].count(b'"digest"')
        need(count == kept - 1, f"{count} of {kept - 1} after the restart")
        again.stop()
    return f"{kept} uploads, then {refusal}; removed, uploaded again and restarted with {count}"
