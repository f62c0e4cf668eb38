"""PGD beside torchattacks and foolbox on PyTorch: the shipped MNIST models on 1000 test images, and a ResNet-18 on 64.

    attacks.py DITHER [WORK…] [--seconds S]

On MNIST every contender gets the same weights, images and labels; the ResNets have weights and images of their own. All have the
same epsilon, steps and step size (a tenth of epsilon), all images as one batch, and two cores. Each is a process of its own; they take
turns, twice, and the better median counts. `Dither` drops examples that are broken, as its audits do; `Dither, all steps` does not, as
the others do not. Needs MNIST in $DITHER_DATA.
"""

import argparse
import gzip
import json
import os
import statistics
import sys
import time

from engine import network, shown, spawn

CORES = 2
WORKS = {"mlp": ("pgd40-mlp", 40), "cnn": ("pgd40-cnn", 40), "resnet18": ("pgd20-resnet18", 20)}


def mnist(count):
    import numpy

    def read(name, skip):
        with gzip.open(os.path.join(os.environ["DITHER_DATA"], "mnist", name)) as file:
            return numpy.frombuffer(file.read()[skip:], dtype=numpy.uint8)

    images = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:count]
    return images.astype("float32") / 255, read("t10k-labels-idx1-ubyte.gz", 8)[:count].astype("int64")


def layers_of(path):
    """A file of dense and convolutional layers as PyTorch has them."""
    import numpy
    import onnx
    import torch
    from onnx import numpy_helper
    from torch import nn

    graph = onnx.load(str(path)).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    layers = []
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            weight, bias = (torch.tensor(numpy.array(held[name])) for name in node.input[1:3])
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Conv":
                layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], padding=attributes["pads"][0])
            else:
                weight = weight if attributes.get("transB") else weight.T
                layer = nn.Linear(weight.shape[1], weight.shape[0])
            with torch.no_grad():
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
            layers.append(layer)
        elif node.op_type == "Relu":
            layers.append(nn.ReLU())
        elif node.op_type == "MaxPool":
            layers.append(nn.MaxPool2d(2))
        elif node.op_type in ("Flatten", "Reshape"):
            layers.append(nn.Flatten())
        else:
            raise SystemExit(f"{node.op_type} is not known here")
    if not any(isinstance(layer, nn.Conv2d) for layer in layers):
        layers.insert(0, nn.Flatten())
    return nn.Sequential(*layers).eval()


def victim(work):
    import torch

    if work == "resnet18":
        model = network("resnet18").eval()
        x = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        return model, x, model(x).argmax(1), 2 / 255
    images, labels = mnist(1000)
    return layers_of(f"models/mnist-{work}-baseline.onnx"), torch.tensor(images), torch.tensor(labels), 0.1


def timed(body, seconds):
    """The median of some rounds after the one that warmed up, of two where one takes long."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 2:
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measured(work, contender, seconds):
    import torch

    torch.set_num_threads(CORES)
    model, x, y, epsilon = victim(work)
    steps = WORKS[work][1]
    if contender == "torchattacks":
        import torchattacks

        attack = torchattacks.PGD(model, eps=epsilon, alpha=epsilon / 10, steps=steps, random_start=True)
        run = lambda: attack(x, y)
    else:
        import foolbox

        victim_model = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
        attack = foolbox.attacks.LinfPGD(rel_stepsize=0.1, steps=steps, random_start=True)
        run = lambda: attack(victim_model, x, y, epsilons=epsilon)[1]
    found = run()
    with torch.no_grad():
        robust = (model(found).argmax(1) == y).float().mean().item()
    return timed(run, seconds), robust


def ours(dither, bench, seconds):
    said = spawn([dither, "bench", f"attack/{bench}", "--json", "--seconds", str(seconds)], CORES)
    found = [b for b in json.loads(said)["benches"] if b["name"] == f"attack/{bench}"] if said else []
    if not found or found[0].get("skipped"):
        return None
    return found[0]["median_s"], found[0]["details"]["robust_accuracy"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("works", nargs="*")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        print(*measured(arguments.works[0], arguments.contender, arguments.seconds))
        return
    print("| attack | contender | time | robust accuracy | the fastest peer's time over it |")
    print("| --- | --- | --- | --- | --- |")
    for work in arguments.works or WORKS:
        times = {}
        for _ in range(2):
            for name, suffix in [("Dither", ""), ("Dither, all steps", "-all")]:
                found = ours(arguments.dither, WORKS[work][0] + suffix, arguments.seconds)
                if found:
                    times[name] = min(found, times.get(name, found))
            for contender in ["torchattacks", "foolbox"]:
                command = [sys.executable, __file__, arguments.dither, work, "--contender", contender]
                said = spawn([*command, "--seconds", str(arguments.seconds)], CORES)
                if said:
                    found = tuple(float(word) for word in said.strip().splitlines()[-1].split())
                    times[contender] = min(found, times.get(contender, found))
        fastest = min((t for name, (t, _) in times.items() if not name.startswith("Dither")), default=None)
        for name, (taken, robust) in times.items():
            ratio = f"{fastest / taken:.2f}" if fastest else ""
            # The ResNets' weights are from generators of their own: only the times say something.
            robust = "–" if work == "resnet18" else f"{robust:.3f}"
            print(f"| {WORKS[work][0]} | {name} | {shown(taken)} | {robust} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
