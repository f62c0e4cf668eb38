"""A token that is revoked is worthless within two seconds, also for a stream that goes on; no token is in the log."""

import time

import grpc
from dither import _methods
from support import DEEP, Server, command, need, predict_message


def check() -> str:
    with Server("--log-level", "debug") as server:
        token = server.token_of("caller", "predict", "audit")
        channel = server.channel(token)
        examples = {"inputs": predict_message(DEEP, rows=32).input, "labels": [0] * 32}
        probes = [{"probe": "pgd", "parameters": {"steps": "400"}}]
        audit = _methods.AUDIT.request(model=DEEP, seed=1, examples=examples, probes=probes)
        events = channel.call(_methods.AUDIT, audit)
        next(events)
        done = command("tokens", "revoke", "caller", "--state", server.state)
        need(done.returncode == 0, done.stderr)
        begun = time.monotonic()
        while server.predict(token=token, samples=0) != 401:
            need(time.monotonic() - begun < 2, "it is good after 2 s")
            time.sleep(0.02)
        took = time.monotonic() - begun
        try:
            for _ in events:
                need(time.monotonic() - begun < 5, "its stream goes on")
            need(False, "its stream ended as if it were good")
        except grpc.RpcError as error:
            need(error.code() == grpc.StatusCode.UNAUTHENTICATED, f"its stream ended with {error.code().name}")
        ended = time.monotonic() - begun
        words = server.words()
        need(token not in words and server.token not in words, "the log has a token")
        return f"calls refused after {took:.2f} s, the stream ended after {ended:.2f} s"
