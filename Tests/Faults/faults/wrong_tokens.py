"""Who tries tokens is told to wait, writes little log, and slows known callers by a bounded time."""

import threading
import time

from support import Server, beside, need, share


def check() -> str:
    with Server() as server:
        token = server.token_of("caller", "predict")
        counts: dict[int, int] = {}
        end = time.monotonic() + 6

        def guess(number: int) -> None:
            at = 0
            while time.monotonic() < end:
                at += 1
                try:
                    status = server.predict(token=f"dither_guess{number}-{at}", timeout=5)
                except OSError:
                    status = 0
                counts[status] = counts.get(status, 0) + 1

        size = server.log.stat().st_size
        with beside(lambda: server.predict(token=token, samples=0)) as others:
            threads = [threading.Thread(target=guess, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        lines = (server.log.stat().st_size - size) / 1024
        need(set(counts) <= {0, 401, 429} and counts.get(429, 0) > 0, f"{counts}")
        need(counts.get(401, 0) <= 64 + 16 * 12, f"{counts.get(401)} tries were looked at")
        need(lines < 512, f"{lines:.0f} KiB of log")
        need(share(others, 0.5) < 0.5, f"others' median {share(others, 0.5):.2f} s")
        return f"{counts}, {lines:.0f} KiB of log, others' median {share(others, 0.5) * 1e3:.1f} ms"
