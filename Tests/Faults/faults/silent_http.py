"""Connections to the HTTP port that say nothing, or half of a request, do not shut health, readiness and metrics."""

import time

from support import Server, need


def check() -> str:
    with Server() as server:
        held = []
        for at in range(300):
            try:
                wire = server.connect("http", timeout=5)
                if at % 2:
                    wire.sendall(b"GET /healthz HTTP/1.1\r\nhost: ")
                held.append(wire)
            except OSError:
                pass
        time.sleep(1)
        begun = time.monotonic()
        while True:
            # The share of one address is full until the silent ones are closed.
            try:
                if server.ask("/healthz", token="", timeout=5)[0] == 200:
                    break
            except OSError:
                pass
            need(time.monotonic() - begun < 30, "health is not back after 30 s")
            time.sleep(0.2)
        took = time.monotonic() - begun
        need(server.ask("/readyz", token="")[0] == 200 and server.ask("/metrics")[0] == 200, "no readiness or metrics")
        for wire in held:
            wire.close()
        return f"{len(held)} connections, health after {took:.1f} s"
