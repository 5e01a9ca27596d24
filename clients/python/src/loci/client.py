"""The client: one connection, one agent's services."""

from __future__ import annotations

import ssl
from typing import Mapping, Optional, Union

from loci._proto.loci.v1 import types_pb2
from loci._wire.channel import Channel
from loci._wire.connection import Address
from loci._wire.tls import TLS
from loci.services import (
    Admin,
    Checkpoints,
    Contexts,
    Embeddings,
    Experiences,
    Feedback,
    Learning,
    Memories,
    Sessions,
    State,
)

_UNIX = "unix:"


class Client:
    """Calls a Loci server for one agent. Safe to share between threads; connects on first use and again
    after the connection was lost.

    `target` is "HOST:PORT" or "unix:PATH". `timeout` is the default for unary calls, in seconds. `api_key` is a key
    or a token. `tls` is True for the system's authorities, or a context: `ssl.create_default_context(cafile=...)`,
    with `load_cert_chain` for a certificate of one's own; `server_name` is what the server's certificate must say, the
    host unless it is given.
    """

    def __init__(
        self,
        target: str,
        *,
        tenant: str = "",
        agent: str = "",
        timeout: float = 30.0,
        connect_timeout: float = 5.0,
        metadata: Optional[Mapping[str, str]] = None,
        api_key: Optional[str] = None,
        tls: Union[bool, ssl.SSLContext] = False,
        server_name: Optional[str] = None,
    ) -> None:
        context = ssl.create_default_context() if tls is True else tls or None
        secure = None if context is None else TLS(context, server_name)
        self._channel = Channel(_address(target), connect_timeout, secure)
        self._timeout = timeout
        self._metadata = list((metadata or {}).items())
        if api_key is not None:
            self._metadata.append(("authorization", f"Bearer {api_key}"))
        self._bind(tenant, agent)

    def for_agent(self, tenant: str, agent: str) -> Client:
        """The same connection for another agent. Closing either closes both."""
        other = object.__new__(Client)
        other._channel, other._timeout, other._metadata = self._channel, self._timeout, self._metadata
        other._bind(tenant, agent)
        return other

    def close(self) -> None:
        """Fails what is under way, and closes the connection."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bind(self, tenant: str, agent: str) -> None:
        scope = types_pb2.Scope(tenant=tenant, agent=agent)
        parts = (self._channel, scope, self._timeout, self._metadata)
        self.contexts = Contexts(*parts)
        self.memories = Memories(*parts)
        self.sessions = Sessions(*parts)
        self.state = State(*parts)
        self.checkpoints = Checkpoints(*parts)
        self.embeddings = Embeddings(*parts)
        self.feedback = Feedback(*parts)
        self.experiences = Experiences(*parts)
        self.learning = Learning(*parts)
        self.admin = Admin(*parts)


def _address(target: str) -> Address:
    if target.startswith(_UNIX):
        return target[len(_UNIX) :]
    host, colon, port = target.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"target must be HOST:PORT or unix:PATH, not {target!r}")
    return host.strip("[]"), int(port)
