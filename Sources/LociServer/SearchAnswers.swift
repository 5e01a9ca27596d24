import GRDB
import LociContext
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
      date: parts.date, cues: parts.cues, weights: parts.weights.proto, learned: parts.learned)
  }
}

extension V1.SearchReport {
  init<Item>(_ outcome: SearchOutcome<FetchedItems<Item>>, since started: ContinuousClock.Instant) {
    self.init(outcome, truncated: outcome.items.isTruncated, since: started)
  }

  init<Items>(_ outcome: SearchOutcome<Items>, truncated: Bool, since started: ContinuousClock.Instant) {
    self.init(
      vectorsScanned: UInt64(outcome.vectorsScanned), keywordMatches: outcome.keywordMatches,
      pendingEmbeddings: UInt64(outcome.pendingEmbeddings), stages: outcome.stages,
      elapsedUs: (ContinuousClock.now - started).microseconds, position: V1.Position(outcome.position),
      truncated: truncated, partial: outcome.isPartial, timeRange: outcome.timeRange,
      weights: outcome.weights?.proto, adjustmentIDs: outcome.adjustmentIDs)
  }
}

extension Duration {
  var microseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
  }
}

/// Messages that a search found, with the turns around them as far as they go into one answer.
struct FoundMessages: Sendable {
  let messages: FetchedItems<V1.Message>
  private(set) var around: [Int64: (before: [V1.Message], after: [V1.Message])] = [:]
  private(set) var isTruncated: Bool

  /// `items` best first.
  init(_ items: [Int64], neighbours: Int, in db: Database) throws {
    messages = try ContextQueries.messages(items, in: db)
    isTruncated = messages.isTruncated
    guard neighbours > 0 else { return }
    // What is around a hit is given whole or not at all.
    var left =
      AnswerSize.bytesMax
      - messages.byItem.values.reduce(0) {
        $0 + AnswerSize.of($1.text, $1.attributes) + $1.data.count
      }
    for item in items where messages.byItem[item] != nil {
      let found = try ContextQueries.neighbours(of: item, count: neighbours, in: db)
      left -= (found.before + found.after).reduce(0) {
        $0 + AnswerSize.of($1.text, $1.attributes) + $1.data.count
      }
      guard left >= 0 else {
        isTruncated = true
        break
      }
      around[item] = found
    }
  }
}
