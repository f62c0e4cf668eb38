"""Calls that are begun and never ended take no other caller's place, end by themselves, and do not keep SIGTERM waiting."""

import time

from support import Server, need, opening


def check() -> str:
    with Server() as server:
        token = server.token_of("caller", "predict")
        held = []
        for _ in range(17):
            wire = server.connect(hello=True)
            call = "dither.v1.Inference/Predict"
            wire.sendall(b"".join(opening(number, call, token, end=False) for number in range(1, 257)))
            held.append(wire)
        time.sleep(1)
        figures = []
        for name, own in (("another caller", server.token_of("other", "predict")), ("the session", server.token)):
            status = server.predict(token=own, samples=0)
            figures.append(f"{name} {status}")
            need(status == 200, figures[-1])
        begun = time.monotonic()
        while server.predict(token=token, samples=0) != 200:
            need(time.monotonic() - begun < 40, "its own calls are refused after 40 s")
            time.sleep(1)
        figures.append(f"itself after {time.monotonic() - begun:.0f} s")
        took = server.stop(within=20)
        return f"{', '.join(figures)}; SIGTERM {took:.1f} s"
