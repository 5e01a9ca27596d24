"""Sessions: what an agent is in the middle of, with variables, snapshots, rollback and forks."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, Mapping, Optional, Union

from loci._proto.loci.v1 import session_pb2 as pb
from loci._proto.loci.v1 import types_pb2 as types
from loci.services.base import Service, attribute_list, pages, write_options

STATES = {
    "active": pb.SESSION_STATE_ACTIVE,
    "paused": pb.SESSION_STATE_PAUSED,
    "completed": pb.SESSION_STATE_COMPLETED,
    "failed": pb.SESSION_STATE_FAILED,
    "cancelled": pb.SESSION_STATE_CANCELLED,
}


def variable_changes(
    values: Mapping[str, Optional[str]], expected: Optional[Mapping[str, int]] = None
) -> Iterable[pb.VariableChange]:
    """`None` removes a variable. `expected` names the versions that some of them must have; 0: none yet."""
    for name, value in values.items():
        change = pb.VariableChange(name=name, value=value or "", remove=value is None)
        if expected is not None and name in expected:
            change.expected_version = expected[name]
        yield change


class Sessions(Service):
    name = "loci.v1.SessionService"

    def create(
        self,
        session_id: str = "",
        *,
        title: str = "",
        context_id: str = "",
        parent_id: str = "",
        trace_id: str = "",
        attributes: Optional[Mapping[str, str]] = None,
        variables: Optional[Mapping[str, str]] = None,
        timeout_ms: int = 0,
        activate: bool = True,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.Session:
        """Makes a session, and its context unless it names one."""
        request = pb.CreateSessionRequest(
            scope=self._scope,
            id=session_id,
            title=title,
            context_id=context_id,
            parent_id=parent_id,
            trace_id=trace_id,
            attributes=attribute_list(attributes),
            timeout_ms=timeout_ms,
            variables=variable_changes(variables or {}),
            activate=activate,
            options=write_options(request_id),
        )
        return self._call("CreateSession", request, pb.CreateSessionResponse, timeout).session

    def get(
        self,
        session_id: str,
        *,
        consistency: Optional[types.Consistency] = None,
        timeout: Optional[float] = None,
    ) -> pb.Session:
        request = pb.GetSessionRequest(scope=self._scope, session_id=session_id, consistency=consistency)
        return self._call("GetSession", request, pb.GetSessionResponse, timeout).session

    def list(
        self,
        *,
        states: Iterable[int] = (),
        parent_id: str = "",
        limit: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[pb.Session]:
        """Newest first."""
        chosen = list(states)

        def fetch(page: types.Page) -> pb.ListSessionsResponse:
            request = pb.ListSessionsRequest(
                scope=self._scope, states=chosen, parent_id=parent_id, page=page
            )
            return self._call("ListSessions", request, pb.ListSessionsResponse, timeout)

        return pages(fetch, "sessions", limit)

    def transition(
        self,
        session_id: str,
        state: Union[str, int],
        reason: str = "",
        *,
        expected_version: Optional[int] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.Session:
        """To "active", "paused", "completed", "failed" or "cancelled"; the last two need a reason."""
        if isinstance(state, str) and state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}, not {state!r}")
        request = pb.TransitionSessionRequest(
            scope=self._scope,
            session_id=session_id,
            state=STATES[state] if isinstance(state, str) else state,
            reason=reason,
            options=write_options(request_id),
        )
        if expected_version is not None:
            request.expected_version = expected_version
        return self._call("TransitionSession", request, pb.TransitionSessionResponse, timeout).session

    def heartbeat(
        self, session_id: str, *, timeout_ms: Optional[int] = None, timeout: Optional[float] = None
    ) -> pb.HeartbeatSessionResponse:
        request = pb.HeartbeatSessionRequest(scope=self._scope, session_id=session_id)
        if timeout_ms is not None:
            request.timeout_ms = timeout_ms
        return self._call("HeartbeatSession", request, pb.HeartbeatSessionResponse, timeout)

    def transitions(
        self, session_id: str, *, limit: Optional[int] = None, timeout: Optional[float] = None
    ) -> Iterator[pb.SessionTransition]:
        """Oldest first."""

        def fetch(page: types.Page) -> pb.ListTransitionsResponse:
            request = pb.ListTransitionsRequest(scope=self._scope, session_id=session_id, page=page)
            return self._call("ListTransitions", request, pb.ListTransitionsResponse, timeout)

        return pages(fetch, "transitions", limit)

    def delete(
        self,
        session_id: str,
        *,
        delete_context: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.DeleteSessionResponse:
        request = pb.DeleteSessionRequest(
            scope=self._scope,
            session_id=session_id,
            delete_context=delete_context,
            options=write_options(request_id),
        )
        return self._call("DeleteSession", request, pb.DeleteSessionResponse, timeout)

    def set_variables(
        self,
        session_id: str,
        values: Mapping[str, Optional[str]],
        *,
        expected: Optional[Mapping[str, int]] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """Sets variables, removes those that are `None`, all or none. Returns their version.

        `expected` names the version that a variable must have, 0 for none yet; FailedPreconditionError otherwise.
        """
        request = pb.SetVariablesRequest(
            scope=self._scope,
            session_id=session_id,
            variables=variable_changes(values, expected),
            options=write_options(request_id),
        )
        return self._call("SetVariables", request, pb.SetVariablesResponse, timeout).version

    def variables(
        self, session_id: str, names: Iterable[str] = (), *, timeout: Optional[float] = None
    ) -> Dict[str, pb.Variable]:
        """By name; without names, all of them."""
        chosen = list(names)

        def fetch(page: types.Page) -> pb.GetVariablesResponse:
            request = pb.GetVariablesRequest(
                scope=self._scope, session_id=session_id, names=chosen, page=page
            )
            return self._call("GetVariables", request, pb.GetVariablesResponse, timeout)

        return {variable.name: variable for variable in pages(fetch, "variables", None)}

    def snapshot(
        self,
        session_id: str,
        label: str = "",
        *,
        snapshot_id: str = "",
        attributes: Optional[Mapping[str, str]] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.Snapshot:
        """Marks the present state, so that it can be returned to."""
        request = pb.TakeSnapshotRequest(
            scope=self._scope,
            session_id=session_id,
            id=snapshot_id,
            label=label,
            attributes=attribute_list(attributes),
            options=write_options(request_id),
        )
        return self._call("TakeSnapshot", request, pb.TakeSnapshotResponse, timeout).snapshot

    def snapshots(
        self, session_id: str, *, limit: Optional[int] = None, timeout: Optional[float] = None
    ) -> Iterator[pb.Snapshot]:
        """Newest first."""

        def fetch(page: types.Page) -> pb.ListSnapshotsResponse:
            request = pb.ListSnapshotsRequest(scope=self._scope, session_id=session_id, page=page)
            return self._call("ListSnapshots", request, pb.ListSnapshotsResponse, timeout)

        return pages(fetch, "snapshots", limit)

    def diff(
        self, session_id: str, from_snapshot: str, to_snapshot: str = "", *, timeout: Optional[float] = None
    ) -> pb.DiffSnapshotsResponse:
        """What differs from one snapshot to another, or to the present."""
        request = pb.DiffSnapshotsRequest(
            scope=self._scope,
            session_id=session_id,
            from_snapshot_id=from_snapshot,
            to_snapshot_id=to_snapshot,
        )
        return self._call("DiffSnapshots", request, pb.DiffSnapshotsResponse, timeout)

    def prune(
        self,
        session_id: str,
        *,
        snapshot_ids: Iterable[str] = (),
        keep_newest: int = 0,
        before_us: int = 0,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> int:
        """Removes snapshots in exactly one of the three ways. Returns how many."""
        request = pb.PruneSnapshotsRequest(
            scope=self._scope,
            session_id=session_id,
            snapshot_ids=list(snapshot_ids),
            keep_newest=keep_newest,
            before_us=before_us,
            options=write_options(request_id),
        )
        return self._call("PruneSnapshots", request, pb.PruneSnapshotsResponse, timeout).snapshots_removed

    def export(
        self, session_id: str, snapshot_id: str = "", *, timeout: Optional[float] = None
    ) -> Iterator[pb.ExportSnapshotResponse]:
        """All that a snapshot, or the present, holds, in pieces."""
        request = pb.ExportSnapshotRequest(
            scope=self._scope, session_id=session_id, snapshot_id=snapshot_id
        )
        return self._stream("ExportSnapshot", request, pb.ExportSnapshotResponse, timeout)

    def rollback(
        self,
        session_id: str,
        snapshot_id: str,
        reason: str = "",
        *,
        expected_version: Optional[int] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.RollbackSessionResponse:
        """Returns to a snapshot. Roll back to the answer's `undo_snapshot_id` to undo it."""
        request = pb.RollbackSessionRequest(
            scope=self._scope,
            session_id=session_id,
            snapshot_id=snapshot_id,
            reason=reason,
            options=write_options(request_id),
        )
        if expected_version is not None:
            request.expected_version = expected_version
        return self._call("RollbackSession", request, pb.RollbackSessionResponse, timeout)

    def fork(
        self,
        session_id: str,
        snapshot_id: str = "",
        *,
        new_id: str = "",
        title: str = "",
        attributes: Optional[Mapping[str, str]] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.ForkSessionResponse:
        """A new session that begins where a snapshot, or the present, of another is."""
        request = pb.ForkSessionRequest(
            scope=self._scope,
            session_id=session_id,
            snapshot_id=snapshot_id,
            id=new_id,
            title=title,
            attributes=attribute_list(attributes),
            options=write_options(request_id),
        )
        return self._call("ForkSession", request, pb.ForkSessionResponse, timeout)
