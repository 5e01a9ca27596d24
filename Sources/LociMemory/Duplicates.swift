import LociCore
import LociProto
import LociStore

/// Finds drafts that say what the agent remembers already, or what an earlier draft of the same call says.
struct Duplicates: Sendable {
  private let policy: V1.DuplicatePolicy
  private let nearest: [Int: Int64]

  /// - Parameter nearest: by place, the item whose meaning is near enough.
  init(_ request: V1.AddMemoriesRequest, nearest: [Int: Int64]) throws(LociError) {
    switch request.duplicates {
    case .unspecified, .keep, .exact, .near: policy = request.duplicates
    default: throw .invalid(field: "duplicates", problem: "is not a policy")
    }
    self.nearest = policy == .near ? nearest : [:]
  }

  struct Found {
    /// The memory that says the same, by the draft's place.
    var original: [Int: String] = [:]

    /// `nil` when there are none.
    var event: LogV1.MemoriesSaidAgain? {
      guard !original.isEmpty else { return nil }
      var counts: [String: UInt32] = [:]
      for id in original.values { counts[id, default: 0] += 1 }
      let sorted = counts.sorted { $0.key < $1.key }
      return LogV1.MemoriesSaidAgain(ids: sorted.map(\.key), counts: sorted.map(\.value))
    }
  }

  func find(_ drafts: [LogV1.AddedMemory], _ scope: Scope, _ transaction: ProjectionTransaction) throws
    -> Found
  {
    var found = Found()
    guard policy == .exact || policy == .near else { return found }
    let row = try transaction.scopeRow(scope)
    var firsts: [UInt64: String] = [:]
    for (place, draft) in drafts.enumerated() where draft.details?.supersedesID.isEmpty ?? true {
      let fingerprint = draft.details?.fingerprint ?? 0
      if fingerprint != 0, let first = firsts[fingerprint] {
        found.original[place] = first
        continue
      }
      if let row, let known = try known(place, draft, fingerprint, row, transaction) {
        found.original[place] = known
      } else {
        firsts[fingerprint] = draft.id
      }
    }
    return found
  }

  private func known(
    _ place: Int, _ draft: LogV1.AddedMemory, _ fingerprint: UInt64, _ row: Int64,
    _ transaction: ProjectionTransaction
  ) throws -> String? {
    if let same = try MemoryQueries.duplicate(
      of: fingerprint, scope: row, now: transaction.at, in: transaction.db)
    {
      return same
    }
    // It may have changed or gone since it was found near.
    guard let item = nearest[place],
      let near = try MemoryQueries.indexed(item, scope: row, now: transaction.at, in: transaction.db),
      NearDuplicate.mayMerge(near.text, draft.text)
    else { return nil }
    return near.id
  }
}
