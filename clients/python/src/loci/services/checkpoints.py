"""Checkpoints of agent frameworks, as the adapters store them."""

from __future__ import annotations

from typing import Iterable, Iterator, List, Mapping, Optional

from loci._proto.loci.v1 import checkpoint_pb2 as pb
from loci.services.base import Service, attribute_list, write_options


class StoredCheckpoint:
    """A checkpoint with its channels' values and the writes on top of it."""

    def __init__(self, checkpoint: pb.Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.values: List[pb.Channel] = []
        self.writes: List[pb.TaskWrite] = []


class Checkpoints(Service):
    name = "loci.v1.CheckpointService"

    def put(self, checkpoint: pb.Checkpoint, *, timeout: Optional[float] = None) -> None:
        request = pb.PutCheckpointRequest(
            scope=self._scope, checkpoint=checkpoint, options=write_options(None)
        )
        self._call("PutCheckpoint", request, pb.PutCheckpointResponse, timeout)

    def put_writes(
        self,
        thread_id: str,
        namespace: str,
        checkpoint_id: str,
        writes: Iterable[pb.TaskWrite],
        *,
        timeout: Optional[float] = None,
    ) -> None:
        request = pb.PutWritesRequest(
            scope=self._scope,
            thread_id=thread_id,
            namespace_path=namespace,
            checkpoint_id=checkpoint_id,
            writes=writes,
            options=write_options(None),
        )
        self._call("PutWrites", request, pb.PutWritesResponse, timeout)

    def read(
        self,
        thread_id: str = "",
        namespace: Optional[str] = None,
        checkpoint_id: str = "",
        *,
        before_id: str = "",
        attributes: Optional[Mapping[str, str]] = None,
        limit: int = 0,
        timeout: Optional[float] = None,
    ) -> Iterator[StoredCheckpoint]:
        """Largest id first."""
        request = pb.ReadCheckpointsRequest(
            scope=self._scope,
            thread_id=thread_id,
            checkpoint_id=checkpoint_id,
            before_id=before_id,
            attributes=attribute_list(attributes),
            limit=limit,
        )
        if namespace is not None:
            request.namespace_path = namespace
        current: Optional[StoredCheckpoint] = None
        for piece in self._stream("ReadCheckpoints", request, pb.ReadCheckpointsResponse, timeout):
            if piece.HasField("checkpoint"):
                if current is not None:
                    yield current
                current = StoredCheckpoint(piece.checkpoint)
            assert current is not None, "the first piece begins a checkpoint"
            current.values.extend(piece.values)
            current.writes.extend(piece.writes)
        if current is not None:
            yield current

    def delete_threads(self, thread_ids: Iterable[str], *, timeout: Optional[float] = None) -> int:
        request = pb.DeleteThreadsRequest(
            scope=self._scope, thread_ids=list(thread_ids), options=write_options(None)
        )
        return self._call("DeleteThreads", request, pb.DeleteThreadsResponse, timeout).checkpoints_deleted

    def delete_runs(self, run_ids: Iterable[str], *, timeout: Optional[float] = None) -> int:
        request = pb.DeleteRunsRequest(
            scope=self._scope, run_ids=list(run_ids), options=write_options(None)
        )
        return self._call("DeleteRuns", request, pb.DeleteRunsResponse, timeout).checkpoints_deleted

    def copy_thread(self, source: str, target: str, *, timeout: Optional[float] = None) -> int:
        request = pb.CopyThreadRequest(
            scope=self._scope, source_thread_id=source, target_thread_id=target, options=write_options(None)
        )
        return self._call("CopyThread", request, pb.CopyThreadResponse, timeout).checkpoints_copied

    def prune_threads(self, thread_ids: Iterable[str], *, timeout: Optional[float] = None) -> int:
        request = pb.PruneThreadsRequest(
            scope=self._scope, thread_ids=list(thread_ids), options=write_options(None)
        )
        return self._call("PruneThreads", request, pb.PruneThreadsResponse, timeout).checkpoints_deleted
