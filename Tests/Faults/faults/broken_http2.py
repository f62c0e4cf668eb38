"""Broken HTTP/2 (half a preface, floods, streams that fall) ends its connection and leaves no memory."""

import time

from support import Server, need

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


ATTACKS = {
    "half a preface": PREFACE[:10],
    "an oversized frame": PREFACE + frame(4, 0, 0) + frame(0, 0, 1, b"")[:9].replace(b"\0\0\0", b"\xff\xff\xff", 1),
    "pings": PREFACE + frame(4, 0, 0) + frame(6, 0, 0, bytes(8)) * 20_000,
    "settings": PREFACE + frame(4, 0, 0) * 20_000,
    "resets": PREFACE + frame(4, 0, 0) + b"".join(frame(3, 0, 2 * n + 1, bytes(4)) for n in range(2000)),
    "continuations": PREFACE + frame(4, 0, 0) + frame(1, 0, 1, b"\x82") + frame(9, 0, 1, b"\x84" * 1000) * 2000,
    "data without a stream": PREFACE + frame(4, 0, 0) + frame(0, 0, 7, b"x"),
}


def check() -> str:
    with Server("--insecure") as server:
        import socket

        def attack(content: bytes) -> None:
            wire = socket.create_connection(("127.0.0.1", server.ports["grpc"]), timeout=3)
            try:
                wire.sendall(content)
                while wire.recv(1 << 16):
                    pass
            except OSError:
                pass
            wire.close()

        for content in ATTACKS.values():
            attack(content)
        before, files = server.memory(), server.files()
        for _ in range(20):
            for name, content in ATTACKS.items():
                if name != "half a preface":
                    attack(content)
        time.sleep(2)
        need(server.alive, "it has ended")
        need(server.ask("/healthz", token="")[0] == 200, "health is gone")
        more = server.memory() - before
        need(more < 32, f"{more:.0f} MiB stay")
        need(server.files() <= files + 4, f"{server.files() - files} connections stay")
        return f"{20 * (len(ATTACKS) - 1)} attacks, {more:.1f} MiB more"
