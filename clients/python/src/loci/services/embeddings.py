"""Text to vectors."""

from __future__ import annotations

from typing import List, Optional, Sequence

from loci._proto.loci.v1 import embedding_pb2 as pb
from loci.services.base import Service


class Embeddings(Service):
    name = "loci.v1.EmbeddingService"

    def encode(
        self,
        texts: Sequence[str],
        *,
        input_type: pb.InputType = pb.INPUT_TYPE_UNSPECIFIED,
        timeout: Optional[float] = None,
    ) -> pb.EncodeResponse:
        """Vectors one after the other, shape (texts, dimension): see `rows`."""
        request = pb.EncodeRequest(texts=texts, input_type=input_type)
        return self._call("Encode", request, pb.EncodeResponse, timeout)

    def models(self, *, timeout: Optional[float] = None) -> List[pb.Model]:
        return list(self._call("ListModels", pb.ListModelsRequest(), pb.ListModelsResponse, timeout).models)


def rows(answer: pb.EncodeResponse) -> List[List[float]]:
    """One vector for each text."""
    count, dimension = len(answer.token_counts), answer.dimension
    return [list(answer.vectors[i * dimension : (i + 1) * dimension]) for i in range(count)]
