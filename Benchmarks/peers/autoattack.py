"""The standard AutoAttack beside torchattacks' on PyTorch: robust accuracy of the shipped MNIST baselines on the first 200 test images.

    autoattack.py DITHER [WORK:NORM:EPSILON…]

Both with the published parameters: APGD-CE, targeted APGD on 9 classes, targeted FAB, Square with 5000 queries, each on what is left
standing. Needs MNIST in $DITHER_DATA.
"""

import json
import subprocess
import sys
import time

import torch
import torchattacks

from attacks import CORES, victim

COUNT = 200
WORKS = ["mlp:linf:0.05", "mlp:l2:1", "cnn:linf:0.1", "cnn:l2:1.5"]


def theirs(work, norm, epsilon):
    torch.set_num_threads(CORES)
    model, x, y, _ = victim(work)
    x, y = x[:COUNT], y[:COUNT]
    attack = torchattacks.AutoAttack(
        model, norm={"linf": "Linf", "l2": "L2"}[norm], eps=epsilon, version="standard", n_classes=10, seed=1)
    start = time.monotonic()
    found = attack(x, y)
    with torch.no_grad():
        robust = (model(found).argmax(1) == y).float().mean().item()
    return robust, time.monotonic() - start


def ours(dither, work, norm, epsilon):
    start = time.monotonic()
    said = subprocess.run(
        [dither, "audit", f"models/mnist-{work}-baseline.onnx", "--data", f"mnist:{COUNT}", "--json",
         "--probe", f"autoattack:norm={norm},epsilon={epsilon}"],
        check=True, capture_output=True, text=True).stdout
    return json.loads(said)["probes"][0]["robust_accuracy"], time.monotonic() - start


def main():
    print("| model | norm | epsilon | Dither: robust, time | torchattacks: robust, time |")
    print("| --- | --- | --- | --- | --- |")
    for work in sys.argv[2:] or WORKS:
        name, norm, epsilon = work.split(":")
        mine, peer = ours(sys.argv[1], name, norm, float(epsilon)), theirs(name, norm, float(epsilon))
        cells = [f"{100 * robust:.1f} %, {seconds:.0f} s" for robust, seconds in (mine, peer)]
        print(f"| mnist-{name}-baseline | {norm} | {epsilon} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
