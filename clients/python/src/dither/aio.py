"""The client for asyncio: the same calls as ``dither.Client``'s, to be awaited."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Type, TypeVar, Union

import grpc
import grpc.aio

from . import _audit_steps, _connection, _registry_steps, _steps
from ._version import AGENT
from .errors import Unavailable, of_rpc
from .models import Adversarials, AuditPlan, AuditState, Calibration, Drift, ModelInfo, Probe, Replica
from .predictions import Predictions
from .reports import Report
from .tuning import Data, Noise, Prepared, prepared

__all__ = ["AsyncClient", "AsyncModel", "connect"]

Result = TypeVar("Result")
Path = Union[str, "os.PathLike[str]"]


async def connect(
    address: Optional[str] = None,
    *,
    token: Optional[str] = None,
    ca: Optional[Path] = None,
    ready_file: Optional[Path] = None,
    certificate: Optional[str] = None,
    key: Optional[str] = None,
    timeout: float = 5.0,
) -> "AsyncClient":
    """A client of a server that answers."""
    found = _connection.settings(
        address,
        token,
        None if ca is None else os.fspath(ca),
        None if ready_file is None else os.fspath(ready_file),
        certificate,
        key,
        os.environ,
    )
    # The look at the server waits on sockets: in a thread, so that no other task waits with it.
    looked_at = await asyncio.get_running_loop().run_in_executor(None, _connection.looked_at, found, timeout)
    return AsyncClient(looked_at)


class AsyncClient:
    """``dither.Client`` for one event loop; ``await dither.aio.connect()`` makes it."""

    def __init__(self, settings: _connection.Settings) -> None:
        self.settings = settings
        self._channel = _connection.channel(settings, grpc.aio, AGENT)
        self._metadata = (("authorization", f"Bearer {settings.token}"),) if settings.token else ()
        self._calls: Dict[str, Any] = {}

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; calls in flight are cancelled."""
        await self._channel.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.settings.place})"

    # models

    async def model(self, reference: str, *, timeout: Optional[float] = 60) -> "AsyncModel":
        """A version by ``name`` (the newest), ``name@version`` or ``name:alias``."""
        return AsyncModel(self, reference, await self._run(_registry_steps.get_model(reference, timeout)))

    async def models(
        self,
        prefix: str = "",
        *,
        tags: Optional[Mapping[str, str]] = None,
        removed: bool = False,
        timeout: Optional[float] = 60,
    ) -> List[ModelInfo]:
        """All versions of the models whose names begin so: by name, newest first within one; of those that have these
        ``tags``. With ``removed`` those that were removed and can be restored."""
        return await self._run(_registry_steps.list_models(prefix, tags or {}, removed, timeout))

    async def upload(
        self,
        source: Any,
        *,
        name: Optional[str] = None,
        labels: Optional[Sequence[str]] = None,
        example: Any = None,
        card: Any = None,
        aliases: Sequence[str] = (),
        task: Optional[str] = None,
        output_kind: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        noise: Optional[Noise] = None,
        data: Optional[Data] = None,
        program: Optional[str] = None,
        timeout: Optional[float] = 1800,
    ) -> "AsyncModel":
        """A new version of a model; one that was cut goes on where it stopped, as does the same call made anew. What
        chooses ``noise="auto"`` runs beside the loop."""
        plain = Prepared(source, name, labels, example, card, metadata)
        what = await asyncio.get_running_loop().run_in_executor(None, prepared, plain, noise, data, program, timeout)
        found = await self._run(
            _registry_steps.upload(
                what.source,
                name=what.name,
                labels=what.labels,
                example=what.example,
                card=what.card,
                aliases=aliases,
                task=task,
                output_kind=output_kind,
                metadata=what.metadata,
                timeout=timeout,
            )
        )
        return AsyncModel(self, found.info.reference, found.info, existed=found.existed, warnings=found.warnings)

    async def set_alias(
        self,
        model: str,
        alias: str,
        *,
        expected_version: Optional[int] = None,
        everywhere: bool = False,
        required_audit: Optional[str] = None,
        timeout: Optional[float] = 60,
    ) -> ModelInfo:
        """Points an alias at ``name@version``, at once for everybody. With ``expected_version`` only where it is at
        that version, 0 where there is none yet; with ``required_audit`` only after that audit of the version, whose
        gates are kept; else ``FailedPrecondition``. With ``everywhere`` every live server that shares the database
        has it then; ``DeadlineExceeded`` names those that have not, and the alias is moved."""
        return await self._run(
            _registry_steps.set_alias(model, alias, expected_version, everywhere, required_audit, timeout)
        )

    async def replicas(self, *, timeout: Optional[float] = 60) -> List[Replica]:
        """The servers and workers that share the server's database, by id; of one that is alone, itself."""
        return await self._run(_registry_steps.list_replicas(timeout))

    async def describe(
        self,
        model: str,
        *,
        card: Optional[Mapping[str, Any]] = None,
        tags: Optional[Mapping[str, str]] = None,
        dropped_tags: Sequence[str] = (),
        expected_revision: Optional[int] = None,
        timeout: Optional[float] = 60,
    ) -> ModelInfo:
        """Changes a version's card and tags; what they were stays on record. With ``expected_revision`` only where it is
        at that revision; else ``FailedPrecondition``."""
        return await self._run(
            _registry_steps.describe(model, card, tags or {}, dropped_tags, expected_revision, timeout)
        )

    async def download(self, model: str, *, timeout: Optional[float] = 600) -> bytes:
        """The file of a version, as it was uploaded; its SHA-256 is the version's digest, else ``DataLoss``."""
        return await self._run(_registry_steps.download(model, timeout))

    async def remove(
        self, model: str, *, force: bool = False, purge: bool = False, timeout: Optional[float] = 60
    ) -> int:
        """Removes ``name@version``, or all versions of ``name``; returns how many. One that an alias names is
        ``FailedPrecondition``, but with ``force``, which takes the alias too. With ``purge`` it cannot be restored."""
        return await self._run(_registry_steps.remove(model, force, purge, timeout))

    async def restore(self, model: str, *, timeout: Optional[float] = 60) -> List[ModelInfo]:
        """Takes the removal of ``name@version`` back, or of all of ``name`` that are kept; without their aliases."""
        return await self._run(_registry_steps.restore(model, timeout))

    # audits

    async def audit(
        self,
        model: str,
        data: Any,
        *,
        battery: Optional[str] = None,
        probes: Sequence[Any] = (),
        gates: Sequence[str] = (),
        seed: int = 1,
        samples: Optional[int] = None,
        noise: Sequence[str] = (),
        baselines: Sequence[str] = (),
        temperatures: Sequence[float] = (),
        output_kinds: Sequence[str] = (),
        targets: Any = None,
        features: Optional[Mapping[str, Any]] = None,
        tolerance: Optional[float] = None,
        budget: Optional[float] = None,
        save_adversarials: bool = False,
        progress: _audit_steps.Progress = True,
        timeout: Optional[float] = None,
    ) -> Report:
        """Attacks and disturbs a model, and waits for the report. The audit is a job of the server's, which outlives
        this call."""
        request = await self._run(
            _audit_steps.audit_request(
                model,
                data,
                battery=battery,
                probes=probes,
                gates=gates,
                seed=seed,
                samples=samples,
                noise=noise,
                baselines=baselines,
                temperatures=temperatures,
                output_kinds=output_kinds,
                targets=targets,
                features=features,
                tolerance=tolerance,
                budget=budget,
                save_adversarials=save_adversarials,
            )
        )
        return await self._run(_audit_steps.follow_audit(request, "", progress, timeout, self.settings.report_key))

    async def start_audit(
        self,
        model: str,
        data: Any,
        *,
        battery: Optional[str] = None,
        probes: Sequence[Any] = (),
        gates: Sequence[str] = (),
        seed: int = 1,
        samples: Optional[int] = None,
        noise: Sequence[str] = (),
        baselines: Sequence[str] = (),
        temperatures: Sequence[float] = (),
        output_kinds: Sequence[str] = (),
        targets: Any = None,
        features: Optional[Mapping[str, Any]] = None,
        tolerance: Optional[float] = None,
        budget: Optional[float] = None,
        save_adversarials: bool = False,
        timeout: Optional[float] = 60,
    ) -> AuditState:
        """As ``audit``, but returns once the job is queued; ``watch_audit`` waits for it."""
        request = await self._run(
            _audit_steps.audit_request(
                model,
                data,
                battery=battery,
                probes=probes,
                gates=gates,
                seed=seed,
                samples=samples,
                noise=noise,
                baselines=baselines,
                temperatures=temperatures,
                output_kinds=output_kinds,
                targets=targets,
                features=features,
                tolerance=tolerance,
                budget=budget,
                save_adversarials=save_adversarials,
            )
        )
        return await self._run(_audit_steps.start_audit(request, timeout))

    async def plan_audit(
        self,
        model: str,
        data: Any,
        *,
        battery: Optional[str] = None,
        probes: Sequence[Any] = (),
        gates: Sequence[str] = (),
        seed: int = 1,
        samples: Optional[int] = None,
        noise: Sequence[str] = (),
        baselines: Sequence[str] = (),
        temperatures: Sequence[float] = (),
        output_kinds: Sequence[str] = (),
        targets: Any = None,
        features: Optional[Mapping[str, Any]] = None,
        tolerance: Optional[float] = None,
        budget: Optional[float] = None,
        timeout: Optional[float] = 60,
    ) -> AuditPlan:
        """What such an audit would do and about what it would take; nothing is done."""
        request = await self._run(
            _audit_steps.audit_request(
                model,
                data,
                battery=battery,
                probes=probes,
                gates=gates,
                seed=seed,
                samples=samples,
                noise=noise,
                baselines=baselines,
                temperatures=temperatures,
                output_kinds=output_kinds,
                targets=targets,
                features=features,
                tolerance=tolerance,
                budget=budget,
                save_adversarials=False,
            )
        )
        return await self._run(_audit_steps.plan_audit(request, timeout))

    async def watch_audit(
        self, audit: str, *, progress: _audit_steps.Progress = True, timeout: Optional[float] = None
    ) -> Report:
        """Waits for the report of an audit that somebody has started."""
        return await self._run(_audit_steps.follow_audit(None, audit, progress, timeout, self.settings.report_key))

    async def audits(self, model: str = "", *, timeout: Optional[float] = 60) -> List[AuditState]:
        """The audits of a model, or all."""
        return await self._run(_audit_steps.list_audits(model, timeout))

    async def cancel_audit(self, audit: str, *, timeout: Optional[float] = 60) -> AuditState:
        """Ends an audit after the shards in flight; one that has ended stays as it ended."""
        return await self._run(_audit_steps.cancel_audit(audit, timeout))

    async def report(self, audit: str, *, timeout: Optional[float] = 60) -> Report:
        """The report of an audit that is done."""
        return await self._run(_audit_steps.get_report(audit, timeout, self.settings.report_key))

    async def adversarials(self, audit: str, *, timeout: Optional[float] = 600) -> List[Adversarials]:
        """What each attack made, of an audit that is done and was asked to ``save_adversarials``."""
        return await self._run(_audit_steps.adversarials(audit, timeout))

    async def probes(self, *, timeout: Optional[float] = 60) -> List[Probe]:
        """All probes with their parameters and defaults."""
        return await self._run(_audit_steps.list_probes(timeout))

    async def corrupt(
        self,
        inputs: Any,
        corruption: str,
        *,
        seed: int = 1,
        first: int = 0,
        timeout: Optional[float] = 60,
        **parameters: Any,
    ) -> Any:
        """Inputs as an audit corrupts them, in their shape and type: ``client.corrupt(x, "fog", severity=3)``. The
        outcome is the seed's and the example's number, ``first`` and its row."""
        return await self._run(
            _audit_steps.corrupt(inputs, corruption, parameters, seed=seed, first=first, timeout=timeout)
        )

    # how steps are done

    async def _run(self, steps: "_steps.Steps[Result]") -> Result:
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._do(step)
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as stop:
            result: Result = stop.value
            return result

    async def _do(self, step: Any) -> Any:
        try:
            if isinstance(step, _steps.Ask):
                return await self._call(step.method)(step.message, timeout=step.timeout, metadata=self._metadata)
            if isinstance(step, _steps.Open):
                return self._call(step.method)(step.message, timeout=step.timeout, metadata=self._metadata)
            if isinstance(step, _steps.Next):
                message = await step.stream.read()
                return None if message is grpc.aio.EOF else message
        except grpc.RpcError as error:
            raise of_rpc(error, self.settings.place) from None
        except grpc.aio.UsageError:
            raise Unavailable("this client is closed: await dither.aio.connect() for another") from None
        if isinstance(step, _steps.Close):
            return step.stream.cancel()
        return await asyncio.sleep(step.seconds)

    def _call(self, method: Any) -> Any:
        found = self._calls.get(method.path)
        if found is None:
            found = self._calls[method.path] = getattr(self._channel, method.kind)(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        return found


class AsyncModel:
    """A served version, or what a name or an alias stands for: each call asks anew which version that is."""

    def __init__(
        self, client: AsyncClient, reference: str, info: ModelInfo, existed: bool = False, warnings: Sequence[str] = ()
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
            f"AsyncModel({self.reference!r}, version {self.info.version}, {self.info.task}, inputs {takes}, "
            f"{'with' if self.info.noise else 'without'} noise)"
        )

    async def predict(
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
        """Answers with their uncertainty."""
        return await self.client._run(
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

    async def drift(self) -> Drift:
        """As ``Model.drift``."""
        return await self.client._run(_registry_steps.drift(self.reference))

    async def calibrate(
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
        return await self.client._run(
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

    async def audit(self, data: Any, **options: Any) -> Report:
        """``Client.audit`` of this model."""
        return await self.client.audit(self.reference, data, **options)

    async def set_alias(
        self,
        alias: str,
        *,
        expected_version: Optional[int] = None,
        everywhere: bool = False,
        required_audit: Optional[str] = None,
        timeout: Optional[float] = 60,
    ) -> ModelInfo:
        """Points an alias at this very version, as ``Client.set_alias`` does."""
        return await self.client.set_alias(
            self.info.reference,
            alias,
            expected_version=expected_version,
            everywhere=everywhere,
            required_audit=required_audit,
            timeout=timeout,
        )

    async def remove(self, *, force: bool = False, purge: bool = False, timeout: Optional[float] = 60) -> int:
        """Removes this version, as ``Client.remove`` does."""
        return await self.client.remove(self.info.reference, force=force, purge=purge, timeout=timeout)
