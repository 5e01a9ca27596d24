"""Memories and embeddings against a real server."""

import math
import os

import pytest

from loci import FailedPreconditionError, NotFoundError
from loci._proto.loci.v1 import memory_pb2, types_pb2
from loci.services.embeddings import rows

# The encoder may first have to work off what the other tests appended.
INDEX_SECONDS = 180

needs_model = pytest.mark.skipif(not os.environ.get("LOCI_MODEL"), reason="LOCI_MODEL names no encoder")


def test_memories_are_added_read_changed_and_deleted(loci):
    draft = memory_pb2.MemoryDraft(id="m1", text="The user lives in Lisbon.", importance=0.9)
    assert list(loci.memories.add([draft, "The user plays chess."]).memory_ids)[0] == "m1"
    memory = loci.memories.get("m1")
    assert (memory.text, memory.version, round(memory.importance, 3)) == ("The user lives in Lisbon.", 1, 0.9)
    changed = loci.memories.update("m1", text="The user lives in Porto.", attributes={"source": "chat"})
    assert (changed.text, changed.version, round(changed.importance, 3)) == (
        "The user lives in Porto.",
        2,
        0.9,
    )
    with pytest.raises(FailedPreconditionError):
        loci.memories.update("m1", text="late", expected_version=1)
    assert len(list(loci.memories.list())) == 2
    assert loci.memories.delete("m1").memories_deleted == 1
    with pytest.raises(NotFoundError):
        loci.memories.get("m1")


def test_memories_are_found_by_words_until_deleted(loci):
    answer = loci.memories.add(["The dentist is on Tuesday.", "The train leaves at nine."])
    keyword = types_pb2.SEARCH_MODE_KEYWORD
    assert loci.memories.search("dentist", mode=keyword)[0].memory.text == "The dentist is on Tuesday."
    loci.memories.delete(answer.memory_ids)
    assert loci.memories.search("dentist", mode=keyword) == []


def test_agents_see_their_own_only(loci):
    loci.memories.add("secret garden")
    other = loci.for_agent("tests", "somebody-else")
    assert other.memories.search("garden", mode=types_pb2.SEARCH_MODE_KEYWORD) == []


@needs_model
def test_memories_are_found_by_meaning(loci):
    loci.memories.add(
        ["The cat sleeps on the sofa.", "Quarterly revenue grew."], wait_for_index=True, timeout=INDEX_SECONDS
    )
    hits = loci.memories.search("a pet is napping", mode=types_pb2.SEARCH_MODE_SEMANTIC, explain=True)
    assert hits[0].memory.text == "The cat sleeps on the sofa."
    assert hits[0].explanation.cosine > hits[1].explanation.cosine


@needs_model
def test_texts_become_unit_vectors_that_search_takes(loci):
    answer = loci.embeddings.encode(["a pet is napping", "money"])
    vectors = rows(answer)
    assert len(vectors) == 2 and all(len(vector) == answer.dimension for vector in vectors)
    assert all(math.isclose(sum(x * x for x in vector), 1, abs_tol=1e-4) for vector in vectors)
    loci.memories.add("The cat sleeps.", wait_for_index=True, timeout=INDEX_SECONDS)
    semantic = types_pb2.SEARCH_MODE_SEMANTIC
    assert loci.memories.search(embedding=vectors[0], mode=semantic)[0].memory.text == "The cat sleeps."
    assert loci.embeddings.models()[0].fingerprint == answer.fingerprint
