"""Contexts: ordered, durable message histories."""

from __future__ import annotations

from typing import Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from loci._proto.loci.v1 import context_pb2 as pb
from loci._proto.loci.v1 import types_pb2 as types
from loci._wire.channel import Call
from loci.services.base import Service, attribute_list, pages, write_options

Draft = Union[str, Tuple[str, str], pb.MessageDraft]
ROLES = {
    "user": types.ROLE_USER,
    "assistant": types.ROLE_ASSISTANT,
    "system": types.ROLE_SYSTEM,
    "tool": types.ROLE_TOOL,
}


def message_draft(message: Draft) -> pb.MessageDraft:
    """From a text (said by the user), a pair of role and text, or a draft as it is."""
    if isinstance(message, pb.MessageDraft):
        return message
    role, text = ("user", message) if isinstance(message, str) else message
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, not {role!r}")
    return pb.MessageDraft(role=ROLES[role], text=text)


class Contexts(Service):
    name = "loci.v1.ContextService"

    def create(
        self,
        context_id: str = "",
        *,
        title: str = "",
        attributes: Optional[Mapping[str, str]] = None,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.Context:
        request = pb.CreateContextRequest(
            scope=self._scope,
            id=context_id,
            title=title,
            attributes=attribute_list(attributes),
            options=write_options(request_id),
        )
        return self._call("CreateContext", request, pb.CreateContextResponse, timeout).context

    def get(
        self,
        context_id: str,
        *,
        consistency: Optional[types.Consistency] = None,
        timeout: Optional[float] = None,
    ) -> pb.Context:
        request = pb.GetContextRequest(scope=self._scope, context_id=context_id, consistency=consistency)
        return self._call("GetContext", request, pb.GetContextResponse, timeout).context

    def list(self, *, limit: Optional[int] = None, timeout: Optional[float] = None) -> Iterator[pb.Context]:
        """Newest first."""

        def fetch(page: types.Page) -> pb.ListContextsResponse:
            request = pb.ListContextsRequest(scope=self._scope, page=page)
            return self._call("ListContexts", request, pb.ListContextsResponse, timeout)

        return pages(fetch, "contexts", limit)

    def delete(
        self, context_id: str, *, request_id: Optional[str] = None, timeout: Optional[float] = None
    ) -> pb.DeleteContextResponse:
        request = pb.DeleteContextRequest(
            scope=self._scope, context_id=context_id, options=write_options(request_id)
        )
        return self._call("DeleteContext", request, pb.DeleteContextResponse, timeout)

    def append(
        self,
        context_id: str,
        messages: Iterable[Draft],
        *,
        create: bool = False,
        wait_for_index: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.AppendResponse:
        """Appends messages in order, all or none; durable when it returns."""
        request = self._append(context_id, messages, create, wait_for_index, request_id)
        return self._call("Append", request, pb.AppendResponse, timeout)

    def append_stream(self, *, timeout: Optional[float] = None) -> AppendStream:
        """Many appends without waiting for each answer."""
        return AppendStream(self, self._duplex("AppendStream", pb.AppendStreamResponse, timeout))

    def messages(
        self,
        context_id: str = "",
        *,
        from_number: int = 0,
        until_number: int = 0,
        newest_first: bool = False,
        filter: Optional[types.Filter] = None,
        limit: Optional[int] = None,
        consistency: Optional[types.Consistency] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[pb.Message]:
        """Messages of a context, or of all contexts by time."""

        def fetch(page: types.Page) -> pb.ListMessagesResponse:
            request = pb.ListMessagesRequest(
                scope=self._scope,
                context_id=context_id,
                from_number=from_number,
                until_number=until_number,
                newest_first=newest_first,
                filter=filter,
                page=page,
                consistency=consistency,
            )
            return self._call("ListMessages", request, pb.ListMessagesResponse, timeout)

        return pages(fetch, "messages", limit)

    def export(self, context_id: str = "", *, timeout: Optional[float] = None) -> Iterator[pb.Message]:
        """Every message, oldest first, streamed."""
        request = pb.ExportRequest(scope=self._scope, context_id=context_id)
        for answer in self._stream("Export", request, pb.ExportResponse, timeout):
            yield from answer.messages

    def delete_messages(
        self, message_ids: Iterable[str], *, request_id: Optional[str] = None, timeout: Optional[float] = None
    ) -> pb.DeleteMessagesResponse:
        request = pb.DeleteMessagesRequest(
            scope=self._scope, message_ids=list(message_ids), options=write_options(request_id)
        )
        return self._call("DeleteMessages", request, pb.DeleteMessagesResponse, timeout)

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        mode: types.SearchMode = types.SEARCH_MODE_UNSPECIFIED,
        filter: Optional[types.Filter] = None,
        weights: Optional[types.RankWeights] = None,
        explain: bool = False,
        wait_for_index: bool = False,
        options: Optional[types.SearchOptions] = None,
        consistency: Optional[types.Consistency] = None,
        timeout: Optional[float] = None,
    ) -> List[pb.MessageHit]:
        """The best matches, best first."""
        request = pb.SearchMessagesRequest(
            scope=self._scope,
            query=query,
            limit=limit,
            mode=mode,
            filter=filter,
            weights=weights,
            explain=explain,
            consistency=consistency,
            wait_for_index=wait_for_index,
            options=options,
        )
        return list(self._call("SearchMessages", request, pb.SearchMessagesResponse, timeout).hits)

    def _append(
        self,
        context_id: str,
        messages: Iterable[Draft],
        create: bool,
        wait_for_index: bool,
        request_id: Optional[str],
    ) -> pb.AppendRequest:
        return pb.AppendRequest(
            scope=self._scope,
            context_id=context_id,
            messages=[message_draft(message) for message in messages],
            create_context=create,
            options=write_options(request_id, wait_for_index),
        )


class AppendStream:
    """Sends appends and yields their answers in order."""

    def __init__(self, contexts: Contexts, call: Call[pb.AppendStreamResponse]) -> None:
        self._contexts = contexts
        self._call = call

    def append(
        self,
        context_id: str,
        messages: Iterable[Draft],
        *,
        create: bool = False,
        wait_for_index: bool = False,
        request_id: Optional[str] = None,
    ) -> None:
        request = self._contexts._append(context_id, messages, create, wait_for_index, request_id)
        self._call.send(pb.AppendStreamRequest(append=request))

    def close_send(self) -> None:
        self._call.close_send()

    def cancel(self) -> None:
        self._call.cancel()

    def __iter__(self) -> Iterator[pb.AppendResponse]:
        for answer in self._call:
            yield answer.append
