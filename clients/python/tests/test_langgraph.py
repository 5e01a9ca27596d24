"""LangGraph's checkpointer and store against the real packages."""

import asyncio
import operator
import os
import time
import uuid
from typing import Annotated, TypedDict

import pytest

pytest.importorskip("langgraph", reason="needs loci-client[langgraph]")

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import SearchOp
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt

from loci import Client
from loci.langgraph import LociSaver, LociStore


def test_conformance(server):
    """Every capability, none skipped."""

    @checkpointer_test(name="LociSaver")
    async def saver():
        with Client(server.target, tenant="tests", agent=uuid.uuid4().hex) as client:
            yield LociSaver(client)

    report = asyncio.run(validate(saver))
    for name, result in report.results.items():
        assert result.detected and result.passed, f"{name}: {result.failures}"
        assert result.tests_failed == 0 and result.tests_skipped == 0 and result.tests_passed > 0
    assert set(report.results) == {
        "put", "put_writes", "get_tuple", "list", "delete_thread", "delete_for_runs", "copy_thread", "prune",
    }


class State(TypedDict):
    steps: Annotated[list, operator.add]
    note: str


def graph(saver, store=None):
    def think(state):
        return {"steps": ["think"], "note": "n" * 100}

    def ask(state):
        answer = interrupt("go on?")
        return {"steps": [f"answered {answer}"]}

    builder = StateGraph(State)
    builder.add_node("think", think)
    builder.add_node("ask", ask)
    builder.add_edge(START, "think")
    builder.add_edge("think", "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver, store=store)


def histories(saver, thread):
    """What a graph leaves behind, without ids and times."""
    app = graph(saver)
    config = {"configurable": {"thread_id": thread}}
    app.invoke({"steps": ["begin"], "note": ""}, config)
    app.invoke(Command(resume="yes"), config)
    return [
        (state.values, state.next, state.metadata["source"], state.metadata["step"])
        for state in app.get_state_history(config)
    ]


def test_a_graph_is_interrupted_and_resumed_as_in_memory(loci):
    assert histories(LociSaver(loci), "t") == histories(InMemorySaver(), "t")


def test_a_graph_goes_on_in_another_process(server, loci):
    config = {"configurable": {"thread_id": "t"}}
    graph(LociSaver(loci)).invoke({"steps": ["begin"], "note": ""}, config)
    scope = loci.contexts._scope
    with Client(server.target, tenant=scope.tenant, agent=scope.agent) as other:
        done = graph(LociSaver(other)).invoke(Command(resume="later"), config)
    assert done["steps"] == ["begin", "think", "answered later"]


def branches(saver):
    app = graph(saver)
    config = {"configurable": {"thread_id": "t"}}
    app.invoke({"steps": ["begin"], "note": ""}, config)
    paused = app.get_state(config).config
    forks = [app.update_state(paused, {"note": name, "steps": [name]}) for name in ("one", "two")]
    ends = [app.invoke(Command(resume="yes"), fork) for fork in forks]
    return ends, [app.get_state(fork).values for fork in forks]


def test_branches_of_a_thread_do_not_share_values(loci):
    ends, forks = branches(LociSaver(loci))
    assert [end["note"] for end in ends] == ["one", "two"]
    assert (ends, forks) == branches(InMemorySaver())


def test_async_graphs(loci):
    async def run():
        app = graph(LociSaver(loci))
        config = {"configurable": {"thread_id": "t"}}
        await app.ainvoke({"steps": ["begin"], "note": ""}, config)
        done = await app.ainvoke(Command(resume="yes"), config)
        return done, [state async for state in app.aget_state_history(config)]

    done, history = asyncio.run(run())
    assert done["steps"] == ["begin", "think", "answered yes"]
    assert len(history) == len(histories(InMemorySaver(), "t"))


def put(saver, thread, parent=None, values=None, versions=None, metadata=None):
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = values or {}
    checkpoint["channel_versions"] = versions or {}
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    if parent is not None:
        config["configurable"]["checkpoint_id"] = parent["configurable"]["checkpoint_id"]
    new = {name: version for name, version in (versions or {}).items()}
    return saver.put(config, checkpoint, {"source": "loop", "step": 0, **(metadata or {})}, new)


def test_writes_may_come_before_their_checkpoint(loci):
    saver = LociSaver(loci)
    checkpoint = empty_checkpoint()
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}}
    saver.put_writes(config, [("channel", "value")], "task", "path")
    saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, checkpoint, {}, {})
    assert saver.get_tuple(config).pending_writes == [("task", "channel", "value")]


def test_pruning_keeps_what_incremental_channels_need(loci):
    """The newest has a delta channel whose last whole value is two checkpoints back."""
    saver = LociSaver(loci)
    delta = {"counters_since_delta_snapshot": {"log": [1, 1]}}
    configs = []
    for step, value in enumerate(["old", "whole", None, None]):
        values = {} if value is None else {"log": value}
        parent = configs[-1] if configs else None
        configs.append(put(saver, "t", parent, values, {"log": f"{step}"}, {"step": step, **delta}))
        saver.put_writes(configs[-1], [("log", f"write {step}")], "task")
    saver.prune(["t"])
    left = [entry.metadata["step"] for entry in saver.list({"configurable": {"thread_id": "t"}})]
    assert left == [3, 2, 1]
    history = saver.get_delta_channel_history(config=configs[-1], channels=["log"])["log"]
    assert history["seed"] == "whole" and [write[2] for write in history["writes"]] == ["write 1", "write 2"]


def test_a_checkpoint_larger_than_a_message_of_the_server(loci):
    """Each put is small enough; together its channels are not."""
    saver = LociSaver(loci)
    values = {f"c{number}": os.urandom(1 << 20) for number in range(9)}
    versions = {name: "1" for name in values}
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    parts = sorted(values)
    for start in range(0, 9, 3):
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = values
        checkpoint["channel_versions"] = versions
        new = {name: "1" for name in parts[start : start + 3]}
        config = saver.put(config, checkpoint, {"source": "loop", "step": start}, new)
    for number in range(4):
        saver.put_writes(config, [("big", os.urandom(1 << 20))], f"task-{number}")
    found = saver.get_tuple(config)
    assert found.checkpoint["channel_values"] == values
    assert [write[0] for write in found.pending_writes] == [f"task-{number}" for number in range(4)]
    assert len(list(saver.list({"configurable": {"thread_id": "t"}}))) == 3


def test_a_value_that_does_not_fit_is_refused_clearly(loci):
    from loci import InvalidArgumentError

    with pytest.raises(InvalidArgumentError, match="4194304"):
        put(LociSaver(loci), "t", values={"c": os.urandom(5 << 20)}, versions={"c": "1"})


def test_threads_of_another_agent_are_not_seen(server, loci):
    put(LociSaver(loci), "t")
    with Client(server.target, tenant="tests", agent=uuid.uuid4().hex) as other:
        assert LociSaver(other).get_tuple({"configurable": {"thread_id": "t"}}) is None
        assert list(LociSaver(other).list(None)) == []


# The store. What InMemoryStore answers is what LangGraph means.


def both(loci):
    return [LociStore(loci), InMemoryStore()]


def seen(items):
    return sorted((item.namespace, item.key, item.value) for item in items)


def test_items_as_in_memory(loci):
    answers = []
    for store in both(loci):
        store.put(("users", "ana"), "food", {"likes": "trains", "level": 3})
        store.put(("users", "ana"), "food", {"likes": "ships", "level": 4})
        store.put(("users", "ben"), "food", {"likes": "planes", "level": 1, "deep": {"a": [1, 2]}})
        store.put(("docs",), "readme", {"text": "文档 with é and \u2028", "level": None})
        store.put(("docs",), "gone", {"x": 1})
        store.delete(("docs",), "gone")
        answers.append(
            [
                store.get(("users", "ana"), "food").value,
                store.get(("docs",), "gone"),
                store.get(("users", "ben"), "drink"),
                seen(store.search(("users",))),
                seen(store.search(())),
                seen(store.search(("users",), filter={"likes": "planes"})),
                seen(store.search(("users",), filter={"level": {"$gte": 3}})),
                seen(store.search(("users",), filter={"level": {"$ne": 1}})),
                seen(store.search(("users",), filter={"deep": {"a": [1, 2]}})),
                seen(store.search(("user",))),
                len(store.search((), limit=2)),
                len(store.search((), limit=10, offset=2)),
                store.list_namespaces(),
                store.list_namespaces(prefix=("users",)),
                store.list_namespaces(suffix=("ben",)),
                store.list_namespaces(prefix=("*", "ana")),
                store.list_namespaces(max_depth=1),
                store.list_namespaces(limit=1, offset=1),
            ]
        )
    assert answers[0] == answers[1]


def test_a_batch_reads_before_it_writes(loci):
    from langgraph.store.base import GetOp, PutOp

    for store in both(loci):
        store.put(("n",), "k", {"v": 1})
        results = store.batch(
            [PutOp(("n",), "k", {"v": 2}), GetOp(("n",), "k"), PutOp(("n",), "k", {"v": 3})]
        )
        assert results[1].value == {"v": 1}
        assert store.get(("n",), "k").value == {"v": 3}


def test_async_store(loci):
    async def run(store):
        await store.aput(("n",), "k", {"v": 1})
        item = await store.aget(("n",), "k")
        return item.value, seen(await store.asearch(("n",)))

    answers = [asyncio.run(run(store)) for store in both(loci)]
    assert answers[0] == answers[1]


def test_search_by_words_and_meaning(loci):
    store = LociStore(loci, fields=["text"])
    store.put(("facts",), "train", {"text": "The train to Lisbon leaves at nine."})
    store.put(("facts",), "invoice", {"text": "The invoice is still unpaid."})
    store.put(("facts",), "silent", {"text": "Lisbon, but not to be found."}, index=False)
    store.put(("elsewhere",), "train", {"text": "The train to Lisbon, of somebody else."})
    found = store.search(("facts",), query="Lisbon train", limit=3)
    assert found[0].key == "train" and found[0].score is not None
    assert {item.namespace for item in found} == {("facts",)}
    assert [item.score for item in found if item.key == "silent"] == [None]
    changed = store.get(("facts",), "train").value
    changed["text"] = "The bus leaves at ten."
    store.put(("facts",), "train", changed)
    assert store.search(("facts",), query="bus", limit=1)[0].value == changed


def test_long_values_and_their_limit(loci):
    store = LociStore(loci)
    value = {"text": "长" * 20_000, "n": list(range(100))}
    store.put(("n",), "k", value)
    assert store.get(("n",), "k").value == value
    with pytest.raises(ValueError):
        store.put(("n",), "k", {"text": "x" * 200_000})
    with pytest.raises(ValueError):
        store.put(tuple("abcdefghijklmnopq"), "k", {})


def test_items_expire_and_reading_keeps_them(loci):
    store = LociStore(loci)
    store.put(("n",), "short", {"v": 1}, ttl=0.02)
    store.put(("n",), "read", {"v": 1}, ttl=0.02)
    for _ in range(4):
        time.sleep(0.5)
        assert store.get(("n",), "read", refresh_ttl=True) is not None
    assert store.get(("n",), "short") is None
    assert [item.key for item in store.search(("n",), refresh_ttl=False)] == ["read"]
    # The id of an expired item is free again.
    store.put(("n",), "short", {"v": 2})
    assert store.get(("n",), "short").value == {"v": 2}


def test_a_graph_uses_the_store(loci):
    def remember(state, *, store):
        store.put(("memories",), "last", {"text": state["note"]})
        return {"steps": [store.get(("memories",), "last").value["text"]]}

    builder = StateGraph(State)
    builder.add_node("remember", remember)
    builder.add_edge(START, "remember")
    builder.add_edge("remember", END)
    app = builder.compile(checkpointer=LociSaver(loci), store=LociStore(loci))
    done = app.invoke({"steps": [], "note": "hello"}, {"configurable": {"thread_id": "t"}})
    assert done["steps"] == ["hello"]
