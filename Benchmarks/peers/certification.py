"""Randomized smoothing beside PyTorch: one image, n0 = 100 and n = 10 000 noisy copies, sigma = 0.25, on the same two cores.

    certification.py DITHER [WORK…] [--seconds S]

PyTorch does what the code published with Cohen et al. 2019 does: batches of 1000 copies, noise by randn_like, labels by argmax,
counts by class. The bound on the counts, which takes microseconds on either side, is left out of PyTorch's time. Each contender is a
process of its own; they take turns, twice, and the better median counts.
"""

import argparse
import json
import sys

from engine import network, shown, spawn, timed

SIGMA, N0, N, BATCH, CORES = 0.25, 100, 10_000, 1000, 2
CONTENDERS = ["torch", "torch-channels-last", "torch-compiled", "torch-bf16"]
# Dither's own: the bench's suffixes that go with a work.
WORKS = {"cnn": ["", "-bf16"], "mlp": [""]}


def model_of(work):
    import torch
    from torch import nn

    if work == "mlp":
        return network("mlp"), [784]
    torch.manual_seed(1)
    layers, depth = [], 1
    for channels in [32, 64, 128]:
        layers += [nn.Conv2d(depth, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        depth = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 9, 128), nn.ReLU(), nn.Linear(128, 10)), [1, 28, 28]


def certification(work, contender, seconds):
    import torch

    torch.set_num_threads(CORES)
    model, shape = model_of(work)
    model = model.eval()
    image = torch.rand(1, *shape)
    if contender == "torch-channels-last" and len(shape) == 3:
        model = model.to(memory_format=torch.channels_last)
    if contender == "torch-compiled":
        model = torch.compile(model)

    def counts(copies):
        found = torch.zeros(10, dtype=torch.long)
        while copies > 0:
            size = min(BATCH, copies)
            copies -= size
            batch = image.repeat((size,) + (1,) * len(shape))
            labels = model(batch + torch.randn_like(batch) * SIGMA).argmax(1)
            found += torch.bincount(labels, minlength=10)
        return found

    def certify():
        chosen = counts(N0).argmax().item()
        return counts(N)[chosen].item()

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=contender.endswith("bf16")):
        return timed(certify, seconds)


def ours(dither, bench, seconds):
    said = spawn([dither, "bench", f"certification/{bench}", "--json", "--seconds", str(seconds)], CORES)
    if said is None:
        return None
    found = [b for b in json.loads(said)["benches"] if b["name"] == f"certification/{bench}"]
    return found[0]["median_s"] if found and not found[0].get("skipped") else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("works", nargs="*")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        print(certification(arguments.works[0], arguments.contender, arguments.seconds))
        return
    print("| one image, n = 10 000 | time | images a minute |")
    print("| --- | --- | --- |")
    for work in arguments.works or WORKS:
        times = {}
        for _ in range(2):
            for suffix in WORKS[work]:
                found = ours(arguments.dither, work + suffix, arguments.seconds)
                name = "Dither" + suffix.replace("-", ", ")
                if found is not None:
                    times[name] = min(found, times.get(name, found))
            for contender in CONTENDERS:
                if work == "mlp" and contender == "torch-channels-last":
                    continue
                command = [sys.executable, __file__, arguments.dither, work, "--contender", contender]
                said = spawn([*command, "--seconds", str(arguments.seconds)], CORES)
                if said is not None:
                    found = float(said.strip().splitlines()[-1])
                    times[contender] = min(found, times.get(contender, found))
        for name, seconds in times.items():
            print(f"| {work}: {name} | {shown(seconds)} | {60 / seconds:.1f} |")
        for is_short, label in [(False, "fp32"), (True, "bf16")]:
            peers = [t for name, t in times.items() if name.startswith("torch") and name.endswith("bf16") == is_short]
            mine = times.get("Dither, bf16" if is_short else "Dither")
            if peers and mine:
                print(f"| {work}: images a minute, Dither over the fastest PyTorch, {label} | | {min(peers) / mine:.2f} |", flush=True)


if __name__ == "__main__":
    main()
