"""A served model, of the client for threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Sequence

from . import _registry_steps
from .models import Calibration, Drift, ModelInfo
from .predictions import Predictions
from .reports import Report

if TYPE_CHECKING:
    from .client import Client


class Model:
    """A served version, or what a name or an alias stands for: each call asks anew which version that is.

    ``info`` is what the registry said when this was made; of an upload ``existed`` says whether the name had the file
    before, and ``warnings`` what the file says and the server does not follow.
    """

    def __init__(
        self, client: Client, reference: str, info: ModelInfo, existed: bool = False, warnings: Sequence[str] = ()
    ) -> None:
        self.client = client
        self.reference = reference
        self.info = info
        self.existed = existed
        self.warnings = tuple(warnings)

    def __repr__(self) -> str:
        inputs = self.info.inputs
        shape = ", ".join(str(extent) for extent in self.info.input_shape)
        takes = f"[N, {shape}]" if len(inputs) == 1 else ", ".join(one.name for one in inputs)
        return (
            f"Model({self.reference!r}, version {self.info.version}, {self.info.task}, inputs {takes}, "
            f"{'with' if self.info.noise else 'without'} noise)"
        )

    def predict(
        self,
        x: Any,
        *,
        samples: Optional[int] = None,
        tolerance: Optional[float] = None,
        max_samples: Optional[int] = None,
        seed: Optional[int] = None,
        coverage: Optional[float] = None,
        set_rule: Optional[str] = None,
        interval_rule: Optional[str] = None,
        never_empty: bool = False,
        noise: Sequence[str] = (),
        measures: Sequence[str] = (),
        quantiles: Sequence[float] = (),
        shared_draws: bool = False,
        antithetic: bool = False,
        uncalibrated: bool = False,
        timeout: Optional[float] = 60,
    ) -> Predictions:
        """Answers with their uncertainty.

        Args:
            x: one example or a batch: a numpy array, a torch tensor, a PIL picture or a list of them, a pandas frame of
                numbers (a row an example), or nested lists. Floats and whole numbers are in the units of the data,
                pictures' from 0 to 1; uint8 are pixels, which the model's own normalization takes. For a model of
                several inputs a mapping of their names to arrays, ``{"input_ids": …, "attention_mask": …}``.
            samples: Monte-Carlo draws; 0 is the deterministic pass. Else the model's usual number.
            tolerance: draw until the largest standard error of a probability is below this, at most ``max_samples``
                times.
            seed: the same seed gives the same answer; else the server draws one and says which.
            coverage: in (0, 1): each answer has a prediction set that holds the true class as often; of a regression
                the measures ``conformal_lower`` and ``conformal_upper``, between which the true value is as often.
                Needs a calibration.
            set_rule: ``lac`` (the smallest sets on average, the default) or ``aps`` (sets grow where the model is
                unsure).
            interval_rule: of a regression, ``absolute`` (the mean, and one distance to both sides), ``normalized`` (a
                multiple of the answer's own standard deviation) or ``quantiles`` (the answer's own, moved out or in);
                else normalized where the calibration knows how, or absolute.
            never_empty: the likeliest class is in every set.
            noise: terms in place of the model's own noise, as ``"weights:gaussian,sigma=0.03"``, or ``"dropout"`` for the
                file's own Dropout nodes; the version's calibration is then left out.
            measures: names of those that answers shall have; else the standard ones (docs/protocol.md).
            quantiles: levels in [0, 1], of each probability or value over the draws.
            shared_draws: one draw of the weights for all inputs of a sample, to compare inputs under it.
            antithetic: draws in pairs of a draw and its negative.
            uncalibrated: leave the version's temperature out.
        """
        return self.client._run(
            _registry_steps.predict(
                self.reference,
                self.info,
                x,
                samples=samples,
                tolerance=tolerance,
                max_samples=max_samples,
                seed=seed,
                coverage=coverage,
                set_rule=set_rule,
                interval_rule=interval_rule,
                never_empty=never_empty,
                noise=noise,
                measures=measures,
                quantiles=quantiles,
                shared_draws=shared_draws,
                antithetic=antithetic,
                uncalibrated=uncalibrated,
                timeout=timeout,
            )
        )

    def calibrate(
        self,
        data: Any,
        *,
        samples: Optional[int] = None,
        seed: int = 1,
        class_conditional: bool = False,
        try_only: bool = False,
        timeout: Optional[float] = 600,
    ) -> Calibration:
        """Fits the temperature and the thresholds of prediction sets on examples that the model was not trained on, 40
        at least, and stores them with the version unless ``try_only``. ``data`` is as in ``Client.audit``; with
        ``class_conditional`` sets hold the true class as often as asked in every class. Of a regression it fits the
        intervals of its values; ``data`` is then a name, or (inputs, values) with values [N] or [N, D]."""
        return self.client._run(
            _registry_steps.calibrate(
                self.reference,
                self.info,
                data,
                samples=samples,
                seed=seed,
                class_conditional=class_conditional,
                try_only=try_only,
                timeout=timeout,
            )
        )

    def drift(self) -> Drift:
        """Whether what is asked and answered lately is distributed as the version's calibration examples were."""
        return self.client._run(_registry_steps.drift(self.reference))

    def audit(self, data: Any, **options: Any) -> Report:
        """``Client.audit`` of this model."""
        return self.client.audit(self.reference, data, **options)

    def set_alias(
        self,
        alias: str,
        *,
        expected_version: Optional[int] = None,
        everywhere: bool = False,
        required_audit: Optional[str] = None,
        timeout: Optional[float] = 60,
    ) -> ModelInfo:
        """Points an alias at this very version, as ``Client.set_alias`` does."""
        return self.client.set_alias(
            self.info.reference,
            alias,
            expected_version=expected_version,
            everywhere=everywhere,
            required_audit=required_audit,
            timeout=timeout,
        )

    def remove(self, *, force: bool = False, purge: bool = False, timeout: Optional[float] = 60) -> int:
        """Removes this version, as ``Client.remove`` does."""
        return self.client.remove(self.info.reference, force=force, purge=purge, timeout=timeout)
