"""Feedback: what people and systems thought of what an agent did."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional, Union

from loci._proto.loci.v1 import feedback_pb2 as pb
from loci.services.base import Service, pages, write_options


class Feedback(Service):
    name = "loci.v1.FeedbackService"

    def give(
        self,
        feedback: Union[pb.Feedback, Iterable[pb.Feedback]],
        *,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.GiveFeedbackResponse:
        """Records feedback, all or none."""
        items = [feedback] if isinstance(feedback, pb.Feedback) else list(feedback)
        request = pb.GiveFeedbackRequest(scope=self._scope, feedback=items, options=write_options(request_id))
        return self._call("GiveFeedback", request, pb.GiveFeedbackResponse, timeout)

    def list(
        self, *, target: Optional[pb.Target] = None, limit: Optional[int] = None, timeout: Optional[float] = None
    ) -> Iterator[pb.Feedback]:
        """Newest first."""

        def fetch(page):
            request = pb.ListFeedbackRequest(scope=self._scope, target=target, page=page)
            return self._call("ListFeedback", request, pb.ListFeedbackResponse, timeout)

        return pages(fetch, "feedback", limit)

    def report_metrics(
        self,
        samples: Union[pb.MetricSample, Iterable[pb.MetricSample]],
        *,
        request_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> pb.ReportMetricsResponse:
        items = [samples] if isinstance(samples, pb.MetricSample) else list(samples)
        request = pb.ReportMetricsRequest(scope=self._scope, samples=items, options=write_options(request_id))
        return self._call("ReportMetrics", request, pb.ReportMetricsResponse, timeout)

    def analyze(
        self, *, grouping: int = pb.FEEDBACK_GROUPING_STRATEGY, timeout: Optional[float] = None
    ) -> pb.AnalyzeFeedbackResponse:
        request = pb.AnalyzeFeedbackRequest(scope=self._scope, grouping=grouping)
        return self._call("AnalyzeFeedback", request, pb.AnalyzeFeedbackResponse, timeout)
