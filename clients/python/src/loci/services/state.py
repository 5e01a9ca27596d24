"""The state bus: everything an agent needs to go on, in one call and at one position."""

from __future__ import annotations

from typing import Optional

from loci._proto.loci.v1 import state_pb2 as pb
from loci._proto.loci.v1 import types_pb2 as types
from loci.services.base import Service


class State(Service):
    name = "loci.v1.StateService"

    def current(
        self,
        *,
        context_id: str = "",
        session_id: str = "",
        query: str = "",
        message_limit: int = 0,
        memory_limit: int = 0,
        session_limit: int = 0,
        consistency: Optional[types.Consistency] = None,
        wait_for_index: bool = False,
        timeout: Optional[float] = None,
    ) -> pb.GetCurrentResponse:
        """Recent messages, the session with its variables, the agent's sessions, relevant memories."""
        request = pb.GetCurrentRequest(
            scope=self._scope,
            context_id=context_id,
            session_id=session_id,
            query=query,
            message_limit=message_limit,
            memory_limit=memory_limit,
            session_limit=session_limit,
            consistency=consistency,
            wait_for_index=wait_for_index,
        )
        return self._call("GetCurrent", request, pb.GetCurrentResponse, timeout)
