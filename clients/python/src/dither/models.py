"""Models of the registry, their calibrations, and the states of audits, as values."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

import numpy as np
import numpy.typing as npt

from ._stubs import inference_pb2, registry_pb2, robustness_pb2

__all__ = [
    "Adversarials",
    "AuditPlan",
    "AuditProgress",
    "AuditState",
    "Calibration",
    "Drift",
    "DriftStatistic",
    "ModelInfo",
    "ModelInput",
    "Probe",
    "Replica",
    "Quality",
    "ValueIntervals",
]


@dataclass(frozen=True)
class Quality:
    """How probabilities did on the examples of the thresholds."""

    negative_log_likelihood: float
    brier: float
    expected_calibration_error: float


@dataclass(frozen=True)
class ValueIntervals:
    """How far from its answers the intervals of one value of a regression reach, by coverage."""

    #: on the examples that the distances come from, in the unit of the value
    rmse: float
    #: [T]
    coverages: npt.NDArray[np.float64]
    #: [T], to both sides of the mean
    absolute: npt.NDArray[np.float64]
    #: [T], to both sides of the mean, in standard deviations of the answer; None where answers had none
    normalized: Optional[npt.NDArray[np.float64]]
    #: [T], by which the answer's own quantiles are moved out, or in; None as ``normalized``
    quantiles: Optional[npt.NDArray[np.float64]]
    #: [T], the share of the examples' values between the answers' own quantiles; None as ``normalized``
    own_coverage: Optional[npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Calibration:
    """A temperature and the thresholds of prediction sets, or the intervals of a regression; ``number`` 0 was tried
    only."""

    number: int
    model: str
    version: int
    temperature: float
    #: draws of each answer that it was made with, and holds for
    samples: int
    seed: int
    data: str
    temperature_examples: int
    conformal_examples: int
    #: of a prediction set that need not name all classes, or of an interval that has ends
    most_coverage: float
    #: [T] coverages and their thresholds; none where they are by class
    coverages: npt.NDArray[np.float64]
    lac: npt.NDArray[np.float64]
    aps: npt.NDArray[np.float64]
    class_conditional: bool
    #: at temperature 1 and at the one found; None of a regression
    before: Optional[Quality]
    after: Optional[Quality]
    #: of a regression, one for each value; else none
    values: Tuple[ValueIntervals, ...] = ()


@dataclass(frozen=True)
class Replica:
    """A server or worker that shares a database."""

    id: str
    #: "server", or "worker", which takes no calls
    kind: str
    #: the program, as reports name it
    code: str
    compute_class: str
    #: changes of the registry that it has not said to know
    behind: int
    #: seconds since it was last heard of
    silent: float
    started: datetime.datetime
    #: whether it is the one that was asked
    is_self: bool


@dataclass(frozen=True)
class DriftStatistic:
    """How far the last answers are from a calibration's examples, by one number of each."""

    name: str
    #: recent values; of answers under one seed there is one
    filled: int
    #: between the distribution functions, 0 to 1
    distance: float
    p_value: float
    reference_median: float
    recent_median: float
    drifted: bool


@dataclass(frozen=True)
class Drift:
    """A calibrated version's last answers beside its calibration's examples; no statistics: too few answers."""

    model: str
    version: int
    calibration: int
    #: values of a whole window, and inputs of the last one
    window: int
    filled: int
    #: of a whole window without drift
    false_alarm_rate: float
    answers: int
    other_answers: int
    windows: int
    alarms: int
    statistics: Tuple[DriftStatistic, ...]

    @property
    def drifted(self) -> bool:
        return any(statistic.drifted for statistic in self.statistics)


@dataclass(frozen=True)
class ModelInput:
    """One thing that a model takes; ``type`` is ``float32``, ``int64`` or ``bool``, ``shape`` of one example."""

    name: str
    type: str
    shape: Tuple[int, ...]


@dataclass(frozen=True)
class ModelInfo:
    """A version of a model, as the registry has it."""

    name: str
    version: int
    digest: str
    aliases: Tuple[str, ...]
    card: Any
    #: all that it takes, in its order
    inputs: Tuple[ModelInput, ...]
    #: of one example, -1 on an axis of any extent; of several inputs their numbers together
    input_shape: Tuple[int, ...]
    input_name: str
    output_name: str
    #: ``classification``, ``binary``, ``regression`` or ``gaussian_regression``, and how that was told
    task: str
    task_note: str
    output_kind: str
    #: 0 of a regression
    classes: int
    class_names: Tuple[str, ...]
    #: the noise that the file carries; None: it is deterministic
    noise: Optional[Dict[str, Any]]
    #: draws where a request names none
    default_samples: int
    calibration: Optional[Calibration]
    created: datetime.datetime
    created_by: str
    bytes: int
    #: words of its owners, by their keys
    tags: Dict[str, str] = field(default_factory=dict)
    #: of card and tags; 0: as it was published
    revision: int = 0

    @property
    def reference(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def is_regression(self) -> bool:
        """Whether it answers with values, and not with probabilities of classes."""
        return self.classes == 0


@dataclass(frozen=True)
class AuditState:
    """Where an audit stands: ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""

    audit: str
    state: str
    message: str
    model: str
    version: int
    created: datetime.datetime
    battery: str


@dataclass(frozen=True)
class AuditProgress:
    """How far a running audit has come; ``seconds_left`` is an estimate, None before there is one."""

    audit: str
    probe: str
    shards_done: int
    shards: int
    seconds_left: Optional[float]


@dataclass(frozen=True)
class Probe:
    """A probe that audits may have, with its parameters and their defaults."""

    name: str
    summary: str
    parameters: Dict[str, str]


@dataclass(frozen=True, eq=False)
class Adversarials:
    """What one attack made: inputs as the model takes them, [N, …], with the numbers of their examples, their labels,
    and the deployed predictor's answers (-1: none). Of a regression there are no labels: answers are its values, and
    values the right ones, [N, D] (None of a server that does not tell them)."""

    probe: str
    inputs: npt.NDArray[Any]
    indices: npt.NDArray[np.int64]
    labels: Optional[npt.NDArray[np.int64]]
    answers: npt.NDArray[Any]
    values: Optional[npt.NDArray[np.float32]] = None


@dataclass(frozen=True)
class AuditPlan:
    """What an audit would do: probes, each with its rows evaluated and seconds, and the whole."""

    probes: Tuple[Tuple[str, int, float], ...]
    examples: int
    shards: int
    seconds: float


def model_info(found: registry_pb2.Model) -> ModelInfo:
    signature = found.signature
    return ModelInfo(
        name=found.name,
        version=found.version,
        digest=found.digest,
        aliases=tuple(found.aliases),
        card=_json(found.card_json),
        inputs=_inputs(signature),
        input_shape=tuple(int(extent) for extent in signature.input_shape[1:]),
        input_name=signature.input_name,
        output_name=signature.output_name,
        task=signature.task,
        task_note=signature.task_note,
        output_kind=signature.output_kind,
        classes=signature.classes,
        class_names=tuple(signature.label_names),
        noise=_json(found.noise_json),
        default_samples=found.default_samples,
        calibration=calibration(found.calibration) if found.HasField("calibration") else None,
        created=_time(found.created_ms),
        created_by=found.created_by,
        bytes=found.bytes,
        tags=dict(found.tags),
        revision=found.revision,
    )


def _inputs(signature: registry_pb2.Signature) -> Tuple[ModelInput, ...]:
    kinds = {inference_pb2.Array.INT64: "int64", inference_pb2.Array.UINT8: "bool"}
    if not signature.inputs:
        shape = tuple(int(extent) for extent in signature.input_shape[1:])
        return (ModelInput(signature.input_name, "float32", shape),)
    return tuple(
        ModelInput(found.name, kinds.get(found.type, "float32"), tuple(int(extent) for extent in found.shape[1:]))
        for found in signature.inputs
    )


def drift_of(found: registry_pb2.DriftResponse) -> Drift:
    """The answer as a value."""
    return Drift(
        model=found.model,
        version=found.version,
        calibration=found.calibration,
        window=found.window,
        filled=found.filled,
        false_alarm_rate=found.false_alarm_rate,
        answers=found.answers,
        other_answers=found.other_answers,
        windows=found.windows,
        alarms=found.alarms,
        statistics=tuple(
            DriftStatistic(
                name=one.name,
                filled=one.filled,
                distance=one.distance,
                p_value=one.p_value,
                reference_median=one.reference_median,
                recent_median=one.recent_median,
                drifted=one.drifted,
            )
            for one in found.statistics
        ),
    )


def replica_of(found: registry_pb2.Replica) -> Replica:
    kinds = {registry_pb2.Replica.SERVER: "server", registry_pb2.Replica.WORKER: "worker"}
    return Replica(
        found.id,
        kinds.get(found.kind, "unknown"),
        found.code,
        found.compute_class,
        found.changes_behind,
        found.silent_ms / 1000,
        _time(found.started_ms),
        found.is_self,
    )


def calibration(found: registry_pb2.Calibration) -> Calibration:
    thresholds = found.thresholds

    def quality(of: registry_pb2.Calibration.Quality) -> Quality:
        return Quality(of.negative_log_likelihood, of.brier, of.expected_calibration_error)

    return Calibration(
        number=found.number,
        model=found.model,
        version=found.version,
        temperature=found.temperature,
        samples=found.samples,
        seed=found.seed,
        data=found.data,
        temperature_examples=found.temperature_examples,
        conformal_examples=found.conformal_examples,
        most_coverage=found.most_coverage,
        coverages=np.array([threshold.coverage for threshold in thresholds]),
        lac=np.array([threshold.lac for threshold in thresholds]),
        aps=np.array([threshold.aps for threshold in thresholds]),
        class_conditional=len(found.classes) > 0,
        before=quality(found.before) if found.HasField("before") else None,
        after=quality(found.after) if found.HasField("after") else None,
        values=tuple(_value_intervals(value) for value in found.values),
    )


def _value_intervals(found: registry_pb2.Calibration.ValueIntervals) -> ValueIntervals:
    intervals = found.intervals
    has_deviation = len(intervals) > 0 and all(one.has_deviation for one in intervals)

    def own(name: str) -> Optional[npt.NDArray[np.float64]]:
        return np.array([getattr(one, name) for one in intervals], np.float64) if has_deviation else None

    return ValueIntervals(
        rmse=found.rmse,
        coverages=np.array([one.coverage for one in intervals], np.float64),
        absolute=np.array([one.absolute for one in intervals], np.float64),
        normalized=own("normalized"),
        quantiles=own("quantiles"),
        own_coverage=own("own_coverage"),
    )


def audit_state(found: robustness_pb2.AuditState) -> AuditState:
    return AuditState(
        audit=found.audit,
        state=robustness_pb2.AuditState.State.Name(found.state).lower(),
        message=found.message,
        model=found.model,
        version=found.version,
        created=_time(found.created_ms),
        battery=found.battery,
    )


def audit_progress(found: robustness_pb2.AuditProgress) -> AuditProgress:
    return AuditProgress(
        audit=found.audit,
        probe=found.probe,
        shards_done=found.shards_done,
        shards=found.shards,
        seconds_left=found.seconds_left if found.seconds_left >= 0 else None,
    )


def _json(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _time(milliseconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
