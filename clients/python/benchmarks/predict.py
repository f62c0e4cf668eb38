"""One image by dither-client beside the same call by grpcio alone, over loopback, in turns.

    python clients/python/benchmarks/predict.py [--model NAME] [--rounds N] [--calls N]

The server is that of the environment (docs/python.md). grpcio's side makes the request from an array, calls, and looks
at nothing in the answer; the client's side gives arrays with names. Prints medians, the least, and their ratio.
"""

import argparse
import statistics
import time

import grpc
import numpy as np

import dither
from dither import _connection, _methods
from dither._stubs import inference_pb2


def timed(call, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def main():
    options = argparse.ArgumentParser(description="predict by dither-client and by grpcio alone")
    options.add_argument("--model", default="fashion-mlp-noise")
    options.add_argument("--samples", type=int, default=0)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--calls", type=int, default=200, help="of each kind in a round")
    options = options.parse_args()

    client = dither.connect()
    model = client.model(options.model)
    image = np.random.default_rng(1).random((1,) + model.info.input_shape, np.float32)

    settings = client.settings
    channel = _connection.channel(settings, grpc, "grpcio")
    call = channel.unary_unary(
        _methods.PREDICT.path,
        request_serializer=inference_pb2.PredictRequest.SerializeToString,
        response_deserializer=inference_pb2.PredictResponse.FromString,
    )
    metadata = (("authorization", f"Bearer {settings.token}"),)

    def by_grpcio():
        array = inference_pb2.Array(type=inference_pb2.Array.FLOAT32, shape=image.shape, data=image.tobytes())
        request = inference_pb2.PredictRequest(model=options.model, input=array, samples=options.samples, seed=7)
        return call(request, metadata=metadata, timeout=60)

    def by_client():
        return model.predict(image, samples=options.samples, seed=7)

    assert np.allclose(by_client().probabilities[0], by_grpcio().predictions[0].probabilities)
    found = {"grpcio": [], "dither-client": []}
    for kind in (by_grpcio, by_client):
        timed(kind, options.calls)
    for at in range(options.rounds):
        kinds = [("grpcio", by_grpcio), ("dither-client", by_client)]
        for name, kind in kinds if at % 2 == 0 else reversed(kinds):
            found[name] += timed(kind, options.calls)
    for name, times in found.items():
        print(f"{name:14} median {statistics.median(times) * 1e6:6.0f} µs   least {min(times) * 1e6:6.0f} µs")
    print(f"ratio of medians {statistics.median(found['dither-client']) / statistics.median(found['grpcio']):.3f}")


if __name__ == "__main__":
    main()
