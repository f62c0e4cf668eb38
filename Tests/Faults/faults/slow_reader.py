"""A large answer that is computed reaches a caller who is slow to read it, over TLS too, though SIGTERM has come."""

import threading
import time

from support import Server, need, opening, predict_message, varint_of


def check() -> str:
    figures = []
    message = predict_message(rows=4000, samples=16, quantiles=[at / 31 for at in range(32)]).SerializeToString()
    for arguments in (["--insecure"], []):
        with Server(*arguments) as server:
            wire = server.connect(hello=True, timeout=60)
            wire.sendall(opening(1, "dither.v1.Inference/Predict", server.token, message))
            content = b""
            while len(content) < 4000:
                part = wire.recv(2000)
                need(bool(part), "the connection ended before SIGTERM")
                content += part
            seconds: list[float] = []
            ending = threading.Thread(target=lambda: seconds.append(server.stop(within=60)))
            ending.start()
            # Longer than a handshake's farewell is waited for.
            time.sleep(7)
            begun = time.monotonic()
            while True:
                part = wire.recv(1 << 16)
                if not part:
                    break
                content += part
            took = time.monotonic() - begun
            ending.join()
            # Hello, then the end of the call with its answer.
            length, at = varint_of(content)
            rest = content[at + length :]
            length, at = varint_of(rest)
            name = "plain" if arguments else "TLS"
            need(len(rest) >= at + length and length > 4 << 20, f"{name}: {len(rest)} of {at + length} bytes came")
            figures.append(f"{name}: {length >> 20} MiB, read in {took:.1f} s, ended after {seconds[0]:.1f} s")
    return "; ".join(figures)
