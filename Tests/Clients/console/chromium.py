"""A headless Chromium, by its debugging protocol over a pipe: pages as a person has them, with pointer, keyboard and waiting.

Source: chromedevtools.github.io/devtools-protocol; messages are JSON, each with a byte 0 behind it.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from typing import Any, Callable, Dict, List, Optional

NAMES = ("chromium", "chromium-browser", "google-chrome")


def program() -> Optional[str]:
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One browser with one page."""

    def __init__(self, path: str) -> None:
        self._profile = tempfile.mkdtemp()
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # Above 3 and 4, which the browser reads and writes.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_browser, from_browser)]

        def place() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        arguments = [
            "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self._profile}", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "about:blank",
        ]
        if os.geteuid() == 0:
            arguments.insert(0, "--no-sandbox")
        self._process = subprocess.Popen(
            [path, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=place, pass_fds=(3, 4),
        )
        for end in (*ends, to_browser, from_browser):
            os.close(end)
        self._number = 0
        self._half = b""
        self._session: Optional[str] = None
        self.events: List[Dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        os.close(self._out)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        shutil.rmtree(self._profile, ignore_errors=True)

    def send(self, method: str, **parameters: Any) -> Dict[str, Any]:
        """One command; what happens until its answer is in ``events``."""
        self._number += 1
        message: Dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        number = self._number
        answer = self._take(lambda found: found.get("id") == number, 60)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def _take(self, wanted: Callable[[Dict[str, Any]], bool], seconds: float) -> Dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            while b"\0" in self._half:
                text, self._half = self._half.split(b"\0", 1)
                found = json.loads(text)
                if "method" in found:
                    self.events.append(found)
                if wanted(found):
                    return found
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise AssertionError("the browser did not answer in time")
            more = os.read(self._in, 1 << 16)
            if not more:
                raise AssertionError("the browser has ended")
            self._half += more

    def size(self, width: int, height: int) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def go(self, address: str) -> None:
        self.events.clear()
        self.send("Page.navigate", url=address)
        self._loaded()

    def _loaded(self) -> None:
        if not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._take(lambda found: found.get("method") == "Page.loadEventFired", 30)

    def value(self, expression: str) -> Any:
        """What JavaScript makes of it; a promise is awaited."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while not self.value(expression):
            if time.monotonic() > end:
                raise AssertionError(f"it did not come true: {expression}")
            time.sleep(0.1)

    def press(self, key: str) -> None:
        code = {"Tab": 9, "Enter": 13, "Space": 32}[key]
        text = {"Enter": "\r", "Space": " "}.get(key)
        common: Dict[str, Any] = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        self.send("Input.insertText", text=text)

    def follow(self, act: Callable[[], None]) -> None:
        """What leads to another page."""
        self.events.clear()
        act()
        self._loaded()

    @property
    def complaints(self) -> List[str]:
        """Exceptions, and what the browser has said of the page: refusals of its policy among it."""
        found = []
        for event in self.events:
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"].get("text")))
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
        return found

    @property
    def requests(self) -> List[str]:
        return [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
