"""Noise that `dither tune` chooses, beside what else makes a trained network say how sure it is, on three nets and three seeds:

    tuned.py DITHER FOLDER [--nets mlp cnn cifar]

The plain network, tuned on test rows 5000 to 7000 (all candidates, chosen by cross-validated likelihood), MC dropout (trained with a
rate of 0.3), an ensemble of four plain ones, and laplace-torch's diagonal posterior of the plain one (all weights by 32 draws; the last
layer by its probit approximation; fitted to 10 000 training pictures, prior precision by marginal likelihood). Each is judged on test
rows 0 to 2000: likelihood, likelihood under four corruptions of severity 3 (500 rows each), and the AUROC by which its predictive entropy
tells another set's pictures. Trainings and results are kept in FOLDER, and a later run goes on from them. Needs MNIST, notMNIST and
CIFAR-10 with the pictures of CIFAR-100 in $DITHER_DATA.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess

SEEDS, SHARED = [1, 2, 3], [4, 5, 6]
ROWS, HELD, SAMPLES = 2000, "5000-7000", 32
SHIFTS = ["gaussian_noise", "fog", "motion_blur", "contrast"]
MLP, CNN = "mnist-mlp-baseline", "mnist-cnn-baseline"
CIFAR = ["data=cifar10", "augment=[flip, {kind: shift, pixels: 2}]", "precision=bfloat16"]
DROPOUT = "noise=[{site: activations, distribution: dropout, rate: 0.3}]"
NETS = {
    "mlp": (MLP, [], "mnist", "notmnist", "MNIST, MLP"),
    "cnn": (CNN, ["precision=bfloat16"], "mnist", "notmnist", "MNIST, CNN"),
    "cifar": (CNN, CIFAR, "cifar10", "cifar100-ood", "CIFAR-10, CNN"),
}
ARMS = ["plain", "tuned", "ensemble of 4", "MC dropout", "laplace-torch, all weights", "laplace-torch, last layer"]


class Study:
    def __init__(self, dither, folder):
        self.dither, self.folder = dither, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        done = subprocess.run([self.dither, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"dither {' '.join(map(str, arguments))}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def trained(self, net, seed, dropout=False):
        recipe, settings = NETS[net][:2]
        name = f"{net}-dropout-{seed}" if dropout else f"{net}-{seed}"
        path = self.folder / f"{name}.onnx"
        if not path.exists():
            resume = ["--resume"] if (self.folder / f"{name}.checkpoint").exists() else []
            chosen = settings + ([DROPOUT] if dropout else [])
            options = [part for one in chosen for part in ("--set", one)]
            self.call("train", f"recipes/{recipe}.yml", "--name", name, "--seed", seed, "--out", self.folder, *options, *resume)
        return path

    def shifted(self, data):
        """The corrupted pictures as bytes, and their classes."""
        import numpy

        pictures, labels = self.folder / f"{data}-shifted.npy", self.folder / f"{data}-shifted-labels.npy"
        if not labels.exists():
            parts = []
            for corruption in SHIFTS:
                out = self.folder / f"{data}-{corruption}.npy"
                self.call("corrupt", f"{corruption}:severity=3", "--data", f"{data}:500", "--out", out)
                parts.append(numpy.load(out))
                out.unlink()
            numpy.save(pictures, numpy.concatenate(parts))
            numpy.save(labels, numpy.tile(test(data)[1][:500], len(SHIFTS)))
        return pictures, labels

    def judged(self, net, seed):
        kept = self.folder / f"{net}-{seed}.result.json"
        if kept.exists():
            return json.loads(kept.read_text())
        _, _, data, foreign, _ = NETS[net]
        plain = self.trained(net, seed)
        tuned = self.folder / f"{net}-{seed}-tuned.onnx"
        said = json.loads(self.call(
            "tune", plain, "--data", f"{data}:{HELD}", "--output", tuned, "--samples", SAMPLES, "--seed", seed, "--json"))
        ensemble = "+".join(str(self.trained(net, one)) for one in [seed, *SHARED])
        rivals = [plain, ensemble, self.trained(net, seed, dropout=True)]
        shared = [tuned, "--samples", SAMPLES, "--seed", seed, "--json"] + [
            part for rival in rivals for part in ("--baseline", rival)]
        clean = json.loads(self.call(
            "audit", *shared, "--data", f"{data}:{ROWS}", "--probe", "calibration", "--probe", f"ood:data={foreign}"))
        pictures, labels = self.shifted(data)
        shifted = json.loads(self.call("audit", *shared, "--data", pictures, "--labels", labels, "--probe", "calibration"))
        found = {"chosen": said["record"]["chosen"]}
        for place, arm in enumerate(["tuned", "plain", "ensemble of 4", "MC dropout"]):
            def of(probe):
                return probe if place == 0 else probe["others"][place - 1]
            scores = {m["name"]: m["value"] for m in of(clean["probes"][1])["summary"]["measures"]}
            found[arm] = {
                "accuracy": of(clean["probes"][0])["calibration"]["accuracy"],
                "nll": of(clean["probes"][0])["calibration"]["nll"],
                "shifted": of(shifted["probes"][0])["calibration"]["nll"],
                "auroc": scores["auroc_predictive_entropy"],
            }
        found |= laplace(plain, data, foreign, pictures, labels, seed)
        kept.write_text(json.dumps(found, indent=1))
        return found


def test(data):
    """Test pictures as floats, and their classes."""
    import numpy

    root = pathlib.Path(os.environ["DITHER_DATA"])
    if data == "cifar10":
        records = numpy.fromfile(root / data / "test_batch.bin", numpy.uint8).reshape(-1, 3073)
        return scaled(records[:, 1:].reshape(-1, 3, 32, 32)), records[:, 0].astype("int64")
    if data == "cifar100-ood":
        with gzip.open(root / data / "cifar100_subset_2000.bin.gz") as file:
            records = numpy.frombuffer(file.read(), numpy.uint8).reshape(2000, -1)
        return scaled(records[:, -3072:].reshape(-1, 3, 32, 32)), None
    return idx(root / data / "t10k-images-idx3-ubyte.gz"), idx(root / data / "t10k-labels-idx1-ubyte.gz", is_labels=True)


def training(data, count):
    import numpy

    root = pathlib.Path(os.environ["DITHER_DATA"]) / data
    if data == "cifar10":
        records = numpy.fromfile(root / "data_batch_1.bin", numpy.uint8).reshape(-1, 3073)[:count]
        return scaled(records[:, 1:].reshape(-1, 3, 32, 32)), records[:, 0].astype("int64")
    labels = idx(root / "train-labels-idx1-ubyte.gz", is_labels=True)
    return idx(root / "train-images-idx3-ubyte.gz")[:count], labels[:count]


def scaled(pixels):
    return pixels.astype("float32") / 255


def idx(path, is_labels=False):
    import numpy

    with gzip.open(path) as file:
        raw = file.read()
    if is_labels:
        return numpy.frombuffer(raw[8:], numpy.uint8).astype("int64")
    return scaled(numpy.frombuffer(raw[16:], numpy.uint8).reshape(-1, 1, 28, 28))


def laplace(path, data, foreign, pictures, labels, seed):
    import laplace
    import laplace.curvature
    import numpy
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from attacks import layers_of

    inputs = {
        "clean": test(data)[0][:ROWS], "shifted": scaled(numpy.load(pictures)), "foreign": test(foreign)[0][:ROWS],
    }
    classes = {"clean": test(data)[1][:ROWS], "shifted": numpy.load(labels)}
    fitted = TensorDataset(*(torch.tensor(one) for one in training(data, 10_000)))
    ways = {
        "laplace-torch, all weights": ("all", laplace.curvature.AsdlGGN, dict(pred_type="nn", link_approx="mc", n_samples=SAMPLES)),
        "laplace-torch, last layer": ("last_layer", laplace.curvature.BackPackGGN, dict(pred_type="glm", link_approx="probit")),
    }
    found = {}
    for arm, (subset, backend, options) in ways.items():
        torch.manual_seed(seed)
        # Of its own: hooks of one program are in the other's way.
        posterior = laplace.Laplace(
            layers_of(path), "classification", subset_of_weights=subset, hessian_structure="diag", backend=backend)
        posterior.fit(DataLoader(fitted, batch_size=500))
        posterior.optimize_prior_precision(method="marglik")
        said = {}
        for part, pixels in inputs.items():
            batches = torch.tensor(pixels).split(250)
            with torch.no_grad():
                said[part] = torch.cat([posterior(one, **options) for one in batches]).double().numpy()
        def likelihood(part):
            own = said[part][numpy.arange(len(classes[part])), classes[part]]
            return float(-numpy.log(numpy.maximum(own, 1e-300)).mean())
        entropy = {part: -(p * numpy.log(numpy.maximum(p, 1e-300))).sum(1) for part, p in said.items()}
        away, near = entropy["foreign"], numpy.sort(entropy["clean"])
        below, upto = numpy.searchsorted(near, away, "left"), numpy.searchsorted(near, away, "right")
        found[arm] = {
            "accuracy": float((said["clean"].argmax(1) == classes["clean"]).mean()), "nll": likelihood("clean"),
            "shifted": likelihood("shifted"), "auroc": float((below + upto).mean() / 2 / len(near)),
            "prior": float(numpy.mean(posterior.prior_precision.detach().numpy())),
        }
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("folder")
    parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS))
    arguments = parser.parse_args()
    study = Study(arguments.dither, arguments.folder)
    print("| network | arm | accuracy % | NLL | NLL, corrupted | AUROC, other pictures |")
    print("| --- | --- | --- | --- | --- | --- |")
    for net in arguments.nets:
        results = [study.judged(net, seed) for seed in SEEDS]
        for arm in ARMS:
            def told(key, factor=1, places=4):
                values = [factor * one[arm][key] for one in results]
                return f"{statistics.mean(values):.{places}f} ± {statistics.stdev(values):.{places}f}"
            name = arm if arm != "tuned" else f"tuned: {', '.join(one['chosen'] for one in results)}"
            row = [NETS[net][4], name, told("accuracy", 100, 2), told("nll"), told("shifted"), told("auroc")]
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
