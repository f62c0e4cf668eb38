"""The diagonal Laplace fit beside laplace-torch: the shipped MNIST MLP, 10 000 test images, two cores.

    laplace_fit.py DITHER [--seconds S]

Both get the same weights and images, and sum the diagonal of the generalized Gauss-Newton matrix over them, exactly. laplace-torch
has several programs for it: each that can be imported is a contender, with batches of 100, 500 and 2000. Each contender is a process
of its own; they take turns, twice, and the better median counts. laplace-torch's posterior has the biases too, whose curvature costs
it little; Dither's has the weights, which are compared: the variance 1 / (h + 1) by weight at some places from small to large
curvature, and the mean of each layer. Needs MNIST in $DITHER_DATA.
"""

import argparse
import json
import statistics
import sys
import time

from attacks import mnist
from engine import shown, spawn

CORES, COUNT, PRECISION = 2, 10_000, 1.0
BACKENDS, BATCHES = ["BackPackGGN", "CurvlinopsGGN", "AsdlGGN"], [100, 500, 2000]
MODEL = "models/mnist-mlp-baseline.onnx"


def network():
    """The file's dense layers as PyTorch has them; by the name of each layer's weights, whether they lie transposed in the file."""
    import numpy
    import onnx
    import torch
    from onnx import numpy_helper
    from torch import nn

    graph = onnx.load(MODEL).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    layers, names = [nn.Flatten()], []
    for node in graph.node:
        if node.op_type == "Gemm":
            weight, bias = (torch.tensor(numpy.array(held[name])) for name in node.input[1:3])
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            is_same = bool(attributes.get("transB"))
            weight = weight if is_same else weight.T
            layer = nn.Linear(weight.shape[1], weight.shape[0])
            with torch.no_grad():
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
            layers.append(layer)
            names.append((node.input[1], is_same))
        elif node.op_type == "Relu":
            layers.append(nn.ReLU())
        elif node.op_type not in ("Flatten", "Reshape"):
            raise SystemExit(f"{node.op_type} is not known here")
    return nn.Sequential(*layers).eval(), names


def fit(contender, seconds):
    """Seconds of a fit, and the variances of the weights by name, in the file's order."""
    import laplace
    import laplace.curvature
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_num_threads(CORES)
    backend, batch = contender.split("-")
    backend = getattr(laplace.curvature, backend)
    model, names = network()
    images, labels = mnist(COUNT)
    loader = DataLoader(TensorDataset(torch.tensor(images), torch.tensor(labels)), batch_size=int(batch))

    def fitted():
        posterior = laplace.Laplace(
            model, "classification", subset_of_weights="all", hessian_structure="diag", prior_precision=PRECISION,
            backend=backend)
        start = time.perf_counter()
        posterior.fit(loader)
        return posterior, time.perf_counter() - start

    posterior, _ = fitted()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        times.append(fitted()[1])
    variance, at, found = posterior.posterior_variance.detach().double(), 0, {}
    for layer, parameter in enumerate(model.parameters()):
        part = variance[at:at + parameter.numel()].reshape(parameter.shape)
        at += parameter.numel()
        if layer % 2 == 0:
            name, is_same = names[layer // 2]
            found[name] = (part if is_same else part.T).flatten().tolist()
    return statistics.median(times), found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        print(json.dumps(fit(arguments.contender, arguments.seconds)))
        return
    times, variances, ours = {}, {}, {}
    for _ in range(2):
        command = [arguments.dither, "bench", "laplace/mnist-mlp", "--json", "--seconds", str(arguments.seconds)]
        said = spawn(command, CORES)
        bench = json.loads(said)["benches"][0] if said else {"skipped": "no answer"}
        if bench.get("skipped"):
            raise SystemExit(bench["skipped"])
        times["Dither"] = min(bench["median_s"], times.get("Dither", bench["median_s"]))
        ours = bench["details"]
        for backend in BACKENDS:
            for batch in BATCHES:
                contender = f"{backend}-{batch}"
                command = [sys.executable, __file__, arguments.dither, "--contender", contender]
                said = spawn([*command, "--seconds", str(arguments.seconds)], CORES)
                if said is None:
                    continue
                seconds, variances[contender] = json.loads(said.strip().splitlines()[-1])
                times[contender] = min(seconds, times.get(contender, seconds))
    print("| diagonal Laplace fit, 10 000 images | time |")
    print("| --- | --- |")
    for name, seconds in times.items():
        print(f"| {name} | {shown(seconds)} |")
    if len(times) < 2:
        raise SystemExit("laplace-torch did not run")
    fastest = min((name for name in times if name != "Dither"), key=times.get)
    worst = 0.0
    for name, value in ours.items():
        weights, _, place = name.removeprefix("variance:").partition(":")
        theirs = variances[fastest][weights]
        wanted = theirs[int(place)] if place else statistics.fmean(theirs)
        worst = max(worst, abs(value / wanted - 1))
    print(f"| Dither over the fastest of laplace-torch ({fastest}) | {times[fastest] / times['Dither']:.1f} × as fast |")
    print(f"| largest difference of a variance, {len(ours)} compared | {100 * worst:.3f} % |")


if __name__ == "__main__":
    main()
