"""Client of Loci, the context and memory server for AI agents.

from loci import Client

with Client("127.0.0.1:7420", tenant="acme", agent="scout") as loci:
    loci.contexts.append("chat-1", ["I moved to Lisbon in March."], create=True)
    for hit in loci.memories.search("where does she live?"):
        print(hit.score, hit.memory.text)
"""

from loci.client import Client
from loci.errors import (
    AbortedError,
    AlreadyExistsError,
    CancelledError,
    DataLossError,
    DeadlineExceededError,
    Detail,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    LociError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    StatusCode,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
    UnknownError,
)
from loci.services.experiences import task

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "CancelledError",
    "Client",
    "DataLossError",
    "DeadlineExceededError",
    "Detail",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "LociError",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "StatusCode",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
    "task",
]
