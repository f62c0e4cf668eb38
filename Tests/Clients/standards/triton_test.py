"""tritonclient over gRPC (plain, asyncio, streaming) and HTTP (JSON and binary): both say the same of one model."""

import asyncio
import queue
import unittest

import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
from support import CA, GRPC, HTTP, MODEL, bearer, rows
from tritonclient.utils import InferenceServerException

SEEDED = {"samples": 32, "seed": 7}


def connect_grpc(kind=tritonclient.grpc):
    return kind.InferenceServerClient(GRPC, ssl=True, root_certificates=CA)


class Both:
    """Tests that are run at either door."""

    def setUp(self):
        metadata = self.metadata()
        self.input = metadata["inputs"][0]
        self.shape = [int(extent) for extent in self.input["shape"][1:]]
        self.own = metadata["outputs"][0]["name"]

    def tensor(self, data, datatype="FP32", **options):
        tensor = self.kind.InferInput(self.input["name"], list(data.shape), datatype)
        tensor.set_data_from_numpy(data, **options)
        return tensor

    def infer(self, data, outputs=None, parameters=SEEDED, datatype="FP32", model=MODEL, **options):
        asked = outputs and [
            output if not isinstance(output, str) else self.kind.InferRequestedOutput(output) for output in outputs]
        return self.client.infer(
            model, [self.tensor(data, datatype)], outputs=asked, parameters=parameters, headers=bearer(), **options)

    def refused(self, words, call, *arguments, **options):
        with self.assertRaises(InferenceServerException) as caught:
            call(*arguments, **options)
        self.assertIn(words, str(caught.exception))
        return caught.exception

    def test_server_and_model(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready(MODEL, headers=bearer()))
        self.assertTrue(self.client.is_model_ready(MODEL, "1", headers=bearer()))
        self.assertFalse(self.client.is_model_ready("no-such-model", headers=bearer()))
        metadata = self.metadata()
        self.assertEqual((metadata["name"], metadata["versions"], metadata["platform"]), (MODEL, ["1"], "onnx"))
        self.assertEqual((self.input["datatype"], int(self.input["shape"][0])), ("FP32", -1))
        names = [output["name"] for output in metadata["outputs"]]
        self.assertLess({"mean", "label", "std", "predictive_entropy", "prediction_set", "standard_error"}, set(names))
        self.assertIn("statistics", self.server()["extensions"])
        config = self.config()
        self.assertEqual((config["name"], config["input"][0]["data_type"]), (MODEL, "TYPE_FP32"))
        self.assertEqual([int(extent) for extent in config["input"][0]["dims"]], self.shape)

    def test_answer_is_whole(self):
        answer = self.infer(rows(3, self.shape), request_id="a1")
        head = self.head(answer)
        self.assertEqual((head["model_name"], head["model_version"], head["id"]), (MODEL, "1", "a1"))
        own = answer.as_numpy(self.own)
        self.assertEqual((own.shape, own.dtype), ((3, 10), np.float32))
        np.testing.assert_allclose(own.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(answer.as_numpy("label"), own.argmax(axis=1))
        self.assertEqual(answer.as_numpy("std").shape, (3, 10))
        total, aleatoric, epistemic = (
            answer.as_numpy(name) for name in ("predictive_entropy", "expected_entropy", "mutual_information"))
        self.assertEqual(total.shape, (3,))
        np.testing.assert_allclose(total, aleatoric + epistemic, atol=1e-5)
        self.assertTrue((answer.as_numpy("standard_error") > 0).all())
        self.assertIsNone(answer.as_numpy("prediction_set"))

    def test_outputs_by_name(self):
        data = rows(2, self.shape)
        answer = self.infer(data, ["margin", "mean"])
        self.assertIsNone(answer.as_numpy("std"))
        whole = self.infer(data)
        np.testing.assert_array_equal(answer.as_numpy("mean"), whole.as_numpy(self.own))
        np.testing.assert_array_equal(answer.as_numpy("margin"), whole.as_numpy("margin"))
        quantiles = self.infer(data, ["quantiles"], {**SEEDED, "quantiles": "0.05, 0.95"}).as_numpy("quantiles")
        self.assertEqual(quantiles.shape, (2, 2, 10))
        self.assertTrue((quantiles[:, 0] <= quantiles[:, 1]).all())

    def test_seed_reproduces_and_samples_count(self):
        data = rows(1, self.shape)
        first, again = (self.infer(data).as_numpy("std") for _ in range(2))
        np.testing.assert_array_equal(first, again)
        other = self.infer(data, parameters={"samples": 32, "seed": 8}).as_numpy("std")
        self.assertTrue((first != other).any())
        certain = self.infer(data, parameters={"samples": 0})
        self.assertIsNone(certain.as_numpy("std"))
        self.refused("ask for more samples", self.infer, data, ["std"], {"samples": 0})

    def test_kinds_of_numbers(self):
        data = np.round(rows(1, self.shape) * 64) / 64
        expected = self.infer(data, ["mean"]).as_numpy("mean")
        for datatype, kind in (("FP64", np.float64), ("FP16", np.float16)):
            found = self.infer(data.astype(kind), ["mean"], datatype=datatype).as_numpy("mean")
            np.testing.assert_array_equal(found, expected)
        pixels = (data * 255).astype(np.uint8)
        self.assertEqual(self.infer(pixels, ["mean"], datatype="UINT8").as_numpy("mean").shape, (1, 10))
        # Whole numbers are numbers, and rows may be flat.
        whole = np.round(rows(1, self.shape) * 2)
        mean = self.infer(whole, ["mean"]).as_numpy("mean")
        for kind, datatype in ((np.int64, "INT64"), (np.uint16, "UINT16"), (np.int8, "INT8")):
            found = self.infer(whole.astype(kind), ["mean"], datatype=datatype).as_numpy("mean")
            np.testing.assert_array_equal(found, mean)
        flat = self.infer(whole.reshape(1, -1), ["mean"]).as_numpy("mean")
        np.testing.assert_array_equal(flat, mean)
        none = self.infer(data, None, {"samples": 0, "quantiles": "0.5"})
        self.assertIsNone(none.as_numpy("quantiles"))

    def test_classification(self):
        data = rows(2, self.shape)
        asked = self.kind.InferRequestedOutput(self.own, class_count=3)
        found = self.infer(data, [asked]).as_numpy(self.own)
        mean = self.infer(data, ["mean"]).as_numpy("mean")
        self.assertEqual(found.shape, (2, 3))
        for row in range(2):
            for place, text in enumerate(found[row]):
                value, index = text.decode().split(":")[:2]
                self.assertEqual(int(index), np.argsort(-mean[row], kind="stable")[place])
                self.assertAlmostEqual(float(value), mean[row][int(index)], places=5)

    def test_errors(self):
        data = rows(1, self.shape)
        self.refused("no-such-model", self.infer, data, model="no-such-model")
        self.refused("did you mean 'samples'", self.infer, data, parameters={"sample": 3})
        self.refused("did you mean 'std'", self.infer, data, ["stdd"])
        self.refused("coverage", self.infer, data, ["prediction_set"])
        self.refused("input.shape", self.infer, data[..., :1])
        wrong = self.kind.InferInput("not-its-name", list(data.shape), "FP32")
        wrong.set_data_from_numpy(data)
        self.refused("not-its-name", self.client.infer, MODEL, [wrong], headers=bearer())
        self.refused("no caller", self.client.infer, MODEL, [self.tensor(data)])

    def test_repository(self):
        name = self.spare
        self.client.unload_model(name, headers=bearer())
        try:
            self.assertFalse(self.client.is_model_ready(name, headers=bearer()))
            self.assertEqual(self.state(name), "UNAVAILABLE")
            self.refused("unloaded", self.infer, rows(1, self.shape), model=name)
        finally:
            self.client.load_model(name, headers=bearer())
        self.assertTrue(self.client.is_model_ready(name, headers=bearer()))
        self.assertEqual((self.state(name), self.state(MODEL)), ("READY", "READY"))
        self.refused("bring their own", self.client.load_model, name, headers=bearer(), config="{}")

    def test_statistics(self):
        def figures():
            found = self.statistics()["model_stats"][0]
            count = int(found["inference_stats"]["success"].get("count", 0))
            return count, int(found.get("inference_count", 0)), int(found.get("execution_count", 0))

        self.infer(rows(1, self.shape))
        before = figures()
        self.infer(rows(5, self.shape))
        after = figures()
        self.assertEqual([now - then for now, then in zip(after, before)], [1, 5, 1])


class Grpc(Both, unittest.TestCase):
    kind = tritonclient.grpc
    spare = f"{MODEL}-spare-grpc"

    @classmethod
    def setUpClass(cls):
        cls.client = connect_grpc()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def metadata(self):
        return self.client.get_model_metadata(MODEL, headers=bearer(), as_json=True)

    def server(self):
        return self.client.get_server_metadata(headers=bearer(), as_json=True)

    def config(self):
        return self.client.get_model_config(MODEL, headers=bearer(), as_json=True)["config"]

    def head(self, answer):
        return answer.get_response(as_json=True)

    def statistics(self):
        return self.client.get_inference_statistics(MODEL, headers=bearer(), as_json=True)

    def state(self, name):
        models = self.client.get_model_repository_index(headers=bearer()).models
        return next(model.state for model in models if model.name == name)

    def test_typed_contents(self):
        from tritonclient.grpc import service_pb2

        data = rows(2, self.shape)
        tensor = service_pb2.ModelInferRequest.InferInputTensor(
            name=self.input["name"], datatype="FP32", shape=data.shape)
        tensor.contents.fp32_contents.extend(data.ravel().tolist())
        request = service_pb2.ModelInferRequest(model_name=MODEL, inputs=[tensor])
        for name, value in SEEDED.items():
            request.parameters[name].int64_param = value
        metadata = list(bearer().items())
        answer = self.client._client_stub.ModelInfer(request, metadata=metadata)
        self.assertFalse(answer.raw_output_contents)
        mean = next(output for output in answer.outputs if output.name == self.own).contents.fp32_contents
        np.testing.assert_array_equal(
            np.array(mean, np.float32).reshape(2, 10), self.infer(data).as_numpy(self.own))
        request.raw_input_contents.append(data.tobytes())
        with self.assertRaisesRegex(Exception, "none beside raw_input_contents"):
            self.client._client_stub.ModelInfer(request, metadata=metadata)

    def test_callbacks(self):
        answers = queue.Queue()
        for seed in range(8):
            self.client.async_infer(
                MODEL, [self.tensor(rows(1, self.shape))], parameters={"samples": 8, "seed": seed}, headers=bearer(),
                request_id=str(seed), callback=lambda result, error: answers.put((result, error)))
        found = [answers.get(timeout=30) for _ in range(8)]
        self.assertTrue(all(error is None for _, error in found), found)
        self.assertEqual({result.get_response().id for result, _ in found}, {str(seed) for seed in range(8)})

    def test_stream(self):
        answers = queue.Queue()
        with connect_grpc() as client:
            client.start_stream(lambda result, error: answers.put((result, error)), headers=bearer())
            for place in range(6):
                model = "no-such-model" if place == 2 else MODEL
                client.async_stream_infer(
                    model, [self.tensor(rows(1, self.shape))], parameters=SEEDED, request_id=str(place),
                    enable_empty_final_response=True)
            found = [answers.get(timeout=30) for _ in range(6)]
            client.stop_stream()
        self.assertIn("no-such-model", str(found[2][1]))
        good = [result for place, (result, _) in enumerate(found) if place != 2]
        self.assertEqual([result.get_response().id for result in good], ["0", "1", "3", "4", "5"])
        self.assertTrue(good[0].get_response().parameters["triton_final_response"].bool_param)
        # In a batch of another size sums are rounded otherwise.
        np.testing.assert_allclose(
            good[0].as_numpy("std"), self.infer(rows(1, self.shape)).as_numpy("std"), rtol=1e-4)

    def test_asyncio(self):
        async def run():
            async with connect_grpc(tritonclient.grpc.aio) as client:
                self.assertTrue(await client.is_server_ready())
                data = rows(1, self.shape)
                calls = [
                    client.infer(MODEL, [self.tensor(data)], parameters=SEEDED, headers=bearer()) for _ in range(16)]
                found = [answer.as_numpy("mutual_information") for answer in await asyncio.gather(*calls)]

                async def requests():
                    for place in range(3):
                        yield {
                            "model_name": MODEL, "inputs": [self.tensor(data)], "request_id": str(place),
                            "parameters": SEEDED}

                streamed = [pair async for pair in client.stream_infer(requests(), headers=bearer())]
                return found, streamed

        found, streamed = asyncio.run(run())
        for values in found:
            np.testing.assert_allclose(values, found[0], rtol=1e-4)
        self.assertEqual([result.get_response().id for result, _ in streamed], ["0", "1", "2"])

    def test_deadline(self):
        data = rows(256, self.shape)
        error = self.refused("eadline", self.infer, data, None, {"samples": 2000}, timeout=2000)
        self.assertIn("DEADLINE_EXCEEDED", str(error.status()))
        self.refused("eadline", self.infer, data, None, {"samples": 2000}, client_timeout=0.01)


class Http(Both, unittest.TestCase):
    kind = tritonclient.http
    spare = f"{MODEL}-spare-http"

    @classmethod
    def setUpClass(cls):
        cls.client = tritonclient.http.InferenceServerClient(HTTP)
        cls.over_grpc = connect_grpc()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.over_grpc.close()

    def metadata(self):
        return self.client.get_model_metadata(MODEL, headers=bearer())

    def server(self):
        return self.client.get_server_metadata(headers=bearer())

    def config(self):
        return self.client.get_model_config(MODEL, headers=bearer())

    def head(self, answer):
        return answer.get_response()

    def statistics(self):
        return self.client.get_inference_statistics(MODEL, headers=bearer())

    def state(self, name):
        models = self.client.get_model_repository_index(headers=bearer())
        return next(model["state"] for model in models if model["name"] == name)

    def test_json_binary_and_grpc_say_the_same(self):
        data = rows(2, self.shape)
        over_grpc = tritonclient.grpc.InferInput(self.input["name"], list(data.shape), "FP32")
        over_grpc.set_data_from_numpy(data)
        expected = self.over_grpc.infer(MODEL, [over_grpc], parameters=SEEDED, headers=bearer())
        for is_binary in (True, False):
            names = [self.own, "std", "label"]
            outputs = [self.kind.InferRequestedOutput(name, binary_data=is_binary) for name in names]
            answer = self.client.infer(
                MODEL, [self.tensor(data, binary_data=is_binary)], outputs=outputs, parameters=SEEDED, headers=bearer())
            for name in names:
                np.testing.assert_array_equal(answer.as_numpy(name), expected.as_numpy(name))
            self.assertEqual("data" in answer.get_output("std"), not is_binary)

    def test_asynchronous(self):
        data = rows(1, self.shape)
        calls = [
            self.client.async_infer(MODEL, [self.tensor(data)], parameters=SEEDED, headers=bearer()) for _ in range(4)]
        found = [call.get_result().as_numpy("std") for call in calls]
        np.testing.assert_allclose(found[0], found[3], rtol=1e-4)


if __name__ == "__main__":
    unittest.main()
