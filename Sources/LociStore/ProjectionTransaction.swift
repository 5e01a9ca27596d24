package import GRDB
package import LociCore

/// The projection inside one write transaction of a shard. Belongs to the writer's queue.
package final class ProjectionTransaction {
  package let db: Database
  package let shard: ShardID
  /// Time of the event that is being decided or applied.
  package internal(set) var at: Timestamp
  /// Number of the event that is being applied.
  package internal(set) var sequence: LogSequence = 0

  var counters: ShardCounters
  private var scopes: [Scope: Int64]
  private(set) var keptObjects: [ObjectIdentifier: any AnyObject & Sendable]
  private(set) var effects: [@Sendable () -> Void] = []
  private let tally: UsageTally
  /// What was added and removed, by tenant, once it is saved.
  private(set) var usage: [TenantID: StoredAmount] = [:]

  init(
    db: Database, shard: ShardID, counters: ShardCounters, scopes: [Scope: Int64], tally: UsageTally,
    kept: [ObjectIdentifier: any AnyObject & Sendable] = [:], at: Timestamp = Timestamp(microseconds: 0)
  ) {
    self.db = db
    self.tally = tally
    // What a transaction that failed had gathered.
    _ = tally.take()
    self.at = at
    self.shard = shard
    self.counters = counters
    self.scopes = scopes
    keptObjects = kept
  }

  var knownScopes: [Scope: Int64] { scopes }

  /// Row of a scope that has data here, `nil` when it has none.
  package func scopeRow(_ scope: Scope) throws -> Int64? {
    if let row = scopes[scope] { return row }
    let row = try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT row FROM scopes WHERE tenant = ? AND agent = ?"),
      arguments: [scope.tenant.rawValue, scope.agent.rawValue])
    if let row { scopes[scope] = row }
    return row
  }

  /// Row of a scope, made when it is new. For `apply` only.
  package func ensureScopeRow(_ scope: Scope) throws -> Int64 {
    if let row = try scopeRow(scope) { return row }
    counters.lastScope += 1
    try db.cachedStatement(sql: "INSERT INTO scopes (row, tenant, agent) VALUES (?, ?, ?)")
      .execute(arguments: [counters.lastScope, scope.tenant.rawValue, scope.agent.rawValue])
    scopes[scope] = counters.lastScope
    return counters.lastScope
  }

  /// A row id for a new item (message or memory), never used before in this shard. For `apply` only.
  package func nextItem() -> Int64 {
    counters.lastItem += 1
    return counters.lastItem
  }

  /// The row ids that the next `count` calls of `nextItem` will give. For `decide`.
  package func upcomingItems(_ count: Int) -> [Int64] {
    (0..<Int64(count)).map { counters.lastItem + 1 + $0 }
  }

  /// What a slice keeps in memory from one transaction to the next beside its tables, one object for each type. It is
  /// dropped when a transaction fails, so `make` must be able to find its content in the tables again.
  package func kept<T: AnyObject & Sendable>(_ make: () throws -> T) rethrows -> T {
    let key = ObjectIdentifier(T.self)
    if let object = keptObjects[key] as? T { return object }
    let object = try make()
    keptObjects[key] = object
    return object
  }

  /// The number that the next event will have. For `decide`.
  package var upcomingSequence: LogSequence { counters.applied + 1 }

  func saveUsage() throws {
    let amounts = tally.take()
    guard !amounts.isEmpty else { return }
    let rows = kept { KeptTenantRows() }
    usage = try UsageTable.add(amounts, &rows.rows, db)
  }

  /// Runs after the commit and before its answers, in order. Not run on a rebuild.
  package func afterCommit(_ effect: @escaping @Sendable () -> Void) {
    effects.append(effect)
  }
}

private final class KeptTenantRows: @unchecked Sendable {  // only the shard's writer has it
  var rows = TenantRows()
}

/// Counters of a shard that only the log moves.
struct ShardCounters: Equatable {
  var lastItem: Int64 = 0
  var lastScope: Int64 = 0
  var applied: LogSequence = 0
}
