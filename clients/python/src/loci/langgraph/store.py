"""LangGraph's long-term store."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    tokenize_path,
)

from loci._proto.loci.v1 import memory_pb2 as pb
from loci._proto.loci.v1 import types_pb2 as types
from loci.client import Client
from loci.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError

# Names of a memory's attributes.
_KEY, _NAMESPACE, _VALUE, _INDEXED, _TTL = (
    "langgraph.key",
    "langgraph.namespace",
    "langgraph.value",
    "langgraph.indexed",
    "langgraph.ttl_minutes",
)
_DEPTH_MAX = 16
_PIECE_BYTES, _PIECES_MAX = 4096, 40
_TEXT_BYTES = 256 << 10
_HITS_MAX = 1000


class LociStore(BaseStore):
    """Items as memories of the client's agent: found by meaning and by words, and open to everything else that works
    on memories.

    `fields` are the paths of a value whose text is searched; the default "$" is the whole value. An item's value
    takes at most 160 KiB of JSON, a namespace at most 16 levels. A query looks at the best 1000 items; `filter` is
    applied to those. Scores order one answer and mean nothing beyond it.
    """

    supports_ttl = True

    def __init__(
        self,
        client: Client,
        *,
        fields: Sequence[str] = ("$",),
        ttl: Optional[TTLConfig] = None,
        wait_for_index: bool = True,
    ) -> None:
        self._memories = client.memories
        self._fields = list(fields)
        self.ttl_config = ttl
        self._waits = wait_for_index

    def batch(self, ops: Iterable[Op]) -> List[Result]:
        """Reads see the store as it is before the batch; of several puts of a key the last counts."""
        results: List[Result] = []
        puts: Dict[Tuple[Tuple[str, ...], str], PutOp] = {}
        for op in ops:
            if isinstance(op, GetOp):
                results.append(self._get(op))
            elif isinstance(op, SearchOp):
                results.append(self._search(op))
            elif isinstance(op, ListNamespacesOp):
                results.append(self._list_namespaces(op))
            elif isinstance(op, PutOp):
                puts[(op.namespace, op.key)] = op
                results.append(None)
            else:
                raise ValueError(f"unknown operation: {type(op)}")
        for put in puts.values():
            self._put(put)
        return results

    async def abatch(self, ops: Iterable[Op]) -> List[Result]:
        return await asyncio.to_thread(self.batch, list(ops))

    # Operations

    def _get(self, op: GetOp) -> Optional[Item]:
        try:
            memory = self._memories.get(_memory_id(op.namespace, op.key))
        except NotFoundError:
            return None
        if op.refresh_ttl:
            self._refresh(memory)
        return _item(memory)

    def _put(self, op: PutOp) -> None:
        memory_id = _memory_id(op.namespace, op.key)
        if op.value is None:
            self._memories.delete([memory_id])
            return
        attributes = _attributes(op)
        text = self._text(op)
        expires = 0 if op.ttl is None else _now_us() + int(op.ttl * 60e6)
        while True:
            try:
                self._memories.update(
                    memory_id, text=text, expires_at_us=expires, attributes=attributes
                )
                return
            except NotFoundError:
                pass
            # One that has expired still has the id.
            self._memories.delete([memory_id])
            draft = pb.MemoryDraft(id=memory_id, text=text, expires_at_us=expires)
            draft.attributes.extend(
                types.Attribute(key=key, value=value) for key, value in attributes.items()
            )
            try:
                self._memories.add(draft)
                return
            except AlreadyExistsError:
                continue  # Another writer was faster: update what it made.

    def _search(self, op: SearchOp) -> List[SearchItem]:
        found = self._ranked(op) if op.query else self._listed(op.namespace_prefix)
        place, items = 0, []
        for memory, score in found:
            item = _item(memory)
            if op.filter and not all(
                _compare(item.value.get(key), wanted) for key, wanted in op.filter.items()
            ):
                continue
            place += 1
            if place <= op.offset:
                continue
            if len(items) >= op.limit:
                break
            if op.refresh_ttl:
                self._refresh(memory)
            items.append(
                SearchItem(
                    namespace=item.namespace,
                    key=item.key,
                    value=item.value,
                    created_at=item.created_at,
                    updated_at=item.updated_at,
                    score=score,
                )
            )
        return items

    def _listed(
        self, prefix: Tuple[str, ...], indexed: Optional[bool] = None
    ) -> Iterator[Tuple[pb.Memory, Optional[float]]]:
        for memory in self._memories.list(filter=_filter(prefix, indexed)):
            yield memory, None

    def _ranked(self, op: SearchOp) -> Iterator[Tuple[pb.Memory, Optional[float]]]:
        """Best first, then the items that are not to be searched."""
        limit = _HITS_MAX if op.filter else min(_HITS_MAX, op.offset + op.limit)
        if limit > 0:
            for hit in self._hits(op.query or "", _filter(op.namespace_prefix, True), limit):
                yield hit.memory, hit.score
        yield from self._listed(op.namespace_prefix, False)

    def _hits(self, query: str, filter: types.Filter, limit: int) -> List[pb.MemoryHit]:
        try:
            return self._memories.search(query, filter=filter, limit=limit, wait_for_index=self._waits)
        except FailedPreconditionError:
            if not self._waits:
                raise
            # A server without an encoder finds by words, and has nothing to wait for.
            self._waits = False
            return self._memories.search(query, filter=filter, limit=limit)

    def _list_namespaces(self, op: ListNamespacesOp) -> List[Tuple[str, ...]]:
        """Reads every item: a namespace is not kept apart from its items."""
        found = {_attributes_of(memory)[0] for memory, _ in self._listed(())}
        for condition in op.match_conditions or ():
            found = {namespace for namespace in found if _matches(condition, namespace)}
        if op.max_depth is not None:
            found = {namespace[: op.max_depth] for namespace in found}
        return sorted(found)[op.offset : op.offset + op.limit]

    def _refresh(self, memory: pb.Memory) -> None:
        minutes = next((a.value for a in memory.attributes if a.key == _TTL), None)
        if minutes is None:
            return
        try:
            self._memories.update(memory.id, expires_at_us=_now_us() + int(float(minutes) * 60e6))
        except NotFoundError:
            pass  # Deleted or expired since it was read.

    def _text(self, op: PutOp) -> str:
        paths = self._fields if op.index is None else (op.index or [])
        texts: List[str] = []
        for path in paths:
            field = path if path == "$" else tokenize_path(path)
            texts += [text for text in get_text_at_path(op.value, field) if text]
        # What is not searched must have a text all the same.
        joined = "\n".join(texts).replace("\0", " ") or op.key or "-"
        return joined.encode()[:_TEXT_BYTES].decode(errors="ignore")


# Items as memories


def _memory_id(namespace: Tuple[str, ...], key: str) -> str:
    name = json.dumps([list(namespace), key], ensure_ascii=False)
    return "langgraph-" + hashlib.sha256(name.encode()).hexdigest()


def _level(prefix: Tuple[str, ...]) -> Tuple[str, str]:
    """The attribute that says that an item lies under a namespace."""
    return f"{_NAMESPACE}.{len(prefix)}", json.dumps(list(prefix), ensure_ascii=False)


def _attributes(op: PutOp) -> Dict[str, str]:
    if len(op.namespace) > _DEPTH_MAX:
        raise ValueError(f"a namespace has at most {_DEPTH_MAX} levels, not {len(op.namespace)}")
    attributes = dict(_level(op.namespace[:depth]) for depth in range(len(op.namespace) + 1))
    attributes[_KEY] = op.key
    attributes[_NAMESPACE] = json.dumps(list(op.namespace), ensure_ascii=False)
    attributes[_INDEXED] = "false" if op.index is False else "true"
    if op.ttl is not None:
        attributes[_TTL] = repr(float(op.ttl))
    pieces = list(_pieces(json.dumps(op.value, ensure_ascii=True)))
    if len(pieces) > _PIECES_MAX:
        raise ValueError(f"the value of {op.key!r} takes more than {_PIECE_BYTES * _PIECES_MAX} bytes of JSON")
    for number, piece in enumerate(pieces):
        attributes[f"{_VALUE}.{number}"] = piece
    return attributes


def _pieces(text: str) -> Iterator[str]:
    """ASCII: any place is between two characters."""
    for start in range(0, len(text), _PIECE_BYTES):
        yield text[start : start + _PIECE_BYTES]


def _attributes_of(memory: pb.Memory) -> Tuple[Tuple[str, ...], str, Dict[str, Any]]:
    """Namespace, key and value."""
    attributes = {attribute.key: attribute.value for attribute in memory.attributes}
    pieces: List[str] = []
    while (piece := attributes.get(f"{_VALUE}.{len(pieces)}")) is not None:
        pieces.append(piece)
    return tuple(json.loads(attributes[_NAMESPACE])), attributes[_KEY], json.loads("".join(pieces))


def _item(memory: pb.Memory) -> Item:
    namespace, key, value = _attributes_of(memory)
    return Item(
        value=value,
        key=key,
        namespace=namespace,
        created_at=_time(memory.created_at_us),
        updated_at=_time(memory.updated_at_us),
    )


def _filter(prefix: Tuple[str, ...], indexed: Optional[bool]) -> types.Filter:
    key, value = _level(prefix)
    attributes = [types.Attribute(key=key, value=value)]
    if indexed is not None:
        attributes.append(types.Attribute(key=_INDEXED, value="true" if indexed else "false"))
    return types.Filter(attributes=attributes)


def _time(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, timezone.utc)


def _now_us() -> int:
    return int(time.time() * 1e6)


# Conditions


def _matches(condition: MatchCondition, namespace: Tuple[str, ...]) -> bool:
    path = condition.path
    if len(namespace) < len(path):
        return False
    if condition.match_type == "prefix":
        part = namespace[: len(path)]
    elif condition.match_type == "suffix":
        part = namespace[len(namespace) - len(path) :]
    else:
        raise ValueError(f"unsupported match type: {condition.match_type}")
    return all(wanted in ("*", label) for wanted, label in zip(path, part))


def _compare(value: Any, wanted: Any) -> bool:
    """Equality, or the operators that LangGraph documents for filters."""
    if isinstance(wanted, dict):
        if any(name.startswith("$") for name in wanted):
            return all(_operator(value, name, operand) for name, operand in wanted.items())
        return isinstance(value, dict) and all(_compare(value.get(key), part) for key, part in wanted.items())
    if isinstance(wanted, (list, tuple)):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(wanted)
            and all(_compare(one, other) for one, other in zip(value, wanted))
        )
    return bool(value == wanted)


def _operator(value: Any, name: str, operand: Any) -> bool:
    if name == "$eq":
        return bool(value == operand)
    if name == "$ne":
        return bool(value != operand)
    if name not in ("$gt", "$gte", "$lt", "$lte"):
        raise ValueError(f"unsupported operator: {name}")
    try:
        left, right = float(value), float(operand)
    except (TypeError, ValueError):
        return False  # What is no number is neither more nor less than one.
    return {"$gt": left > right, "$gte": left >= right, "$lt": left < right, "$lte": left <= right}[name]
