"""OpenAI Agents SDK on Loci: the memory of a conversation as a context.

    from agents import Agent, Runner
    from loci import Client
    from loci.openai_agents import LociSession

    client = Client("127.0.0.1:7420", tenant="acme", agent="planner")
    result = await Runner.run(agent, "Hello", session=LociSession("chat-1", client))

Install with `pip install 'loci-client[openai-agents]'`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Dict, Iterator, List, Optional

from agents.items import TResponseInputItem
from agents.memory.session import SessionABC
from agents.memory.session_settings import SessionSettings, resolve_session_limit

from loci._proto.loci.v1 import context_pb2 as pb
from loci._proto.loci.v1 import types_pb2 as types
from loci.client import Client
from loci.errors import FailedPreconditionError, NotFoundError

_ROLES = {
    "user": types.ROLE_USER,
    "assistant": types.ROLE_ASSISTANT,
    "system": types.ROLE_SYSTEM,
    "developer": types.ROLE_SYSTEM,
    "tool": types.ROLE_TOOL,
}
_MESSAGES_PER_CALL = 1000
# Well below what one request may hold.
_BYTES_PER_CALL = 3 << 20

__all__ = ["LociSession"]


class LociSession(SessionABC):
    """Keeps the items of one conversation in the context `session_id` of the client's agent.

    Each item is a message: its text can be searched and assembled like any other, and the item itself is kept beside
    it, as it came. Items added in one call are stored all or none, up to 1000 items or 3 MiB.
    """

    def __init__(
        self, session_id: str, client: Client, *, session_settings: Optional[SessionSettings] = None
    ) -> None:
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()
        self._contexts = client.contexts

    async def get_items(self, limit: Optional[int] = None) -> List[TResponseInputItem]:
        """The newest `limit` items, or all, oldest first."""
        count = resolve_session_limit(limit, self.session_settings)
        return await asyncio.to_thread(self._get_items, count)

    async def add_items(self, items: List[TResponseInputItem]) -> None:
        if items:
            await asyncio.to_thread(self._add_items, items)

    async def pop_item(self) -> Optional[TResponseInputItem]:
        """Takes the newest item out."""
        return await asyncio.to_thread(self._pop_item)

    async def clear_session(self) -> None:
        await asyncio.to_thread(self._clear)

    def _get_items(self, limit: Optional[int]) -> List[TResponseInputItem]:
        if limit == 0:
            return []
        if limit is not None and limit < 0:
            limit = None
        try:
            messages = list(self._contexts.messages(self.session_id, newest_first=True, limit=limit))
        except NotFoundError:
            return []
        return [_item(message) for message in reversed(messages)]

    def _add_items(self, items: List[TResponseInputItem]) -> None:
        for drafts in _requests([_draft(item) for item in items]):
            self._contexts.append(self.session_id, drafts, create=True)

    def _pop_item(self) -> Optional[TResponseInputItem]:
        while True:
            try:
                newest = next(self._contexts.messages(self.session_id, newest_first=True, limit=1), None)
            except NotFoundError:
                return None
            if newest is None:
                return None
            # Another may have taken it since.
            if self._contexts.delete_messages([newest.id]).messages_deleted == 1:
                return _item(newest)

    def _clear(self) -> None:
        try:
            self._contexts.delete(self.session_id)
        except NotFoundError:
            pass
        except FailedPreconditionError:
            # The context belongs to a session of Loci, or has branches: it stays, and is emptied.
            ids = [message.id for message in self._contexts.messages(self.session_id)]
            for start in range(0, len(ids), _MESSAGES_PER_CALL):
                self._contexts.delete_messages(ids[start : start + _MESSAGES_PER_CALL])


def _requests(drafts: List[pb.MessageDraft]) -> Iterator[List[pb.MessageDraft]]:
    part: List[pb.MessageDraft] = []
    size = 0
    for draft in drafts:
        bytes_ = draft.ByteSize() + 16
        if part and (len(part) == _MESSAGES_PER_CALL or size + bytes_ > _BYTES_PER_CALL):
            yield part
            part, size = [], 0
        part.append(draft)
        size += bytes_
    if part:
        yield part


def _item(message: pb.Message) -> TResponseInputItem:
    if message.data:
        return json.loads(message.data)
    # Said by something else than this class.
    names = {types.ROLE_ASSISTANT: "assistant", types.ROLE_SYSTEM: "system"}
    return {"role": names.get(message.role, "user"), "content": message.text}


def _draft(item: Any) -> pb.MessageDraft:
    fields: Dict[str, Any] = item if isinstance(item, dict) else item.model_dump(exclude_unset=True)
    kind = fields.get("type", "message")
    if kind.endswith("_output"):
        role = types.ROLE_TOOL
    else:
        role = _ROLES.get(fields.get("role", ""), types.ROLE_ASSISTANT)
    return pb.MessageDraft(
        role=role,
        text=_text(fields),
        name=_short(fields.get("name")),
        tool_call_id=_short(fields.get("call_id")),
        data=json.dumps(fields, ensure_ascii=False).encode(),
    )


def _text(fields: Dict[str, Any]) -> str:
    """What a person would read of an item; empty when that is nothing."""
    content = fields.get("content") or fields.get("output") or ""
    if isinstance(content, list):
        parts = (part.get("text") or part.get("refusal") for part in content if isinstance(part, dict))
        content = "\n".join(part for part in parts if part)
    return content.replace("\0", " ") if isinstance(content, str) else ""


def _short(value: Any) -> str:
    """A name that fits the field; a longer or stranger one is in the item itself."""
    if not isinstance(value, str) or len(value.encode()) > 128 or not value.isprintable():
        return ""
    return value
