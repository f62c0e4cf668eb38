"""Audits, step by step."""

from __future__ import annotations

import sys
import warnings
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _arrays, _methods
from ._steps import Close, Data, Deadline, Next, Open, Sleep, Steps, call, put_data, wait_before_retry, whole
from ._stubs import registry_pb2, robustness_pb2
from .errors import Cancelled, FailedPrecondition, Internal, InvalidArgument, Unavailable
from .models import Adversarials, AuditPlan, AuditProgress, AuditState, Probe, audit_progress, audit_state
from .reports import Report

Progress = Union[bool, Callable[[AuditProgress], None]]


def audit_request(
    model: str,
    data: Data,
    *,
    battery: Optional[str],
    probes: Sequence[Any],
    gates: Sequence[str],
    seed: int,
    samples: Optional[int],
    noise: Sequence[str],
    baselines: Sequence[str],
    temperatures: Sequence[float],
    output_kinds: Sequence[str],
    targets: Any,
    features: Optional[Mapping[str, Any]],
    tolerance: Optional[float],
    budget: Optional[float],
    save_adversarials: bool,
) -> Steps[robustness_pb2.AuditRequest]:
    if battery is not None and probes:
        raise InvalidArgument("battery and probes: expected one of them, got both")
    request = robustness_pb2.AuditRequest(
        model=model,
        battery=battery or ("" if probes else "smoke"),
        gates=[gates] if isinstance(gates, str) else gates,
        seed=whole("seed", seed, 0, (1 << 64) - 1),
        samples=whole("samples", samples or 0, 0),
        noise=[noise] if isinstance(noise, str) else noise,
        others=[baselines] if isinstance(baselines, str) else baselines,
        temperatures=temperatures,
        output_kinds=output_kinds,
        budget_seconds=budget or 0,
        save_adversarials=save_adversarials,
        tolerance=tolerance or 0,
    )
    is_regression = False
    if not isinstance(data, str):
        # Whole numbers may be classes or values: the model says which.
        first = registry_pb2.GetModelRequest(model=model.partition("+")[0])
        info = yield from call(_methods.GET_MODEL, first, Deadline(60))
        is_regression = info.signature.classes == 0
    put_data(request, data, values=is_regression)
    for probe in [probes] if isinstance(probes, str) else probes:
        name, parameters = _probe(probe)
        request.probes.add(probe=name, parameters=parameters)
    if targets is not None:
        count = len(request.examples.labels) if request.HasField("examples") else np.asarray(targets).size
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
            raise InvalidArgument(
                f"probe '{probe}': expected NAME or NAME:KEY=VALUE,…, got '{wrong[0]}' without a value"
            )
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
        tuple((probe.probe, int(probe.questions), probe.seconds) for probe in found.probes),
        found.examples,
        found.shards,
        found.seconds,
    )


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
    request: Optional[robustness_pb2.AuditRequest],
    audit: str,
    progress: Progress,
    timeout: Optional[float],
    trusted_key: Optional[str],
) -> Steps[Report]:
    """Starts an audit, or watches one, to its report. A stream that is cut is taken up again: the audit goes on without
    it."""
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
                file=sys.stderr,
            )
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
                with warnings.catch_warnings():
                    # It warns where Jupyter has no widgets, and then writes text.
                    warnings.simplefilter("ignore")
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
    deadline, request = Deadline(timeout), robustness_pb2.ListAuditsRequest(model=model)
    audits: List[AuditState] = []
    while True:
        page = yield from call(_methods.LIST_AUDITS, request, deadline)
        audits += [audit_state(state) for state in page.audits]
        # A page of none gets nobody further.
        if not page.next_page_token or not page.audits:
            return audits
        request.page_token = page.next_page_token


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


def adversarials(audit: str, timeout: Optional[float]) -> Steps[List[Adversarials]]:
    stream = yield Open(
        _methods.GET_ADVERSARIALS, robustness_pb2.GetAdversarialsRequest(audit=audit), Deadline(timeout).left
    )
    parts: Dict[int, List[Adversarials]] = {}
    while True:
        part = yield Next(stream)
        if part is None:
            break
        inputs = _arrays.array_of(part.inputs, "inputs")
        indices = np.array(part.indices, np.int64)
        labels: Optional[Any] = np.array(part.labels, np.int64)
        answers: Any = np.array(part.answers, np.int64)
        values: Optional[Any] = None
        if part.answer_values:
            answered, count = np.array(part.answer_values, np.float32), len(part.values)
            if not len(inputs) or len(answered) % len(inputs) or count not in (0, len(answered)):
                raise Internal("GetAdversarials: expected as many values for each input, got others")
            labels, answers = None, answered.reshape(len(inputs), -1)
            values = np.array(part.values, np.float32).reshape(answers.shape) if count else None
        if any(numbers is not None and len(numbers) != len(inputs) for numbers in (indices, labels, answers)):
            raise Internal("GetAdversarials: expected as many numbers as inputs, got others")
        parts.setdefault(part.place, []).append(Adversarials(part.probe, inputs, indices, labels, answers, values))
    return [
        Adversarials(
            found[0].probe,
            np.concatenate([one.inputs for one in found]),
            np.concatenate([one.indices for one in found]),
            _joined([one.labels for one in found if one.labels is not None]),
            np.concatenate([one.answers for one in found]),
            _joined([one.values for one in found if one.values is not None]),
        )
        for _, found in sorted(parts.items())
    ]


def _joined(parts: List[Any]) -> Optional[Any]:
    return np.concatenate(parts) if parts else None


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
            inputs=_arrays.message(piece),
            corruption=corruption,
            seed=whole("seed", seed, 0, (1 << 64) - 1),
            parameters={key: _word(value) for key, value in parameters.items()},
            first=first,
        )
        found = yield from call(_methods.CORRUPT, request, deadline)
        parts.append(_arrays.array_of(found.outputs, "outputs"))
        first += len(piece)
    return np.concatenate(parts)
