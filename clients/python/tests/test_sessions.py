"""Sessions, snapshots, rollback, and the state bus."""

import pytest

from loci import AlreadyExistsError, FailedPreconditionError, NotFoundError
from loci._proto.loci.v1 import session_pb2 as pb


def texts(loci, context):
    return [message.text for message in loci.contexts.messages(context)]


def test_a_session_from_beginning_to_end(loci):
    session = loci.sessions.create("s", title="A trip", variables={"city": '"Lisbon"'})
    assert session.state == pb.SESSION_STATE_ACTIVE and session.context_id == "s"
    with pytest.raises(AlreadyExistsError):
        loci.sessions.create("s")
    loci.sessions.transition("s", "paused", "waiting for the user")
    loci.sessions.transition("s", "active")
    done = loci.sessions.transition("s", "completed")
    with pytest.raises(FailedPreconditionError):
        loci.sessions.transition("s", "active")
    assert [step.to_state for step in loci.sessions.transitions("s")][-1] == done.state
    assert [found.id for found in loci.sessions.list(states=[pb.SESSION_STATE_COMPLETED])] == ["s"]
    loci.sessions.delete("s", delete_context=True)
    with pytest.raises(NotFoundError):
        loci.sessions.get("s")


def test_variables_compare_and_set(loci):
    loci.sessions.create("s")
    first = loci.sessions.set_variables("s", {"x": "1"}, expected={"x": 0})
    with pytest.raises(FailedPreconditionError):
        loci.sessions.set_variables("s", {"x": "2"}, expected={"x": 0})
    loci.sessions.set_variables("s", {"x": "2", "y": "3"}, expected={"x": first})
    loci.sessions.set_variables("s", {"y": None})
    assert {name: one.value for name, one in loci.sessions.variables("s").items()} == {"x": "2"}
    assert list(loci.sessions.variables("s", ["x", "none"])) == ["x"]


def test_rollback_undo_and_fork(loci):
    loci.sessions.create("s", variables={"step": "1"})
    loci.contexts.append("s", ["one"])
    loci.memories.add("likes trains")
    snapshot = loci.sessions.snapshot("s", "before")
    loci.contexts.append("s", ["two"])
    loci.sessions.set_variables("s", {"step": "2"})
    difference = loci.sessions.diff("s", snapshot.id)
    assert difference.messages_added_count == 1 and difference.variables[0].after == "2"
    back = loci.sessions.rollback("s", snapshot.id)
    assert texts(loci, "s") == ["one"] and loci.sessions.variables("s")["step"].value == "1"
    loci.sessions.rollback("s", back.undo_snapshot_id)
    assert texts(loci, "s") == ["one", "two"]
    fork = loci.sessions.fork("s", snapshot.id, new_id="f")
    assert fork.messages_copied == 1 and texts(loci, "f") == ["one"]
    exported = [message.text for piece in loci.sessions.export("s", snapshot.id) for message in piece.messages]
    assert exported == ["one"]
    assert [one.automatic for one in loci.sessions.snapshots("s")] == [True, True, False]
    assert loci.sessions.prune("s", keep_newest=1) == 2


def test_the_state_bus(loci):
    loci.sessions.create("s", variables={"x": "1"})
    loci.contexts.append("s", [f"message {number}" for number in range(30)])
    loci.memories.add("The train leaves at nine.")
    current = loci.state.current(query="train", message_limit=2)
    assert [message.text for message in current.messages] == ["message 28", "message 29"]
    assert current.session.id == "s" and current.variables[0].value == "1"
    assert current.memories[0].memory.text == "The train leaves at nine."
    assert current.position.sequence > 0
