/// Rankings of several agents put together. Each agent's scores are standardised over its own candidates, and say
/// nothing beside another's: an agent that has nothing to the point has a best hit too. So the parts are standardised
/// again, over the hits of all agents. BM25 keeps the document frequencies of each agent.
package enum AcrossAgents {
  package struct Place: Sendable {
    /// Index of the ranking, and of the item in it.
    package let ranking: Int
    package let item: RankedItem
  }

  /// The best `limit` of all rankings.
  package static func merge(_ rankings: [[RankedItem]], limit: Int) -> [Place] {
    let places = rankings.enumerated().flatMap { ranking, items in
      items.map { Place(ranking: ranking, item: $0) }
    }
    guard rankings.count(where: { !$0.isEmpty }) > 1, let weights = places.first?.item.parts.weights else {
      return Array(places.prefix(limit))
    }
    let candidates = places.enumerated().map { index, place in
      Candidate(parts: place.item.parts, item: Int64(index))
    }
    return Fusion.rank(candidates, weights: weights, limit: limit).map { ranked in
      let place = places[Int(ranked.item)]
      let item = RankedItem(item: place.item.item, score: ranked.score, parts: ranked.parts)
      return Place(ranking: place.ranking, item: item)
    }
  }
}

extension Candidate {
  /// As it was before it was ranked.
  fileprivate init(parts: RankedItem.Parts, item: Int64) {
    self.init(item: item)
    cosine = parts.cosine == 0 ? nil : parts.cosine
    bm25 = parts.bm25
    (semanticRank, exactRank) = (parts.semanticRank, parts.exactRank)
    (recency, importance, access) = (parts.recency, parts.importance, parts.access)
    (type, trust) = (parts.type, parts.trust)
    rankedCues = parts.cues
    let windows = [parts.windowCosine, parts.windowBM25Narrow, parts.windowBM25Wide, parts.coverage]
    guard windows.contains(where: { $0 != 0 }) else { return }
    passage = PassageScores(
      narrow: parts.windowBM25Narrow, wide: parts.windowBM25Wide, coverage: parts.coverage,
      windowCosine: parts.windowCosine == 0 ? nil : parts.windowCosine)
    cues.speaker = parts.speaker
    cues.date = parts.date
  }
}
