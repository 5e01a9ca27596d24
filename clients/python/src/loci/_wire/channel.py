"""Calls over a connection that is opened on first use and again after it was lost."""

from __future__ import annotations

import queue
import random
import threading
import time
from typing import Generic, Iterable, Iterator, Optional, Type, TypeVar

from google.protobuf.message import DecodeError, Message

from loci._wire import envelopes, frames
from loci._wire.connection import Address, Connection, Stream
from loci._wire.tls import TLS
from loci.errors import (
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    LociError,
    UnavailableError,
    error_for,
)

M = TypeVar("M", bound=Message)
BACKOFF_FIRST_SECONDS, BACKOFF_MAX_SECONDS = 0.05, 2.0


class Deadline:
    """A point in monotonic time, or none."""

    def __init__(self, seconds: Optional[float]) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def remaining(self) -> Optional[float]:
        """Seconds left. Raises DeadlineExceededError when there are none."""
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlineExceededError("the call's time is over")
        return left

    def check(self) -> None:
        """Raises DeadlineExceededError when there is no time left."""
        _ = self.remaining

    @property
    def nanoseconds(self) -> int:
        """As a request carries it: 0 when there is no deadline."""
        left = self.remaining
        return 0 if left is None else max(1, int(left * 1e9))


class Channel:
    """Multiplexes calls over one connection. Safe to share between threads."""

    def __init__(self, address: Address, connect_timeout: float = 5.0, tls: Optional[TLS] = None) -> None:
        self._address = address
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._lock = threading.Lock()
        self._connection: Optional[Connection] = None
        self._closed = False
        self._failures = 0
        self._retry_at = 0.0

    def unary(
        self,
        service: str,
        method: str,
        request: Message,
        answer: Type[M],
        timeout: Optional[float],
        metadata: envelopes.Metadata = (),
    ) -> M:
        call = self._start(service, method, 0, request.SerializeToString(), answer, timeout, metadata)
        return call.result()

    def server_stream(
        self, service: str, method: str, request: Message, answer: Type[M], timeout: Optional[float]
    ) -> Iterator[M]:
        return iter(
            self._start(service, method, frames.REMOTE_CLOSED, request.SerializeToString(), answer, timeout)
        )

    def client_stream(
        self,
        service: str,
        method: str,
        requests: Iterable[Message],
        answer: Type[M],
        timeout: Optional[float],
    ) -> M:
        call = self.bidirectional(service, method, answer, timeout)
        for request in requests:
            call.send(request)
        call.close_send()
        return call.result()

    def bidirectional(self, service: str, method: str, answer: Type[M], timeout: Optional[float]) -> Call[M]:
        return self._start(service, method, frames.REMOTE_OPEN, b"", answer, timeout)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _start(
        self,
        service: str,
        method: str,
        flags: int,
        payload: bytes,
        answer: Type[M],
        timeout: Optional[float],
        metadata: envelopes.Metadata = (),
    ) -> Call[M]:
        deadline = Deadline(timeout)
        connection = self._open_connection(deadline)
        data = envelopes.encode_request(service, method, payload, deadline.nanoseconds, metadata)
        try:
            return Call(connection.open(frames.REQUEST, flags, data), answer, deadline)
        except ValueError as error:
            raise InvalidArgumentError(str(error)) from error

    def _open_connection(self, deadline: Deadline) -> Connection:
        with self._lock:
            if self._closed:
                raise UnavailableError("the client was closed")
            current = self._connection
            if current is not None and current.is_open and not current.is_exhausted:
                return current
            wait = self._retry_at - time.monotonic()
            left = deadline.remaining
            if wait > 0:
                if left is not None and wait >= left:
                    raise UnavailableError("no connection before the deadline")
                time.sleep(wait)
                left = deadline.remaining
            limit = self._connect_timeout if left is None else min(left, self._connect_timeout)
            try:
                self._connection = Connection(self._address, limit, self._tls)
            except LociError:
                pause = min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2**self._failures)
                self._failures = min(self._failures + 1, 10)
                self._retry_at = time.monotonic() + pause * random.uniform(0.5, 1.0)
                raise
            self._failures, self._retry_at = 0, 0.0
            return self._connection


class Call(Generic[M]):
    """A call under way: send, close the sending side, and iterate over the answers."""

    def __init__(self, stream: Stream, answer: Type[M], deadline: Deadline) -> None:
        self._stream = stream
        self._answer = answer
        self._deadline = deadline
        self._done = False

    def send(self, message: Message) -> None:
        self._deadline.check()
        try:
            self._stream.send(frames.DATA, 0, message.SerializeToString())
        except ValueError as error:
            raise InvalidArgumentError(str(error)) from error

    def close_send(self) -> None:
        """Says that no more messages follow."""
        self._stream.send(frames.DATA, frames.REMOTE_CLOSED | frames.NO_DATA, b"")

    def cancel(self) -> None:
        """Gives the call up here; the server may still finish it."""
        self._finish()

    def result(self) -> M:
        """The one answer of a unary or client-streaming call."""
        header, data = self._receive()
        self._finish()
        if header.type != frames.RESPONSE:
            raise InternalError("a stream where one answer was expected")
        return self._decode(self._payload(data))

    def __iter__(self) -> Iterator[M]:
        try:
            while not self._done:
                header, data = self._receive()
                if header.type == frames.RESPONSE:
                    self._finish()
                    self._payload(data)
                    return
                ends = bool(header.flags & frames.REMOTE_CLOSED)
                if ends:
                    self._finish()
                if not header.flags & frames.NO_DATA:
                    yield self._decode(data)
        finally:
            self._finish()

    def _receive(self):
        try:
            return self._stream.receive(self._deadline.remaining)
        except queue.Empty:
            self._finish()
            raise DeadlineExceededError("no answer in time") from None
        except BaseException:  # Also when the caller is interrupted: nobody waits for the answer any more.
            self._finish()
            raise

    def _payload(self, data: bytes) -> bytes:
        try:
            response = envelopes.decode_response(data)
        except ValueError as error:
            raise InternalError(f"an answer that cannot be read: {error}") from error
        if response.code:
            raise error_for(response.code, response.message, response.details)
        return response.payload

    def _decode(self, data: bytes) -> M:
        try:
            return self._answer.FromString(data)
        except DecodeError as error:
            raise InternalError(f"an answer that cannot be read: {error}") from error

    def _finish(self) -> None:
        self._done = True
        self._stream.release()
