"""A shape of millions of entries costs less than 2 s of computing, and keeps no other caller waiting for 1 s, at either door."""

import time

import grpc
from support import MODEL, Server, beside, field, need, number, opening, varint, wait_for_end


def bomb(entries: int) -> bytes:
    array = number(1, 1) + varint(2 << 3 | 2) + varint(entries) + b"\1" * entries
    return field(1, MODEL.encode()) + field(2, array)


def check() -> str:
    with Server() as server:
        token = server.token_of("caller", "predict")
        figures = []
        for entries in (100_000, 4_000_000, 15_000_000):
            with beside(lambda: server.predict(token=token, samples=0)) as others:
                # A machine that is busy with other work is slow without it.
                time.sleep(1)
                usual, spent = max(others, default=0.1), server.cpu()
                others.clear()
                begun = time.monotonic()
                try:
                    server.channel(token).bare("/dither.v1.Inference/Predict")(
                        bomb(entries), timeout=30, metadata=[("authorization", f"Bearer {token}")]
                    )
                    need(False, f"a shape of {entries} entries was answered")
                except grpc.RpcError as error:
                    code = error.code().name
                grpc_took = time.monotonic() - begun
                begun = time.monotonic()
                wire = server.connect(hello=True)
                wire.sendall(opening(1, "dither.v1.Inference/Predict", token, bomb(entries)))
                wait_for_end(wire)
                framed_took = time.monotonic() - begun
                wire.close()
            spent = server.cpu() - spent
            took = f"{grpc_took:.2f} s and {framed_took:.2f} s"
            figures.append(f"{entries}: {code} in {took}, {spent:.2f} s of computing, others {max(others, default=0):.2f} s")
            need(code in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"), figures[-1])
            need(spent < 2 and max(others, default=0) < max(1, 10 * usual), figures[-1])
        return "; ".join(figures)
