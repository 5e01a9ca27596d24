"""What the services share: how a call is made, and how Python values become message fields."""

from __future__ import annotations

import uuid
from typing import Callable, Iterator, List, Mapping, Optional, Tuple, Type, TypeVar

from google.protobuf.message import Message

from loci._proto.loci.v1 import types_pb2
from loci._wire.channel import Call, Channel

M = TypeVar("M", bound=Message)
PAGE_SIZE_MAX = 1000


class Service:
    """Calls of one service for one agent."""

    name: str

    def __init__(
        self, channel: Channel, scope: types_pb2.Scope, timeout: float, metadata: List[Tuple[str, str]]
    ) -> None:
        self._channel = channel
        self._scope = scope
        self._timeout = timeout
        self._metadata = metadata

    def _call(self, method: str, request: Message, answer: Type[M], timeout: Optional[float]) -> M:
        return self._channel.unary(self.name, method, request, answer, self._seconds(timeout), self._metadata)

    def _stream(
        self, method: str, request: Message, answer: Type[M], timeout: Optional[float]
    ) -> Iterator[M]:
        return self._channel.server_stream(self.name, method, request, answer, timeout)

    def _duplex(self, method: str, answer: Type[M], timeout: Optional[float]) -> Call[M]:
        return self._channel.bidirectional(self.name, method, answer, timeout)

    def _seconds(self, timeout: Optional[float]) -> float:
        return self._timeout if timeout is None else timeout


def write_options(request_id: Optional[str], wait_for_index: bool = False) -> types_pb2.WriteOptions:
    """With a fresh request id unless the caller chose one, so that a retry of the same message is safe."""
    return types_pb2.WriteOptions(request_id=request_id or uuid.uuid4().hex, wait_for_index=wait_for_index)


def attribute_list(attributes: Optional[Mapping[str, str]]) -> List[types_pb2.Attribute]:
    return [types_pb2.Attribute(key=key, value=value) for key, value in (attributes or {}).items()]


def pages(fetch: Callable[[types_pb2.Page], Message], field: str, limit: Optional[int]) -> Iterator[Message]:
    """The items of all pages, at most `limit`; each page is fetched when its first item is asked for."""
    token, left = "", limit
    while left is None or left > 0:
        size = PAGE_SIZE_MAX if left is None else min(PAGE_SIZE_MAX, left)
        answer = fetch(types_pb2.Page(size=size, token=token))
        for item in getattr(answer, field):
            yield item
            left = None if left is None else left - 1
        token = answer.page.next_token
        if not token:
            return
