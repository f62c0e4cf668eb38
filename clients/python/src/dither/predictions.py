"""Answers with their uncertainty, as arrays with names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from ._stubs import inference_pb2
from .errors import Internal

__all__ = ["Predictions"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_STOP_REASONS = {0: "requested", 1: "tolerance_met", 2: "sample_limit", 3: "deadline_near"}
_SET_KINDS = {0: None, 1: "marginal", 2: "class_conditional"}
# The later a reason stands, the more it says of all rows together.
_WEIGHTS = ("requested", "tolerance_met", "sample_limit", "deadline_near")


@dataclass(frozen=True, repr=False, eq=False)
class Predictions:
    """Answers for N inputs: a mean over the draws, and measures of how sure it is.

    Every measure of ``measures`` is an attribute too: ``answer.mutual_information``, shape [N]; ``answer.std``, [N, K].
    A measure that was not measured is absent, never 0.
    """

    #: name of the model, its version, and the digest of its file
    model: str
    version: int
    digest: str
    #: draws of every row; of parts with different numbers (``tolerance=``) the fewest
    samples: int
    #: the same seed gives the same answer
    seed: int
    #: ``requested``, ``tolerance_met``, ``sample_limit`` or ``deadline_near``
    stop_reason: str
    #: [N], the class of largest mean probability; None of a regression
    labels: Optional[Ints]
    #: the classes' names, where the model has some
    class_names: Tuple[str, ...]
    #: [N, K], means over the draws; None of a regression
    probabilities: Optional[Floats]
    #: [N, D], means over the draws of a regression; else None
    values: Optional[Floats]
    #: by name, [N] or [N, K]; entropies in nats
    measures: Mapping[str, Floats] = field(default_factory=dict)
    #: [N, Q, K] for the Q levels that were asked for, else None
    quantiles: Optional[Floats] = None
    quantile_levels: Tuple[float, ...] = ()
    #: [N, K], whether a class is in the prediction set; None without ``coverage=``, and of a regression, which has the
    #: measures ``conformal_lower`` and ``conformal_upper``
    prediction_sets: Optional[Bools] = None
    #: ``marginal`` or ``class_conditional``, as the version was calibrated; None without sets
    set_kind: Optional[str] = None
    #: classes that are in every set, as too few examples of theirs calibrated the version
    always_in_set: Tuple[int, ...] = ()
    #: that every draw's logits were divided by, and the number of the calibration; 1 and 0 without one
    temperature: float = 1.0
    calibration: int = 0
    #: the terms of the noise that was drawn; none of the deterministic pass
    noise: Tuple[str, ...] = ()
    #: microseconds on the server
    queue_us: int = 0
    compute_us: int = 0

    def __getattr__(self, name: str) -> Floats:
        measures: Mapping[str, Floats] = self.__dict__.get("measures", {})
        if name in measures:
            return measures[name]
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"this answer has no '{name}'; it has the measures {', '.join(measures) or 'none'}. One that compares draws needs "
            "two at least: ask for more samples of a model with noise, or name it in measures="
        )

    @property
    def label_names(self) -> List[str]:
        """[N]: each label's name, or its number where the model has no names."""
        if self.labels is None:
            return []
        return [self.class_names[at] if at < len(self.class_names) else str(at) for at in self.labels]

    @property
    def mean(self) -> Floats:
        """``probabilities``, or the ``values`` of a regression."""
        mean = self.values if self.probabilities is None else self.probabilities
        assert mean is not None
        return mean

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: Union[int, slice, Sequence[int], npt.NDArray[Any]]) -> "Predictions":
        """The answers of some rows; of one row a batch of one."""
        if isinstance(rows, (int, np.integer)):
            at = int(rows)
            if not -len(self) <= at < len(self):
                raise IndexError(f"row {at}: expected one of {len(self)} rows")
            rows = [at]

        def part(array: Any) -> Any:
            return None if array is None else array[rows]

        return replace(
            self,
            labels=part(self.labels),
            probabilities=part(self.probabilities),
            values=part(self.values),
            measures={name: values[rows] for name, values in self.measures.items()},
            quantiles=part(self.quantiles),
            prediction_sets=part(self.prediction_sets),
        )

    def sets(self) -> List[List[str]]:
        """[N]: the names of the classes in each prediction set; needs ``coverage=``."""
        if self.prediction_sets is None:
            raise AttributeError("this answer has no prediction sets; ask with coverage= of a calibrated version")
        names = self.class_names
        return [
            [names[at] if at < len(names) else str(at) for at in np.flatnonzero(row)] for row in self.prediction_sets
        ]

    def to_pandas(self) -> Any:
        """A frame with a row for each input: the label, its probability (or the values), and the measures of one
        value."""
        from ._packages import needed

        pandas = needed("pandas", "to_pandas")
        columns: Dict[str, Any] = {}
        if self.labels is not None and self.probabilities is not None:
            columns["label"] = self.labels
            columns["label_name"] = self.label_names
            columns["probability"] = self.probabilities.max(axis=1)
        elif self.values is not None:
            for at in range(self.values.shape[1]):
                columns[f"value_{at}" if self.values.shape[1] > 1 else "value"] = self.values[:, at]
        for name, values in self.measures.items():
            if values.ndim == 1:
                columns[name] = values
        if self.prediction_sets is not None:
            columns["prediction_set"] = self.sets()
        return pandas.DataFrame(columns)

    def __repr__(self) -> str:
        head = (
            f"Predictions of {self.model}@{self.version}: {len(self)} row{'s' if len(self) != 1 else ''}, "
            f"{self.samples} sample{'s' if self.samples != 1 else ''}, seed {self.seed}"
        )
        shown = ("predictive_entropy", "mutual_information", "standard_error")
        measures = [(name, self.measures[name]) for name in shown if name in self.measures]
        title = ["", "label", "p"] if self.labels is not None else ["", "values"]
        rows = [title + [name for name, _ in measures] + (["set"] if self.prediction_sets is not None else [])]
        few = self[:8] if len(self) > 9 else self
        sets = few.sets() if few.prediction_sets is not None else None
        for at in range(len(few)):
            if few.probabilities is not None:
                row = [str(at), few.label_names[at], f"{few.probabilities[at].max():.4f}"]
            else:
                row = [str(at), " ".join(f"{value:.4g}" for value in few.mean[at][:4])]
            row += [f"{values[at]:.4f}" if values.ndim == 1 else "…" for _, values in measures]
            rows.append(row + ([", ".join(sets[at]) or "none"] if sets is not None else []))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        if len(few) < len(self):
            lines.append(f"… and {len(self) - len(few)} more")
        return "\n".join([head] + lines)


def read(response: inference_pb2.PredictResponse, count: int, class_names: Tuple[str, ...]) -> Predictions:
    rows = response.predictions
    if len(rows) != count:
        raise Internal(f"Predict: expected {count} answers, one for each input, got {len(rows)}")
    first = rows[0]
    is_regression = not first.HasField("label")
    means = _stack([row.values if is_regression else row.probabilities for row in rows])
    levels = tuple(quantile.level for quantile in first.quantiles)
    quantiles = None
    if levels:
        quantiles = np.array([[list(quantile.values) for quantile in row.quantiles] for row in rows], np.float64)
    sets = None
    if response.set_kind != inference_pb2.PredictResponse.NO_SETS:
        sets = np.zeros(means.shape, bool)
        for at, row in enumerate(rows):
            sets[at, list(row.prediction_set)] = True
    return Predictions(
        model=response.model,
        version=response.version,
        digest=response.digest,
        samples=response.samples,
        seed=response.seed,
        stop_reason=_STOP_REASONS.get(response.stop_reason, str(response.stop_reason)),
        labels=None if is_regression else np.array([row.label for row in rows], np.int64),
        class_names=class_names,
        probabilities=None if is_regression else means,
        values=means if is_regression else None,
        measures=_measures(rows),
        quantiles=quantiles,
        quantile_levels=levels,
        prediction_sets=sets,
        set_kind=_SET_KINDS.get(response.set_kind),
        always_in_set=tuple(response.always_in_set),
        temperature=response.temperature,
        calibration=response.calibration,
        noise=tuple(response.noise),
        queue_us=response.timing.queue_us,
        compute_us=response.timing.compute_us,
    )


def joined(parts: List[Predictions]) -> Predictions:
    """One answer of several requests with one seed."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]

    def whole(name: str) -> Any:
        found = [getattr(part, name) for part in parts]
        return None if found[0] is None else np.concatenate(found)

    names = [name for name in first.measures if all(name in part.measures for part in parts)]
    return replace(
        first,
        samples=min(part.samples for part in parts),
        stop_reason=max((part.stop_reason for part in parts), key=lambda r: _WEIGHTS.index(r) if r in _WEIGHTS else 0),
        labels=whole("labels"),
        probabilities=whole("probabilities"),
        values=whole("values"),
        measures={name: np.concatenate([part.measures[name] for part in parts]) for name in names},
        quantiles=whole("quantiles"),
        prediction_sets=whole("prediction_sets"),
        queue_us=sum(part.queue_us for part in parts),
        compute_us=sum(part.compute_us for part in parts),
    )


def _stack(rows: Sequence[Any]) -> Floats:
    lists = [list(row) for row in rows]
    if len(lists) == 1:
        return np.array(lists, np.float64)
    if any(len(row) != len(lists[0]) for row in lists):
        raise Internal("Predict: expected answers of one length, got several")
    return np.array(lists, np.float64)


def _measures(rows: Any) -> Dict[str, Floats]:
    if len(rows) == 1:
        one = {measure.name: list(measure.values) for measure in rows[0].measures}
        # A value for the whole row, or one for each class.
        return {name: np.array(values if len(values) == 1 else [values]) for name, values in one.items()}
    found: Dict[str, List[List[float]]] = {}
    for row in rows:
        for measure in row.measures:
            found.setdefault(measure.name, []).append(list(measure.values))
    # One that some rows lack is none of the whole answer.
    arrays = {name: _stack(values) for name, values in found.items() if len(values) == len(rows)}
    return {name: values[:, 0] if values.shape[1] == 1 else values for name, values in arrays.items()}
