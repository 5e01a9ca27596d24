"""One socket, many calls: a reader thread hands each frame to the call it belongs to."""

from __future__ import annotations

import queue
import socket
import threading
from typing import Dict, Optional, Tuple, Union

from loci._wire import frames
from loci._wire.tls import TLS, TLSSocket
from loci.errors import LociError, UnavailableError

Address = Union[Tuple[str, int], str]
# Answers of one call that wait to be taken; the reader stops when it is full, so memory stays bounded.
WAITING_FRAMES_MAX = 256

Event = Union[Tuple[frames.Header, bytes], LociError]


class Stream:
    """What one call receives: frames, or the error that closed the connection."""

    def __init__(self, connection: Connection, stream_id: int) -> None:
        self.id = stream_id
        self._connection = connection
        self._events: queue.Queue[Event] = queue.Queue(WAITING_FRAMES_MAX)
        self._failure: Optional[LociError] = None
        self._released = threading.Event()

    def send(self, type: int, flags: int, data: bytes) -> None:
        self._connection.send(frames.encode(self.id, type, flags, data))

    def receive(self, timeout: Optional[float]) -> Tuple[frames.Header, bytes]:
        """The next frame. Raises queue.Empty after `timeout` seconds."""
        if self._failure is not None and self._events.empty():
            raise self._failure
        event = self._events.get(timeout=timeout)
        if isinstance(event, LociError):
            raise event
        return event

    def release(self) -> None:
        """Forgets the call; whatever still arrives for it is dropped."""
        self._released.set()
        self._connection.forget(self)

    def deliver(self, event: Event) -> None:
        while self._failure is None and not self._released.is_set():
            try:
                return self._events.put(event, timeout=0.1)
            except queue.Full:
                continue

    def fail(self, failure: LociError) -> None:
        """Ends the call after the frames that wait already. Never blocks."""
        self._failure = failure
        try:
            self._events.put_nowait(failure)
        except queue.Full:
            pass


class Connection:
    """An open connection. Safe to share between threads."""

    def __init__(self, address: Address, connect_timeout: float, tls: Optional[TLS] = None) -> None:
        try:
            self._socket = _connect(address, connect_timeout, tls)
        except OSError as error:
            raise UnavailableError(f"cannot connect: {error}") from error
        self._lock = threading.Lock()
        self._send_lock = threading.Lock()
        self._streams: Dict[int, Stream] = {}
        self._next_id = 1
        self._failure: Optional[LociError] = None
        self._reader = threading.Thread(target=self._read, name="loci-reader", daemon=True)
        self._reader.start()

    @property
    def is_open(self) -> bool:
        return self._failure is None

    def open(self, type: int, flags: int, data: bytes) -> Stream:
        """Sends the first frame of a new call."""
        # Under one lock, so that stream ids reach the wire in order: some servers insist on it.
        with self._send_lock:
            with self._lock:
                if self._failure is not None:
                    raise self._failure
                stream = Stream(self, self._next_id)
                self._next_id += 2
                self._streams[stream.id] = stream
            try:
                self._write(frames.encode(stream.id, type, flags, data))
            except BaseException:
                self.forget(stream)
                raise
        return stream

    @property
    def is_exhausted(self) -> bool:
        """Whether the stream ids of this connection are used up."""
        return self._next_id > 0x7FFF_FFFF

    def send(self, data: bytes) -> None:
        with self._send_lock:
            self._write(data)

    def forget(self, stream: Stream) -> None:
        with self._lock:
            self._streams.pop(stream.id, None)

    def close(self) -> None:
        self._fail(UnavailableError("the client was closed"))
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=5)

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            failure = UnavailableError(f"connection lost: {error}")
            self._fail(failure)
            raise failure from error

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb", buffering=1 << 16) as source:
                while True:
                    header = frames.decode_header(_exactly(source, frames.HEADER.size))
                    if header.length > frames.DATA_BYTES_MAX:
                        raise ConnectionError(f"a frame of {header.length} bytes")
                    data = _exactly(source, header.length)
                    with self._lock:
                        stream = self._streams.get(header.stream)
                    if stream is not None and header.type in (frames.RESPONSE, frames.DATA):
                        stream.deliver((header, data))
        except (OSError, ValueError) as error:
            self._fail(UnavailableError(f"connection lost: {error}"))

    def _fail(self, failure: LociError) -> None:
        with self._lock:
            if self._failure is not None:
                return
            self._failure = failure
            streams, self._streams = list(self._streams.values()), {}
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        for stream in streams:
            stream.fail(failure)


def _connect(address: Address, timeout: float, tls: Optional[TLS]) -> Union[socket.socket, TLSSocket]:
    if isinstance(address, str):
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(timeout)
        connected.connect(address)
    else:
        connected = socket.create_connection(address, timeout)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if tls is not None:
            try:
                connected = TLSSocket(connected, tls.context, tls.server_name or address[0])
            except BaseException:
                connected.close()
                raise
    connected.settimeout(None)
    return connected


def _exactly(source, count: int) -> bytes:
    data = source.read(count)
    if len(data) < count:
        raise ConnectionError("closed by the server")
    return data
