"""Memories: short texts worth keeping, found again by meaning."""

from __future__ import annotations

from typing import Iterable, Iterator, List, Mapping, Optional, Sequence, Union

from loci._proto.loci.v1 import memory_pb2 as pb
from loci._proto.loci.v1 import types_pb2 as types
from loci.services.base import Service, attribute_list, pages, write_options

Draft = Union[str, pb.MemoryDraft]


class Memories(Service):
    name = "loci.v1.MemoryService"

    def add(
        self,
        memories: Union[Draft, Iterable[Draft]],
        *,
        wait_for_index: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.AddMemoriesResponse:
        """Adds texts or drafts, all or none; durable when it returns."""
        if isinstance(memories, (str, pb.MemoryDraft)):
            memories = [memories]
        drafts = [pb.MemoryDraft(text=item) if isinstance(item, str) else item for item in memories]
        request = pb.AddMemoriesRequest(
            scope=self._scope, memories=drafts, options=write_options(request_id, wait_for_index)
        )
        return self._call("AddMemories", request, pb.AddMemoriesResponse, timeout)

    def get(
        self,
        memory_id: str,
        *,
        consistency: Optional[types.Consistency] = None,
        timeout: Optional[float] = None,
    ) -> pb.Memory:
        request = pb.GetMemoryRequest(scope=self._scope, memory_id=memory_id, consistency=consistency)
        return self._call("GetMemory", request, pb.GetMemoryResponse, timeout).memory

    def update(
        self,
        memory_id: str,
        *,
        text: Optional[str] = None,
        type: Optional[types.MemoryType] = None,
        importance: Optional[float] = None,
        expires_at_us: Optional[int] = None,
        attributes: Optional[Mapping[str, str]] = None,
        expected_version: int = 0,
        wait_for_index: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.Memory:
        """Replaces what is given and keeps the rest."""
        request = pb.UpdateMemoryRequest(
            scope=self._scope,
            memory_id=memory_id,
            text=text,
            type=type,
            importance=importance,
            expires_at_us=expires_at_us,
            expected_version=expected_version,
            options=write_options(request_id, wait_for_index),
        )
        if attributes is not None:
            request.attributes.CopyFrom(pb.AttributeList(attributes=attribute_list(attributes)))
        return self._call("UpdateMemory", request, pb.UpdateMemoryResponse, timeout).memory

    def delete(
        self,
        memory_ids: Union[str, Iterable[str]],
        *,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.DeleteMemoriesResponse:
        """Deletes by id; unknown ids are ignored."""
        ids = [memory_ids] if isinstance(memory_ids, str) else list(memory_ids)
        request = pb.DeleteMemoriesRequest(
            scope=self._scope, memory_ids=ids, options=write_options(request_id)
        )
        return self._call("DeleteMemories", request, pb.DeleteMemoriesResponse, timeout)

    def policy(self, *, timeout: Optional[float] = None) -> pb.MemoryPolicy:
        """How long the agent's memories live, and when the server consolidates them unasked."""
        request = pb.GetMemoryPolicyRequest(scope=self._scope)
        return self._call("GetMemoryPolicy", request, pb.GetMemoryPolicyResponse, timeout).policy

    def set_policy(
        self, policy: pb.MemoryPolicy, *, request_id: Optional[str] = None, timeout: Optional[float] = None
    ) -> None:
        """Replaces the whole policy."""
        request = pb.SetMemoryPolicyRequest(
            scope=self._scope, policy=policy, options=write_options(request_id)
        )
        self._call("SetMemoryPolicy", request, pb.SetMemoryPolicyResponse, timeout)

    def list(
        self,
        *,
        filter: Optional[types.Filter] = None,
        newest_first: bool = False,
        limit: Optional[int] = None,
        consistency: Optional[types.Consistency] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[pb.Memory]:
        def fetch(page: types.Page) -> pb.ListMemoriesResponse:
            request = pb.ListMemoriesRequest(
                scope=self._scope,
                filter=filter,
                newest_first=newest_first,
                page=page,
                consistency=consistency,
            )
            return self._call("ListMemories", request, pb.ListMemoriesResponse, timeout)

        return pages(fetch, "memories", limit)

    def search(
        self,
        query: str = "",
        *,
        embedding: Sequence[float] = (),
        limit: int = 10,
        mode: types.SearchMode = types.SEARCH_MODE_UNSPECIFIED,
        filter: Optional[types.Filter] = None,
        weights: Optional[types.RankWeights] = None,
        explain: bool = False,
        wait_for_index: bool = False,
        options: Optional[types.SearchOptions] = None,
        tuning: Optional[types.TuningUnit] = None,
        consistency: Optional[types.Consistency] = None,
        timeout: Optional[float] = None,
    ) -> List[pb.MemoryHit]:
        """The best matches, best first. `embedding` is the query's vector, when the caller has it already; `tuning`
        names the unit of work whose learned weights it takes."""
        request = pb.SearchMemoriesRequest(
            scope=self._scope,
            query=query,
            embedding=embedding,
            limit=limit,
            mode=mode,
            filter=filter,
            weights=weights,
            explain=explain,
            consistency=consistency,
            wait_for_index=wait_for_index,
            options=options,
            tuning=tuning,
        )
        return list(self._call("SearchMemories", request, pb.SearchMemoriesResponse, timeout).hits)
