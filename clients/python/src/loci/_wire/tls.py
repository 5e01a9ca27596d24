"""TLS over a socket that one thread reads while others write.

OpenSSL's connections are not safe for that, so the bytes are moved here and the connection is used under a lock.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
from typing import NamedTuple, Optional

_CHUNK_BYTES = 1 << 16


class TLS(NamedTuple):
    """How to connect: whom to trust and what to show, and the server's name; None for its host."""

    context: ssl.SSLContext
    server_name: Optional[str] = None


class TLSSocket:
    """What a connection needs of a socket. The handshake is over when it is made."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, server_name: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
        self._flush()

    def sendall(self, data: bytes) -> None:
        with self._sending:
            with self._lock:
                self._tls.write(data)
                sealed = self._outgoing.read()
            self._plain.sendall(sealed)

    def makefile(self, mode: str, buffering: int) -> io.BufferedReader:
        if mode != "rb":
            raise ValueError("only for reading")
        return io.BufferedReader(_Reader(self), buffering)

    def settimeout(self, seconds: Optional[float]) -> None:
        self._plain.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        self._plain.shutdown(how)

    def close(self) -> None:
        self._plain.close()

    def read(self, count: int) -> bytes:
        """1 to `count` bytes; none at the end."""
        while True:
            try:
                with self._lock:
                    return self._tls.read(count)
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLEOFError:
                raise ConnectionError("closed by the server") from None

    def _fill(self) -> None:
        data = self._plain.recv(_CHUNK_BYTES)
        with self._lock:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    def _flush(self) -> None:
        with self._sending:
            with self._lock:
                sealed = self._outgoing.read()
            if sealed:
                self._plain.sendall(sealed)


class _Reader(io.RawIOBase):
    def __init__(self, tls: TLSSocket) -> None:
        self._tls = tls

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        data = self._tls.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
