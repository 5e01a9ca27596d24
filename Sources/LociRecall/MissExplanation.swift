package import GRDB
package import LociCore
package import LociStore

/// Why an item is not among the hits of a search.
package enum MissReason: Sendable, Equatable {
  case found, notThere, expired, superseded, filtered, notIndexed, notACandidate, rank
}

/// Where an item stands before it is looked for.
package enum ItemState: Sendable, Equatable {
  case present(item: Int64)
  case notThere
  case expired
  case superseded
}

package struct MissExplanation: Sendable {
  package var reason: MissReason
  /// From 1; 0: not ranked.
  package var rank = 0
  package var score: Float = 0
  /// Of the last hit.
  package var lastScore: Float = 0
  package var parts: RankedItem.Parts?
}

extension HybridSearch {
  /// Runs the search as it was, to a greater depth, and looks for the item in it.
  /// - Parameters:
  ///   - state: where the item stands, on the search's snapshot.
  ///   - hasWaiting: whether an item's vector is still to come.
  package func explainMiss(
    _ request: SearchRequest, scope: Scope, source: any ItemSource, shard: Shard, consistency: Consistency,
    tuning: @escaping @Sendable (_ scopeRow: Int64, _ db: Database) throws -> SearchTuning,
    checkCancellation: @escaping @Sendable () throws -> Void,
    allowed: @escaping @Sendable (_ scopeRow: Int64, _ db: Database) throws -> Set<Int64>?,
    state: @escaping @Sendable (_ db: Database) throws -> ItemState
  ) async throws -> SearchOutcome<MissExplanation> {
    let deeper = request.deeper()
    let kind = source.kind
    let outcome = try await search(
      deeper, scope: scope, source: source, shard: shard, consistency: consistency,
      tuning: tuning, checkCancellation: checkCancellation, allowed: allowed
    ) { _, db in
      let row = try ScopeQueries.row(scope, in: db)
      let state = try state(db)
      guard case .present(let item) = state, let row else {
        return Standing(state: state, isAllowed: true, isPending: false)
      }
      return Standing(
        state: state, isAllowed: try allowed(row, db)?.contains(item) ?? true,
        isPending: try Int64.fetchOne(
          db.cachedStatement(sql: "SELECT 1 FROM pending WHERE bucket = ? AND item = ?"),
          arguments: [Bucket(scopeRow: row, kind: kind).rawValue, item]) != nil)
    }
    return outcome.replacing(items: outcome.items.explain(outcome.ranked, limit: request.limit))
  }
}

private struct Standing: Sendable {
  let state: ItemState
  let isAllowed: Bool
  let isPending: Bool

  func explain(_ ranked: [RankedItem], limit: Int) -> MissExplanation {
    switch state {
    case .notThere: return MissExplanation(reason: .notThere)
    case .expired: return MissExplanation(reason: .expired)
    case .superseded: return MissExplanation(reason: .superseded)
    case .present(let item):
      let last = ranked.prefix(limit).last?.score ?? 0
      if let place = ranked.firstIndex(where: { $0.item == item }) {
        return MissExplanation(
          reason: place < limit ? .found : .rank, rank: place + 1, score: ranked[place].score,
          lastScore: last,
          parts: ranked[place].parts)
      }
      let reason: MissReason = !isAllowed ? .filtered : isPending ? .notIndexed : .notACandidate
      return MissExplanation(reason: reason, lastScore: last)
    }
  }
}

extension SearchOutcome {
  func replacing<Other: Sendable>(items: Other) -> SearchOutcome<Other> {
    SearchOutcome<Other>(
      items: items, ranked: ranked, vectorsScanned: vectorsScanned, keywordMatches: keywordMatches,
      pendingEmbeddings: pendingEmbeddings, stages: stages, position: position, isPartial: isPartial,
      timeRange: timeRange, weights: weights, adjustmentIDs: adjustmentIDs)
  }
}
