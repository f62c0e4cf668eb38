"""MLServer's types and codecs over REST, its stub and converters over gRPC, and `mlserver infer`, all unchanged."""

import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import grpc
import numpy as np
from mlserver import types
from mlserver.codecs import NumpyCodec, NumpyRequestCodec
from mlserver.grpc import converters, dataplane_pb2, dataplane_pb2_grpc
from support import GRPC, HTTP, MODEL, TOKEN, bearer, credentials, rows

SHAPE = (1, 28, 28)
SEEDED = {"samples": 16, "seed": 3}


def request():
    """As its codec makes it, which says `content_type` in the parameters."""
    made = NumpyRequestCodec.encode_request(rows(2, SHAPE))
    made.inputs[0].name = "input"
    made.parameters = types.Parameters(content_type="np", **SEEDED)
    return made


def arrays(answer):
    return {output.name: NumpyCodec.decode_output(output) for output in answer.outputs}


def ask(path, body=None):
    connection = http.client.HTTPConnection(HTTP, timeout=60)
    try:
        connection.request("GET" if body is None else "POST", f"/v2{path}", body, bearer())
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class MLServer(unittest.TestCase):
    def same(self, answer, other=None):
        self.assertEqual(answer.model_name, MODEL)
        found = arrays(answer)
        self.assertEqual(found["logits"].shape, (2, 10))
        self.assertEqual(found["predictive_entropy"].shape, (2,))
        self.assertEqual(answer.parameters.samples, 16)
        for name, values in (other or {}).items():
            np.testing.assert_allclose(found[name], values, rtol=1e-6)
        return found

    def test_rest_and_grpc_say_the_same(self):
        # Members that are null are none.
        status, body = ask(f"/models/{MODEL}/infer", request().model_dump_json())
        self.assertEqual(status, 200, body)
        rest = self.same(types.InferenceResponse.model_validate_json(body))
        with grpc.secure_channel(GRPC, credentials()) as channel:
            stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
            for raw in (False, True):
                message = converters.ModelInferRequestConverter.from_types(
                    request(), model_name=MODEL, model_version=None, use_raw=raw)
                answer = stub.ModelInfer(message)
                self.assertEqual(len(answer.raw_output_contents) > 0, raw)
                self.same(converters.ModelInferResponseConverter.to_types(answer), rest)

    def test_what_is_there(self):
        types.MetadataServerResponse.model_validate_json(ask("")[1])
        over_rest = types.MetadataModelResponse.model_validate_json(ask(f"/models/{MODEL}")[1])
        index = ask("/repository/index", types.RepositoryIndexRequest(ready=True).model_dump_json())[1]
        models = types.RepositoryIndexResponse.model_validate_json(index).root
        listed = [(one.name, str(one.state), one.reason) for one in models]
        self.assertIn((MODEL, "READY", ""), listed)
        with grpc.secure_channel(GRPC, credentials()) as channel:
            stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
            self.assertTrue(stub.ServerLive(dataplane_pb2.ServerLiveRequest()).live)
            self.assertTrue(stub.ServerReady(dataplane_pb2.ServerReadyRequest()).ready)
            self.assertTrue(stub.ModelReady(dataplane_pb2.ModelReadyRequest(name=MODEL)).ready)
            server = stub.ServerMetadata(dataplane_pb2.ServerMetadataRequest())
            self.assertEqual(converters.ServerMetadataResponseConverter.to_types(server).name, "dither")
            model = stub.ModelMetadata(dataplane_pb2.ModelMetadataRequest(name=MODEL))
            over_grpc = converters.ModelMetadataResponseConverter.to_types(model)
        for kind in ("inputs", "outputs"):
            both = [
                [(one.name, str(one.datatype), list(one.shape)) for one in getattr(found, kind)]
                for found in (over_rest, over_grpc)]
            self.assertEqual(*both)

    def test_command(self):
        data = rows(6, SHAPE)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            lines = [
                {"id": f"r{at}", "inputs": [
                    {"name": "input", "datatype": "FP32", "shape": [1, *SHAPE], "data": row.ravel().tolist()}]}
                for at, row in enumerate(data)]
            (folder / "in").write_text("".join(json.dumps(line) + "\n" for line in lines))
            for options in (["--batch-size", "4"], ["--binary-data"]):
                ran = subprocess.run(
                    [pathlib.Path(sys.executable).with_name("mlserver"), "infer", "--url", HTTP, "--model-name", MODEL,
                     "--input-data-path", folder / "in", "--output-data-path", folder / "out", "--workers", "2",
                     "--request-headers", f"authorization: Bearer {TOKEN}", *options],
                    capture_output=True, text=True, timeout=120)
                self.assertEqual(ran.returncode, 0, ran.stderr)
                answers = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
                self.assertEqual(sorted(answer["id"] for answer in answers), [line["id"] for line in lines])
                for answer in answers:
                    self.assertEqual(answer["outputs"][0]["shape"], [1, 10], answer)


if __name__ == "__main__":
    unittest.main()
