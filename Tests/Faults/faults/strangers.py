"""Without a token 1000 connections with half of a frame, before and behind Hello, cost at most 64 MiB; known callers are served."""

import resource
import time

from support import Server, beside, delimited, field, need, number, share, varint

HELLO = delimited(field(1, number(1, 1) + number(3, 16 << 20) + number(5, 1 << 30)))


def check() -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    # Without TLS, whose own buffers are another matter, and whose handshakes take the test's time.
    with Server("--insecure") as server:
        token = server.token_of("caller", "predict")
        server.predict(token=token)
        before, peak = server.memory(), 0.0
        held, refused = [], 0
        half = varint(16 << 20) + bytes(8 << 20)
        with beside(lambda: server.predict(token=token, samples=0)) as others:
            for at in range(1000):
                try:
                    wire = server.connect("grpc" if at % 4 == 0 else "framed", timeout=10)
                    wire.settimeout(0.2)
                    held.append(wire)
                    if at % 4:
                        wire.sendall((HELLO if at % 2 else b"") + half)
                except OSError:
                    refused += 1
                if at % 50 == 0:
                    peak = max(peak, server.memory())
            time.sleep(2)
            need(server.ask("/healthz", token="")[0] == 200, "health is gone")
            peak = max(peak, server.memory())
        for wire in held:
            wire.close()
        figures = f"{len(held)} held, {refused} cut or slow, {peak - before:.0f} MiB more, others' p99 {share(others, 0.99) * 1e3:.0f} ms"
        need(peak - before <= 64, figures)
        need(max(others) < 5, figures)
        return figures
