"""Calls that take minutes, two calibrations say, keep neither aliases nor lists, predictions or audits waiting for 5 s."""

import threading
import time

from support import DEEP, MODEL, Server, need, predict


def calibrate(server: Server, model: str, rows: int) -> dict:
    inputs = predict(model, rows)["input"]
    labels = [at % 10 for at in range(rows)]
    return {
        "model": model,
        "samples": 16_384,
        "seed": "1",
        "try_only": True,
        "examples": {"inputs": inputs, "labels": labels},
    }


def check() -> str:
    with Server() as server:
        server.predict(model=MODEL)
        threads = [
            threading.Thread(target=lambda: ignore(server, calibrate(server, DEEP, 512)), daemon=True) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        figures = []
        for name, path, message in (
            ("SetAlias", "/v1/Registry/SetAlias", {"model": f"{MODEL}@1", "alias": "prod"}),
            ("ListAudits", "/v1/Robustness/ListAudits", {}),
            ("a loaded model", "/v1/Inference/Predict", predict(MODEL)),
            ("a model that is not loaded", "/v1/Inference/Predict", predict("fashion-mlp-baseline")),
            ("the console", "/", None),
        ):
            begun = time.monotonic()
            status = server.ask(path, message, timeout=60)[0]
            took = time.monotonic() - begun
            figures.append(f"{name} {took:.2f} s")
            need(status == 200 and took < 5, f"{name}: {status} after {took:.1f} s")
        need(all(thread.is_alive() for thread in threads), "the calibrations were over before: they say nothing")
        return ", ".join(figures)


def ignore(server: Server, message: dict) -> None:
    try:
        server.ask("/v1/Registry/Calibrate", message, timeout=60)
    except OSError:
        pass
