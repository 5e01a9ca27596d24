"""Failed calls as exceptions: one class for each status code."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Sequence

from loci._proto.loci.v1 import types_pb2


class StatusCode(enum.IntEnum):
    """The status codes of gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True)
class Detail:
    """One detail of a status: a message's type URL and its serialised form."""

    type_url: str
    value: bytes


class LociError(Exception):
    """A call that failed. Catch a subclass for a single code."""

    code = StatusCode.UNKNOWN

    def __init__(self, message: str, details: Sequence[Detail] = ()) -> None:
        super().__init__(f"{self.code.name}: {message}")
        self.message = message
        self.details = tuple(details)
        self._cause = _error_detail(self.details)

    @property
    def reason(self) -> str:
        """Stable upper-case words such as "NOT_FOUND" or "QUEUE_FULL"; empty when the server named none."""
        return self._cause.reason

    @property
    def subject(self) -> str:
        """The field, object or file concerned; may be empty."""
        return self._cause.subject

    @property
    def retry_after(self) -> float:
        """When to try again, in seconds; 0 when the server did not say."""
        return self._cause.retry_after_ms / 1000


class CancelledError(LociError):
    code = StatusCode.CANCELLED


class UnknownError(LociError):
    code = StatusCode.UNKNOWN


class InvalidArgumentError(LociError):
    code = StatusCode.INVALID_ARGUMENT


class DeadlineExceededError(LociError):
    code = StatusCode.DEADLINE_EXCEEDED


class NotFoundError(LociError):
    code = StatusCode.NOT_FOUND


class AlreadyExistsError(LociError):
    code = StatusCode.ALREADY_EXISTS


class PermissionDeniedError(LociError):
    code = StatusCode.PERMISSION_DENIED


class ResourceExhaustedError(LociError):
    code = StatusCode.RESOURCE_EXHAUSTED


class FailedPreconditionError(LociError):
    code = StatusCode.FAILED_PRECONDITION


class AbortedError(LociError):
    code = StatusCode.ABORTED


class OutOfRangeError(LociError):
    code = StatusCode.OUT_OF_RANGE


class UnimplementedError(LociError):
    code = StatusCode.UNIMPLEMENTED


class InternalError(LociError):
    code = StatusCode.INTERNAL


class UnavailableError(LociError):
    code = StatusCode.UNAVAILABLE


class DataLossError(LociError):
    code = StatusCode.DATA_LOSS


class UnauthenticatedError(LociError):
    code = StatusCode.UNAUTHENTICATED


_CLASSES = {kind.code: kind for kind in LociError.__subclasses__()}


def error_for(code: int, message: str, details: Sequence[Detail] = ()) -> LociError:
    """The exception for a status; an unknown code gives an `UnknownError`."""
    return _CLASSES.get(code, UnknownError)(message, details)


def _error_detail(details: Sequence[Detail]) -> types_pb2.ErrorDetail:
    name = types_pb2.ErrorDetail.DESCRIPTOR.full_name
    for detail in details:
        if detail.type_url.rpartition("/")[2] == name:
            try:
                return types_pb2.ErrorDetail.FromString(detail.value)
            except Exception:  # A detail that cannot be read must not hide the failure itself.
                break
    return types_pb2.ErrorDetail()
