"""What people use otherwise, measured on the machine where `dither bench` is: one core, medians.

    scripts/bench-peers            prints one JSON object, in the form of `dither bench --json`
"""

import json
import statistics
import sys
import time

import numpy
import onnxruntime

SIZES = [784, 256, 128, 10]
SAMPLES = 64
SIGMA = 0.05


def measure(name, body, seconds=2.0):
    for _ in range(3):
        body()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return {"name": name, "median_s": statistics.median(times), "min_s": min(times), "max_s": max(times)}


def monte_carlo_loop(generator, layers, image):
    """Fresh weights for every sample, as one writes it: for each sample, for each layer, w + sigma * normal."""
    probabilities = []
    for _ in range(SAMPLES):
        x = image
        for index, (weight, bias) in enumerate(layers):
            noisy = weight + SIGMA * generator.standard_normal(weight.shape, dtype=numpy.float32)
            x = x @ noisy.T + bias
            if index < len(layers) - 1:
                x = numpy.maximum(x, 0)
        e = numpy.exp(x - x.max())
        probabilities.append(e / e.sum())
    p = numpy.stack(probabilities)
    mean = p.mean(0)
    entropy = -(mean * numpy.log(mean + 1e-12)).sum()
    expected = -(p * numpy.log(p + 1e-12)).sum(-1).mean()
    return mean, p.std(0, ddof=1), entropy, expected, entropy - expected


def main(model):
    generator = numpy.random.default_rng(1)
    layers = [
        (generator.standard_normal((b, a), dtype=numpy.float32) / numpy.sqrt(a), numpy.zeros(b, numpy.float32))
        for a, b in zip(SIZES, SIZES[1:])
    ]
    image = generator.random((1, 784), dtype=numpy.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    feed = {given.name: generator.random([1] + [int(extent) for extent in given.shape[1:]], dtype=numpy.float32)}

    def calls():
        for _ in range(SAMPLES):
            session.run(None, feed)

    print(json.dumps({"benches": [
        measure("peer/numpy-loop-mc64", lambda: monte_carlo_loop(generator, layers, image)),
        measure("peer/onnxruntime-1", lambda: session.run(None, feed)),
        measure("peer/onnxruntime-64-calls", calls),
    ]}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1])
