"""Predictions and the registry, step by step."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from . import _arrays, _cards, _exports, _methods, predictions
from ._steps import Ask, Data, Deadline, Next, Open, Sleep, Steps, call, put_data, wait_before_retry, whole
from ._stubs import inference_pb2, registry_pb2
from .errors import Aborted, DataLoss, InvalidArgument, OutOfRange, Unavailable
from .models import Calibration, Drift, ModelInfo, Replica, calibration, drift_of, model_info, replica_of
from .predictions import Predictions

_CHUNK = 256 << 10
_MOST_PROBABILITIES = 1 << 25
# Of a version without noise, with that of the request: the server's.
_USUAL_DRAWS = 32
_INTERVAL_RULES = {
    "absolute": inference_pb2.PredictRequest.INTERVAL_ABSOLUTE,
    "normalized": inference_pb2.PredictRequest.INTERVAL_NORMALIZED,
    "quantiles": inference_pb2.PredictRequest.INTERVAL_QUANTILES,
}

# predictions


def predict(
    model: str,
    info: ModelInfo,
    x: Any,
    *,
    samples: Optional[int],
    tolerance: Optional[float],
    max_samples: Optional[int],
    seed: Optional[int],
    coverage: Optional[float],
    set_rule: Optional[str],
    interval_rule: Optional[str],
    never_empty: bool,
    noise: Sequence[str],
    measures: Sequence[str],
    quantiles: Sequence[float],
    shared_draws: bool,
    antithetic: bool,
    uncalibrated: bool,
    timeout: Optional[float],
) -> Steps[Predictions]:
    deadline = Deadline(timeout)
    batch = _arrays.batch_of(x, info.inputs)
    request = inference_pb2.PredictRequest(model=model)
    if samples is not None:
        request.samples = whole("samples", samples, 0)
    if tolerance is not None:
        if samples is not None:
            raise InvalidArgument(
                "tolerance: expected either samples= or tolerance=, got both; max_samples= bounds the latter"
            )
        if not (tolerance > 0 and np.isfinite(tolerance)):
            raise InvalidArgument(f"tolerance: expected a number above 0, got {tolerance}")
        request.tolerance = tolerance
    if max_samples is not None:
        if tolerance is None:
            raise InvalidArgument("max_samples: expected with tolerance=, got alone; samples= is a fixed number")
        request.max_samples = whole("max_samples", max_samples, 1)
    if seed is not None:
        request.seed = whole("seed", seed, 0, (1 << 64) - 1)
    if coverage is not None:
        if not 0 < coverage < 1:
            raise InvalidArgument(f"coverage: expected a number between 0 and 1, got {coverage}")
        request.coverage = coverage
    elif set_rule is not None or interval_rule is not None or never_empty:
        raise InvalidArgument("set_rule, interval_rule and never_empty: expected with coverage=, got without it")
    if set_rule is not None:
        rules = {"lac": inference_pb2.PredictRequest.LAC, "aps": inference_pb2.PredictRequest.APS}
        if set_rule not in rules:
            raise InvalidArgument(f"set_rule: expected lac or aps, got '{set_rule}'")
        request.set_rule = rules[set_rule]
    if interval_rule is not None:
        if interval_rule not in _INTERVAL_RULES:
            raise InvalidArgument(f"interval_rule: expected absolute, normalized or quantiles, got '{interval_rule}'")
        request.interval_rule = _INTERVAL_RULES[interval_rule]
    request.never_empty = never_empty
    if noise:
        request.noise.extend([noise] if isinstance(noise, str) else noise)
    if measures:
        request.measures.extend([measures] if isinstance(measures, str) else measures)
    if len(quantiles):
        request.quantiles.extend(quantiles)
    request.antithetic, request.uncalibrated = antithetic, uncalibrated
    if shared_draws:
        request.draws = inference_pb2.PredictRequest.SHARED
    usual = info.default_samples or (_USUAL_DRAWS if noise else 0)
    draws = samples if samples is not None else (max_samples or 1024) if tolerance is not None else usual
    most_rows = _MOST_PROBABILITIES // max(draws * max(info.classes, 1), 1)
    parts: List[Predictions] = []
    for piece in _arrays.parts_of(batch, min(max(most_rows, 1), 4096)):
        if "" in piece:
            _arrays.put(piece[""], request.input)
        else:
            del request.inputs[:]
            for name, rows in piece.items():
                _arrays.put(rows, request.inputs.add(name=name).array)
        response = yield from call(_methods.PREDICT, request, deadline)
        count = len(next(iter(piece.values())))
        parts.append(predictions.read(response, count, info.class_names))
        # Later parts have the seed of the first, so that a row's answer is the same wherever it is.
        request.seed = response.seed
    return predictions.joined(parts)


# registry


def get_model(reference: str, timeout: Optional[float]) -> Steps[ModelInfo]:
    found = yield from call(_methods.GET_MODEL, registry_pb2.GetModelRequest(model=reference), Deadline(timeout))
    return model_info(found)


def list_models(
    prefix: str, tags: Mapping[str, str], removed: bool, timeout: Optional[float]
) -> Steps[List[ModelInfo]]:
    method = _methods.LIST_REMOVED_MODELS if removed else _methods.LIST_MODELS
    deadline, request = Deadline(timeout), registry_pb2.ListModelsRequest(prefix=prefix)
    request.tags.extend(f"{key}={value}" for key, value in tags.items())
    models: List[ModelInfo] = []
    while True:
        page = yield from call(method, request, deadline)
        models += [model_info(found) for found in page.models]
        # A page of none gets nobody further.
        if not page.next_page_token or not page.models:
            return models
        request.page_token = page.next_page_token


def set_alias(
    model: str,
    alias: str,
    expected_version: Optional[int],
    everywhere: bool,
    required_audit: Optional[str],
    timeout: Optional[float],
) -> Steps[ModelInfo]:
    request = registry_pb2.SetAliasRequest(
        model=model, alias=alias, everywhere=everywhere, required_audit=required_audit or ""
    )
    if expected_version is not None:
        request.expected_version = whole("expected_version", expected_version, 0)
    found = yield from call(_methods.SET_ALIAS, request, Deadline(timeout))
    return model_info(found)


def list_replicas(timeout: Optional[float]) -> Steps[List[Replica]]:
    found = yield from call(_methods.LIST_REPLICAS, registry_pb2.ListReplicasRequest(), Deadline(timeout))
    return [replica_of(replica) for replica in found.replicas]


def describe(
    model: str,
    card: Optional[Mapping[str, Any]],
    tags: Mapping[str, str],
    dropped_tags: Sequence[str],
    expected_revision: Optional[int],
    timeout: Optional[float],
) -> Steps[ModelInfo]:
    request = registry_pb2.DescribeModelRequest(model=model, tags=dict(tags), dropped_tags=list(dropped_tags))
    if card is not None:
        request.card_json = _cards.card_json(card)
    if expected_revision is not None:
        request.expected_revision = whole("expected_revision", expected_revision, 0)
    found = yield from call(_methods.DESCRIBE_MODEL, request, Deadline(timeout))
    return model_info(found)


def download(model: str, timeout: Optional[float]) -> Steps[bytes]:
    request = registry_pb2.DownloadRequest(model=model)
    stream = yield Open(_methods.DOWNLOAD, request, Deadline(timeout).left)
    digest, content = "", bytearray()
    while True:
        part = yield Next(stream)
        if part is None:
            break
        if part.WhichOneof("kind") == "model":
            digest = part.model.digest
        else:
            content += part.chunk.data
    came = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if came != digest:
        raise DataLoss(f"Download: expected {digest or 'a digest'}, got {came}")
    return bytes(content)


def remove(model: str, force: bool, purge: bool, timeout: Optional[float]) -> Steps[int]:
    request = registry_pb2.RemoveModelRequest(model=model, force=force, purge=purge)
    found = yield from call(_methods.REMOVE_MODEL, request, Deadline(timeout))
    return int(found.removed)


def restore(model: str, timeout: Optional[float]) -> Steps[List[ModelInfo]]:
    request = registry_pb2.RestoreModelRequest(model=model)
    found = yield from call(_methods.RESTORE_MODEL, request, Deadline(timeout))
    return [model_info(version) for version in found.models]


def calibrate(
    model: str,
    info: ModelInfo,
    data: Data,
    *,
    samples: Optional[int],
    seed: int,
    class_conditional: bool,
    try_only: bool,
    timeout: Optional[float],
) -> Steps[Calibration]:
    request = registry_pb2.CalibrateRequest(
        model=model,
        samples=whole("samples", samples or 0, 0),
        seed=whole("seed", seed, 0, (1 << 64) - 1),
        class_conditional=class_conditional,
        try_only=try_only,
    )
    put_data(request, data, values=info.is_regression)
    found = yield from call(_methods.CALIBRATE, request, Deadline(timeout))
    return calibration(found)


def drift(model: str) -> Steps[Drift]:
    found = yield from call(_methods.DRIFT, registry_pb2.DriftRequest(model=model), Deadline(10))
    return drift_of(found)


@dataclass(frozen=True)
class Uploaded:
    info: ModelInfo
    existed: bool
    warnings: Tuple[str, ...]


def upload(
    source: Any,
    *,
    name: Optional[str],
    labels: Optional[Sequence[str]],
    example: Any,
    card: Any,
    aliases: Sequence[str],
    task: Optional[str],
    output_kind: Optional[str],
    metadata: Optional[Mapping[str, str]],
    timeout: Optional[float],
) -> Steps[Uploaded]:
    deadline = Deadline(timeout)
    content, suggested = _exports.onnx_bytes(
        source, example=example, labels=labels, task=task, output_kind=output_kind, metadata=metadata
    )
    name = name or suggested
    if not name:
        raise InvalidArgument("name: expected the model's name in the registry, got none; upload(…, name='shoes')")
    begin = registry_pb2.UploadBegin(
        name=name,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        card_json=_cards.card_json(card),
        aliases=aliases,
    )
    where = registry_pb2.GetUploadRequest(name=name, sha256=begin.sha256)
    for attempt in range(8):
        status = yield from call(_methods.GET_UPLOAD, where, deadline)
        try:
            # The file is named by its digest: who goes on, or begins anew, sends the same bytes.
            answer = yield Ask(_methods.UPLOAD, _chunks(begin, content, int(status.received)), deadline.left)
            return Uploaded(model_info(answer.model), answer.existed, tuple(answer.warnings))
        except (Aborted, OutOfRange, Unavailable) as error:
            wait = wait_before_retry(error, attempt + 1)
            if attempt == 7 or not deadline.allows(wait):
                raise
            yield Sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _chunks(begin: registry_pb2.UploadBegin, content: bytes, first: int) -> Iterator[registry_pb2.UploadRequest]:
    yield registry_pb2.UploadRequest(begin=begin)
    for offset in range(min(first, len(content)), len(content), _CHUNK):
        chunk = registry_pb2.UploadChunk(offset=offset, data=content[offset : offset + _CHUNK])
        yield registry_pb2.UploadRequest(chunk=chunk)
