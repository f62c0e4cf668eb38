"""What a call can fail with: one class for each gRPC status, with the server's advice."""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type

from ._stubs import details_pb2

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Cancelled",
    "DataLoss",
    "DeadlineExceeded",
    "DitherError",
    "FailedPrecondition",
    "FieldViolation",
    "GateError",
    "Internal",
    "InvalidArgument",
    "MissingPackage",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "Resource",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unknown",
    "VerificationError",
]


class FieldViolation(NamedTuple):
    """A field of a request that the server does not take."""

    field: str
    description: str


class Resource(NamedTuple):
    """What was not found; the description is the server's advice, as the nearest name."""

    type: str
    name: str
    description: str


class DitherError(Exception):
    """The base of all errors of this package.

    ``code`` is the name of the gRPC status, ``field_violations`` the fields of the request that the server does not
    take, ``retry_after`` the seconds that it asks to wait, ``resource`` what it did not find.
    """

    code = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        field_violations: Tuple[FieldViolation, ...] = (),
        retry_after: Optional[float] = None,
        resource: Optional[Resource] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field_violations = field_violations
        self.retry_after = retry_after
        self.resource = resource

    def __str__(self) -> str:
        return self.message


class Cancelled(DitherError):
    """The call, or the audit that it waited for, was cancelled."""

    code = "CANCELLED"


class Unknown(DitherError):
    """A failure without a status of its own."""


class InvalidArgument(DitherError, ValueError):
    """An argument that is not taken, here or by the server."""

    code = "INVALID_ARGUMENT"


class DeadlineExceeded(DitherError, TimeoutError):
    """The time was up before there was an answer."""

    code = "DEADLINE_EXCEEDED"


class NotFound(DitherError, LookupError):
    """No such model, version, alias, audit or data set."""

    code = "NOT_FOUND"


class AlreadyExists(DitherError):
    """It is there already."""

    code = "ALREADY_EXISTS"


class PermissionDenied(DitherError):
    """The token lacks the role."""

    code = "PERMISSION_DENIED"


class ResourceExhausted(DitherError):
    """Too large, or too much at once: ``retry_after`` says when to try again."""

    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(DitherError):
    """Something has to be done first, as calibrating a version before its prediction sets are asked for."""

    code = "FAILED_PRECONDITION"


class Aborted(DitherError):
    """Another call of the same kind took over."""

    code = "ABORTED"


class OutOfRange(DitherError, ValueError):
    """A place beyond the end."""

    code = "OUT_OF_RANGE"


class Unimplemented(DitherError):
    """The server does not know the call: it is older than this package."""

    code = "UNIMPLEMENTED"


class Internal(DitherError):
    """A defect of the server; its log has the details."""

    code = "INTERNAL"


class Unavailable(DitherError, ConnectionError):
    """No server that answers, or one whose certificate does not hold."""

    code = "UNAVAILABLE"


class DataLoss(DitherError):
    """Bytes that are not those that were announced."""

    code = "DATA_LOSS"


class Unauthenticated(DitherError):
    """No token, or one that the server does not know."""

    code = "UNAUTHENTICATED"


class MissingPackage(DitherError, ImportError):
    """A package that is not installed is needed for what was asked; the message says which."""

    code = "FAILED_PRECONDITION"


class VerificationError(DitherError):
    """A report that is not what its signer wrote, or is about something else."""

    code = "DATA_LOSS"


class GateError(DitherError, AssertionError):
    """An audit whose gates are not kept."""

    code = "FAILED_PRECONDITION"


_BY_CODE: Dict[str, Type[DitherError]] = {
    kind.code: kind
    for kind in (
        Cancelled,
        Unknown,
        InvalidArgument,
        DeadlineExceeded,
        NotFound,
        AlreadyExists,
        PermissionDenied,
        ResourceExhausted,
        FailedPrecondition,
        Aborted,
        OutOfRange,
        Unimplemented,
        Internal,
        Unavailable,
        DataLoss,
        Unauthenticated,
    )
}

_ADVICE = {
    "UNAUTHENTICATED": "set DITHER_TOKEN, or connect(token=…); `dither tokens create --state DIR --name NAME --role ROLE` makes a token",
    "PERMISSION_DENIED": "make a token that has the role (predict, audit, publish, admin) or is for the model that is missing",
    "UNAVAILABLE": "see whether the server runs, and connect again where its address has changed",
    "DEADLINE_EXCEEDED": "give timeout= more seconds, or ask for fewer samples",
    "RESOURCE_EXHAUSTED": "send less at once: fewer rows or draws, pixels as uint8",
    "UNIMPLEMENTED": "the server is older than this client, or what answers is no Dither",
}


def printable(text: str) -> str:
    """Another program's words, without what a terminal would act on."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "\ufffd", text)


def of_rpc(error: Any, doing: str = "") -> DitherError:
    """The typed error of a ``grpc.RpcError`` or a ``grpc.aio.AioRpcError``."""
    code = error.code()
    name = code.name if code is not None else "UNKNOWN"
    words = printable(error.details() or "").strip() or f"the call ended with {name} and no word"
    if name == "UNAVAILABLE" and doing:
        words = f"{doing}: {words}"
    violations, retry_after, resource = _details(error)
    advice = _ADVICE.get(name) if retry_after is None else None
    return _BY_CODE.get(name, Unknown)(
        f"{words}; {advice}" if advice else words,
        field_violations=tuple(violations),
        retry_after=retry_after,
        resource=resource,
    )


def _details(error: Any) -> Tuple[List[FieldViolation], Optional[float], Optional[Resource]]:
    violations: List[FieldViolation] = []
    retry_after: Optional[float] = None
    resource: Optional[Resource] = None
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        try:
            status = details_pb2.ErrorStatus.FromString(value)
            for detail in status.details:
                kind = detail.type_url.rpartition("/")[2]
                if kind == "google.rpc.BadRequest":
                    for violation in details_pb2.BadRequest.FromString(detail.value).field_violations:
                        violations.append(FieldViolation(printable(violation.field), printable(violation.description)))
                elif kind == "google.rpc.RetryInfo":
                    delay = details_pb2.RetryDelay.FromString(detail.value).retry_delay
                    retry_after = delay.seconds + delay.nanos / 1e9
                elif kind == "google.rpc.ResourceInfo":
                    found = details_pb2.MissingResource.FromString(detail.value)
                    resource = Resource(
                        printable(found.resource_type), printable(found.resource_name), printable(found.description)
                    )
        except Exception:  # details only help: without them the message still says it
            continue
    return violations, retry_after, resource
