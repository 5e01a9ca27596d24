import GRDB
import LociCore
import LociLog
import LociProto

/// A projection while a log is applied to it, one transaction for each record, as it was written: full-text segments
/// depend on where commits fell.
struct Replay {
  private let projection: Projection
  private let shard: ShardID
  private let tally: UsageTally
  private(set) var counters: ShardCounters
  private var scopes: [Scope: Int64] = [:]
  private var kept: [ObjectIdentifier: any AnyObject & Sendable] = [:]

  /// Makes the tables in `db`, which nothing but this replay writes to.
  init(_ projection: Projection, shard: ShardID, into db: Database) throws {
    self.projection = projection
    self.shard = shard
    try db.execute(sql: "PRAGMA synchronous = OFF")
    let tally = try UsageTally.install(on: db)
    self.tally = tally
    try db.inTransaction {
      try projection.migrate(db, tally)
      return .commit
    }
    counters = try projection.counters(db)
  }

  /// Applies the events of one record, and `besides` in the same transaction.
  mutating func apply(
    _ events: [LogV1.Event], in db: Database,
    each: (LogV1.Event, _ before: ShardCounters, _ after: ShardCounters) throws -> Void = { _, _, _ in },
    besides: () throws -> Void = {}
  ) throws {
    try db.inTransaction(.immediate) {
      let transaction = ProjectionTransaction(
        db: db, shard: shard, counters: counters, scopes: scopes, tally: tally, kept: kept)
      for event in events {
        let before = transaction.counters
        try projection.apply(event, transaction)
        try each(event, before, transaction.counters)
      }
      try besides()
      try projection.saveCounters(transaction)
      counters = transaction.counters
      scopes = transaction.knownScopes
      kept = transaction.keptObjects
      return .commit
    }
  }
}
