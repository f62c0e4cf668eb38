"""What each operation does, step by step, for both clients.

An operation is a generator: it yields what is to be done with the connection and is sent what came of it, or is thrown
the error. So calls, retries and resumptions are written once, and who waits, a thread or a task, is the client's.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any, Generator, Iterable, Mapping, Optional, TypeVar

import numpy as np

from . import _arrays
from .errors import DitherError, InvalidArgument, ResourceExhausted, Unavailable

Result = TypeVar("Result")
Steps = Generator[Any, Any, Result]
Data = Any

RETRIES = 4


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
    wait: float = 0.05 * 2**attempt * random.uniform(0.5, 1)
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


def put_data(request: Any, data: Data, values: bool = False) -> None:
    """The name of a data set that the server has, or (inputs, labels); with ``values`` (inputs, values), of a
    regression."""
    if isinstance(data, str):
        request.data_set = data
        return
    if not isinstance(data, Iterable) or isinstance(data, (bytes, dict)) or len(pair := list(data)) != 2:
        raise InvalidArgument(
            f"data: expected the name of a data set that the server has, as 'mnist:100', or (inputs, labels), got "
            f"{type(data).__name__}"
        )
    if isinstance(pair[0], Mapping):
        batch = _arrays.free_batch_of(pair[0])
        for name, rows in batch.items():
            _arrays.put(rows, request.examples.named_inputs.add(name=name).array)
        count = len(next(iter(batch.values()), ()))
    else:
        inputs = _arrays.free_rows_of(pair[0])
        request.examples.inputs.CopyFrom(_arrays.message(inputs))
        count = len(inputs)
    if values:
        request.examples.values.extend(_arrays.values_of(pair[1], count).ravel().tolist())
    else:
        request.examples.labels.extend(_arrays.labels_of(pair[1], count))


def whole(name: str, value: Any, least: int, most: int = (1 << 32) - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= int(value) <= most:
        raise InvalidArgument(f"{name}: expected a whole number from {least} to {most}, got {value!r}")
    return int(value)
