"""What a training writes is opened by TensorBoard itself."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

RECIPE = """
name: tiny
data: fashion-mnist
examples: 500
validation: 100
model: {kind: mlp, hidden: [16]}
noise: [{site: weights, sigma: 0.1, schedule: linear}]
epochs: 3
"""


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.scratch.name)
        (folder / "tiny.yml").write_text(RECIPE)
        subprocess.run(
            [os.environ["DITHER"], "train", folder / "tiny.yml", "--out", folder, "--threads", "1"],
            check=True, capture_output=True)
        cls.run_folder = folder / "runs" / "tiny-seed1"

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_inspect(self):
        shown = subprocess.run(
            [sys.executable, "-m", "tensorboard.main", "--inspect", "--logdir", self.run_folder],
            check=True, capture_output=True, text=True).stdout
        self.assertIn("validation_accuracy", shown)
        self.assertIn("parameters/dense0.weight", shown)
        self.assertRegex(shown, r"max_step +3")

    def test_numbers(self):
        events = EventAccumulator(str(self.run_folder), size_guidance={"histograms": 0, "tensors": 0}).Reload()
        log = [json.loads(line) for line in (self.run_folder / "log.jsonl").read_text().splitlines()]
        for tag in ("loss", "accuracy", "validation_accuracy", "rate", "gradient_norm"):
            found = [(event.step, event.value) for event in events.Scalars(tag)]
            self.assertEqual([step for step, _ in found], [1, 2, 3])
            for (_, value), record in zip(found, log):
                self.assertAlmostEqual(value, record[tag], delta=1e-6 * max(1, abs(value)))
        noise = [event.value for event in events.Scalars("noise_1_gaussian_weights")]
        self.assertEqual(len(noise), 3)
        for value, record in zip(noise, log):
            self.assertAlmostEqual(value, record["noise"][0]["strength"], places=6)
        weights = events.Histograms("parameters/dense0.weight")[-1].histogram_value
        self.assertEqual(weights.num, 784 * 16)
        self.assertEqual(sum(weights.bucket), 784 * 16)
        self.assertEqual(weights.bucket_limit[-1], weights.max)


if __name__ == "__main__":
    unittest.main()
