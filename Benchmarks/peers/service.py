"""Small calls beside Triton's Python backend and grpcio: one image to the shipped Fashion-MNIST MLP, without noise, over loopback and without TLS.

    service.py DITHER [--seconds S] [--rounds R]

Every server answers the same request of the Open Inference Protocol (784 floats, raw) with the same ten probabilities, which is checked first; Dither
also its own Predict. Triton (nvidia-pytriton, dynamic batching of up to 64) and grpcio compute by NumPy. The load is nghttp2's h2load, on the same
cores: one caller, 16 streams of one connection, 16 connections. Contenders take turns, the median round counts. Prints a Markdown table.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from concurrent import futures

import numpy as np

MODEL = "fashion-mlp-baseline"
LOADS = {"one caller": (1, 1), "16 streams": (1, 16), "16 connections": (16, 1)}
INFER, PREDICT = "inference.GRPCInferenceService/ModelInfer", "dither.v1.Inference/Predict"


def network():
    import onnx
    from onnx import numpy_helper

    held = {one.name: numpy_helper.to_array(one) for one in onnx.load(f"models/{MODEL}.onnx").graph.initializer}
    layers = [(held[f"dense{at}.weight"].T.copy(), held[f"dense{at}.bias"]) for at in range(3)]

    def answer(x):
        for weight, bias in layers[:-1]:
            x = np.maximum(x @ weight + bias, 0)
        x = x @ layers[-1][0] + layers[-1][1]
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return answer


# ---- in a contender's process ----


def triton(port):
    from pytriton.decorators import batch
    from pytriton.model_config import ModelConfig, Tensor
    from pytriton.triton import Triton, TritonConfig

    answer = network()

    @batch
    def infer(input):
        return {"logits": answer(input)}

    with Triton(config=TritonConfig(grpc_port=port, http_port=free_port(), metrics_port=free_port())) as server:
        server.bind(
            model_name=MODEL,
            infer_func=infer,
            inputs=[Tensor(name="input", dtype=np.float32, shape=(784,))],
            outputs=[Tensor(name="logits", dtype=np.float32, shape=(10,))],
            config=ModelConfig(max_batch_size=64),
        )
        server.serve()


def grpcio(port):
    import grpc
    from tritonclient.grpc import service_pb2 as messages

    answer = network()

    def infer(request, _):
        x = np.frombuffer(request.raw_input_contents[0], np.float32).reshape(request.inputs[0].shape)
        found = messages.ModelInferResponse(model_name=MODEL, model_version="1", id=request.id)
        output = found.outputs.add()
        output.name, output.datatype = "logits", "FP32"
        output.shape.extend([len(x), 10])
        found.raw_output_contents.append(answer(x).tobytes())
        return found

    handler = grpc.unary_unary_rpc_method_handler(
        infer, messages.ModelInferRequest.FromString, messages.ModelInferResponse.SerializeToString)
    service, method = INFER.split("/")
    server = grpc.server(futures.ThreadPoolExecutor(os.cpu_count()))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


# ---- in the run's ----


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def field(key, content):
    length, prefix = len(content), bytes([key << 3 | 2])
    while length >= 0x80:
        prefix += bytes([length & 0x7F | 0x80])
        length >>= 7
    return prefix + bytes([length]) + content


class Contender:
    def __init__(self, name, command, folder, port=None):
        self.name, self.token, self.port = name, "", port
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        if port is None:
            ready = folder / "ready.json"
            self.wait(ready.exists)
            facts = json.loads(ready.read_text())
            self.port, self.token = facts["grpc"], facts["token"]

    def wait(self, holds):
        end = time.monotonic() + 90
        while not holds():
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{self.name} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def end(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)

    def answer(self, request):
        import grpc
        from tritonclient.grpc import service_pb2 as messages

        metadata = [("authorization", f"Bearer {self.token}")] if self.token else []
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            call = channel.unary_unary(f"/{INFER}", response_deserializer=messages.ModelInferResponse.FromString)
            end = time.monotonic() + 60
            while True:
                try:
                    found = call(request, metadata=metadata, wait_for_ready=True, timeout=60)
                    return np.frombuffer(found.raw_output_contents[0], np.float32)
                except grpc.RpcError as error:
                    # Its port is there before its model.
                    if error.code() not in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE) or time.monotonic() > end:
                        sys.exit(f"{self.name}: {error.details()}\n{self.log.read_text()[-2000:]}")
                    time.sleep(0.5)


def load(contender, path, body, calls, connections, streams, folder):
    """Seconds of each call, and calls a second from the first end to the last."""
    log = folder / "calls"
    log.unlink(missing_ok=True)
    headers = ["content-type: application/grpc", "te: trailers", f"authorization: Bearer {contender.token or 'none'}"]
    command = ["h2load", "-n", str(calls), "-c", str(connections), "-m", str(streams), "-d", str(body), "--log-file", str(log)]
    said = subprocess.run(
        [*command, *(word for header in headers for word in ("-H", header)), f"http://127.0.0.1:{contender.port}/{path}"],
        capture_output=True, text=True, check=True).stdout
    data = int(re.search(r"\((\d+)\) data", said).group(1))
    # An error has no message.
    if f"{calls} succeeded" not in said or data < 40 * calls:
        sys.exit(f"{contender.name}: not every call was answered:\n{said}")
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    times = sorted(int(row[2]) / 1e6 for row in rows)
    ends = [(int(row[0]) + int(row[2])) / 1e6 for row in rows]
    return times, (len(ends) - 1) / (max(ends) - min(ends))


def shown(seconds):
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else f"{seconds * 1e3:.2f} ms"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dither")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    from tritonclient.grpc import service_pb2 as messages

    image = np.random.default_rng(1).random((1, 784), dtype=np.float32)
    request = messages.ModelInferRequest(model_name=MODEL, raw_input_contents=[image.tobytes()])
    tensor = request.inputs.add()
    tensor.name, tensor.datatype = "input", "FP32"
    tensor.shape.extend([1, 784])
    request.outputs.add().name = "logits"
    own = field(1, MODEL.encode()) + field(2, b"\x08\x01" + field(2, b"\x01\x90\x06") + field(3, image.tobytes())) + b"\x18\x00"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bodies = {}
        for path, message in ((INFER, request.SerializeToString()), (PREDICT, own)):
            bodies[path] = folder / path.split("/")[1]
            bodies[path].write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
        serve = [asked.dither, "serve", "--insecure", "--models", "models", "--log-level", "error", "--state", folder / "state"]
        for door in ("framed", "grpc", "http"):
            serve += [f"--{door}-port", "0"]
        dither = Contender("Dither", [*map(str, serve), "--ready-file", str(folder / "ready.json")], folder)
        servers = [dither]
        try:
            for kind in ("triton", "grpcio"):
                port = free_port()
                servers.append(Contender(kind, [sys.executable, __file__, kind, str(port)], folder, port))
            answers = [server.answer(request.SerializeToString()) for server in servers]
            for server, answer in zip(servers, answers):
                if not np.allclose(answer, answers[0], atol=1e-5):
                    sys.exit(f"{server.name} answers otherwise")
            rows = [("Dither", dither, INFER), ("Dither, its own Predict", dither, PREDICT)]
            rows += [({"triton": "Triton", "grpcio": "grpcio"}[one.name], one, INFER) for one in servers[1:]]
            print(f"| {' | '.join(['', *LOADS])} |\n|{' --- |' * (len(LOADS) + 1)}")
            cells = {label: [] for label, _, _ in rows}
            for connections, streams in LOADS.values():
                rounds, calls = {label: [] for label, _, _ in rows}, {label: 300 for label, _, _ in rows}
                for turn in range(asked.rounds + 1):
                    for label, server, path in rows:
                        found = load(server, path, bodies[path], calls[label], connections, streams, folder)
                        # The first is to warm up, and says how many calls fill the time.
                        if turn:
                            rounds[label].append(found)
                        else:
                            calls[label] = max(1000, int(found[1] * asked.seconds))
                for label, found in rounds.items():
                    median = statistics.median(statistics.median(times) for times, _ in found)
                    last = statistics.median(times[int(0.99 * len(times))] for times, _ in found)
                    pace = statistics.median(pace for _, pace in found)
                    first = shown(median) if connections * streams == 1 else f"{pace:,.0f}".replace(",", " ") + "/s"
                    cells[label].append(f"{first}, p99 {shown(last)}")
            for label, words in cells.items():
                print(f"| {label} | {' | '.join(words)} |")
        finally:
            for server in servers:
                server.end()


if __name__ == "__main__":
    if sys.argv[1] in ("triton", "grpcio"):
        {"triton": triton, "grpcio": grpcio}[sys.argv[1]](int(sys.argv[2]))
    else:
        main()
