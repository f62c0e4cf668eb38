"""The engine's works, beside what people use otherwise: the same shapes, the same cores, the same run.

    engine.py DITHER [WORK…] [--seconds S]

A work is measured by a process of its own for each contender, pinned to the cores that the work is stated for; contenders take
turns, twice, and the better median counts. Prints a Markdown table: seconds, and Dither's time over the fastest peer's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

WORKS = {
    # name: (cores, contenders)
    "mlp-1": (1, ["onnxruntime", "torch", "openvino"]),
    "mlp-64": (1, ["onnxruntime", "torch", "openvino"]),
    "cnn-1": (1, ["onnxruntime", "torch", "openvino", "openvino-bf16"]),
    "cnn-64": (1, ["onnxruntime", "torch", "openvino", "openvino-bf16"]),
    "resnet18-1": (1, ["onnxruntime", "torch", "torch-compiled", "openvino", "openvino-bf16"]),
    "resnet18-16": (1, ["onnxruntime", "torch", "torch-compiled", "openvino", "openvino-bf16"]),
    "resnet18-train-128": (2, ["torch", "torch-channels-last", "torch-channels-last-bf16"]),
    "mlp-mc64-1": (1, ["torch-loop", "torch-vmap", "onnxruntime-calls"]),
    "mlp-mc64-64": (1, ["torch-loop", "torch-vmap", "onnxruntime-calls"]),
    "resnet18-mc16-1": (2, ["torch-loop", "torch-vmap", "onnxruntime-calls"]),
    "resnet18-mc16-16": (2, ["torch-loop", "torch-vmap", "onnxruntime-calls"]),
    "normals": (1, ["torch", "numpy"]),
}
# Dither's own: the benches of a work, with what they are called in the table.
OURS = {
    "mlp-64": ["", "-bf16"], "cnn-1": ["", "-bf16"], "cnn-64": ["", "-bf16"], "resnet18-1": ["", "-bf16"],
    "resnet18-16": ["", "-bf16"], "resnet18-train-128": ["", "-bf16", "-noise", "-bf16-noise"],
    "resnet18-mc16-1": ["", "-bf16", "-antithetic"], "resnet18-mc16-16": ["", "-bf16"],
}
SIGMA = {"mlp": 0.05, "resnet18": 0.01}


def timed(body, seconds):
    body()
    body()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


# ---- in a contender's process ----


def network(kind):
    import torch
    from torch import nn

    torch.manual_seed(1)
    if kind == "mlp":
        return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    if kind == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, 10))

    class Block(nn.Module):
        def __init__(self, a, b, stride):
            super().__init__()
            self.conv1, self.norm1 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b)
            self.conv2, self.norm2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
            self.short = nn.Sequential()
            if stride != 1 or a != b:
                self.short = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))

        def forward(self, x):
            y = torch.relu(self.norm1(self.conv1(x)))
            return torch.relu(self.norm2(self.conv2(y)) + self.short(x))

    layers, a = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for stage, b in enumerate([64, 128, 256, 512]):
        for block in range(2):
            layers.append(Block(a, b, 2 if stage and not block else 1))
            a = b
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


SHAPES = {"mlp": [784], "cnn": [1, 28, 28], "resnet18": [3, 32, 32]}


def exported(kind):
    import torch

    path = f".build/peers/{kind}.onnx"
    if not os.path.exists(path):
        os.makedirs(".build/peers", exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        torch.onnx.export(
            network(kind).eval(), torch.rand(2, *SHAPES[kind]), temporary, dynamo=False, input_names=["x"],
            output_names=["y"], dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, opset_version=17)
        os.replace(temporary, path)
    return path


def inference(kind, rows, contender, cores, seconds):
    import numpy

    x = numpy.random.default_rng(1).random([rows, *SHAPES[kind]], dtype=numpy.float32)
    if contender == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = cores, 1
        session = onnxruntime.InferenceSession(exported(kind), options, providers=["CPUExecutionProvider"])
        return timed(lambda: session.run(None, {"x": x}), seconds)
    if contender.startswith("openvino"):
        import openvino

        core = openvino.Core()
        model = core.read_model(exported(kind))
        model.reshape([rows, *SHAPES[kind]])
        settings = {
            "INFERENCE_NUM_THREADS": cores, "INFERENCE_PRECISION_HINT": "bf16" if contender.endswith("bf16") else "f32",
            "NUM_STREAMS": 1,
        }
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        return timed(lambda: request.infer([x]), seconds)
    import torch

    torch.set_num_threads(cores)
    model, images = network(kind).eval(), torch.from_numpy(x)
    if contender == "torch-compiled":
        model = torch.compile(model)
    with torch.inference_mode():
        return timed(lambda: model(images), seconds)


def training(contender, cores, seconds):
    import torch

    torch.set_num_threads(cores)
    model, images, labels = network("resnet18").train(), torch.rand(128, 3, 32, 32), torch.arange(128) % 10
    if "channels-last" in contender:
        model, images = model.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=contender.endswith("bf16")):
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()

    return timed(step, max(seconds, 4))


def monte_carlo(kind, rows, samples, contender, cores, seconds):
    import numpy

    if contender == "onnxruntime-calls":
        return samples * inference(kind, rows, "onnxruntime", cores, seconds)
    import torch

    torch.set_num_threads(cores)
    model, sigma = network(kind).eval(), SIGMA[kind]
    images = torch.from_numpy(numpy.random.default_rng(1).random([rows, *SHAPES[kind]], dtype=numpy.float32))
    clean = {name: value.detach().clone() for name, value in model.named_parameters()}
    noisy = [name for name, value in clean.items() if value.dim() > 1]
    call = torch.func.functional_call

    def summary(outputs):
        p = outputs.softmax(-1)
        mean = p.mean(0)
        return mean, p.std(0), -(mean * mean.clamp_min(1e-12).log()).sum(-1)

    def loop():
        outputs = []
        for _ in range(samples):
            drawn = {name: clean[name] + sigma * torch.randn_like(clean[name]) for name in noisy}
            outputs.append(call(model, {**clean, **drawn}, (images,)))
        return summary(torch.stack(outputs))

    def vmapped():
        drawn = {name: clean[name] + sigma * torch.randn(samples, *clean[name].shape) for name in noisy}
        rest = {name: value for name, value in clean.items() if name not in drawn}
        one = lambda weights: call(model, {**rest, **weights}, (images,))
        return summary(torch.vmap(one)(drawn))

    with torch.inference_mode():
        return timed(loop if contender == "torch-loop" else vmapped, seconds)


def normals(contender, seconds):
    if contender == "numpy":
        import numpy

        generator, out = numpy.random.default_rng(1), numpy.empty(1_000_000, numpy.float32)
        return timed(lambda: generator.standard_normal(dtype=numpy.float32, out=out), seconds)
    import torch

    torch.set_num_threads(1)
    out = torch.empty(1_000_000)
    return timed(lambda: out.normal_(), seconds)


def contend(work, contender, cores, seconds):
    if work == "normals":
        return normals(contender, seconds)
    parts = work.split("-")
    if parts[1] == "train":
        return training(contender, cores, seconds)
    if parts[1].startswith("mc"):
        return monte_carlo(parts[0], int(parts[2]), int(parts[1][2:]), contender, cores, seconds)
    return inference(parts[0], int(parts[1]), contender, cores, seconds)


# ---- the race ----


def spawn(command, cores):
    environment = dict(os.environ, OMP_NUM_THREADS=str(cores), OMP_WAIT_POLICY="passive")
    done = subprocess.run(
        ["taskset", "-c", "0" if cores == 1 else "0,1", *command], capture_output=True, text=True, env=environment)
    lines = done.stdout.strip().splitlines()
    return done.stdout if done.returncode == 0 and lines else None


def ours(dither, bench, cores, seconds):
    said = spawn([dither, "bench", f"engine/{bench}", "--json", "--seconds", str(seconds)], cores)
    if said is None:
        return None
    found = [b for b in json.loads(said)["benches"] if b["name"] == f"engine/{bench}"]
    return found[0]["median_s"] if found and not found[0].get("skipped") else None


def shown(seconds):
    if seconds is None:
        return "—"
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("works", nargs="*")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        work = arguments.works[0]
        print(contend(work, arguments.contender, WORKS[work][0], arguments.seconds))
        return
    print("| work | Dither | peers | Dither / fastest peer |")
    print("| --- | --- | --- | --- |")
    for work in arguments.works or WORKS:
        cores, contenders = WORKS[work]
        mine, theirs = {}, {}
        for _ in range(2):
            for suffix in OURS.get(work, [""]):
                found = ours(arguments.dither, work + suffix, cores, arguments.seconds)
                if found is not None:
                    mine[suffix] = min(found, mine.get(suffix, found))
            for contender in contenders:
                said = spawn(
                    [sys.executable, __file__, arguments.dither, work, "--contender", contender, "--seconds",
                     str(arguments.seconds)], cores)
                if said is not None:
                    found = float(said.strip().splitlines()[-1])
                    theirs[contender] = min(found, theirs.get(contender, found))
        ratios = []
        for bf16, label in [(False, "fp32"), (True, "bf16")]:
            peers = [t for name, t in theirs.items() if name.endswith("bf16") == bf16]
            best = [t for suffix, t in mine.items() if suffix == ("-bf16" if bf16 else "")]
            if peers and best:
                ratios.append(f"{label} {best[0] / min(peers):.2f}")
        own = ", ".join(f"{suffix.lstrip('-') or 'fp32'} {shown(t)}" for suffix, t in mine.items())
        others = ", ".join(f"{name} {shown(theirs.get(name))}" for name in contenders)
        print(f"| {work} | {own or '—'} | {others} | {', '.join(ratios) or '—'} |", flush=True)


if __name__ == "__main__":
    main()
