"""Large answers that a caller does not read cost bounded memory, and others are served."""

import time

from support import MODEL, Server, beside, field, need, number, opening, share


def check() -> str:
    with Server() as server:
        token = server.token_of("caller", "predict")
        server.predict(token=token)
        before = server.memory()
        rows = 256
        array = (
            number(1, 1)
            + field(2, bytes([0x80 | rows & 0x7F, rows >> 7]) + bytes([0x90, 0x06]))
            + field(3, bytes(rows * 784 * 4))
        )
        message = field(1, MODEL.encode()) + field(2, array)
        held = []
        with beside(lambda: server.predict(token=server.token, samples=0)) as others:
            for _ in range(16):
                wire = server.connect(hello=True)
                wire.settimeout(2)
                try:
                    for call in range(1, 33):
                        wire.sendall(opening(call, "dither.v1.Inference/Predict", token, message))
                except OSError:
                    pass
                held.append(wire)
            time.sleep(3)
        more = server.memory() - before
        for wire in held:
            wire.close()
        figures = f"{more:.0f} MiB more, others' p99 {share(others, 0.99):.2f} s"
        need(more < 700, figures)
        need(server.alive and max(others) < 20, figures)
        return figures
