"""What people have in Python, as the rows that a model takes."""

from __future__ import annotations

import math
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from ._stubs import inference_pb2
from .errors import InvalidArgument

if TYPE_CHECKING:
    from .models import ModelInput

Rows = npt.NDArray[Any]
# Of the inputs of one request, well below what a door takes.
MOST_BYTES = 2 << 20


def rows_of(x: Any, row_shape: Sequence[int], place: str = "x", whole: bool = False) -> Rows:
    """``[N, …]``: uint8 pixels, or float32 numbers; ``whole``: int64, unless there are fractions. ``row_shape`` is of one
    example, as the model has it.

    One example is a batch of one. Shapes may differ from the model's in axes of extent 1, and examples may be flat.
    """
    shape = tuple(row_shape)
    array = _numbers(x, shape, place, whole)
    if -1 in shape:
        return _rows_of_any_size(array, shape, place)
    # The usual case, before the others are looked at.
    if array.shape[1:] == shape and array.size:
        return array
    if array.size == 0:
        raise InvalidArgument(f"{place}: expected examples of shape {_shown(shape)}, got none ({_shown(array.shape)})")
    if _is_row(array.shape, shape):
        return array.reshape((1,) + shape)
    if array.ndim > 1 and _is_row(array.shape[1:], shape):
        return array.reshape((array.shape[0],) + shape)
    raise InvalidArgument(
        f"{place}: expected one example of shape {_shown(shape)}, or a batch of them, got {_shown(array.shape)}"
        + _shape_advice(array.shape, shape)
    )


def _rows_of_any_size(array: Rows, shape: Tuple[int, ...], place: str) -> Rows:
    """For a model that takes inputs of several sizes: −1 in ``shape`` is an axis of any extent."""

    def fits(got: Tuple[int, ...]) -> bool:
        return len(got) == len(shape) and all(g > 0 and w in (-1, g) for g, w in zip(got, shape))

    if fits(array.shape[1:]) and array.size:
        return array
    if fits(array.shape):
        return array.reshape((1,) + array.shape)
    raise InvalidArgument(
        f"{place}: expected one example of shape {_shown(shape)}, or a batch of them, got {_shown(array.shape)}"
    )


def batch_of(x: Any, inputs: Sequence[ModelInput]) -> Dict[str, Rows]:
    """The rows of each input by its name; of a model of one input that of an array without one is ""."""
    if not isinstance(x, Mapping):
        if len(inputs) > 1:
            raise InvalidArgument(f"x: expected arrays by the names of the inputs, {_names(inputs)}, got {type(x).__name__}")
        return {"": _input_of(x, inputs[0], "x")}
    known = [one.name for one in inputs]
    strangers = [str(name) for name in x if name not in known]
    missing = [name for name in known if name not in x]
    if strangers or missing:
        raise InvalidArgument(f"x: expected {_names(inputs)}, got {', '.join(str(name) for name in x)}")
    return _same_length({one.name: _input_of(x[one.name], one, one.name) for one in inputs})


def _input_of(x: Any, one: ModelInput, place: str) -> Rows:
    rows = rows_of(x, one.shape, place, whole=one.type != "float32")
    return rows if one.type == "float32" else _whole(rows, place)


def free_batch_of(x: Mapping[Any, Any]) -> Dict[str, Rows]:
    """The same for a model that is not looked up: whole numbers are integers."""
    found = {}
    for name, values in x.items():
        plain = _plain(values, str(name))
        rows = _numbers(plain, None, str(name), whole=plain.dtype != np.uint8)
        if rows.ndim == 0 or rows.size == 0:
            raise InvalidArgument(f"{name}: expected examples along the first axis, got {_shown(rows.shape)}")
        found[str(name)] = rows.reshape((len(rows), 1)) if rows.ndim == 1 else rows
    return _same_length(found)


def _same_length(found: Dict[str, Rows]) -> Dict[str, Rows]:
    first = next(iter(found), "")
    for name, rows in found.items():
        if len(rows) != len(found[first]):
            raise InvalidArgument(f"{name}: expected {len(found[first])} examples, as {first} has, got {len(rows)}")
    return found


def _names(inputs: Sequence[ModelInput]) -> str:
    return ", ".join(f"{one.name} {_shown(one.shape)}" for one in inputs)


def _whole(rows: Rows, place: str) -> Rows:
    whole = rows.astype(np.int64)
    if not (whole == rows).all():
        raise InvalidArgument(f"{place}: expected whole numbers, got fractions")
    return whole


def free_rows_of(x: Any, place: str = "inputs") -> Rows:
    """``[N, …]`` in any shape of rows."""
    array = _numbers(x, None, place)
    if array.ndim < 2 or array.size == 0:
        raise InvalidArgument(f"{place}: expected examples along the first axis, as [N, …], got {_shown(array.shape)}")
    return array


def labels_of(y: Any, count: int, place: str = "labels") -> List[int]:
    """Class numbers, one for each of ``count`` examples."""
    array = _plain(y, place)
    if array.shape not in ((count,), (count, 1)):
        raise InvalidArgument(
            f"{place}: expected {count} class numbers, one for each example, got {_shown(array.shape)}"
        )
    array = array.reshape(count)
    if array.dtype.kind not in "iufb":
        raise InvalidArgument(f"{place}: expected class numbers, counted from 0, got {array.dtype}")
    numbers = array.astype(np.int64)
    wrong = np.flatnonzero((numbers != array) | (numbers < 0) | (numbers >= 1 << 32))
    if wrong.size:
        raise InvalidArgument(f"{place}[{wrong[0]}]: expected a class number, counted from 0, got {array[wrong[0]]}")
    return [int(number) for number in numbers]


def values_of(y: Any, count: int, place: str = "values") -> npt.NDArray[np.float32]:
    """``[N, D]``: as many values for each of ``count`` examples; of one value ``[N]`` will do."""
    array = _numbers(y, None, place).astype(np.float32)
    if array.ndim not in (1, 2) or len(array) != count or array.size == 0:
        raise InvalidArgument(
            f"{place}: expected values for each of {count} examples, [N] or [N, D], got {_shown(array.shape)}"
        )
    return array.reshape(count, -1)


def message(rows: Rows) -> inference_pb2.Array:
    found = inference_pb2.Array()
    put(rows, found)
    return found


def put(rows: Rows, into: inference_pb2.Array) -> None:
    """Row-major, whatever the order in memory; machines that Python wheels are made for are little-endian, or are
    told."""
    kind, code = {"u1": (inference_pb2.Array.UINT8, "u1"), "i8": (inference_pb2.Array.INT64, "<i8")}.get(
        rows.dtype.str[1:], (inference_pb2.Array.FLOAT32, "<f4")
    )
    into.type = kind
    into.ClearField("shape")
    into.shape.extend(rows.shape)
    into.data = (rows if sys.byteorder == "little" else rows.astype(code)).tobytes()


def array_of(found: inference_pb2.Array, place: str) -> Rows:
    kinds = {inference_pb2.Array.FLOAT32: "<f4", inference_pb2.Array.UINT8: "u1", inference_pb2.Array.INT64: "<i8"}
    kind = kinds.get(found.type)
    shape = tuple(found.shape)
    if kind is None or min(shape, default=0) < 0 or len(found.data) != int(np.prod(shape)) * np.dtype(kind).itemsize:
        raise InvalidArgument(f"{place}: expected an array of a known type and its length, got another from the server")
    array: Rows = np.array(np.frombuffer(found.data, dtype=kind)).reshape(shape)
    return array


def parts_of(batch: Dict[str, Rows], most_rows: int = 4096) -> Iterator[Dict[str, Rows]]:
    """Parts of a batch that fit into a request each."""
    count = len(next(iter(batch.values())))
    one = sum(max(rows[0].size, 1) * 8 for rows in batch.values()) if len(batch) > 1 else 0
    step = max(min(MOST_BYTES // one, most_rows), 1) if one else most_rows
    if len(batch) == 1:
        name = next(iter(batch))
        for piece in pieces(batch[name], most_rows) if count > 1 else (batch[name],):
            yield {name: piece}
        return
    for first in range(0, count, step):
        yield {name: rows[first : first + step] for name, rows in batch.items()}


def pieces(rows: Rows, most_rows: int = 4096) -> Iterator[Rows]:
    """Parts that fit into a request each."""
    one = max(rows[0].size * 4, 1)
    step = max(min(MOST_BYTES // one, most_rows), 1)
    for first in range(0, len(rows), step):
        yield rows[first : first + step]


def _numbers(x: Any, shape: Optional[Tuple[int, ...]], place: str, whole: bool = False) -> Rows:
    array: Rows
    if type(x) is np.ndarray and x.dtype != object:
        array = x
    else:
        array = _pictures(x, shape) if _are_pictures(x) else _plain(x, place)
    if whole and array.dtype.kind in "iub":
        return array.astype(np.int64)
    if array.dtype == np.uint8:
        return array
    # Whole numbers and truth values are numbers; bytes are pixels.
    if array.dtype.kind not in "iufb":
        raise InvalidArgument(f"{place}: expected numbers, got {array.dtype}")
    numbers = array.astype(np.float32, copy=False)
    if not np.isfinite(numbers).all():
        first = np.unravel_index(int(np.flatnonzero(~np.isfinite(numbers))[0]), numbers.shape)
        raise InvalidArgument(
            f"{place}[{', '.join(str(int(at)) for at in first)}]: expected a finite float32, got {array[first]}"
        )
    return numbers


def _plain(x: Any, place: str) -> Rows:
    module = type(x).__module__.split(".")[0]
    if isinstance(x, (str, bytes, os.PathLike)):
        raise InvalidArgument(
            f"{place}: expected an array, got {type(x).__name__}; read the file first, a picture with PIL.Image.open(path), "
            ".npy with numpy.load(path)"
        )
    if module == "torch":
        return _of_torch(x)
    if module == "pandas":
        return _of_pandas(x, place)
    if isinstance(x, (list, tuple)) and x and all(type(item).__module__.split(".")[0] == "torch" for item in x):
        x = [_of_torch(item) for item in x]
    try:
        with warnings.catch_warnings():
            # Ragged lists: an error in new versions, a warning in old ones.
            warnings.simplefilter("error")
            array = np.asarray(x)
    except Exception as error:
        raise InvalidArgument(
            f"{place}: expected numbers in rows of one length, got {type(x).__name__}: {error}"
        ) from None
    if array.dtype == object:
        raise InvalidArgument(
            f"{place}: expected numbers in rows of one length, got {type(x).__name__} of other things"
        )
    return array


def _of_torch(x: Any) -> Rows:
    tensor = x.detach().cpu()
    # NumPy has no bfloat16.
    if str(tensor.dtype) in ("torch.bfloat16", "torch.float16"):
        tensor = tensor.float()
    array: Rows = tensor.numpy()
    return array


def _of_pandas(x: Any, place: str) -> Rows:
    if hasattr(x, "columns"):
        words = [str(name) for name, kind in zip(x.columns, x.dtypes) if getattr(kind, "kind", "O") not in "iufb"]
        if words:
            raise InvalidArgument(
                f"{place}: expected columns of numbers, got others in {', '.join(words[:5])}; drop them, or encode them as the "
                "model was trained on them"
            )
        array: Rows = x.to_numpy(dtype=np.float32)
        return array
    values: Rows = x.to_numpy()
    return values


def _is_picture(x: Any) -> bool:
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(x, pil.Image)


def _are_pictures(x: Any) -> bool:
    return _is_picture(x) or (isinstance(x, (list, tuple)) and len(x) > 0 and all(_is_picture(item) for item in x))


def _pictures(x: Any, shape: Optional[Tuple[int, ...]]) -> Rows:
    """``[N, C, H, W]`` bytes, or in the order that the model has them."""
    images = [x] if _is_picture(x) else list(x)
    sizes = {image.size for image in images}
    if len(sizes) > 1:
        raise InvalidArgument(
            f"pictures: expected one size, got {sorted(sizes)[:3]}; resize them: picture.resize((W, H))"
        )
    channels, last = _channels(shape, images[0].size)
    mode = {1: "L", 3: "RGB"}[channels]
    deep = [image.mode for image in images if image.mode[0] in "IF"]
    if deep:
        raise InvalidArgument(
            f"pictures: expected 8 bits a channel, got mode {deep[0]}; give numbers from 0 to 1: numpy.asarray(picture) / 65535"
        )
    lossless = ("L", "1") if channels == 1 else ("L", "1", "RGB", "P")
    lost = [image.mode for image in images if image.mode not in lossless]
    if lost:
        warnings.warn(
            f"pictures of mode {lost[0]} are brought to {'gray' if channels == 1 else 'RGB'} for a model of {channels} "
            f"channel{'s' if channels > 1 else ''}; convert them yourself to choose how",
            stacklevel=5,
        )
    planes = np.stack([np.asarray(image.convert(mode), dtype=np.uint8) for image in images])
    if channels == 3 and not last:
        planes = np.moveaxis(planes, -1, 1)
    if shape is None and channels == 1:
        planes = planes[:, np.newaxis]
    return planes


def _channels(shape: Optional[Tuple[int, ...]], size: Tuple[int, int]) -> Tuple[int, bool]:
    """How many, and whether they are the last axis."""
    if shape is None:
        return 3, False
    if len(shape) == 3:
        return (3, False) if shape[0] == 3 else (3, True) if shape[2] == 3 and shape[0] != 1 else (1, False)
    return (3, False) if len(shape) == 1 and shape[0] == 3 * size[0] * size[1] else (1, False)


def _is_row(got: Sequence[int], shape: Tuple[int, ...]) -> bool:
    """Whether one example may be written so: in the model's shape but for axes of extent 1, or flat. A model of flat
    rows takes two axes as well; of more the order of their colors is not known."""
    if math.prod(got) != math.prod(shape):
        return False
    got, wanted = _without_ones(got), _without_ones(shape)
    return got == wanted or len(got) <= 1 or (len(wanted) <= 1 and len(got) == 2)


def _without_ones(shape: Sequence[int]) -> Tuple[int, ...]:
    return tuple(extent for extent in shape if extent != 1)


def _shown(shape: Sequence[int]) -> str:
    return "[" + ", ".join("any" if extent == -1 else str(extent) for extent in shape) + "]"


def _shape_advice(got: Tuple[int, ...], wanted: Tuple[int, ...]) -> str:
    if len(wanted) != 3 or len(got) < 3:
        return ""
    channels, height, width = wanted
    if got[-3:] == (height, width, channels):
        return "; its channels are last: numpy.moveaxis(x, -1, -3)"
    if got[-3:-1] == (height, width) or got[-2:] == (height, width):
        has = got[-1] if got[-3:-1] == (height, width) else got[-3]
        return f"; the model has {channels} channel{'s' if channels > 1 else ''}, the picture {has}"
    return f"; resize pictures to {width} × {height}"
