"""The console as a person has it: read at two widths, walked with the keyboard, signed in to, kept up to date, compared in."""

from __future__ import annotations

import base64
import json
import os
import random
import struct
import unittest
import urllib.request
from typing import Any, Dict, List

import chromium

ROOT = "http://" + os.environ.get("DITHER_HTTP", "")
TOKEN = os.environ.get("DITHER_TOKEN", "")
RUNS = os.environ.get("DITHER_TEST_RUNS", "")
MODEL = os.environ.get("DITHER_TEST_MODEL", "fashion-mlp-noise")
# Of this file's own: what it calibrates answers otherwise afterwards.
CALIBRATED = f"{MODEL}-spare-console"
# axe-core's script (Deque, MPL 2.0).
AXE = os.environ.get("DITHER_TEST_AXE", "")
MOST_BYTES = 100_000
PROGRAM = chromium.program()

RUN = "/runs/run?at=runs/net-seed1"
SWEEP = "/runs/sweep?at=swept/sigmas"
PAGES = ["/", "/glance", "/runs", RUN, SWEEP, f"/models/{MODEL}", "/sign-in"]


def call(method: str, message: Dict[str, Any]) -> bytes:
    request = urllib.request.Request(
        f"{ROOT}/v1/{method}", json.dumps(message).encode(),
        {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read()


def pictures(count: int) -> Dict[str, Any]:
    numbers = random.Random(1)
    values = [numbers.random() for _ in range(count * 784)]
    return {
        "type": "FLOAT32", "shape": [str(count), "1", "28", "28"],
        "data": base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()}


def write(path: str, text: str) -> None:
    path = os.path.join(RUNS, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_runs() -> None:
    write("runs/net-seed1/run.json", json.dumps({
        "name": "net", "seed": 1, "sittings": [{
            "began": "2026-01-02T03:00:00Z", "after_epochs": 0, "software": "dither", "threads": 2}]}))
    write("runs/net-seed1/log.jsonl", "".join(json.dumps({
        "epoch": epoch, "loss": 2 / epoch, "accuracy": 1 - 0.5 / epoch, "rate": 0.1, "noise": [], "gradient_norm": 1.0,
        "seconds": 1.0}) + "\n" for epoch in range(1, 31)))
    write("runs/net-seed1/recipe.yml", "name: net\n")
    write("runs/net-seed1/run.html", "<title>own</title><p>own page</p><script>document.title = 'ran'</script>")
    rows = [{
        "point": at, "settings": {"noise.0.sigma": at / 10}, "epochs": 3, "seeds": 3, "mean": 1.0 + at, "deviation": 0.1,
        "half_width": 0.1, "measures": {"accuracy": 1 - at / 10}, "seconds": 1.0} for at in range(5)]
    write("swept/sigmas.json", json.dumps({"name": "sigmas", "chosen_by": "nll", "trials": 15, "rows": rows}))
    write("swept/sigmas.csv", "point\n")
    write("swept/sigmas.html", "<p>page</p>")


# Elements that a keyboard comes to: shown, not switched off, of one of these kinds.
STOPS = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
  .filter(one => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)"""


@unittest.skipUnless(PROGRAM, "no Chromium here")
class Console(unittest.TestCase):
    browser: chromium.Browser

    @classmethod
    def setUpClass(cls) -> None:
        write_runs()
        cls.browser = chromium.Browser(PROGRAM or "")
        page = cls.browser
        page.size(1280, 900)
        page.go(ROOT + "/sign-in")
        page.value("document.getElementById('token').focus()")
        page.type(TOKEN)
        page.follow(lambda: page.press("Enter"))
        assert page.value("location.pathname") == "/", page.value("document.body.innerText")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.browser.close()

    def go(self, path: str) -> chromium.Browser:
        self.browser.go(ROOT + path)
        return self.browser

    def test_pages_fit_and_say_what_they_are(self) -> None:
        for width in (1280, 390):
            self.browser.size(width, 844)
            for path in PAGES:
                with self.subTest(path=path, width=width):
                    page = self.go(path)
                    wide = page.value("document.documentElement.scrollWidth")
                    self.assertLessEqual(wide, width, "it scrolls sideways")
                    self.assertEqual(page.value("document.querySelectorAll('h1').length"), 1)
                    self.assertEqual(page.value("document.querySelectorAll('main').length"), 1)
                    self.assertTrue(page.value("document.documentElement.lang && document.title !== ''"))
                    unnamed = page.value("""[...document.querySelectorAll('input, select, textarea, [role=img], nav')]
                      .filter(one => !(one.labels && one.labels.length) && !one.getAttribute('aria-label'))
                      .map(one => one.outerHTML)""")
                    self.assertEqual(unnamed, [])
                    self.assertEqual(page.complaints, [])
                    self.assertEqual([one for one in page.requests if not one.startswith(ROOT)], [])
                    self.assertLessEqual(self.size(path), MOST_BYTES)
        self.browser.size(1280, 900)

    def size(self, path: str) -> int:
        request = urllib.request.Request(ROOT + path, headers={"authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return len(answer.read())

    def test_the_keyboard_comes_to_everything(self) -> None:
        for path in PAGES:
            with self.subTest(path=path):
                page = self.go(path)
                page.value(f"window.stops = {STOPS}; document.activeElement.blur()")
                wanted = page.value("stops.length")
                reached = set()
                for _ in range(wanted + 5):
                    page.press("Tab")
                    reached.add(page.value("stops.indexOf(document.activeElement)"))
                missed: List[str] = page.value(
                    f"stops.filter((one, at) => !{json.dumps(sorted(reached))}.includes(at)).map(one => one.outerHTML)")
                self.assertEqual(missed, [])

    def test_figures_bring_themselves_up_to_date(self) -> None:
        call("Inference/Predict", {"model": MODEL, "input": pictures(2), "samples": 4})
        page = self.go("/glance")
        count = "[...document.querySelectorAll('td')].find(one => one.textContent === 'POST /v1/Inference/Predict')" \
            "?.nextElementSibling.textContent"
        before = int(page.value(count))
        self.assertGreaterEqual(page.value("document.querySelectorAll('svg[role=img]').length"), 4)
        call("Inference/Predict", {"model": MODEL, "input": pictures(1), "samples": 4})
        page.wait(f"Number({count}) === {before + 1}")
        # It can be stopped.
        page.value("document.querySelector('input.refresh').focus()")
        page.press("Space")
        self.assertFalse(page.value("document.querySelector('input.refresh').checked"))
        self.assertEqual(page.complaints, [])

    def compare_two_audits(self) -> chromium.Browser:
        for seed in ("1", "2"):
            call("Robustness/Audit", {
                "model": MODEL, "seed": seed, "probes": [{"probe": "clean"}, {"probe": "calibration"}],
                "examples": {"inputs": pictures(12), "labels": [at % 10 for at in range(12)]}})
        page = self.go("/")
        page.value("document.querySelector('form[action=\"/compare\"] button').focus()")
        page.follow(lambda: page.press("Enter"))
        return page

    @unittest.skipUnless(AXE, "axe-core is absent: its package could not be installed")
    def test_axe_finds_nothing_that_keeps_people_out(self) -> None:
        with open(AXE, encoding="utf-8") as file:
            script = file.read()
        page = self.compare_two_audits()
        compared = page.value("location.pathname + location.search")
        audit = "/audits/" + page.value("new URLSearchParams(location.search).values().next().value")
        for scheme in ("light", "dark"):
            page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            for path in [*PAGES, compared, audit, "/compare", "/nothing", "/models/nothing-here", "/audits/nothing"]:
                with self.subTest(path=path, scheme=scheme):
                    page.go(ROOT + path)
                    page.value(f"{script}; true")
                    found: List[str] = page.value(
                        "axe.run().then(all => all.violations.map(one => `${one.id}, ${one.impact}: ${one.nodes[0].html}`))")
                    self.assertEqual(found, [])
        page.send("Emulation.setEmulatedMedia", features=[])

    def test_two_audits_are_compared(self) -> None:
        page = self.compare_two_audits()
        self.assertEqual(page.value("location.pathname"), "/compare")
        self.assertIn("against", page.value("document.querySelector('h1').textContent"))
        self.assertGreaterEqual(page.value("document.querySelectorAll('svg').length"), 1)
        self.assertEqual(page.complaints, [])
        self.browser.size(390, 844)
        self.assertLessEqual(page.value("document.documentElement.scrollWidth"), 390)
        self.browser.size(1280, 900)

    def test_a_model_is_tried_beside_its_calibration(self) -> None:
        call("Registry/Calibrate", {
            "model": CALIBRATED, "samples": 8, "seed": "1",
            "examples": {"inputs": pictures(80), "labels": [at % 10 for at in range(80)]}})
        page = self.go(f"/models/{CALIBRATED}")
        # A calibration holds for as many draws as it was made with; the fewer ones before them are shown too.
        self.assertEqual(page.value("document.querySelector('form.trial').elements.samples.value"), "8")
        page.value("document.querySelector('form.trial button[type=submit]').focus()")
        page.press("Enter")
        page.wait("document.querySelector('.answer').textContent.includes('prediction set')")
        self.assertFalse(page.value("document.querySelector('.answer').classList.contains('failed')"))
        self.assertEqual(page.complaints, [])

    def test_a_browser_is_shown_a_page_where_there_is_none(self) -> None:
        for path in ("/nothing", "/models/nothing-here", "/audits/nothing"):
            with self.subTest(path=path):
                page = self.go(path)
                self.assertEqual(page.value("document.querySelector('h1').textContent"), "Not found")
                self.assertGreaterEqual(page.value("document.querySelectorAll('nav a').length"), 3)

    def test_a_page_that_a_training_wrote_runs_nothing(self) -> None:
        page = self.go("/runs/page?at=runs/net-seed1&kind=run")
        self.assertEqual(page.value("document.title"), "own")
        self.assertTrue(any("sandbox" in one or "script" in one.lower() for one in page.complaints), page.complaints)


if __name__ == "__main__":
    unittest.main()
