import pytest

from loci import FailedPreconditionError
from loci import task as new_task
from loci._proto.loci.v1 import experience_pb2, feedback_pb2, learning_pb2


def test_recommendation_follows_outcomes(loci):
    task = new_task("refund an order", kind="refund", features={"channel": "web"})
    for _ in range(30):
        answer = loci.learning.recommend(task, ["careful", "quick"])
        loci.learning.report(answer.decision_id, 1.0 if answer.chosen == "careful" else 0.0)
    last = loci.learning.recommend(task, {"careful": 0.1, "quick": 0.0}, dry_run=True)
    assert last.ranking[0].strategy == "careful" and not last.decision_id
    assert len(list(loci.learning.decisions(kind="refund"))) == 30
    assert loci.learning.run_cycle().decisions == 30
    with pytest.raises(FailedPreconditionError):
        loci.learning.report(next(loci.learning.decisions()).id, 0.5)


def test_experience_feedback_and_tuning(loci):
    task = new_task("book a flight", kind="travel")
    loci.experiences.record(
        [experience_pb2.Experience(task=task, steps=["look", "book"], strategy="s", success=n > 1) for n in range(6)]
    )
    found = loci.experiences.similar(task, limit=3)
    assert len(found.experiences) == 3 and found.matches == 6
    assert found.success.value == pytest.approx(4 / 6)
    target = feedback_pb2.Target(kind=feedback_pb2.TARGET_KIND_STRATEGY, id="s")
    loci.feedback.give(feedback_pb2.Feedback(kind=feedback_pb2.FEEDBACK_KIND_THUMB, target=target, value=1))
    assert loci.feedback.analyze().groups[0].name == "s"
    adjustment = learning_pb2.Adjustment(
        kind=learning_pb2.ADJUSTMENT_KIND_ANSWER_LENGTH, value_before=100, value_after=60, hypothesis="shorter"
    )
    made = loci.learning.propose(adjustment)
    assert not loci.learning.tuning("session-1").values
    loci.learning.decide(made.id, learning_pb2.ADJUSTMENT_STATE_ADOPTED)
    units = [loci.learning.tuning(f"session-{n}") for n in range(30)]
    assert sum(bool(unit.values) for unit in units) > 20 and all(unit.attributes for unit in units)
