"""Noise for a model that brings none: said in words, or chosen on data by the program ``dither`` of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _exports
from .errors import DitherError, InvalidArgument, MissingPackage

__all__ = ["Tuned", "tune"]

Data = Union[str, "os.PathLike[str]", Tuple[Any, Any]]
Noise = Union[str, Sequence[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Tuned:
    """A model with the noise that was chosen for it.

    Attributes:
        content: the ONNX file with the noise, the number of draws and the record of the choice.
        card: the card that was written beside it.
        record: what was chosen, and every candidate's NLL, Brier score, ECE and AUROC of errors with intervals, as
            ``dither tune --json`` has them.
    """

    content: bytes
    card: Dict[str, Any]
    record: Dict[str, Any]

    @property
    def chosen(self) -> str:
        """The candidate's name; ``plain`` where none was likelier than the model without noise."""
        return str(self.record.get("chosen", ""))

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the ONNX file."""
        with open(path, "wb") as file:
            file.write(self.content)

    def __repr__(self) -> str:
        return f"Tuned({self.chosen}, {len(self.content)} bytes)"


def tune(
    source: Any,
    data: Data,
    *,
    candidates: Sequence[str] = (),
    folds: int = 5,
    samples: int = 32,
    seed: int = 0,
    example: Any = None,
    labels: Optional[Sequence[str]] = None,
    program: Optional[str] = None,
    timeout: Optional[float] = None,
) -> Tuned:
    """Chooses a model's noise by the likelihood of held-out examples, as ``dither tune`` does (docs/your-model.md).

    Args:
        source: as ``Client.upload`` takes it: an ONNX file or its bytes, a torch module, a scikit-learn estimator.
        data: ``(inputs, labels)``, none of which the model was trained on, inputs as an array or a mapping by names of
            the model; or words for ``--data``: ``"mnist:5000-7000"``, a folder, a file.
        candidates: as ``--candidate`` has them, ``["sigma", "laplace:layers=last"]``; all where nothing is said.
        folds, samples, seed: of the cross-validation and the draws.
        example, labels: as ``Client.upload`` takes them.
        program: the path of ``dither``; else ``DITHER_PROGRAM``, else that of PATH. It computes on this machine, not at
            the server.

    Raises:
        MissingPackage: there is no such program on this machine.
        InvalidArgument: it does not take the model or the data; the message is its own.
    """
    content, _ = _exports.onnx_bytes(
        source, example=example, labels=labels, task=None, output_kind=None, metadata=None
    )
    with tempfile.TemporaryDirectory(prefix="dither-") as folder:
        plain, tuned = os.path.join(folder, "model.onnx"), os.path.join(folder, "tuned.onnx")
        with open(plain, "wb") as file:
            file.write(content)
        command = [_program(program), "tune", plain, "--data", _said(data, folder), "--output", tuned, "--json"]
        command += ["--folds", str(folds), "--samples", str(samples), "--seed", str(seed)]
        for candidate in candidates:
            command += ["--candidate", candidate]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise DitherError(f"tune: expected an end within {timeout} s, got none") from None
        if done.returncode != 0:
            raise InvalidArgument(f"tune: {_words(done.stderr)}")
        record: Dict[str, Any] = json.loads(done.stdout).get("record", {})
        card: Dict[str, Any] = {}
        if os.path.exists(tuned[:-5] + ".card.json"):
            with open(tuned[:-5] + ".card.json", encoding="utf-8") as text:
                card = json.load(text)
        with open(tuned, "rb") as file:
            return Tuned(file.read(), card, record)


class Prepared(NamedTuple):
    """What is uploaded, with its noise."""

    source: Any
    name: Optional[str]
    labels: Optional[Sequence[str]]
    example: Any
    card: Any
    metadata: Optional[Mapping[str, str]]


def prepared(
    what: Prepared, noise: Optional[Noise], data: Optional[Data], program: Optional[str], timeout: Optional[float]
) -> Prepared:
    """Noise in its file, where some is asked for."""
    if noise == "auto":
        if data is None:
            raise InvalidArgument("data: expected (inputs, labels) for noise='auto', which is chosen on them, got none")
        tuned = tune(
            what.source, data, example=what.example, labels=what.labels, program=program, timeout=timeout
        )
        name = what.name
        if name is None and isinstance(what.source, (str, os.PathLike)):
            name = os.path.splitext(os.path.basename(os.fspath(what.source)))[0]
        card = what.card if what.card is not None else tuned.card or None
        return Prepared(tuned.content, name, None, None, card, what.metadata)
    if data is not None:
        raise InvalidArgument("data: expected none without noise='auto', got some; calibrate() and audit() take data too")
    if noise is None:
        return what
    metadata = dict(what.metadata or {})
    if "dither.noise" in metadata:
        raise InvalidArgument("noise: expected it once, got noise= and metadata['dither.noise']")
    metadata["dither.noise"] = noise_metadata(noise)
    return what._replace(metadata=metadata)


def noise_metadata(noise: Noise) -> str:
    """The value of ``dither.noise``: of terms in the command line's words, or of what docs/onnx.md describes."""
    if isinstance(noise, Mapping):
        return json.dumps(noise)
    terms = [noise] if isinstance(noise, str) else list(noise)
    if not terms:
        raise InvalidArgument("noise: expected a term, as 'weights:gaussian,sigma=0.05', got none")
    return json.dumps({"format": 2, "terms": [_term(term) for term in terms]})


def _term(text: str) -> Dict[str, Any]:
    head, *pairs = text.split(",")
    site, _, distribution = head.partition(":")
    if site in ("auto", "dropout"):
        raise InvalidArgument(
            f"noise: expected a term, as 'weights:gaussian,sigma=0.05', got '{site}' among others or without data; 'auto' "
            "stands alone, with data=, and a file's own dropout is turned on by `dither upload --noise dropout`"
        )
    term: Dict[str, Any] = {"site": site, "distribution": distribution or "gaussian"}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key in term:
            raise InvalidArgument(f"noise: expected SITE:DISTRIBUTION,key=value,… with each key once, got '{text[:120]}'")
        try:
            term[key] = float(value)
        except ValueError:
            term[key] = value
    return term


def _said(data: Data, folder: str) -> str:
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    try:
        inputs, targets = data
    except (TypeError, ValueError):
        raise InvalidArgument("data: expected (inputs, labels), or words as --data has them") from None
    named = dict(inputs) if isinstance(inputs, Mapping) else {"x": inputs}
    # All of them are held out: without the ending the program would take every fifth.
    arrays: Dict[str, Any] = {f"{name}_test": np.asarray(array) for name, array in named.items()}
    arrays["y_test"] = np.asarray(targets)
    path = os.path.join(folder, "data.npz")
    np.savez(path, **arrays)
    return path


def _program(said: Optional[str]) -> str:
    wanted = said or os.environ.get("DITHER_PROGRAM") or "dither"
    found = shutil.which(wanted)
    if found is None:
        raise MissingPackage(
            f"tune: expected the program '{wanted}' on this machine, which does the computing, got none; install it "
            "(docs/install.md), or name it by program= or DITHER_PROGRAM"
        )
    return found


def _words(errors: bytes) -> str:
    lines: List[str] = errors.decode("utf-8", "replace").strip().splitlines()
    try:
        said = json.loads(lines[-1])["message"]
        return str(said)
    except (IndexError, KeyError, TypeError, ValueError):
        return "\n".join(lines[-3:]) or "it ended without a word"
