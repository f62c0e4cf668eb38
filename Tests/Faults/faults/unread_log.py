"""A log that nobody reads keeps no call waiting, and SIGTERM ends the server."""

import os
import time

from support import Server, need


def check() -> str:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe, Server(stderr=pipe) as server:
        token = server.token_of("caller", "predict")
        count, begun = 0, time.monotonic()
        # 64 KiB fill the pipe: a line for each of these, as they are of different callers.
        while count < 2000 and time.monotonic() - begun < 20:
            server.ask("/v1/Inference/Predict", {"model": f"none-{count}"}, token, timeout=10)
            count += 1
        need(server.predict(token=token, timeout=10) == 200, "no prediction")
        need(server.ask("/healthz", token="", timeout=10)[0] == 200, "no health")
        took = server.stop(within=15)
        os.close(reader)
        return f"{count} refused calls, then served; SIGTERM {took:.1f} s"
