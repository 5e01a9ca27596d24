"""Contexts against a real server."""

import pytest

from loci import AlreadyExistsError, InvalidArgumentError, NotFoundError
from loci._proto.loci.v1 import types_pb2 as types


def texts(messages):
    return [message.text for message in messages]


def test_what_is_appended_is_listed_in_order(loci):
    answer = loci.contexts.append("chat", ["one", ("assistant", "two")], create=True)
    assert (answer.first_number, len(answer.message_ids)) == (1, 2)
    messages = list(loci.contexts.messages("chat"))
    assert texts(messages) == ["one", "two"]
    assert [message.role for message in messages] == [types.ROLE_USER, types.ROLE_ASSISTANT]
    assert texts(loci.contexts.messages("chat", newest_first=True, limit=1)) == ["two"]


def test_lists_longer_than_a_page_are_fetched_page_by_page(loci):
    for start in range(0, 2500, 500):
        loci.contexts.append("long", [str(number) for number in range(start, start + 500)], create=True)
    wanted = [str(number) for number in range(2500)]
    assert texts(loci.contexts.messages("long")) == wanted
    assert texts(loci.contexts.messages("long", limit=1500)) == wanted[:1500]
    assert texts(loci.contexts.export("long")) == wanted


def test_a_retry_with_the_same_request_id_changes_nothing(loci):
    first = loci.contexts.append("chat", ["once"], create=True, request_id="r1")
    again = loci.contexts.append("chat", ["once"], create=True, request_id="r1")
    assert again == first
    assert texts(loci.contexts.messages("chat")) == ["once"]


def test_contexts_are_made_listed_and_deleted(loci):
    made = loci.contexts.create("notes", title="Notes", attributes={"kind": "test"})
    assert (made.id, made.title, made.attributes[0].value) == ("notes", "Notes", "test")
    with pytest.raises(AlreadyExistsError):
        loci.contexts.create("notes")
    assert [context.id for context in loci.contexts.list()] == ["notes"]
    ids = loci.contexts.append("notes", ["a", "b"]).message_ids
    assert loci.contexts.delete_messages(ids[:1]).messages_deleted == 1
    assert loci.contexts.delete("notes").messages_deleted == 1
    with pytest.raises(NotFoundError) as failure:
        loci.contexts.get("notes")
    assert failure.value.reason == "NOT_FOUND"


def test_a_stream_answers_each_append_in_order(loci):
    stream = loci.contexts.append_stream(timeout=30)
    for number in range(200):
        stream.append("stream", [f"message {number}"], create=True)
    stream.close_send()
    assert [answer.first_number for answer in stream] == list(range(1, 201))


def test_a_refused_append_ends_its_stream(loci):
    stream = loci.contexts.append_stream(timeout=30)
    stream.append("missing", ["text"])
    with pytest.raises(NotFoundError):
        list(stream)


def test_messages_are_found_by_words(loci):
    loci.contexts.append("chat", ["The violin is in the garage.", "Nothing of note."], create=True)
    hits = loci.contexts.search("violin", mode=types.SEARCH_MODE_KEYWORD)
    assert [hit.message.text for hit in hits] == ["The violin is in the garage."]


def test_bad_arguments_name_their_field(loci):
    with pytest.raises(InvalidArgumentError) as failure:
        loci.contexts.append("chat", [], create=True)
    assert "messages" in failure.value.subject
    with pytest.raises(ValueError):
        loci.contexts.append("chat", [("nobody", "text")])
