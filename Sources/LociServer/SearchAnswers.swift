import LociProto
import LociRecall

extension V1.Explanation {
  init(_ parts: RankedItem.Parts) {
    self.init(
      cosine: parts.cosine, bm25: parts.bm25, semanticZ: parts.semanticZ, exactZ: parts.exactZ,
      recency: parts.recency, importance: parts.importance, semanticRank: UInt32(parts.semanticRank),
      exactRank: UInt32(parts.exactRank), access: parts.access, type: parts.type, trust: parts.trust,
      windowCosine: parts.windowCosine, windowBm25Narrow: parts.windowBM25Narrow,
      windowBm25Wide: parts.windowBM25Wide, coverage: parts.coverage, speaker: parts.speaker,
      date: parts.date, cues: parts.cues, weights: parts.weights.proto)
  }
}

extension V1.SearchReport {
  init<Item>(_ outcome: SearchOutcome<FetchedItems<Item>>, since started: ContinuousClock.Instant) {
    self.init(
      vectorsScanned: UInt64(outcome.vectorsScanned), keywordMatches: outcome.keywordMatches,
      pendingEmbeddings: UInt64(outcome.pendingEmbeddings), stages: outcome.stages,
      elapsedUs: (ContinuousClock.now - started).microseconds, position: V1.Position(outcome.position),
      truncated: outcome.items.isTruncated, partial: outcome.isPartial, timeRange: outcome.timeRange,
      weights: outcome.weights?.proto)
  }
}

extension Duration {
  var microseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
  }
}
