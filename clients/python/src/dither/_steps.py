"""What each operation does, step by step, for both clients.

An operation is a generator: it yields what is to be done with the connection and is sent what came of it, or is thrown the
error. So calls, retries and resumptions are written once, and who waits, a thread or a task, is the client's.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from dataclasses import dataclass
from typing import (
    Any, Callable, Dict, Generator, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union)

import numpy as np

from . import _arrays, _exports, _methods, predictions
from ._stubs import inference_pb2, registry_pb2, robustness_pb2
from .errors import (
    Aborted, Cancelled, DitherError, FailedPrecondition, InvalidArgument, OutOfRange, ResourceExhausted, Unavailable)
from .models import (
    AuditPlan, AuditProgress, AuditState, Calibration, ModelInfo, Probe, audit_progress, audit_state, calibration,
    model_info)
from .predictions import Predictions
from .reports import Report

Result = TypeVar("Result")
Steps = Generator[Any, Any, Result]
Progress = Union[bool, Callable[[AuditProgress], None]]
Data = Any

RETRIES = 4
_CHUNK = 256 << 10
_MOST_PROBABILITIES = 1 << 25


@dataclass(frozen=True)
class Ask:
    """A call with one answer; ``message`` is the request, or of an upload all of them."""

    method: Any
    message: Any
    timeout: Optional[float]


@dataclass(frozen=True)
class Open:
    """A call whose answers are a stream; the result is a handle for ``Next`` and ``Close``."""

    method: Any
    message: Any
    timeout: Optional[float]


@dataclass(frozen=True)
class Next:
    """The stream's next message, None behind the last."""

    stream: Any


@dataclass(frozen=True)
class Close:
    stream: Any


@dataclass(frozen=True)
class Sleep:
    seconds: float


class Deadline:
    """The time that one operation may take, retries included."""

    def __init__(self, seconds: Optional[float]) -> None:
        if seconds is not None and not 0 < seconds < 1e9:
            raise InvalidArgument(f"timeout: expected seconds above 0, or None for no bound, got {seconds}")
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> Optional[float]:
        return None if self._end is None else max(self._end - time.monotonic(), 0.001)

    def allows(self, wait: float) -> bool:
        return self._end is None or time.monotonic() + wait < self._end


def wait_before_retry(error: DitherError, attempt: int) -> float:
    """Seconds: what the server asks for, else 50 ms doubled with each attempt, by chance up to half less."""
    wait: float = 0.05 * 2 ** attempt * random.uniform(0.5, 1)
    return max(wait, error.retry_after or 0)


def call(method: Any, message: Any, deadline: Deadline) -> Steps[Any]:
    """One call; again, where it is idempotent and the server was away or had too much to do."""
    for attempt in range(RETRIES + 1):
        try:
            return (yield Ask(method, message, deadline.left))
        except (Unavailable, ResourceExhausted) as error:
            # Without a time to wait what is exhausted is a bound that no second try changes.
            is_passing = isinstance(error, Unavailable) or error.retry_after is not None
            wait = wait_before_retry(error, attempt)
            if not (method.is_idempotent and is_passing and attempt < RETRIES and deadline.allows(wait)):
                raise
            yield Sleep(wait)
    raise AssertionError("the last attempt returns or raises")


# predictions


def predict(
    model: str, info: ModelInfo, x: Any, *, samples: Optional[int], tolerance: Optional[float],
    max_samples: Optional[int], seed: Optional[int], coverage: Optional[float], set_rule: Optional[str],
    never_empty: bool, measures: Sequence[str], quantiles: Sequence[float], shared_draws: bool, antithetic: bool,
    uncalibrated: bool, timeout: Optional[float],
) -> Steps[Predictions]:
    deadline = Deadline(timeout)
    rows = _arrays.rows_of(x, info.input_shape)
    request = inference_pb2.PredictRequest(model=model)
    if samples is not None:
        request.samples = _whole("samples", samples, 0)
    if tolerance is not None:
        if samples is not None:
            raise InvalidArgument("tolerance: expected either samples= or tolerance=, got both; max_samples= bounds the latter")
        if not (tolerance > 0 and np.isfinite(tolerance)):
            raise InvalidArgument(f"tolerance: expected a number above 0, got {tolerance}")
        request.tolerance = tolerance
    if max_samples is not None:
        if tolerance is None:
            raise InvalidArgument("max_samples: expected with tolerance=, got alone; samples= is a fixed number")
        request.max_samples = _whole("max_samples", max_samples, 1)
    if seed is not None:
        request.seed = _whole("seed", seed, 0, (1 << 64) - 1)
    if coverage is not None:
        if not 0 < coverage < 1:
            raise InvalidArgument(f"coverage: expected a number between 0 and 1, got {coverage}")
        request.coverage = coverage
    elif set_rule is not None or never_empty:
        raise InvalidArgument("set_rule and never_empty: expected with coverage=, got without it")
    if set_rule is not None:
        rules = {"lac": inference_pb2.PredictRequest.LAC, "aps": inference_pb2.PredictRequest.APS}
        if set_rule not in rules:
            raise InvalidArgument(f"set_rule: expected lac or aps, got '{set_rule}'")
        request.set_rule = rules[set_rule]
    request.never_empty = never_empty
    request.measures.extend([measures] if isinstance(measures, str) else measures)
    request.quantiles.extend(quantiles)
    request.antithetic, request.uncalibrated = antithetic, uncalibrated
    if shared_draws:
        request.draws = inference_pb2.PredictRequest.SHARED
    draws = samples if samples is not None else (max_samples or 1024) if tolerance is not None else info.default_samples
    most_rows = _MOST_PROBABILITIES // max(draws * max(info.classes, 1), 1)
    parts: List[Predictions] = []
    for piece in _arrays.pieces(rows, min(max(most_rows, 1), 4096)):
        request.input.CopyFrom(_arrays.message(piece))
        response = yield from call(_methods.PREDICT, request, deadline)
        parts.append(predictions.read(response, len(piece), info.class_names, coverage is not None))
        # Later parts have the seed of the first, so that a row's answer is the same wherever it is.
        request.seed = response.seed
    return predictions.joined(parts)


# registry


def get_model(reference: str, timeout: Optional[float]) -> Steps[ModelInfo]:
    found = yield from call(_methods.GET_MODEL, registry_pb2.GetModelRequest(model=reference), Deadline(timeout))
    return model_info(found)


def list_models(prefix: str, timeout: Optional[float]) -> Steps[List[ModelInfo]]:
    deadline, request = Deadline(timeout), registry_pb2.ListModelsRequest(prefix=prefix)
    models: List[ModelInfo] = []
    while True:
        page = yield from call(_methods.LIST_MODELS, request, deadline)
        models += [model_info(found) for found in page.models]
        # A page of none gets nobody further.
        if not page.next_page_token or not page.models:
            return models
        request.page_token = page.next_page_token


def set_alias(model: str, alias: str, expected_version: Optional[int], timeout: Optional[float]) -> Steps[ModelInfo]:
    request = registry_pb2.SetAliasRequest(model=model, alias=alias)
    if expected_version is not None:
        request.expected_version = _whole("expected_version", expected_version, 0)
    found = yield from call(_methods.SET_ALIAS, request, Deadline(timeout))
    return model_info(found)


def remove(model: str, timeout: Optional[float]) -> Steps[int]:
    request = registry_pb2.RemoveModelRequest(model=model)
    found = yield from call(_methods.REMOVE_MODEL, request, Deadline(timeout))
    return int(found.removed)


def calibrate(
    model: str, data: Data, *, samples: Optional[int], seed: int, class_conditional: bool, try_only: bool,
    timeout: Optional[float],
) -> Steps[Calibration]:
    request = registry_pb2.CalibrateRequest(
        model=model, samples=_whole("samples", samples or 0, 0), seed=_whole("seed", seed, 0, (1 << 64) - 1),
        class_conditional=class_conditional, try_only=try_only)
    _put_data(request, data)
    found = yield from call(_methods.CALIBRATE, request, Deadline(timeout))
    return calibration(found)


@dataclass(frozen=True)
class Uploaded:
    info: ModelInfo
    existed: bool
    warnings: Tuple[str, ...]


def upload(
    source: Any, *, name: Optional[str], labels: Optional[Sequence[str]], example: Any, card: Any,
    aliases: Sequence[str], task: Optional[str], output_kind: Optional[str], metadata: Optional[Mapping[str, str]],
    timeout: Optional[float],
) -> Steps[Uploaded]:
    deadline = Deadline(timeout)
    content, suggested = _exports.onnx_bytes(
        source, example=example, labels=labels, task=task, output_kind=output_kind, metadata=metadata)
    name = name or suggested
    if not name:
        raise InvalidArgument("name: expected the model's name in the registry, got none; upload(…, name='shoes')")
    begin = registry_pb2.UploadBegin(
        name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(),
        card_json=card if isinstance(card, str) else "" if card is None else json.dumps(card), aliases=aliases)
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
        chunk = registry_pb2.UploadChunk(offset=offset, data=content[offset:offset + _CHUNK])
        yield registry_pb2.UploadRequest(chunk=chunk)


# audits


def audit_request(
    model: str, data: Data, *, battery: Optional[str], probes: Sequence[Any], gates: Sequence[str], seed: int,
    samples: Optional[int], baselines: Sequence[str], temperatures: Sequence[float], output_kinds: Sequence[str],
    targets: Any, features: Optional[Mapping[str, Any]], budget: Optional[float], save_adversarials: bool,
) -> robustness_pb2.AuditRequest:
    if battery is not None and probes:
        raise InvalidArgument("battery and probes: expected one of them, got both")
    request = robustness_pb2.AuditRequest(
        model=model, battery=battery or ("" if probes else "smoke"), gates=[gates] if isinstance(gates, str) else gates,
        seed=_whole("seed", seed, 0, (1 << 64) - 1), samples=_whole("samples", samples or 0, 0),
        others=[baselines] if isinstance(baselines, str) else baselines, temperatures=temperatures,
        output_kinds=output_kinds, budget_seconds=budget or 0, save_adversarials=save_adversarials)
    _put_data(request, data)
    for probe in [probes] if isinstance(probes, str) else probes:
        name, parameters = _probe(probe)
        request.probes.add(probe=name, parameters=parameters)
    if targets is not None:
        count = request.examples.inputs.shape[0] if request.HasField("examples") else np.asarray(targets).size
        request.targets.extend(_arrays.labels_of(targets, int(count), "targets"))
    if features is not None:
        unknown = set(features) - {"low", "high", "fixed"}
        if unknown:
            raise InvalidArgument(f"features: expected the keys low, high and fixed, got {sorted(unknown)}")
        request.features.low.extend(features.get("low", ()))
        request.features.high.extend(features.get("high", ()))
        request.features.fixed.extend(features.get("fixed", ()))
    return request


def _probe(probe: Any) -> Tuple[str, Dict[str, str]]:
    """``"pgd:epsilon=8/255,steps=20"``, or ``("pgd", {"epsilon": 0.1})``."""
    if isinstance(probe, str):
        name, _, rest = probe.partition(":")
        pairs = [pair.partition("=") for pair in rest.split(",") if pair]
        wrong = [key for key, equals, _ in pairs if not equals]
        if wrong:
            raise InvalidArgument(f"probe '{probe}': expected NAME or NAME:KEY=VALUE,…, got '{wrong[0]}' without a value")
        return name, {key.strip(): value.strip() for key, _, value in pairs}
    try:
        name, parameters = probe
        return str(name), {str(key): _word(value) for key, value in dict(parameters).items()}
    except (TypeError, ValueError):
        raise InvalidArgument(f"probe: expected 'NAME:KEY=VALUE' or (name, parameters), got {probe!r}") from None


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def plan_audit(request: robustness_pb2.AuditRequest, timeout: Optional[float]) -> Steps[AuditPlan]:
    found = yield from call(_methods.PLAN_AUDIT, request, Deadline(timeout))
    return AuditPlan(
        tuple((probe.probe, int(probe.questions), probe.seconds) for probe in found.probes), found.examples,
        found.shards, found.seconds)


def start_audit(request: robustness_pb2.AuditRequest, timeout: Optional[float]) -> Steps[AuditState]:
    stream = yield Open(_methods.AUDIT, request, Deadline(timeout).left)
    try:
        while True:
            event = yield Next(stream)
            if event is None:
                raise Unavailable("Audit: expected the audit's state, got the stream's end")
            if event.WhichOneof("kind") == "state":
                return audit_state(event.state)
    finally:
        # The job goes on without a watcher.
        yield Close(stream)


def follow_audit(
    request: Optional[robustness_pb2.AuditRequest], audit: str, progress: Progress, timeout: Optional[float],
    trusted_key: Optional[str],
) -> Steps[Report]:
    """Starts an audit, or watches one, to its report. A stream that is cut is taken up again: the audit goes on without it."""
    deadline, show = Deadline(timeout), _Shown(progress)
    attempt = 0
    try:
        while True:
            starts = request is not None and not audit
            method = _methods.AUDIT if starts else _methods.WATCH_AUDIT
            message = request if starts else robustness_pb2.WatchAuditRequest(audit=audit)
            try:
                stream = yield Open(method, message, deadline.left)
                while True:
                    event = yield Next(stream)
                    if event is None:
                        raise Unavailable(f"audit {audit}: expected its report, got the stream's end")
                    kind = event.WhichOneof("kind")
                    if kind == "state":
                        audit, attempt = event.state.audit, 0
                        _check_state(audit_state(event.state))
                    elif kind == "progress":
                        show(audit_progress(event.progress))
                    elif kind == "report":
                        return Report(event.report.audit or audit, event.report.json, event.report.html, trusted_key)
            except Unavailable as error:
                wait = wait_before_retry(error, attempt + 2)
                # Without its id nobody knows whether it was begun.
                if not audit or attempt == 6 or not deadline.allows(wait):
                    raise
                attempt += 1
                yield Sleep(wait)
    except KeyboardInterrupt:
        if audit:
            print(
                f"audit {audit} goes on at the server: watch_audit('{audit}') waits for it, cancel_audit('{audit}') ends it",
                file=sys.stderr)
        raise
    finally:
        show.close()


def _check_state(state: AuditState) -> None:
    if state.state == "failed":
        raise FailedPrecondition(f"audit {state.audit} failed: {state.message}")
    if state.state == "cancelled":
        raise Cancelled(f"audit {state.audit} was cancelled")


class _Shown:
    """Progress, to the caller's function, or as a bar where tqdm is installed."""

    def __init__(self, progress: Progress) -> None:
        self._call = progress if callable(progress) else None
        self._bar: Any = None
        self._tqdm: Any = None
        if progress is True:
            try:
                from tqdm.auto import tqdm

                self._tqdm = tqdm
            except ImportError:
                pass

    def __call__(self, progress: AuditProgress) -> None:
        if self._call is not None:
            self._call(progress)
        if self._tqdm is not None:
            if self._bar is None:
                self._bar = self._tqdm(total=progress.shards, unit="shard", leave=False)
            self._bar.total = progress.shards
            self._bar.set_description(progress.probe[:40], refresh=False)
            self._bar.update(progress.shards_done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def list_audits(model: str, timeout: Optional[float]) -> Steps[List[AuditState]]:
    request = robustness_pb2.ListAuditsRequest(model=model)
    found = yield from call(_methods.LIST_AUDITS, request, Deadline(timeout))
    return [audit_state(state) for state in found.audits]


def cancel_audit(audit: str, timeout: Optional[float]) -> Steps[AuditState]:
    request = robustness_pb2.CancelAuditRequest(audit=audit)
    found = yield from call(_methods.CANCEL_AUDIT, request, Deadline(timeout))
    return audit_state(found)


def get_report(audit: str, timeout: Optional[float], trusted_key: Optional[str]) -> Steps[Report]:
    deadline, forms = Deadline(timeout), robustness_pb2.GetReportRequest
    request = forms(audit=audit, format=forms.JSON)
    as_json = yield from call(_methods.GET_REPORT, request, deadline)
    request = forms(audit=audit, format=forms.HTML)
    as_html = yield from call(_methods.GET_REPORT, request, deadline)
    return Report(audit, as_json.json, as_html.html, trusted_key)


def list_probes(timeout: Optional[float]) -> Steps[List[Probe]]:
    found = yield from call(_methods.LIST_PROBES, robustness_pb2.ListProbesRequest(), Deadline(timeout))
    return [Probe(probe.name, probe.summary, dict(probe.parameters)) for probe in found.probes]


def corrupt(
    inputs: Any, corruption: str, parameters: Mapping[str, Any], *, seed: int, first: int, timeout: Optional[float]
) -> Steps[_arrays.Rows]:
    deadline, rows = Deadline(timeout), _arrays.free_rows_of(inputs)
    parts: List[_arrays.Rows] = []
    for piece in _arrays.pieces(rows):
        request = robustness_pb2.CorruptRequest(
            inputs=_arrays.message(piece), corruption=corruption, seed=_whole("seed", seed, 0, (1 << 64) - 1),
            parameters={key: _word(value) for key, value in parameters.items()}, first=first)
        found = yield from call(_methods.CORRUPT, request, deadline)
        parts.append(_arrays.array_of(found.outputs, "outputs"))
        first += len(piece)
    return np.concatenate(parts)


# shared


def _put_data(request: Any, data: Data) -> None:
    """The name of a data set that the server has, or (inputs, labels)."""
    if isinstance(data, str):
        request.data_set = data
        return
    if not isinstance(data, Iterable) or isinstance(data, (bytes, dict)) or len(pair := list(data)) != 2:
        raise InvalidArgument(
            f"data: expected the name of a data set that the server has, as 'mnist:100', or (inputs, labels), got "
            f"{type(data).__name__}")
    inputs = _arrays.free_rows_of(pair[0])
    request.examples.inputs.CopyFrom(_arrays.message(inputs))
    request.examples.labels.extend(_arrays.labels_of(pair[1], len(inputs)))


def _whole(name: str, value: Any, least: int, most: int = (1 << 32) - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= int(value) <= most:
        raise InvalidArgument(f"{name}: expected a whole number from {least} to {most}, got {value!r}")
    return int(value)
