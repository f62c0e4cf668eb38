"""Health and reflection, by the clients that come with grpcio and by grpc_requests, which knows nothing but an address."""

import unittest

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_requests import Client
from google.protobuf.descriptor_pool import DescriptorPool
from support import CA, GRPC, MODEL, TOKEN, credentials

SERVING = health_pb2.HealthCheckResponse.SERVING
SERVICES = {
    "dither.v1.Inference", "dither.v1.Registry", "dither.v1.Robustness", "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
    "inference.GRPCInferenceService"}


class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """The token with every call of a client that has no place for it."""

    def intercept_unary_unary(self, proceed, details, request):
        return proceed(self.with_token(details), request)

    def intercept_stream_stream(self, proceed, details, requests):
        return proceed(self.with_token(details), requests)

    @staticmethod
    def with_token(details):
        class Details(grpc.ClientCallDetails):
            pass

        changed = Details()
        changed.__dict__.update(details._asdict())
        changed.metadata = [*(details.metadata or []), ("authorization", f"Bearer {TOKEN}")]
        return changed


def stubless():
    with open(CA, "rb") as file:
        trusted = {"root_certificates": file.read()}
    return Client(GRPC, ssl=True, credentials=trusted, interceptors=[Bearer()], descriptor_pool=DescriptorPool())


def status(stub, service):
    return stub.Check(health_pb2.HealthCheckRequest(service=service)).status


class Health(unittest.TestCase):
    def setUp(self):
        self.channel = grpc.secure_channel(GRPC, credentials())
        self.addCleanup(self.channel.close)
        self.stub = health_pb2_grpc.HealthStub(self.channel)

    def test_check(self):
        for service in ("", "inference.GRPCInferenceService", MODEL, f"{MODEL}@1"):
            self.assertEqual(status(self.stub, service), SERVING, service)
        with self.assertRaises(grpc.RpcError) as caught:
            status(self.stub, "no-such-service")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_strangers_are_told_of_the_server_and_of_no_model(self):
        with open(CA, "rb") as file:
            tls = grpc.ssl_channel_credentials(file.read())
        with grpc.secure_channel(GRPC, tls) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            self.assertEqual(status(stub, ""), SERVING)
            with self.assertRaises(grpc.RpcError) as caught:
                status(stub, MODEL)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
            with self.assertRaises(grpc.RpcError) as caught:
                next(stub.Watch(health_pb2.HealthCheckRequest()))
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)

    def test_watch(self):
        spare = f"{MODEL}-spare-watch"
        repository = stubless().service("inference.GRPCInferenceService")
        watch = self.stub.Watch(health_pb2.HealthCheckRequest(service=spare), timeout=30)
        seen = [next(watch).status]
        repository.RepositoryModelUnload({"model_name": spare})
        seen.append(next(watch).status)
        repository.RepositoryModelLoad({"model_name": spare})
        seen.append(next(watch).status)
        watch.cancel()
        self.assertEqual(seen, [SERVING, health_pb2.HealthCheckResponse.NOT_SERVING, SERVING])
        unknown = self.stub.Watch(health_pb2.HealthCheckRequest(service="no-such-service"), timeout=30)
        self.assertEqual(next(unknown).status, health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
        unknown.cancel()


class Reflection(unittest.TestCase):
    def test_descriptors(self):
        with grpc.secure_channel(GRPC, credentials()) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            self.assertEqual(set(database.get_services()), SERVICES)
            pool = DescriptorPool(database)
            for service in SERVICES:
                for method in pool.FindServiceByName(service).methods:
                    self.assertTrue(method.input_type.full_name)
            request = pool.FindMessageTypeByName("dither.v1.PredictRequest")
            self.assertEqual(request.fields_by_name["samples"].number, 3)
            with self.assertRaises(KeyError):
                pool.FindMessageTypeByName("dither.v1.NoSuchMessage")

    def test_v1(self):
        """grpcio's client speaks v1alpha; the later name has the same messages."""
        from grpc_reflection.v1alpha import reflection_pb2 as messages

        with grpc.secure_channel(GRPC, credentials()) as channel:
            ask = channel.stream_stream(
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                request_serializer=messages.ServerReflectionRequest.SerializeToString,
                response_deserializer=messages.ServerReflectionResponse.FromString)
            answers = list(ask(iter([
                messages.ServerReflectionRequest(list_services=""),
                messages.ServerReflectionRequest(file_containing_symbol="inference.ModelInferRequest"),
                messages.ServerReflectionRequest(file_by_filename="no/such.proto")])))
        self.assertEqual({service.name for service in answers[0].list_services_response.service}, SERVICES)
        self.assertEqual(len(answers[1].file_descriptor_response.file_descriptor_proto), 2)
        self.assertEqual(answers[2].error_response.error_code, grpc.StatusCode.NOT_FOUND.value[0])

    def test_a_client_without_stubs(self):
        client = stubless()
        self.assertLess({"dither.v1.Inference", "inference.GRPCInferenceService"}, set(client.service_names))
        found = client.request("dither.v1.Registry", "GetModel", {"model": MODEL})
        self.assertEqual(found["name"], MODEL)
        ready = client.request(
            "inference.GRPCInferenceService", "ModelReady", {"name": MODEL})
        self.assertTrue(ready["ready"])
