"""Mixed calls for as long as SOAK_SECONDS says: all are answered as they should be, and memory stays flat."""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import threading
import time
from typing import Callable

from dither import _methods
from support import (
    DEEP,
    MODEL,
    Server,
    Wrong,
    field,
    need,
    number,
    opening,
    predict,
    predict_message,
    use,
    variant,
)

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
# Growth from the second quarter of the time to the last that is none: allocators keep pages.
MIB, SHARE = 12, 0.06


class Soak:
    def __init__(self, server: Server):
        self.server = server
        self.end = time.monotonic() + SECONDS
        self.counts: dict[str, int] = {}
        self.faults: list[str] = []
        self.lock = threading.Lock()

    def count(self, kind: str, fault: str = "") -> None:
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if fault and len(self.faults) < 20:
                self.faults.append(f"{kind}: {fault}")

    def repeat(self, kind: str, call: Callable[[random.Random], None], pause: float) -> threading.Thread:
        chance = random.Random(kind)

        def work() -> None:
            while time.monotonic() < self.end:
                try:
                    call(chance)
                    self.count(kind)
                except Exception as error:
                    self.count(kind, repr(error))
                time.sleep(pause * chance.uniform(0.5, 1.5))

        thread = threading.Thread(target=work, name=kind, daemon=True)
        thread.start()
        return thread


def calls(soak: Soak) -> list[threading.Thread]:
    server = soak.server
    channel = server.channel()
    token = server.token_of("caller", "predict")

    def json_predict(chance: random.Random) -> None:
        rows, samples = chance.choice([1, 1, 1, 8, 64]), chance.choice([0, 1, 16, 64])
        status = server.predict(rows=rows, samples=samples, token=token)
        need(status == 200, f"{status}")

    def grpc_predict(chance: random.Random) -> None:
        model = chance.choice([MODEL, DEEP, "fashion-mlp-noise"])
        fields = chance.choice(
            [{"samples": 4}, {"tolerance": 0.2, "max_samples": 32}, {"samples": 8, "antithetic": True}]
        )
        answer = channel.call(_methods.PREDICT, predict_message(model, chance.choice([1, 4]), **fields))
        need(len(answer.predictions) > 0, "no predictions")

    def framed_predict(chance: random.Random) -> None:
        wire = server.connect(hello=True)
        array = number(1, 1) + field(2, b"\1\x90\x06") + field(3, bytes(784 * 4))
        for call in range(1, chance.choice([2, 5])):
            wire.sendall(
                opening(call, "dither.v1.Inference/Predict", token, field(1, MODEL.encode()) + field(2, array))
            )
        need(len(wire.recv(1 << 16)) > 0, "closed")
        # Some go without reading all.
        wire.close()

    def standard(chance: random.Random) -> None:
        tensor = {"name": "input", "datatype": "FP32", "shape": [1, 784], "data": [0.5] * 784}
        status, body = server.ask(
            f"/v2/models/{MODEL}/infer", {"inputs": [tensor], "parameters": {"samples": 4}}, token
        )
        need(status == 200, f"{status} {body[:200]!r}")

    def refused(chance: random.Random) -> None:
        path, message, own, right = chance.choice(
            [
                ("/v1/Inference/Predict", predict("none-mlp"), token, 404),
                ("/v1/Inference/Predict", {"modle": 1}, token, 400),
                ("/v1/Registry/SetAlias", {}, token, 403),
                ("/v1/Inference/Predict", predict(rows=3, samples=1_000_000), token, 400),
            ]
        )
        status = server.ask(path, message, own)[0]
        need(status == right, f"{path}: {status}, not {right}")

    def cancelled(chance: random.Random) -> None:
        call = channel.stub(_methods.PREDICT).future(
            predict_message(DEEP, samples=2000), timeout=5, metadata=channel.metadata
        )
        time.sleep(chance.uniform(0, 0.05))
        call.cancel()

    def registry(chance: random.Random) -> None:
        name = f"soak-{chance.randrange(3)}"
        model = channel.upload(name, variant(chance.randrange(1 << 30))).model
        reference = f"{name}@{model.version}"
        channel.call(_methods.SET_ALIAS, _methods.SET_ALIAS.request(model=reference, alias="now"))
        channel.call(_methods.PREDICT, predict_message(f"{name}:now", samples=2))
        # An alias keeps its version: it is moved back and forth, and taken with the version.
        status, body = server.ask("/v1/Registry/RemoveModel", {"model": reference, "force": True, "purge": True})
        need(status == 200, f"{status} {body[:200]!r}")

    def audit(chance: random.Random) -> None:
        probes = [{"probe": chance.choice(["clean", "gaussian_noise", "fgsm"])}]
        examples = {"inputs": predict(rows=4)["input"], "labels": [0, 1, 2, 3]}
        message = {
            "model": MODEL,
            "seed": str(chance.randrange(1000)),
            "samples": 2,
            "probes": probes,
            "examples": examples,
        }
        status, body = server.ask("/v1/Robustness/Audit", message)
        need(status == 200 and b"event: end" in body, f"{status} {body[-200:]!r}")

    def watching(chance: random.Random) -> None:
        for path in ("/metrics", "/readyz", "/", f"/models/{MODEL}"):
            need(server.ask(path)[0] == 200, path)
        audits = json.loads(server.ask("/v1/Robustness/ListAudits", {})[1] or b"{}")
        need("error" not in audits, str(audits)[:200])

    def fresh(chance: random.Random) -> None:
        own = server.channel()
        own.call(_methods.LIST_MODELS, _methods.LIST_MODELS.request())
        own.close()

    kinds = [
        ("json", json_predict, 0.01),
        ("grpc", grpc_predict, 0.01),
        ("framed", framed_predict, 0.05),
        ("v2", standard, 0.05),
        ("refused", refused, 0.05),
        ("cancelled", cancelled, 0.2),
        ("registry", registry, 1.0),
        ("audit", audit, 1.0),
        ("watching", watching, 0.5),
        ("fresh", fresh, 0.2),
    ]
    return [soak.repeat(*kind) for kind in kinds]


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: soak PATH/TO/dither", file=sys.stderr)
        return 2
    use(sys.argv[1])
    with Server("--log-level", "warning") as server:
        soak = Soak(server)
        threads = calls(soak)
        looks: list[tuple[float, int, int]] = []
        while time.monotonic() < soak.end:
            tasks = len(os.listdir(f"/proc/{server.process.pid}/task"))
            looks.append((server.memory(), server.files(), tasks))
            time.sleep(max(0.1, min(1, SECONDS / 100)))
        for thread in threads:
            thread.join(60)
        quarter = len(looks) // 4
        before, after = looks[quarter : 2 * quarter], looks[3 * quarter :]
        was, now = (statistics.median(look[0] for look in part) for part in (before, after))
        files = [statistics.median(look[1] for look in part) for part in (before, after)]
        tasks = [statistics.median(look[2] for look in part) for part in (before, after)]
        print(f"{SECONDS:.0f} s: " + ", ".join(f"{kind} {count}" for kind, count in sorted(soak.counts.items())))
        print(
            f"memory {was:.0f} -> {now:.0f} MiB, files {files[0]:.0f} -> {files[1]:.0f}, threads {tasks[0]:.0f} -> {tasks[1]:.0f}"
        )
        try:
            need(not soak.faults, f"{len(soak.faults)} calls were answered otherwise: {soak.faults[:5]}")
            need(len(soak.counts) == len(threads), "a kind of call was never made")
            need(now - was <= max(MIB, SHARE * was), "memory grows")
            need(files[1] - files[0] <= 16 and tasks[1] - tasks[0] <= 4, "files or threads pile up")
            took = server.stop(within=40)
            need(server.process.returncode == 0, f"it ended with {server.process.returncode}")
            print(f"ok; SIGTERM {took:.1f} s")
            return 0
        except Wrong as reason:
            print(f"FAILED: {reason}")
            return 1


if __name__ == "__main__":
    sys.exit(main())
