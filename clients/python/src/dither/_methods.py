"""The calls of the gRPC door: path, messages, and whether a call may be made again after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Type, TypeVar

from ._stubs import inference_pb2 as inference
from ._stubs import registry_pb2 as registry
from ._stubs import robustness_pb2 as robustness

Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True)
class Method(Generic[Request, Response]):
    path: str
    request: Type[Request]
    response: Type[Response]
    kind: str = "unary_unary"
    # Made twice it has done no more than made once.
    is_idempotent: bool = True


PREDICT = Method("/dither.v1.Inference/Predict", inference.PredictRequest, inference.PredictResponse)

LIST_MODELS = Method("/dither.v1.Registry/ListModels", registry.ListModelsRequest, registry.ListModelsResponse)
GET_MODEL = Method("/dither.v1.Registry/GetModel", registry.GetModelRequest, registry.Model)
# An upload is resumed by the steps of `upload`, which ask where to go on.
UPLOAD = Method(
    "/dither.v1.Registry/Upload", registry.UploadRequest, registry.UploadResponse, "stream_unary", is_idempotent=False
)
GET_UPLOAD = Method("/dither.v1.Registry/GetUpload", registry.GetUploadRequest, registry.UploadStatus)
# With the version that the alias must be at, a second try would be refused for what the first has done.
SET_ALIAS = Method("/dither.v1.Registry/SetAlias", registry.SetAliasRequest, registry.Model, is_idempotent=False)
REMOVE_MODEL = Method(
    "/dither.v1.Registry/RemoveModel", registry.RemoveModelRequest, registry.RemoveModelResponse, is_idempotent=False
)
# Of a second try nothing is left to restore.
RESTORE_MODEL = Method(
    "/dither.v1.Registry/RestoreModel", registry.RestoreModelRequest, registry.RestoreModelResponse, is_idempotent=False
)
LIST_REMOVED_MODELS = Method(
    "/dither.v1.Registry/ListRemovedModels", registry.ListModelsRequest, registry.ListModelsResponse
)
SET_ROLLOUT = Method("/dither.v1.Registry/SetRollout", registry.SetRolloutRequest, registry.Model)
END_ROLLOUT = Method(
    "/dither.v1.Registry/EndRollout", registry.EndRolloutRequest, registry.EndRolloutResponse, is_idempotent=False
)
LIST_ROLLOUTS = Method("/dither.v1.Registry/ListRollouts", registry.ListRolloutsRequest, registry.ListRolloutsResponse)
SIGN_MODEL = Method("/dither.v1.Registry/SignModel", registry.SignModelRequest, registry.Model)
# With the revision that it must be at, a second try would be refused for what the first has done.
DESCRIBE_MODEL = Method(
    "/dither.v1.Registry/DescribeModel", registry.DescribeModelRequest, registry.Model, is_idempotent=False
)
LIST_REVISIONS = Method(
    "/dither.v1.Registry/ListRevisions", registry.ListRevisionsRequest, registry.ListRevisionsResponse
)
DOWNLOAD = Method("/dither.v1.Registry/Download", registry.DownloadRequest, registry.DownloadResponse, "unary_stream")
LIST_TRAIL = Method("/dither.v1.Registry/ListTrail", registry.ListTrailRequest, registry.ListTrailResponse)
CALIBRATE = Method(
    "/dither.v1.Registry/Calibrate", registry.CalibrateRequest, registry.Calibration, is_idempotent=False
)
DRIFT = Method("/dither.v1.Registry/Drift", registry.DriftRequest, registry.DriftResponse)
LIST_REPLICAS = Method(
    "/dither.v1.Registry/ListReplicas", registry.ListReplicasRequest, registry.ListReplicasResponse
)

AUDIT = Method(
    "/dither.v1.Robustness/Audit", robustness.AuditRequest, robustness.AuditEvent, "unary_stream", is_idempotent=False
)
WATCH_AUDIT = Method(
    "/dither.v1.Robustness/WatchAudit", robustness.WatchAuditRequest, robustness.AuditEvent, "unary_stream"
)
CANCEL_AUDIT = Method("/dither.v1.Robustness/CancelAudit", robustness.CancelAuditRequest, robustness.AuditState)
LIST_AUDITS = Method("/dither.v1.Robustness/ListAudits", robustness.ListAuditsRequest, robustness.ListAuditsResponse)
GET_REPORT = Method("/dither.v1.Robustness/GetReport", robustness.GetReportRequest, robustness.Report)
LIST_PROBES = Method("/dither.v1.Robustness/ListProbes", robustness.ListProbesRequest, robustness.ListProbesResponse)
PLAN_AUDIT = Method("/dither.v1.Robustness/PlanAudit", robustness.AuditRequest, robustness.PlanAuditResponse)
GET_ADVERSARIALS = Method(
    "/dither.v1.Robustness/GetAdversarials",
    robustness.GetAdversarialsRequest,
    robustness.AdversarialInputs,
    "unary_stream",
)
CORRUPT = Method("/dither.v1.Robustness/Corrupt", robustness.CorruptRequest, robustness.CorruptResponse)
