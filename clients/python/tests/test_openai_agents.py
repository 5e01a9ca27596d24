"""The session of the OpenAI Agents SDK against the real package; its model is scripted, nothing is called."""

import asyncio

import pytest

pytest.importorskip("agents", reason="needs loci-client[openai-agents]")

from agents import Agent, RunConfig, Runner, SQLiteSession, function_tool
from agents.items import ModelResponse
from agents.memory.session import Session
from agents.memory.session_settings import SessionSettings
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from loci.openai_agents import LociSession

ITEMS = [
    {"role": "user", "content": "What is the weather in Lisbon?"},
    {"type": "function_call", "call_id": "call-1", "name": "weather", "arguments": '{"city": "Lisbon"}'},
    {"type": "function_call_output", "call_id": "call-1", "output": "sunny"},
    {
        "type": "message",
        "role": "assistant",
        "id": "msg-1",
        "status": "completed",
        "content": [{"type": "output_text", "text": "It is sunny. 晴天", "annotations": []}],
    },
    {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
    {"type": "reasoning", "id": "r-1", "summary": []},
]


def run(coroutine):
    return asyncio.run(coroutine)


def test_it_is_a_session(loci):
    assert isinstance(LociSession("s", loci), Session)


@pytest.mark.parametrize("limit", [None, -1, 0, 1, 3, 100])
def test_items_as_in_sqlite(loci, limit):
    async def story(session):
        await session.add_items([])
        await session.add_items(ITEMS[:3])
        await session.add_items(ITEMS[3:])
        seen = [await session.get_items(limit)]
        seen.append(await session.pop_item())
        seen.append(await session.get_items(limit))
        await session.clear_session()
        seen += [await session.get_items(limit), await session.pop_item()]
        await session.clear_session()
        await session.add_items(ITEMS[:1])
        seen.append(await session.get_items())
        return seen

    assert run(story(LociSession("s", loci))) == run(story(SQLiteSession("s")))


def test_the_limit_of_the_settings(loci):
    async def story(session):
        await session.add_items(ITEMS)
        return await session.get_items(), await session.get_items(1)

    settings = SessionSettings(limit=2)
    assert run(story(LociSession("s", loci, session_settings=settings))) == (ITEMS[-2:], ITEMS[-1:])


def test_long_histories_keep_their_order(loci):
    items = [{"role": "user", "content": f"{number} " + "x" * 2000} for number in range(2500)]

    async def story(session):
        await session.add_items(items)
        return await session.get_items()

    assert run(story(LociSession("s", loci))) == items


def test_what_was_said_can_be_searched_and_listed(loci):
    run(LociSession("s", loci).add_items(ITEMS))
    hits = loci.contexts.search("sunny", limit=1)
    assert "sunny" in hits[0].message.text
    calls = [message.tool_call_id for message in loci.contexts.messages("s")]
    assert calls == ["", "call-1", "call-1", "", "", ""]


def test_messages_that_others_appended_are_items_too(loci):
    loci.contexts.append("s", [("user", "from elsewhere"), ("assistant", "an answer")], create=True)
    assert run(LociSession("s", loci).get_items()) == [
        {"role": "user", "content": "from elsewhere"},
        {"role": "assistant", "content": "an answer"},
    ]


def test_clearing_the_context_of_a_session_of_loci(loci):
    loci.sessions.create("s")
    session = LociSession("s", loci)
    run(session.add_items(ITEMS))
    snapshot = loci.sessions.snapshot("s")
    run(session.clear_session())
    assert run(session.get_items()) == []
    loci.sessions.rollback("s", snapshot.id)
    assert run(session.get_items()) == ITEMS


class ScriptedModel(Model):
    """Calls a tool first, then answers with what it was given."""

    def __init__(self):
        self.inputs = []

    async def get_response(self, system_instructions, input, *args, **kwargs):
        self.inputs.append(input if isinstance(input, list) else [{"role": "user", "content": input}])
        last = self.inputs[-1][-1]
        if last.get("type") == "function_call_output":
            text = ResponseOutputText(text=f"It is {last['output']}.", type="output_text", annotations=[])
            output = ResponseOutputMessage(
                id="m", content=[text], role="assistant", status="completed", type="message"
            )
        else:
            output = ResponseFunctionToolCall(
                arguments='{"city": "Lisbon"}', call_id=f"call-{len(self.inputs)}", name="weather",
                type="function_call",
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *args, **kwargs):
        raise NotImplementedError


@function_tool
def weather(city: str) -> str:
    """The weather."""
    return "sunny"


def conversation(session):
    async def story():
        model = ScriptedModel()
        agent = Agent(name="a", model=model, tools=[weather])
        config = RunConfig(tracing_disabled=True)
        for text in ["And in Lisbon?", "And tomorrow?"]:
            await Runner.run(agent, text, session=session, run_config=config)
        return model.inputs, await session.get_items()

    return run(story())


def test_a_runner_sees_the_same_history_as_with_sqlite(loci):
    assert conversation(LociSession("s", loci)) == conversation(SQLiteSession("s"))
