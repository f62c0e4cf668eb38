"""A stock gRPC client calls every method of every service: answers, streams, errors, deadlines, cancellation."""

import contextlib
import hashlib
import json
import os
import struct
import threading

import grpc
from dither.v1 import inference_pb2, inference_pb2_grpc, registry_pb2, registry_pb2_grpc, robustness_pb2
from support import MODEL, ONNX, ServerTest, channel, floats, upload


def measures(prediction):
    return {measure.name: list(measure.values) for measure in prediction.measures}


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
            found = measures(prediction)
            (total,), (aleatoric,) = found["predictive_entropy"], found["expected_entropy"]
            self.assertAlmostEqual(total, aleatoric + found["mutual_information"][0], places=6)
            self.assertEqual([len(quantile.values) for quantile in prediction.quantiles], [10, 10])
            self.assertGreater(found["standard_error"][0], 0)
            self.assertEqual(len(found["std"]), 10)

    def test_seed_reproduces_alone_and_in_a_batch(self):
        batch = self.inference.Predict(self.request(rows=3)).predictions[2]
        alone = self.inference.Predict(self.request(rows=1, seed=3)).predictions[0]
        for a, b in zip(batch.probabilities, alone.probabilities):
            self.assertAlmostEqual(a, b, delta=1e-6)

    def test_compressed(self):
        gzip = grpc.Compression.Gzip
        for rows in (1, 3, 64):
            plain = self.inference.Predict(self.request(rows=rows)).predictions
            packed = self.inference.Predict(self.request(rows=rows), compression=gzip).predictions
            self.assertEqual(len(packed), rows)
            for a, b in zip(packed, plain):
                for x, y in zip(a.probabilities, b.probabilities):
                    self.assertAlmostEqual(x, y, delta=1e-6)
        raw = self.channel.unary_unary("/dither.v1.Inference/Predict")
        # Few bytes on the wire, above the bound of a message once they are unfolded.
        self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, raw, bytes(32 << 20), compression=gzip, timeout=60)
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, raw, b"\x0a\xff\xff" * 9, compression=gzip, timeout=60)
        other = grpc.Compression.Deflate
        self.refused(grpc.StatusCode.UNIMPLEMENTED, self.inference.Predict, self.request(), compression=other)

    def test_deterministic_pass(self):
        answer = self.inference.Predict(self.request(samples=0))
        self.assertEqual(answer.samples, 0)
        # One answer says nothing of how much answers differ.
        self.assertEqual(set(measures(answer.predictions[0])), {"predictive_entropy", "margin"})

    def test_measures_by_name(self):
        answer = self.inference.Predict(self.request(measures=["margin", "std"]))
        self.assertEqual([measure.name for measure in answer.predictions[0].measures], ["margin", "std"])
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.inference.Predict, self.request(measures=["margins"]))

    def test_tolerance(self):
        request = self.request(tolerance=0.02, max_samples=4096)
        request.ClearField("how_many")
        answer = self.inference.Predict(request)
        if answer.stop_reason == inference_pb2.PredictResponse.TOLERANCE_MET:
            self.assertLessEqual(measures(answer.predictions[0])["standard_error"][0], 0.02)

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
        slow = self.request(rows=64, samples=4096)
        self.refused(grpc.StatusCode.DEADLINE_EXCEEDED, self.inference.Predict, slow, timeout=0.001)

    def test_identity(self):
        with channel("not-a-token") as stranger:
            stub = inference_pb2_grpc.InferenceStub(stranger)
            self.refused(grpc.StatusCode.UNAUTHENTICATED, stub.Predict, self.request())
        with channel(os.environ["DITHER_PREDICT_TOKEN"]) as reader:
            self.assertEqual(len(inference_pb2_grpc.InferenceStub(reader).Predict(self.request()).predictions), 1)
            stub = registry_pb2_grpc.RegistryStub(reader)
            remove = registry_pb2.RemoveModelRequest(model=MODEL)
            self.refused(grpc.StatusCode.PERMISSION_DENIED, stub.RemoveModel, remove)

    def test_refusal_before_the_request_has_come(self):
        # Longer than HTTP/2's first window: the client is still sending when it is told.
        long = registry_pb2.CalibrateRequest(model=MODEL, examples=self.examples(256))
        for _ in range(16):
            with channel(os.environ["DITHER_PREDICT_TOKEN"]) as reader:
                stub = registry_pb2_grpc.RegistryStub(reader)
                self.refused(grpc.StatusCode.PERMISSION_DENIED, stub.Calibrate, long)

    def test_cancelled_calls_end_no_other(self):
        events = self.neighbor()
        for _ in range(20):
            calls = [self.inference.Predict.future(self.request()) for _ in range(20)]
            for call in calls:
                call.cancel()
        self.assertEqual(events.result().version, 1)

    def test_large_metadata_ends_its_call_alone(self):
        for size in (17_000, 60_000, 300_000):
            other = self.neighbor()
            with self.assertRaises(grpc.RpcError) as refusal:
                self.inference.Predict(self.request(), metadata=[("x-large", "x" * size)])
            self.assertEqual(refusal.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, size)
            self.assertEqual(other.result().version, 1)

    def neighbor(self):
        """A call on the same connection that takes a while."""
        return self.inference.Predict.future(self.request(rows=64, samples=512))

    def test_unknown_method(self):
        call = self.channel.unary_unary(
            "/dither.v1.Inference/Guess", request_serializer=bytes, response_deserializer=bytes)
        self.refused(grpc.StatusCode.UNIMPLEMENTED, call, b"")


class Models(ServerTest):
    def test_upload_alias_remove(self):
        with open(ONNX, "rb") as file:
            content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        answer = self.registry.Upload(upload("from-python", content, digest, aliases=["best"]))
        self.assertEqual((answer.model.name, answer.model.version), ("from-python", 1))
        again = self.registry.Upload(upload("from-python", content, digest))
        self.assertTrue(again.existed)
        self.assertEqual(json.loads(again.model.card_json), {"by": "grpc_test"})
        self.assertEqual(self.inference.Predict(self.request(model="from-python:best")).version, 1)
        self.registry.SetAlias(registry_pb2.SetAliasRequest(model="from-python@1", alias="stable"))
        with self.assertRaises(grpc.RpcError) as caught:
            self.registry.SetAlias(
                registry_pb2.SetAliasRequest(model="from-python@1", alias="stable", expected_version=7))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        found = self.registry.GetModel(registry_pb2.GetModelRequest(model="from-python:stable"))
        self.assertEqual(sorted(found.aliases), ["best", "stable"])
        names = [model.name for model in self.registry.ListModels(registry_pb2.ListModelsRequest()).models]
        self.assertIn("from-python", names)
        self.assertIn(MODEL, names)
        remove = registry_pb2.RemoveModelRequest(model="from-python")
        self.refused(grpc.StatusCode.FAILED_PRECONDITION, self.registry.RemoveModel, remove)
        remove.force = True
        self.assertEqual(self.registry.RemoveModel(remove).removed, 1)
        gone = registry_pb2.GetModelRequest(model="from-python")
        self.refused(grpc.StatusCode.NOT_FOUND, self.registry.GetModel, gone)

    def test_cut_upload_goes_on(self):
        with open(ONNX, "rb") as file:
            content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        with self.assertRaises(grpc.RpcError):
            self.registry.Upload(upload("cut", content, digest, cut=131072))
        status = self.registry.GetUpload(registry_pb2.GetUploadRequest(name="cut", sha256=digest))
        self.assertLessEqual(status.received, 131072)
        answer = self.registry.Upload(upload("cut", content, digest, first=status.received))
        self.assertEqual(answer.model.digest, "sha256:" + digest)
        self.registry.RemoveModel(registry_pb2.RemoveModelRequest(model="cut"))

    def test_bad_uploads_leave_no_trace(self):
        garbage = os.urandom(4096)
        digest = hashlib.sha256(garbage).hexdigest()
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.registry.Upload, upload("bad", garbage, digest))
        wrong = upload("bad", garbage, hashlib.sha256(b"other").hexdigest())
        with self.assertRaises(grpc.RpcError) as caught:
            self.registry.Upload(wrong)
        self.assertIn(caught.exception.code(), (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DATA_LOSS))
        models = self.registry.ListModels(registry_pb2.ListModelsRequest(prefix="bad")).models
        self.assertEqual(list(models), [])


class Calibrations(ServerTest):
    @contextlib.contextmanager
    def version(self, name):
        """A version of its own, so that no other test meets its calibration."""
        with open(ONNX, "rb") as file:
            content = file.read()
        self.registry.Upload(upload(name, content, hashlib.sha256(content).hexdigest()))
        try:
            yield name
        finally:
            self.registry.RemoveModel(registry_pb2.RemoveModelRequest(model=name))

    def calibrate(self, name, rows=64, **fields):
        examples = self.examples(rows)
        # A temperature needs answers that are mostly right and sometimes wrong.
        answers = self.inference.Predict(self.request(rows=rows, model=MODEL, samples=4)).predictions
        for row, answer in enumerate(answers):
            examples.labels[row] = answer.label if row % 4 else (answer.label + 1) % 10
        return registry_pb2.CalibrateRequest(model=name, examples=examples, samples=4, seed=1, **fields)

    def test_trial_is_not_stored(self):
        with self.version("tried") as name:
            found = self.registry.Calibrate(self.calibrate(name, try_only=True))
            self.assertEqual((found.number, found.model, found.version, found.samples), (0, name, 1, 4))
            self.assertEqual((found.temperature_examples, found.conformal_examples), (32, 32))
            self.assertGreater(found.temperature, 0)
            self.assertTrue(found.data_digest.startswith("sha256:"))
            self.assertTrue(found.thresholds)
            model = self.registry.GetModel(registry_pb2.GetModelRequest(model=name))
            self.assertFalse(model.HasField("calibration"))
            plain = self.inference.Predict(self.request(model=name))
            self.assertEqual((plain.calibration, plain.temperature), (0, 1))
            self.refused(
                grpc.StatusCode.FAILED_PRECONDITION, self.inference.Predict,
                self.request(model=name, samples=4, coverage=0.9))

    def test_stored_calibration_answers_with_sets(self):
        with self.version("calibrated") as name:
            tried = self.registry.Calibrate(self.calibrate(name, try_only=True))
            stored = self.registry.Calibrate(self.calibrate(name))
            self.assertEqual((stored.number, stored.temperature), (1, tried.temperature))
            model = self.registry.GetModel(registry_pb2.GetModelRequest(model=name))
            self.assertEqual(model.calibration, stored)
            for rule in (inference_pb2.PredictRequest.LAC, inference_pb2.PredictRequest.APS):
                request = self.request(rows=8, model=name, coverage=0.9, set_rule=rule)
                request.ClearField("how_many")
                answer = self.inference.Predict(request)
                self.assertEqual((answer.calibration, answer.temperature), (1, stored.temperature))
                self.assertEqual(answer.samples, 4)
                sets = [list(prediction.prediction_set) for prediction in answer.predictions]
                self.assertTrue(any(sets))
                for classes in sets:
                    self.assertEqual(classes, sorted(set(classes) & set(range(10))))
            plain = self.inference.Predict(self.request(model=name, uncalibrated=True))
            self.assertEqual((plain.calibration, plain.temperature), (0, 1))
            self.assertEqual(list(plain.predictions[0].prediction_set), [])
            self.assertEqual(self.registry.Calibrate(self.calibrate(name)).number, 2)

    def test_errors(self):
        with self.version("uncalibrated") as name:
            few = self.calibrate(name, rows=8)
            self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.registry.Calibrate, few)
            self.registry.Calibrate(self.calibrate(name))
            # 32 examples say nothing of the last hundredth.
            most = self.request(model=name, samples=4, coverage=0.99)
            self.refused(grpc.StatusCode.FAILED_PRECONDITION, self.inference.Predict, most)
            for changes in (dict(samples=4, coverage=1.5), dict(samples=5, coverage=0.9)):
                request = self.request(model=name, **changes)
                self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.inference.Predict, request)
        self.refused(grpc.StatusCode.NOT_FOUND, self.registry.Calibrate, self.calibrate("no-such-model"))


class Audits(ServerTest):
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

    def test_plan_says_what_an_audit_would_do(self):
        audits = robustness_pb2.ListAuditsRequest()
        before = len(self.robustness.ListAudits(audits).audits)
        plan = self.robustness.PlanAudit(self.audit_request(("clean", ("pgd", {"steps": "3"})), rows=8))
        self.assertEqual(plan.examples, 8)
        self.assertGreaterEqual(plan.shards, 2)
        self.assertEqual([probe.probe.split(":")[0] for probe in plan.probes], ["clean", "pgd"])
        self.assertTrue(all(probe.questions > 0 for probe in plan.probes))
        # Three steps and more ask more than one look.
        self.assertGreater(plan.probes[1].questions, plan.probes[0].questions)
        self.assertGreater(plan.seconds, 0)
        self.assertEqual(len(self.robustness.ListAudits(audits).audits), before)
        unknown = self.audit_request(("no-such-probe",))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.robustness.PlanAudit, unknown)

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


class Corruptions(ServerTest):
    def corrupted(self, inputs, **changes):
        fields = dict(corruption="fog", parameters={"severity": "3"}, seed=5)
        fields.update(changes)
        return self.robustness.Corrupt(robustness_pb2.CorruptRequest(inputs=inputs, **fields)).outputs

    def test_a_seed_and_a_number_are_an_outcome(self):
        inputs = self.array(3)
        outputs = self.corrupted(inputs)
        self.assertEqual((outputs.type, list(outputs.shape)), (inputs.type, list(inputs.shape)))
        self.assertEqual(len(outputs.data), len(inputs.data))
        self.assertNotEqual(outputs.data, inputs.data)
        self.assertEqual(self.corrupted(inputs).data, outputs.data)
        self.assertNotEqual(self.corrupted(inputs, seed=6).data, outputs.data)
        self.assertNotEqual(self.corrupted(inputs, parameters={"severity": "4"}).data, outputs.data)
        values = struct.unpack(f"<{len(outputs.data) // 4}f", outputs.data)
        self.assertTrue(all(0 <= value <= 1 for value in values))
        # The third example by itself.
        self.assertEqual(self.corrupted(self.array(1, seed=3), first=2).data, outputs.data[2 * len(outputs.data) // 3:])

    def test_bytes(self):
        data = bytes(int(x * 255) for x in floats(self.size))
        inputs = inference_pb2.Array(type=inference_pb2.Array.UINT8, shape=[1] + self.shape, data=data)
        outputs = self.corrupted(inputs)
        self.assertEqual((outputs.type, len(outputs.data)), (inputs.type, len(data)))
        self.assertNotEqual(outputs.data, data)

    def test_errors(self):
        def refused(**changes):
            fields = dict(inputs=self.array(1), corruption="fog", parameters={"severity": "3"})
            fields.update(changes)
            request = robustness_pb2.CorruptRequest(**fields)
            self.refused(grpc.StatusCode.INVALID_ARGUMENT, self.robustness.Corrupt, request)

        refused(corruption="no-such-corruption")
        refused(corruption="pgd", parameters={})
        refused(parameters={"severity": "6"})
        refused(parameters={"no-such-parameter": "1"})
        outside = self.array(1)
        outside.data = struct.pack("<f", 1.5) + outside.data[4:]
        refused(inputs=outside)
