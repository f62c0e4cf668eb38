"""An audit that SIGKILL or SIGTERM stops goes on at the next start, and its report is that of one that was not stopped."""

import http.client
import json
import signal
import threading
import time

from support import DEEP, Server, need, predict, scratch


def audit() -> dict:
    probes = [{"probe": "clean"}, {"probe": "gaussian_noise"}, {"probe": "pgd", "parameters": {"steps": "40"}}]
    examples = {"inputs": predict(DEEP, rows=32)["input"], "labels": [at % 10 for at in range(32)]}
    return {"model": DEEP, "seed": "5", "samples": 8, "probes": probes, "examples": examples}


def report(server: Server, name: str) -> dict:
    begun = time.monotonic()
    while True:
        status, body = server.ask("/v1/Robustness/GetReport", {"audit": name, "format": "JSON"})
        if status == 200:
            break
        need(time.monotonic() - begun < 120, f"no report of {name}: {body[:200]!r}")
        time.sleep(0.2)
    status, body = server.ask(f"/audits/{name}.json")
    need(status == 200, f"{status}")
    return json.loads(body)


def begin(server: Server) -> str:
    found: list[str] = []

    def listen() -> None:
        try:
            server.ask("/v1/Robustness/Audit", audit(), timeout=120)
        except (OSError, http.client.HTTPException):
            # The server is killed under it.
            pass

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not found and time.monotonic() < end:
        audits = json.loads(server.ask("/v1/Robustness/ListAudits", {})[1]).get("audits", [])
        found = [one["audit"] for one in audits]
        time.sleep(0.05)
    need(bool(found), "no audit has begun")
    return found[0]


def facts(report_: dict) -> str:
    """What it found, without when and by which name."""
    return json.dumps(report_["probes"], sort_keys=True)


def check() -> str:
    with Server() as server:
        whole = facts(report(server, begin(server)))
    need(len(whole) > 100, "the report has no probes")
    for number in (signal.SIGKILL, signal.SIGTERM):
        state = scratch() / "state"
        with Server(state=state) as server:
            name = begin(server)
            time.sleep(0.4)
            state_of = json.loads(server.ask("/v1/Robustness/ListAudits", {})[1])["audits"][0]["state"]
            need(state_of in ("QUEUED", "RUNNING"), f"it was {state_of} already: nothing was stopped")
            server.stop(number)
        with Server(state=state) as again:
            need(facts(report(again, name)) == whole, f"after signal {number} the report is another")
    return "after SIGKILL and SIGTERM the same report"
