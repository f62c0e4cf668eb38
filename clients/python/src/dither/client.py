"""The client for threads: every call waits for its answer."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Type, TypeVar, Union

import grpc

from . import _audit_steps, _connection, _registry_steps, _steps
from ._version import AGENT
from ._model import Model
from .errors import Unavailable, of_rpc
from .models import Adversarials, AuditPlan, AuditState, ModelInfo, Probe, Replica
from .reports import Report
from .tuning import Data, Noise, Prepared, prepared, tune

__all__ = ["Client", "Model", "connect"]

Result = TypeVar("Result")
Path = Union[str, "os.PathLike[str]"]


def connect(
    address: Optional[str] = None,
    *,
    token: Optional[str] = None,
    ca: Optional[Path] = None,
    ready_file: Optional[Path] = None,
    certificate: Optional[str] = None,
    key: Optional[str] = None,
    timeout: float = 5.0,
) -> "Client":
    """A client of a server that answers.

    What is left out comes from the environment: ``DITHER_ADDRESS`` (``dither://host:port``, or ``dither+plain://``
    without TLS; else port 7447 of this machine), ``DITHER_TOKEN`` and ``DITHER_CA``, or without an address from the
    ready file that ``DITHER_READY_FILE`` names, or what ``dither login`` keeps. The address may be that of either TCP
    door: gRPC's is taken to be there or at the next port.

    Args:
        address: where the server is.
        token: the caller's bearer token.
        ca: PEM file of the authority that the server's certificate is checked against; else this machine's authorities.
        ready_file: what ``dither serve --ready-file`` has written: port, token and CA of a server on this machine.
        certificate, key: PEM files of a client certificate, for a server that asks for one.
        timeout: seconds for the look at the server.

    Raises:
        Unavailable: there is no server, or its certificate does not hold; the message says which and what to do.
        InvalidArgument: an address, a ready file or a PEM file that cannot be read.
    """
    found = _connection.settings(
        address,
        token,
        None if ca is None else os.fspath(ca),
        None if ready_file is None else os.fspath(ready_file),
        certificate,
        key,
        os.environ,
    )
    return Client(_connection.looked_at(found, timeout))


class Client:
    """Calls of one server. Safe to use from any thread; ``connect`` makes it.

    Every method takes ``timeout``, the seconds that it may take with its retries. Calls that may be made twice are made
    again when the server was away or had too much to do, after the time that it asks for.
    """

    def __init__(self, settings: _connection.Settings) -> None:
        self.settings = settings
        self._channel = _connection.channel(settings, grpc, AGENT)
        self._metadata = (("authorization", f"Bearer {settings.token}"),) if settings.token else ()
        self._calls: Dict[str, Any] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; calls in flight are cancelled."""
        self._channel.close()

    def __repr__(self) -> str:
        return f"Client({self.settings.place})"

    # models

    def model(self, reference: str, *, timeout: Optional[float] = 60) -> "Model":
        """A version by ``name`` (the newest), ``name@version`` or ``name:alias``."""
        return Model(self, reference, self._run(_registry_steps.get_model(reference, timeout)))

    def models(
        self,
        prefix: str = "",
        *,
        tags: Optional[Mapping[str, str]] = None,
        removed: bool = False,
        timeout: Optional[float] = 60,
    ) -> List[ModelInfo]:
        """All versions of the models whose names begin so: by name, newest first within one; of those that have these
        ``tags``. With ``removed`` those that were removed and can be restored."""
        return self._run(_registry_steps.list_models(prefix, tags or {}, removed, timeout))

    def upload(
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
    ) -> "Model":
        """A new version of a model; one that was cut goes on where it stopped, as does the same call made anew.

        Args:
            source: the path of an ONNX file or its bytes, a ``torch.nn.Module``, or a fitted scikit-learn estimator,
                which are exported first (with torch.onnx, with skl2onnx).
            name: in the registry; of a file its name without the ending.
            labels: names of the classes, or of a regression's values.
            example: one input of a torch module, a batch of one: the export follows it.
            card: what is to be known of the model: a mapping, Markdown behind facts in YAML, or the Path of a card's
                file.
            aliases: that shall point at the new version, at once with its appearance.
            task, output_kind: where the file leaves them open (docs/onnx.md).
            metadata: further keys of docs/onnx.md, as ``{"dither.samples": "32"}``.
            noise: what the model is served with: terms, as ``"weights:gaussian,sigma=0.05"``, a mapping as docs/onnx.md has
                it, or ``"auto"``: chosen on ``data`` as ``dither.tune`` does.
            data: with ``noise="auto"``: ``(inputs, labels)`` that the model was not trained on, or words for ``--data``.
            program: the path of ``dither`` on this machine, which chooses; else that of ``DITHER_PROGRAM`` or PATH.
        """
        what = prepared(Prepared(source, name, labels, example, card, metadata), noise, data, program, timeout)
        found = self._run(
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
        return Model(self, found.info.reference, found.info, existed=found.existed, warnings=found.warnings)

    tune = staticmethod(tune)

    def set_alias(
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
        return self._run(
            _registry_steps.set_alias(model, alias, expected_version, everywhere, required_audit, timeout)
        )

    def replicas(self, *, timeout: Optional[float] = 60) -> List[Replica]:
        """The servers and workers that share the server's database, by id; of one that is alone, itself."""
        return self._run(_registry_steps.list_replicas(timeout))

    def describe(
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
        return self._run(_registry_steps.describe(model, card, tags or {}, dropped_tags, expected_revision, timeout))

    def download(self, model: str, *, timeout: Optional[float] = 600) -> bytes:
        """The file of a version, as it was uploaded; its SHA-256 is the version's digest, else ``DataLoss``."""
        return self._run(_registry_steps.download(model, timeout))

    def remove(self, model: str, *, force: bool = False, purge: bool = False, timeout: Optional[float] = 60) -> int:
        """Removes ``name@version``, or all versions of ``name``; returns how many. One that an alias names is
        ``FailedPrecondition``, but with ``force``, which takes the alias too. With ``purge`` it cannot be restored."""
        return self._run(_registry_steps.remove(model, force, purge, timeout))

    def restore(self, model: str, *, timeout: Optional[float] = 60) -> List[ModelInfo]:
        """Takes the removal of ``name@version`` back, or of all of ``name`` that are kept; without their aliases."""
        return self._run(_registry_steps.restore(model, timeout))

    # audits

    def audit(
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
        this call.

        Args:
            model: name, name@version or name:alias; several with ``+`` between them are their ensemble.
            data: a data set that the server has, as ``"mnist:100"``, or ``(inputs, labels)``: [N, …] in [0, 1] or
                bytes; of a regression ``(inputs, values)``.
            tolerance: how far an answer of a regression may be from its value and still count as right; else half the
                standard deviation of the values.
            battery: a named list of probes; ``smoke`` where no probes are named.
            probes: ``"pgd:epsilon=8/255,steps=20"`` or ``("pgd", {"epsilon": 0.1})``; ``client.probes()`` lists them.
            gates: what the model must reach, as ``"pgd>=0.4"``; ``report.assert_gates()`` raises where it does not.
            samples: draws of the deployed predictor; else the model's.
            noise: terms in place of the model's own noise, as ``"weights:gaussian,sigma=0.03"``; one model, no ensemble.
            baselines: models that are audited on the same examples and compared.
            budget: seconds, after which attacks end with what they have found.
            progress: a bar where tqdm is installed (True), none (False), or a function of ``AuditProgress``.
        """
        request = self._run(
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
        return self._run(_audit_steps.follow_audit(request, "", progress, timeout, self.settings.report_key))

    def start_audit(
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
        request = self._run(
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
        return self._run(_audit_steps.start_audit(request, timeout))

    def plan_audit(
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
        request = self._run(
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
        return self._run(_audit_steps.plan_audit(request, timeout))

    def watch_audit(
        self, audit: str, *, progress: _audit_steps.Progress = True, timeout: Optional[float] = None
    ) -> Report:
        """Waits for the report of an audit that somebody has started."""
        return self._run(_audit_steps.follow_audit(None, audit, progress, timeout, self.settings.report_key))

    def audits(self, model: str = "", *, timeout: Optional[float] = 60) -> List[AuditState]:
        """The audits of a model, or all."""
        return self._run(_audit_steps.list_audits(model, timeout))

    def cancel_audit(self, audit: str, *, timeout: Optional[float] = 60) -> AuditState:
        """Ends an audit after the shards in flight; one that has ended stays as it ended."""
        return self._run(_audit_steps.cancel_audit(audit, timeout))

    def report(self, audit: str, *, timeout: Optional[float] = 60) -> Report:
        """The report of an audit that is done."""
        return self._run(_audit_steps.get_report(audit, timeout, self.settings.report_key))

    def adversarials(self, audit: str, *, timeout: Optional[float] = 600) -> List[Adversarials]:
        """What each attack made, of an audit that is done and was asked to ``save_adversarials``."""
        return self._run(_audit_steps.adversarials(audit, timeout))

    def probes(self, *, timeout: Optional[float] = 60) -> List[Probe]:
        """All probes with their parameters and defaults."""
        return self._run(_audit_steps.list_probes(timeout))

    def corrupt(
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
        return self._run(_audit_steps.corrupt(inputs, corruption, parameters, seed=seed, first=first, timeout=timeout))

    # how steps are done

    def _run(self, steps: "_steps.Steps[Result]") -> Result:
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._do(step)
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as stop:
            result: Result = stop.value
            return result

    def _do(self, step: Any) -> Any:
        if isinstance(step, (_steps.Ask, _steps.Open)):
            method = step.method
            try:
                return self._call(method)(step.message, timeout=step.timeout, metadata=self._metadata)
            except grpc.RpcError as error:
                raise of_rpc(error, self.settings.place) from None
            except ValueError:
                raise Unavailable("this client is closed: call dither.connect() for another") from None
        if isinstance(step, _steps.Next):
            try:
                return next(step.stream, None)
            except grpc.RpcError as error:
                raise of_rpc(error, self.settings.place) from None
        if isinstance(step, _steps.Close):
            return step.stream.cancel()
        return time.sleep(step.seconds)

    def _call(self, method: Any) -> Any:
        found = self._calls.get(method.path)
        if found is None:
            with self._lock:
                found = getattr(self._channel, method.kind)(
                    method.path,
                    request_serializer=method.request.SerializeToString,
                    response_deserializer=method.response.FromString,
                )
                self._calls[method.path] = found
        return found
