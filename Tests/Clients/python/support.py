"""What the tests share: the server that the environment names, and a case with a stub of each service."""

import json
import os
import struct
import unittest

import grpc
from dither.v1 import inference_pb2, inference_pb2_grpc, registry_pb2, registry_pb2_grpc, robustness_pb2
from dither.v1 import robustness_pb2_grpc

ADDRESS = os.environ["DITHER_GRPC"]
MODEL = os.environ["DITHER_MODEL"]
ONNX = os.environ["DITHER_ONNX"]


def channel(token):
    with open(os.environ["DITHER_CA"], "rb") as file:
        tls = grpc.ssl_channel_credentials(root_certificates=file.read())
    bearer = grpc.access_token_call_credentials(token)
    return grpc.secure_channel(ADDRESS, grpc.composite_channel_credentials(tls, bearer))


def floats(count, seed=1):
    """Numbers in [0, 1] that look random, without NumPy."""
    return [((i * 7919 + seed * 104729) % 1009) / 1008 for i in range(count)]


def upload(name, content, digest, first=0, cut=None, aliases=()):
    """The stream of an upload, from a byte on and up to where it is cut."""
    yield registry_pb2.UploadRequest(begin=registry_pb2.UploadBegin(
        name=name, bytes=len(content), sha256=digest, card_json=json.dumps({"by": "grpc_test"}), aliases=aliases))
    for offset in range(first, len(content) if cut is None else cut, 65536):
        chunk = registry_pb2.UploadChunk(offset=offset, data=content[offset:offset + 65536])
        yield registry_pb2.UploadRequest(chunk=chunk)


class ServerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.channel = channel(os.environ["DITHER_TOKEN"])
        cls.inference = inference_pb2_grpc.InferenceStub(cls.channel)
        cls.registry = registry_pb2_grpc.RegistryStub(cls.channel)
        cls.robustness = robustness_pb2_grpc.RobustnessStub(cls.channel)
        model = cls.registry.GetModel(registry_pb2.GetModelRequest(model=MODEL))
        cls.shape = list(model.signature.input_shape[1:])
        cls.size = 1
        for extent in cls.shape:
            cls.size *= extent

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()

    @classmethod
    def array(cls, rows, seed=1):
        values = [x for row in range(rows) for x in floats(cls.size, seed + row)]
        return inference_pb2.Array(
            type=inference_pb2.Array.FLOAT32, shape=[rows] + cls.shape, data=struct.pack(f"<{len(values)}f", *values))

    @classmethod
    def examples(cls, rows):
        return inference_pb2.Examples(inputs=cls.array(rows), labels=[i % 10 for i in range(rows)])

    @classmethod
    def request(cls, rows=1, seed=1, **changes):
        fields = dict(model=MODEL, input=cls.array(rows, seed), samples=32, seed=7)
        fields.update(changes)
        return inference_pb2.PredictRequest(**fields)

    @classmethod
    def audit_request(cls, probes=("clean",), rows=16, **fields):
        """Of probes by name, or by name with parameters."""
        named = [(probe, {}) if isinstance(probe, str) else probe for probe in probes]
        return robustness_pb2.AuditRequest(
            model=MODEL, examples=cls.examples(rows), seed=1, samples=4,
            probes=[robustness_pb2.ProbeRequest(probe=name, parameters=values) for name, values in named], **fields)

    def refused(self, code, call, *arguments, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            answer = call(*arguments, **options)
            for _ in answer if hasattr(answer, "__next__") else []:
                pass
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        self.assertTrue(caught.exception.details())
        return caught.exception
