"""LangGraph's checkpointer."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, AsyncIterator, Dict, Iterator, List, Optional, Sequence, Tuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from loci._proto.loci.v1 import checkpoint_pb2 as pb
from loci.client import Client
from loci.services.checkpoints import StoredCheckpoint

# Metadata that the server filters by; any other is compared here.
_FILTERED = ("source", "step", "run_id")
_IDS_PER_CALL = 1000
_WRITES_PER_CALL = 1000


class LociSaver(BaseCheckpointSaver[str]):
    """Keeps the checkpoints of graphs' threads in Loci. Safe to share between threads and graphs.

    A channel's value is stored once for each version, so a thread costs what its channels change. The values of one
    checkpoint that are new, and each write of a task, must fit a message of the server (4 MiB).
    """

    def __init__(self, client: Client, *, serde: Optional[SerializerProtocol] = None) -> None:
        super().__init__(serde=serde)
        self._checkpoints = client.checkpoints

    # Reading

    def get_tuple(self, config: RunnableConfig) -> Optional[CheckpointTuple]:
        """The checkpoint that `config` names, or the newest of its thread and namespace."""
        found = self._checkpoints.read(
            _thread(config), _namespace(config) or "", get_checkpoint_id(config) or "", limit=1
        )
        return next((self._tuple(stored) for stored in found), None)

    def list(
        self,
        config: Optional[RunnableConfig],
        *,
        filter: Optional[Dict[str, Any]] = None,
        before: Optional[RunnableConfig] = None,
        limit: Optional[int] = None,
    ) -> Iterator[CheckpointTuple]:
        """Newest first; without `config`, those of all threads."""
        if limit is not None and limit <= 0:
            return
        wanted = filter or {}
        here = {key: value for key, value in wanted.items() if key not in _FILTERED or not _is_scalar(value)}
        found = self._checkpoints.read(
            _thread(config) if config else "",
            _namespace(config) if config else None,
            (get_checkpoint_id(config) if config else None) or "",
            before_id=(get_checkpoint_id(before) if before else None) or "",
            attributes={key: _scalar(value) for key, value in wanted.items() if key not in here},
            limit=0 if here else limit or 0,
        )
        left = limit
        for stored in found:
            entry = self._tuple(stored)
            if any(entry.metadata.get(key) != value for key, value in here.items()):
                continue
            yield entry
            left = None if left is None else left - 1
            if left == 0:
                return

    def _tuple(self, stored: StoredCheckpoint) -> CheckpointTuple:
        header = stored.checkpoint
        checkpoint: Checkpoint = self._load(header.state)
        values = {channel.name: self._load(channel.value) for channel in stored.values}
        config = _config(header, header.id)
        return CheckpointTuple(
            config=config,
            checkpoint={**checkpoint, "channel_values": values},
            metadata=self._load(header.metadata),
            parent_config=_config(header, header.parent_id) if header.parent_id else None,
            pending_writes=[
                (write.task_id, write.channel, self._load(write.value)) for write in stored.writes
            ],
        )

    # Writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        state: Dict[str, Any] = dict(checkpoint)
        values: Dict[str, Any] = state.pop("channel_values", {})
        whole = get_checkpoint_metadata(config, metadata)
        # Their values are spread over ancestors: pruning must keep those.
        incremental = set(whole.get("counters_since_delta_snapshot") or ())
        channels = []
        for name, version in checkpoint["channel_versions"].items():
            channel = pb.Channel(name=name, version=_scalar(version), incremental=name in incremental)
            if name in new_versions and name in values:
                channel.value.CopyFrom(self._dump(values[name]))
            channels.append(channel)
        stored = pb.Checkpoint(
            thread_id=_thread(config),
            namespace_path=_namespace(config) or "",
            id=checkpoint["id"],
            parent_id=get_checkpoint_id(config) or "",
            state=self._dump(state),
            metadata=self._dump(whole),
            channels=channels,
            run_id=str(whole.get("run_id") or ""),
        )
        for key in _FILTERED:
            if key in whole and _is_scalar(whole[key]):
                stored.attributes.add(key=key, value=_scalar(whole[key]))
        self._checkpoints.put(stored)
        return _config(stored, stored.id)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[Tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        stored: List[pb.TaskWrite] = [
            pb.TaskWrite(
                task_id=task_id,
                index=WRITES_IDX_MAP.get(channel, index),
                channel=channel,
                value=self._dump(value),
                task_path=task_path,
            )
            for index, (channel, value) in enumerate(writes)
        ]
        for start in range(0, len(stored), _WRITES_PER_CALL):
            self._checkpoints.put_writes(
                _thread(config),
                _namespace(config) or "",
                config["configurable"]["checkpoint_id"],
                stored[start : start + _WRITES_PER_CALL],
            )

    def get_next_version(self, current: Optional[str], channel: None) -> str:
        """Sorts after `current`, and differs between branches that go on from the same checkpoint."""
        number = int(str(current).split(".")[0]) if current is not None else 0
        return f"{number + 1:032}.{random.random():016}"

    # Deleting

    def delete_thread(self, thread_id: str) -> None:
        self._checkpoints.delete_threads([str(thread_id)])

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        for part in _parts(run_ids):
            self._checkpoints.delete_runs(part)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self._checkpoints.copy_thread(str(source_thread_id), str(target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Ancestors that a kept checkpoint needs for its delta channels are kept too."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy must be 'keep_latest' or 'delete', not {strategy!r}")
        for part in _parts(thread_ids):
            if strategy == "delete":
                self._checkpoints.delete_threads(part)
            else:
                self._checkpoints.prune_threads(part)

    # The same without blocking the event loop

    async def aget_tuple(self, config: RunnableConfig) -> Optional[CheckpointTuple]:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: Optional[RunnableConfig],
        *,
        filter: Optional[Dict[str, Any]] = None,
        before: Optional[RunnableConfig] = None,
        limit: Optional[int] = None,
    ) -> AsyncIterator[CheckpointTuple]:
        entries = self.list(config, filter=filter, before=before, limit=limit)
        try:
            while (entry := await asyncio.to_thread(next, entries, None)) is not None:
                yield entry
        finally:
            await asyncio.to_thread(entries.close)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[Tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await asyncio.to_thread(lambda: self.prune(thread_ids, strategy=strategy))

    # Values

    def _dump(self, value: Any) -> pb.TypedValue:
        type_, data = self.serde.dumps_typed(value)
        return pb.TypedValue(type=type_, data=data)

    def _load(self, value: pb.TypedValue) -> Any:
        return self.serde.loads_typed((value.type, value.data))


def _thread(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])


def _namespace(config: RunnableConfig) -> Optional[str]:
    return config["configurable"].get("checkpoint_ns")


def _config(header: pb.Checkpoint, checkpoint_id: str) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": header.thread_id,
            "checkpoint_ns": header.namespace_path,
            "checkpoint_id": checkpoint_id,
        }
    }


def _parts(ids: Sequence[str]) -> Iterator[List[str]]:
    names = [str(name) for name in ids]
    for start in range(0, len(names), _IDS_PER_CALL):
        yield names[start : start + _IDS_PER_CALL]


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _scalar(value: Any) -> str:
    """One text for values that Python calls equal."""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return json.dumps(value, ensure_ascii=False)
