"""A server of one's own, for a while."""

import contextlib
import json
import os
import subprocess
import sys
import time


@contextlib.contextmanager
def server(dither, folder):
    """The environment in which the command line reaches a server with no models."""
    ready, log = folder / "ready.json", folder / "server.log"
    command = [dither, "serve", "--state", str(folder / "state"), "--ready-file", str(ready), "--log-level", "warning"]
    ports = ["--framed-port", "0", "--grpc-port", "0", "--http-port", "0"]
    with open(log, "w") as out:
        process = subprocess.Popen([*command, *ports], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        for _ in range(1200):
            if ready.exists():
                break
            if process.poll() is not None:
                sys.exit(log.read_text())
            time.sleep(0.1)
        facts = json.loads(ready.read_text())
        yield os.environ | {
            "DITHER_ADDRESS": f"dither://127.0.0.1:{facts['framed']}",
            "DITHER_TOKEN": facts["token"],
            "DITHER_CA": facts["ca"],
        }
    finally:
        process.terminate()
        process.wait()
