"""Calls of a server, as any client of gRPC makes them: nothing is tried again here."""

import json
import subprocess
import sys
import time

import grpc
import numpy as np
from dither import _methods as methods
from dither._stubs import inference_pb2, registry_pb2, robustness_pb2
from places import ROOT, Failed

ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


class Caller:
    """A channel to some ports, used in turns, with a token."""

    def __init__(self, ports, token):
        target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
        options = [("grpc.service_config", ROUND_ROBIN), ("grpc.use_local_subchannel_pool", 1),
                   ("grpc.max_reconnect_backoff_ms", 1000), ("grpc.initial_reconnect_backoff_ms", 100)]
        self.channel = grpc.insecure_channel(target, options)
        self._metadata = (("authorization", f"Bearer {token}"),)

    def __call__(self, method, message, timeout=30):
        call = getattr(self.channel, method.kind)(
            method.path, request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString)
        return call(message, timeout=timeout, metadata=self._metadata)

    def close(self):
        self.channel.close()

    def model(self, reference):
        return self(methods.GET_MODEL, registry_pb2.GetModelRequest(model=reference))

    def set_alias(self, model, alias, **more):
        return self(methods.SET_ALIAS, registry_pb2.SetAliasRequest(model=model, alias=alias, **more))

    def upload(self, name, content, card="{}", aliases=()):
        from hashlib import sha256

        begin = registry_pb2.UploadBegin(
            name=name, bytes=len(content), sha256=sha256(content).hexdigest(), card_json=card, aliases=aliases)
        pieces = [registry_pb2.UploadRequest(begin=begin)] + [
            registry_pb2.UploadRequest(chunk=registry_pb2.UploadChunk(offset=at, data=content[at:at + 65_536]))
            for at in range(0, len(content), 65_536)]
        return self(methods.UPLOAD, iter(pieces), 60)

    def start_audit(self, model, rows, probes, samples=8, seed=1):
        """The audit's name."""
        request = robustness_pb2.AuditRequest(model=model, examples=examples(rows), samples=samples, seed=seed)
        for name, parameters in probes:
            request.probes.add(probe=name, parameters=parameters)
        return self.start(request)

    def start_battery(self, model, data, battery, samples=8, seed=1):
        """The audit's name."""
        return self.start(robustness_pb2.AuditRequest(
            model=model, data_set=data, battery=battery, samples=samples, seed=seed))

    def start(self, request):
        stream = self(methods.AUDIT, request, 60)
        try:
            return next(event.state.audit for event in stream if event.WhichOneof("kind") == "state")
        finally:
            stream.cancel()

    def report(self, audit):
        """Its bytes, as JSON and as a page."""
        forms = robustness_pb2.GetReportRequest
        return tuple(
            getattr(self(methods.GET_REPORT, forms(audit=audit, format=form)), field)
            for form, field in ((forms.JSON, "json"), (forms.HTML, "html")))


def shipped(name):
    with open(f"{ROOT}/models/{name}.onnx", "rb") as file:
        return file.read()


def pictures(rows):
    """Noise of the size of MNIST's, the same each time."""
    values = np.random.default_rng(5).random((rows, 1, 28, 28), dtype=np.float32)
    return inference_pb2.Array(type=inference_pb2.Array.FLOAT32, shape=values.shape, data=values.tobytes())


def examples(rows):
    return inference_pb2.Examples(inputs=pictures(rows), labels=[row % 10 for row in range(rows)])


class Load:
    """Predictions in a process of its own, until it is stopped: `calls` are (begin, seconds, status) then."""

    def __init__(self, ports, token, model, threads=4, pause=0.002):
        self._process = subprocess.Popen(
            [sys.executable, __file__.replace("calls.py", "load.py"), json.dumps(
                {"ports": ports, "token": token, "model": model, "threads": threads, "pause": pause})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # It has had a first answer of each thread.
        if self._process.stdout.readline().strip() != "begun":
            raise Failed("the load did not begin")
        self.calls = []

    def stop(self):
        out, _ = self._process.communicate("stop\n")
        self.calls = json.loads(out)
        return self

    def failed(self):
        """What statuses those had that failed, with how many."""
        found = {}
        for _, _, status in self.calls:
            if status != "OK":
                found[status] = found.get(status, 0) + 1
        return found

    def milliseconds(self, share, begin=0.0, end=float("inf")):
        """A quantile of the calls that began in a time (of `time.monotonic`)."""
        return quantile([1000 * took for at, took, _ in self.calls if begin <= at < end], share)


def quantile(values, share):
    if not values:
        raise Failed("nothing was measured")
    return float(np.quantile(values, share))


def now():
    return time.monotonic()
