"""KServe's clients, over gRPC and over REST."""

import asyncio
import unittest

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from support import GRPC, HTTP, MODEL, bearer, credentials, rows

SHAPE = (1, 28, 28)


def request(raw):
    data = rows(2, SHAPE)
    tensor = InferInput(name="input", shape=list(data.shape), datatype="FP32")
    tensor.set_data_from_numpy(data, binary_data=raw)
    return InferRequest(MODEL, [tensor], parameters={"samples": 16, "seed": 3})


def entropy(answer):
    return next(output for output in answer.outputs if output.name == "predictive_entropy").as_numpy()


class KServe(unittest.TestCase):
    def test_both_doors(self):
        async def run():
            async with InferenceGRPCClient(GRPC, creds=credentials()) as client:
                self.assertTrue(await client.is_server_live())
                self.assertTrue(await client.is_server_ready())
                self.assertTrue(await client.is_model_ready(MODEL))
                over_grpc = [await client.infer(request(raw)) for raw in (True, False)]
            client = InferenceRESTClient(RESTConfig(protocol="v2"))
            base = f"http://{HTTP}"
            self.assertTrue(await client.is_server_live(base))
            self.assertTrue(await client.is_server_ready(base))
            self.assertTrue(await client.is_model_ready(base, MODEL, headers=bearer()))
            over_rest = [
                await client.infer(base, request(raw), headers=bearer(), model_name=MODEL) for raw in (True, False)]
            await client.close()
            return over_grpc + over_rest

        answers = asyncio.run(run())
        for answer in answers:
            self.assertEqual(answer.model_name, MODEL)
            self.assertEqual(np.shape(entropy(answer)), (2,))
            np.testing.assert_array_equal(entropy(answer), entropy(answers[0]))
