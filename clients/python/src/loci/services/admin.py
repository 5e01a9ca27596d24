"""The server itself."""

from __future__ import annotations

from typing import Optional

from loci._proto.loci.v1 import admin_pb2 as pb
from loci.services.base import Service


class Admin(Service):
    name = "loci.v1.AdminService"

    def health(self, *, timeout: Optional[float] = None) -> pb.HealthResponse:
        return self._call("Health", pb.HealthRequest(), pb.HealthResponse, timeout)

    def stats(self, *, timeout: Optional[float] = None) -> pb.StatsResponse:
        """Counts of the server, and of the client's agent when it has one."""
        scope = self._scope if self._scope.tenant else None
        return self._call("Stats", pb.StatsRequest(scope=scope), pb.StatsResponse, timeout)

    def echo(self, payload: bytes, *, timeout: Optional[float] = None) -> bytes:
        """Returns the payload: measures the wire alone."""
        return self._call("Echo", pb.EchoRequest(payload=payload), pb.EchoResponse, timeout).payload
