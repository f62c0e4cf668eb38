"""Models of other packages as ONNX files, and what a file says beside its graph (docs/onnx.md)."""

from __future__ import annotations

import inspect
import io
import json
import os
import warnings
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple

import numpy as np

from ._packages import needed
from .errors import InvalidArgument, MissingPackage

_METADATA_FIELD = 14


def onnx_bytes(
    source: Any,
    *,
    example: Any,
    labels: Optional[Sequence[str]],
    task: Optional[str],
    output_kind: Optional[str],
    metadata: Optional[Mapping[str, str]],
) -> Tuple[bytes, Optional[str]]:
    """The file, and the name that it suggests."""
    said: Dict[str, str] = dict(metadata or {})
    name: Optional[str] = None
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if example is not None:
            raise InvalidArgument(
                "example: expected none with a file, got one; it is for a model that is exported here"
            )
        with open(path, "rb") as file:
            content = file.read()
        name = os.path.splitext(os.path.basename(path))[0]
    elif isinstance(source, (bytes, bytearray)):
        content = bytes(source)
    elif _is_of(source, "torch.nn.modules.module", "Module"):
        content = _of_torch(source, example)
    elif _is_of(source, "sklearn.base", "BaseEstimator"):
        content = _of_sklearn(source, example)
        labels = labels if labels is not None else _sklearn_labels(source)
    else:
        raise InvalidArgument(
            f"source: expected the path of an ONNX file, its bytes, a torch.nn.Module or a scikit-learn estimator, got "
            f"{type(source).__module__}.{type(source).__name__}; export it to ONNX first"
        )
    if labels is not None:
        said["dither.labels"] = json.dumps([str(label) for label in labels], ensure_ascii=False)
    if task is not None:
        said["dither.task"] = task
    if output_kind is not None:
        said["dither.output_kind"] = output_kind
    return with_metadata(content, said), name


def _is_of(source: Any, module: str, name: str) -> bool:
    """Without importing what may not be there."""
    return any(kind.__module__ == module and kind.__name__ == name for kind in type(source).__mro__)


def _of_torch(module: Any, example: Any) -> bytes:
    torch = needed("torch", "upload of a torch.nn.Module")
    if example is None:
        raise InvalidArgument(
            "example: expected one input of the module, as torch.zeros(1, 3, 32, 32), got none; its shape is what the export "
            "follows"
        )
    if not isinstance(example, torch.Tensor):
        example = torch.as_tensor(np.asarray(example, np.float32))
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _by_trace(torch, module, example)
            except Exception as error:
                try:
                    return _by_export(torch, module, example)
                except ImportError as missing:
                    package = (missing.name or "onnxscript").split(".")[0]
                    raise MissingPackage(
                        f"torch.onnx cannot export this module by tracing ({type(error).__name__}: {str(error)[:300]}); its "
                        f"other exporter needs the package {package}; pip install {package}"
                    ) from error
                except Exception as other:
                    raise InvalidArgument(
                        f"source: expected a module that torch.onnx exports, got {type(other).__name__}: {str(other)[:600]}"
                    ) from other
    finally:
        module.train(was_training)


def _by_trace(torch: Any, module: Any, example: Any) -> bytes:
    """Needs no package beside torch; on its way out, from torch 2.9 on."""
    options: Dict[str, Any] = dict(
        input_names=["input"], output_names=["output"], dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}}
    )
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False
    file = io.BytesIO()
    torch.onnx.export(module, (example,), file, **options)
    return file.getvalue()


def _by_export(torch: Any, module: Any, example: Any) -> bytes:
    # A batch of one would be taken for a constant.
    rows = torch.cat([example, example]) if example.shape[0] == 1 else example
    program = torch.onnx.export(
        module,
        (rows,),
        dynamo=True,
        verbose=False,
        input_names=["input"],
        output_names=["output"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    content: bytes = program.model_proto.SerializeToString()
    return content


def _of_sklearn(estimator: Any, example: Any) -> bytes:
    skl2onnx = needed("skl2onnx", "upload of a scikit-learn estimator")
    types = needed("skl2onnx.common.data_types", "upload of a scikit-learn estimator", "skl2onnx")
    width = getattr(estimator, "n_features_in_", None)
    if width is None and example is not None:
        width = np.asarray(example).shape[-1]
    if width is None:
        raise InvalidArgument(
            "source: expected an estimator that is fitted, got one that does not know its features; fit it"
        )
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    options = {id(last): {"zipmap": False}} if hasattr(last, "predict_proba") else None
    model = skl2onnx.to_onnx(
        estimator, initial_types=[("input", types.FloatTensorType([None, int(width)]))], options=options
    )
    content: bytes = model.SerializeToString()
    return content


def _sklearn_labels(estimator: Any) -> Optional[Sequence[str]]:
    """Names of classes that are numbers, where these are not 0, 1, …; the file has those that are text."""
    classes = getattr(estimator, "classes_", None)
    if classes is None or getattr(classes, "ndim", 1) != 1 or classes.dtype.kind not in "iub":
        return None
    numbers = [int(number) for number in classes]
    return None if numbers == list(range(len(numbers))) else [str(number) for number in numbers]


def with_metadata(content: bytes, said: Mapping[str, str]) -> bytes:
    """The file with these entries of ``metadata_props``, in the place of those of the same keys."""
    if not said:
        return content
    try:
        kept = b"".join(
            field
            for number, field, value in _fields(content)
            if not (number == _METADATA_FIELD and _entry_key(value) in said)
        )
    except (IndexError, ValueError):
        raise InvalidArgument("source: expected an ONNX file, got other bytes") from None
    for key, value in said.items():
        entry = _field(1, key.encode()) + _field(2, value.encode())
        kept += _field(_METADATA_FIELD, entry)
    return kept


def _fields(content: bytes) -> Iterator[Tuple[int, bytes, bytes]]:
    """Number, whole field, and of bytes the value, of a protobuf message."""
    at = 0
    while at < len(content):
        start = at
        tag, at = _varint(content, at)
        kind, value = tag & 7, b""
        if kind == 0:
            _, at = _varint(content, at)
        elif kind == 1:
            at += 8
        elif kind == 5:
            at += 4
        elif kind == 2:
            length, at = _varint(content, at)
            value = content[at : at + length] if tag >> 3 == _METADATA_FIELD else b""
            at += length
        else:
            raise ValueError("no field")
        if at > len(content):
            raise ValueError("no whole field")
        yield tag >> 3, content[start:at], value


def _entry_key(entry: bytes) -> str:
    at = 0
    while at < len(entry):
        tag, at = _varint(entry, at)
        length, at = _varint(entry, at)
        if tag >> 3 == 1:
            return entry[at : at + length].decode("utf-8", "replace")
        at += length
    return ""


def _varint(content: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("no varint")


def _field(number: int, value: bytes) -> bytes:
    return _written(number << 3 | 2) + _written(len(value)) + value


def _written(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
