"""Experience: tasks that an agent did, how, and what came of it."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Optional, Sequence, Union

from loci._proto.loci.v1 import experience_pb2 as pb
from loci.services.base import Service, attribute_list, pages, write_options


def task(text: str, *, kind: str = "", features: Optional[Mapping[str, str]] = None) -> pb.Task:
    """A task. Strategies are compared among tasks of the same kind."""
    return pb.Task(text=text, kind=kind, features=attribute_list(features))


class Experiences(Service):
    name = "loci.v1.ExperienceService"

    def record(
        self,
        experiences: Union[pb.Experience, Iterable[pb.Experience]],
        *,
        wait_for_index: bool = False,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.RecordExperiencesResponse:
        """Records experiences, all or none; durable when it returns."""
        items = [experiences] if isinstance(experiences, pb.Experience) else list(experiences)
        request = pb.RecordExperiencesRequest(
            scope=self._scope, experiences=items, options=write_options(request_id, wait_for_index)
        )
        return self._call("RecordExperiences", request, pb.RecordExperiencesResponse, timeout)

    def get(self, experience_id: str, *, timeout: Optional[float] = None) -> pb.Experience:
        request = pb.GetExperienceRequest(scope=self._scope, experience_id=experience_id)
        return self._call("GetExperience", request, pb.GetExperienceResponse, timeout).experience

    def list(
        self,
        *,
        kind: str = "",
        strategy: str = "",
        limit: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[pb.Experience]:
        """Newest first."""

        def fetch(page):
            request = pb.ListExperiencesRequest(scope=self._scope, task_kind=kind, strategy=strategy, page=page)
            return self._call("ListExperiences", request, pb.ListExperiencesResponse, timeout)

        return pages(fetch, "experiences", limit)

    def delete(
        self, experience_ids: Sequence[str], *, request_id: Optional[str] = None, timeout: Optional[float] = None
    ) -> pb.DeleteExperiencesResponse:
        request = pb.DeleteExperiencesRequest(
            scope=self._scope, experience_ids=experience_ids, options=write_options(request_id)
        )
        return self._call("DeleteExperiences", request, pb.DeleteExperiencesResponse, timeout)

    def similar(
        self,
        task: pb.Task,
        *,
        steps: Sequence[str] = (),
        limit: int = 10,
        threshold: Optional[float] = None,
        weights: Optional[pb.SimilarityWeights] = None,
        wait_for_index: bool = False,
        timeout: Optional[float] = None,
    ) -> pb.FindSimilarExperiencesResponse:
        """Experiences like a task, and how each strategy fared in them."""
        request = pb.FindSimilarExperiencesRequest(
            scope=self._scope,
            task=task,
            steps=steps,
            limit=limit,
            threshold=threshold,
            weights=weights,
            wait_for_index=wait_for_index,
        )
        return self._call("FindSimilarExperiences", request, pb.FindSimilarExperiencesResponse, timeout)

    def patterns(
        self,
        *,
        kind: str = "",
        strategy: str = "",
        support_min: float = 0,
        length_max: int = 0,
        include_insignificant: bool = False,
        timeout: Optional[float] = None,
    ) -> pb.FindPatternsResponse:
        """Sequences of steps that tell success from failure."""
        request = pb.FindPatternsRequest(
            scope=self._scope,
            task_kind=kind,
            strategy=strategy,
            support_min=support_min,
            length_max=length_max,
            include_insignificant=include_insignificant,
        )
        return self._call("FindPatterns", request, pb.FindPatternsResponse, timeout)
