"""SIGTERM under load loses no call: what was begun is answered, and what is refused was not begun."""

import threading
import time

import grpc
from dither import _methods
from support import Server, need, predict_message


def check() -> str:
    figures = []
    for lame_duck in ("0", "1"):
        with Server("--lame-duck", lame_duck) as server:
            answered, lost, stopped = [0], [], threading.Event()

            def call() -> None:
                channel = server.channel()
                while not stopped.is_set():
                    try:
                        channel.call(_methods.PREDICT, predict_message(samples=16), timeout=30)
                        answered[0] += 1
                    except grpc.RpcError as error:
                        # Nobody listens any more, or the stream was refused as not begun: a balancer repeats it elsewhere.
                        words = error.details() or ""
                        known = ("failed to connect", "connection refused", "draining", "refused_stream")
                        if error.code() != grpc.StatusCode.UNAVAILABLE or not any(
                            word in words.lower() for word in known
                        ):
                            lost.append(f"{error.code().name}: {words}")
                        if server.process.poll() is not None or error.code() == grpc.StatusCode.UNAVAILABLE:
                            return

            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(1.5)
            took = server.stop(within=60)
            stopped.set()
            for thread in threads:
                thread.join(60)
            need(server.process.returncode == 0, f"it ended with {server.process.returncode}")
            need(not lost, f"lost: {lost[:3]}")
            need(answered[0] > 20, f"{answered[0]} answers")
            figures.append(f"lame duck {lame_duck} s: {answered[0]} answered, none lost, ended in {took:.1f} s")
    return "; ".join(figures)
