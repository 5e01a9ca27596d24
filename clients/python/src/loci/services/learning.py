"""Learning: recommendations, their outcomes, adjustments, and consolidation of memories."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Optional, Sequence, Union

from loci._proto.loci.v1 import experience_pb2, types_pb2
from loci._proto.loci.v1 import learning_pb2 as pb
from loci.services.base import Service, pages, write_options


class Learning(Service):
    name = "loci.v1.LearningService"

    def recommend(
        self,
        task: experience_pb2.Task,
        strategies: Union[Iterable[str], Mapping[str, float]] = (),
        *,
        exploration: int = pb.EXPLORATION_UNSPECIFIED,
        epsilon: Optional[float] = None,
        cost_weight: float = 0,
        half_life_decisions: float = 0,
        dry_run: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.RecommendStrategyResponse:
        """Ranks strategies (names, or names with their costs) and chooses one. Report what came of it."""
        costs = strategies if isinstance(strategies, Mapping) else {name: 0.0 for name in strategies}
        request = pb.RecommendStrategyRequest(
            scope=self._scope,
            task=task,
            strategies=[pb.StrategyOption(strategy=name, cost=cost) for name, cost in costs.items()],
            exploration=exploration,
            epsilon=epsilon,
            cost_weight=cost_weight,
            half_life_decisions=half_life_decisions,
            dry_run=dry_run,
            options=write_options(request_id),
        )
        return self._call("RecommendStrategy", request, pb.RecommendStrategyResponse, timeout)

    def report(
        self,
        decision_id: str,
        reward: float,
        *,
        cost: float = 0,
        duration_ms: int = 0,
        used_strategy: str = "",
        rater: str = "",
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.ReportOutcomeResponse:
        """How a decision turned out, 0 to 1."""
        request = pb.ReportOutcomeRequest(
            scope=self._scope,
            decision_id=decision_id,
            reward=reward,
            cost=cost,
            duration_ms=duration_ms,
            used_strategy=used_strategy,
            rater=rater,
            options=write_options(request_id),
        )
        return self._call("ReportOutcome", request, pb.ReportOutcomeResponse, timeout)

    def decisions(self, *, kind: str = "", timeout: Optional[float] = None) -> Iterator[pb.Decision]:
        """Every decision with its propensities and outcome, oldest first."""
        request = pb.ExportDecisionsRequest(scope=self._scope, task_kind=kind)
        for answer in self._stream("ExportDecisions", request, pb.ExportDecisionsResponse, timeout):
            yield from answer.decisions

    def run_cycle(
        self, *, request_id: Optional[str] = None, timeout: Optional[float] = None
    ) -> pb.LearningCycle:
        request = pb.RunLearningCycleRequest(scope=self._scope, options=write_options(request_id))
        return self._call("RunLearningCycle", request, pb.RunLearningCycleResponse, timeout).cycle

    def cycles(self, *, limit: Optional[int] = None, timeout: Optional[float] = None) -> Iterator[pb.LearningCycle]:
        """Newest first."""

        def fetch(page):
            request = pb.ListLearningCyclesRequest(scope=self._scope, page=page)
            return self._call("ListLearningCycles", request, pb.ListLearningCyclesResponse, timeout)

        return pages(fetch, "cycles", limit)

    def propose(
        self,
        adjustment: pb.Adjustment,
        *,
        start_trial: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.Adjustment:
        request = pb.ProposeAdjustmentRequest(
            scope=self._scope, adjustment=adjustment, start_trial=start_trial, options=write_options(request_id)
        )
        return self._call("ProposeAdjustment", request, pb.ProposeAdjustmentResponse, timeout).adjustment

    def decide(
        self,
        adjustment_id: str,
        state: int,
        reason: str = "",
        *,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.Adjustment:
        request = pb.DecideAdjustmentRequest(
            scope=self._scope,
            adjustment_id=adjustment_id,
            state=state,
            reason=reason,
            options=write_options(request_id),
        )
        return self._call("DecideAdjustment", request, pb.DecideAdjustmentResponse, timeout).adjustment

    def adjustments(
        self, *, states: Sequence[int] = (), limit: Optional[int] = None, timeout: Optional[float] = None
    ) -> Iterator[pb.Adjustment]:
        """Newest first."""

        def fetch(page):
            request = pb.ListAdjustmentsRequest(scope=self._scope, states=states, page=page)
            return self._call("ListAdjustments", request, pb.ListAdjustmentsResponse, timeout)

        return pages(fetch, "adjustments", limit)

    def tuning(self, unit: str, *, kind: str = "", timeout: Optional[float] = None) -> pb.GetTuningResponse:
        """The values in force for a unit of work; put its `attributes` on the unit's experience."""
        request = pb.GetTuningRequest(scope=self._scope, unit=unit, task_kind=kind)
        return self._call("GetTuning", request, pb.GetTuningResponse, timeout)

    def consolidate(
        self,
        *,
        filter: Optional[types_pb2.Filter] = None,
        candidate_similarity: float = 0,
        digest_cluster_min: int = 0,
        dry_run: bool = False,
        wait_for_index: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.ConsolidateMemoriesResponse:
        """Merges duplicate memories, links superseded and contradicting ones."""
        request = pb.ConsolidateMemoriesRequest(
            scope=self._scope,
            filter=filter,
            candidate_similarity=candidate_similarity,
            digest_cluster_min=digest_cluster_min,
            dry_run=dry_run,
            wait_for_index=wait_for_index,
            options=write_options(request_id),
        )
        return self._call("ConsolidateMemories", request, pb.ConsolidateMemoriesResponse, timeout)

    def undo_consolidation(
        self, consolidation_id: str, *, request_id: Optional[str] = None, timeout: Optional[float] = None
    ) -> pb.UndoConsolidationResponse:
        request = pb.UndoConsolidationRequest(
            scope=self._scope, consolidation_id=consolidation_id, options=write_options(request_id)
        )
        return self._call("UndoConsolidation", request, pb.UndoConsolidationResponse, timeout)

    def weak_memories(
        self, *, strength_max: float = 0, limit: int = 0, timeout: Optional[float] = None
    ) -> Sequence[pb.WeakMemory]:
        request = pb.ListWeakMemoriesRequest(scope=self._scope, strength_max=strength_max, limit=limit)
        return self._call("ListWeakMemories", request, pb.ListWeakMemoriesResponse, timeout).memories

    def reinforce(
        self, memory_ids: Sequence[str], *, request_id: Optional[str] = None, timeout: Optional[float] = None
    ) -> pb.ReinforceMemoriesResponse:
        request = pb.ReinforceMemoriesRequest(
            scope=self._scope, memory_ids=memory_ids, options=write_options(request_id)
        )
        return self._call("ReinforceMemories", request, pb.ReinforceMemoriesResponse, timeout)
