package import LociCore
import LociProto
package import LociStore

/// Which memories searches returned, gathered and written now and then: a search never waits for it. What was not yet
/// written is lost when the server stops hard.
package final class AccessRecorder: Sendable {
  private struct Counts {
    var items: [Scope: [Int64: UInt32]] = [:]
    var total = 0
    var last = Timestamp(microseconds: 0)
  }

  private let counts = Locked(Counts())
  /// Further ones are not counted until these are written.
  private static let itemsMax = 65_536
  /// Hits of a search that count as found.
  package static let hitsCounted = 10

  package init() {}

  /// `items` best first.
  package func found(_ items: some Sequence<Int64>, scope: Scope, at now: Timestamp) {
    counts.withLock { counts in
      counts.last = max(counts.last, now)
      for item in items.prefix(Self.hitsCounted) where counts.total < Self.itemsMax {
        counts.items[scope, default: [:]][item, default: 0] += 1
        counts.total += 1
      }
    }
  }

  /// Writes what was gathered. What a shard refuses is not kept.
  package func flush(to store: Store) async {
    let gathered = counts.withLock { counts in
      defer { counts = Counts() }
      return counts
    }
    for (scope, items) in gathered.items {
      _ = try? await store.shard(of: scope).submit(
        RecordAccess(scope: scope, items: items, last: gathered.last))
    }
  }
}

private struct RecordAccess: Command {
  let scope: Scope
  let requestKey: RequestKey? = nil
  let costBytes: Int
  private let event: LogV1.MemoriesAccessed

  init(scope: Scope, items: [Int64: UInt32], last: Timestamp) {
    self.scope = scope
    let sorted = items.sorted { $0.key < $1.key }
    event = LogV1.MemoriesAccessed(
      items: sorted.map(\.key), counts: sorted.map(\.value), lastUs: last.microseconds)
    costBytes = 512 + sorted.count * 16
  }

  func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    Decision(events: [.memoriesAccessed(event)], answer: Written())
  }
}
