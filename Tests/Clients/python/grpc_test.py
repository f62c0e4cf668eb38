"""A stock gRPC client calls every method of every service: answers, streams, errors, deadlines, cancellation."""

import hashlib
import json
import os
import struct
import threading
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
    return grpc.secure_channel(ADDRESS, grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(token)))


def floats(count, seed=1):
    """Numbers in [0, 1] that look random, without NumPy."""
    return [((i * 7919 + seed * 104729) % 1009) / 1008 for i in range(count)]


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

    def array(self, rows, seed=1):
        values = [x for row in range(rows) for x in floats(self.size, seed + row)]
        return inference_pb2.Array(
            type=inference_pb2.Array.FLOAT32, shape=[rows] + self.shape, data=struct.pack(f"<{len(values)}f", *values))

    def request(self, rows=1, seed=1, **changes):
        fields = dict(model=MODEL, input=self.array(rows, seed), samples=32, seed=7)
        fields.update(changes)
        return inference_pb2.PredictRequest(**fields)

    def refused(self, code, call, *arguments, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            answer = call(*arguments, **options)
            for _ in answer if hasattr(answer, "__next__") else []:
                pass
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        self.assertTrue(caught.exception.details())
        return caught.exception


class Predictions(ServerTest):
    def test_answer_is_whole(self):
        answer = self.inference.Predict(self.request(rows=3, quantiles=[0.05, 0.95]))
        self.assertEqual((answer.model, answer.samples, answer.seed), (MODEL, 32, 7))
        self.assertGreaterEqual(answer.version, 1)
        self.assertTrue(answer.digest.startswith("sha256:"))
        self.assertEqual(len(answer.predictions), 3)
        for prediction in answer.predictions:
            self.assertAlmostEqual(sum(prediction.probabilities), 1, places=6)
            self.assertEqual(prediction.label, max(range(10), key=lambda c: prediction.probabilities[c]))
            self.assertAlmostEqual(
                prediction.predictive_entropy, prediction.expected_entropy + prediction.mutual_information, places=6)
            self.assertEqual([len(quantile.values) for quantile in prediction.quantiles], [10, 10])
            self.assertGreater(prediction.standard_error, 0)

    def test_seed_reproduces_alone_and_in_a_batch(self):
        batch = self.inference.Predict(self.request(rows=3)).predictions[2]
        alone = self.inference.Predict(self.request(rows=1, seed=3)).predictions[0]
        for a, b in zip(batch.probabilities, alone.probabilities):
            self.assertAlmostEqual(a, b, delta=1e-6)

    def test_deterministic_pass(self):
        answer = self.inference.Predict(self.request(samples=0))
        self.assertEqual(answer.samples, 0)
        self.assertEqual(set(answer.predictions[0].std), {0.0})

    def test_tolerance(self):
        request = self.request(tolerance=0.02, max_samples=4096)
        request.ClearField("how_many")
        answer = self.inference.Predict(request)
        if answer.stop_reason == inference_pb2.PredictResponse.TOLERANCE_MET:
            self.assertLessEqual(answer.predictions[0].standard_error, 0.02)

    def test_bytes(self):
        data = bytes(int(x * 255) for x in floats(self.size))
        array = inference_pb2.Array(type=inference_pb2.Array.UINT8, shape=[1] + self.shape, data=data)
        self.assertEqual(len(self.inference.Predict(self.request(input=array)).predictions), 1)

    def test_many_at_once(self):
        calls = [self.inference.Predict.future(self.request(seed=i)) for i in range(64)]
        self.assertTrue(all(len(call.result().predictions) == 1 for call in calls))

    def test_errors(self):
        self.refused(grpc.StatusCode.NOT_FOUND, self.inference.Predict, self.request(model="no-such-model"))
        wrong = inference_pb2.Array(type=inference_pb2.Array.FLOAT32, shape=[1, 3], data=b"\0" * 12)
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.inference.Predict, self.request(input=wrong))
        short = self.array(1)
        short.data = short.data[:-4]
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.inference.Predict, self.request(input=short))
        infinite = self.array(1)
        infinite.data = struct.pack("<f", float("nan")) + infinite.data[4:]
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.inference.Predict, self.request(input=infinite))

    def test_deadline(self):
        self.refused(
            grpc.StatusCode.DEADLINE_EXCEEDED, self.inference.Predict, self.request(rows=64, samples=4096), timeout=0.001)

    def test_identity(self):
        with channel("not-a-token") as stranger:
            stub = inference_pb2_grpc.InferenceStub(stranger)
            self.refused(grpc.StatusCode.UNAUTHENTICATED, stub.Predict, self.request())
        with channel(os.environ["DITHER_PREDICT_TOKEN"]) as reader:
            self.assertEqual(len(inference_pb2_grpc.InferenceStub(reader).Predict(self.request()).predictions), 1)
            stub = registry_pb2_grpc.RegistryStub(reader)
            remove = registry_pb2.RemoveModelRequest(model=MODEL)
            self.refused(grpc.StatusCode.PERMISSION_DENIED, stub.RemoveModel, remove)

    def test_unknown_method(self):
        call = self.channel.unary_unary("/dither.v1.Inference/Guess", request_serializer=bytes, response_deserializer=bytes)
        self.refused(grpc.StatusCode.UNIMPLEMENTED, call, b"")


class Models(ServerTest):
    def requests(self, name, content, digest, first=0, cut=None, aliases=()):
        yield registry_pb2.UploadRequest(begin=registry_pb2.UploadBegin(
            name=name, bytes=len(content), sha256=digest, card_json=json.dumps({"by": "grpc_test"}), aliases=aliases))
        for offset in range(first, len(content) if cut is None else cut, 65536):
            chunk = registry_pb2.UploadChunk(offset=offset, data=content[offset:offset + 65536])
            yield registry_pb2.UploadRequest(chunk=chunk)

    def test_upload_alias_remove(self):
        with open(ONNX, "rb") as file:
            content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        answer = self.registry.Upload(self.requests("from-python", content, digest, aliases=["best"]))
        self.assertEqual((answer.model.name, answer.model.version), ("from-python", 1))
        again = self.registry.Upload(self.requests("from-python", content, digest))
        self.assertTrue(again.existed)
        self.assertEqual(json.loads(again.model.card_json), {"by": "grpc_test"})
        self.assertEqual(self.inference.Predict(self.request(model="from-python:best")).version, 1)
        self.registry.SetAlias(registry_pb2.SetAliasRequest(model="from-python@1", alias="stable"))
        found = self.registry.GetModel(registry_pb2.GetModelRequest(model="from-python:stable"))
        self.assertEqual(sorted(found.aliases), ["best", "stable"])
        names = [model.name for model in self.registry.ListModels(registry_pb2.ListModelsRequest()).models]
        self.assertIn("from-python", names)
        self.assertIn(MODEL, names)
        removed = self.registry.RemoveModel(registry_pb2.RemoveModelRequest(model="from-python"))
        self.assertEqual(removed.removed, 1)
        self.refused(grpc.StatusCode.NOT_FOUND, self.registry.GetModel, registry_pb2.GetModelRequest(model="from-python"))

    def test_cut_upload_goes_on(self):
        with open(ONNX, "rb") as file:
            content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        with self.assertRaises(grpc.RpcError):
            self.registry.Upload(self.requests("cut", content, digest, cut=131072))
        status = self.registry.GetUpload(registry_pb2.GetUploadRequest(name="cut", sha256=digest))
        self.assertLessEqual(status.received, 131072)
        answer = self.registry.Upload(self.requests("cut", content, digest, first=status.received))
        self.assertEqual(answer.model.digest, "sha256:" + digest)
        self.registry.RemoveModel(registry_pb2.RemoveModelRequest(model="cut"))

    def test_bad_uploads_leave_no_trace(self):
        garbage = os.urandom(4096)
        digest = hashlib.sha256(garbage).hexdigest()
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.registry.Upload, self.requests("bad", garbage, digest))
        wrong = self.requests("bad", garbage, hashlib.sha256(b"other").hexdigest())
        with self.assertRaises(grpc.RpcError) as caught:
            self.registry.Upload(wrong)
        self.assertIn(caught.exception.code(), (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DATA_LOSS))
        models = self.registry.ListModels(registry_pb2.ListModelsRequest(prefix="bad")).models
        self.assertEqual(list(models), [])


class Audits(ServerTest):
    def audit_request(self, probes=("clean",), rows=16, **fields):
        examples = robustness_pb2.Examples(inputs=self.array(rows), labels=[i % 10 for i in range(rows)])
        return robustness_pb2.AuditRequest(
            model=MODEL, examples=examples, seed=1, samples=4,
            probes=[robustness_pb2.ProbeRequest(probe=probe) for probe in probes], **fields)

    def test_audit_from_start_to_report(self):
        events = list(self.robustness.Audit(self.audit_request(("clean", "gaussian_noise"))))
        kinds = [event.WhichOneof("kind") for event in events]
        self.assertEqual((kinds[0], kinds[-1]), ("state", "report"))
        audit = events[0].state.audit
        report = json.loads(events[-1].report.json)
        self.assertEqual({probe["probe"] for probe in report["probes"]}, {"clean", "gaussian_noise"})
        watched = list(self.robustness.WatchAudit(robustness_pb2.WatchAuditRequest(audit=audit)))
        self.assertEqual(json.loads(watched[-1].report.json), report)
        audits = self.robustness.ListAudits(robustness_pb2.ListAuditsRequest(model=MODEL)).audits
        self.assertIn(audit, [state.audit for state in audits])
        page = self.robustness.GetReport(robustness_pb2.GetReportRequest(
            audit=audit, format=robustness_pb2.GetReportRequest.HTML))
        self.assertIn(b"<html", page.html[:500].lower())

    def test_probes_are_listed(self):
        answer = self.robustness.ListProbes(robustness_pb2.ListProbesRequest())
        self.assertLessEqual({"clean", "fgsm", "pgd", "calibration"}, {probe.name for probe in answer.probes})
        self.assertIn("smoke", answer.batteries)

    def test_errors(self):
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.robustness.Audit, self.audit_request(("no-such-probe",)))
        watch = robustness_pb2.WatchAuditRequest(audit="no-such-audit")
        self.refused(grpc.StatusCode.NOT_FOUND, self.robustness.WatchAudit, watch)

    def test_cancelled_watcher_and_cancelled_audit(self):
        call = self.robustness.Audit(self.audit_request(("pgd",), rows=256))
        audit = next(call).state.audit
        threading.Timer(0.05, call.cancel).start()
        with self.assertRaises(grpc.RpcError) as caught:
            for _ in call:
                pass
            raise AssertionError("the audit ended before it was cancelled")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.CANCELLED)
        state = self.robustness.CancelAudit(robustness_pb2.CancelAuditRequest(audit=audit))
        self.assertIn(state.state, (robustness_pb2.AuditState.CANCELLED, robustness_pb2.AuditState.RUNNING))


if __name__ == "__main__":
    unittest.main(verbosity=1)
