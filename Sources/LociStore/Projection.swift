import GRDB
import LociCore
import LociProto

/// The tables of a shard and how the log drives them.
struct Projection: Sendable {
  let slices: [any Slice]

  init(slices: [any Slice], quotas: TenantQuotas) {
    self.slices = [RequestSlice(), ErasureSlice(), QuotaSlice(quotas: quotas)] + slices
  }

  /// Tables that belong to no slice.
  private static let coreTables = [
    ProjectedTable("scopes", orderedBy: "row"), ProjectedTable("shard_state", orderedBy: "one")
  ]

  var tables: [ProjectedTable] { Self.coreTables + UsageTable.tables + slices.flatMap(\.tables) }

  /// Makes the tables that are missing, runs the migrations that have not run, and has `tally` told of every change.
  func migrate(_ db: Database, _ tally: UsageTally) throws {
    try db.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS migrations (
          slice TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (slice, version)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS scopes (
          row INTEGER PRIMARY KEY, tenant TEXT NOT NULL, agent TEXT NOT NULL, UNIQUE (tenant, agent)
        ) STRICT;
        CREATE TABLE IF NOT EXISTS shard_state (
          one INTEGER PRIMARY KEY CHECK (one = 1),
          applied INTEGER NOT NULL, last_item INTEGER NOT NULL, last_scope INTEGER NOT NULL
        ) STRICT;
        INSERT OR IGNORE INTO shard_state VALUES (1, 0, 0, 0);
        """)
    try UsageTable.create(db)
    var hasMigrated = false
    for slice in slices {
      let done =
        try Int.fetchOne(
          db, sql: "SELECT count(*) FROM migrations WHERE slice = ?", arguments: [slice.name]) ?? 0
      guard done <= slice.migrations.count else {
        throw LociError.failedPrecondition(
          "the data directory was written by a newer Loci: \(slice.name) is at version \(done)")
      }
      for (index, migration) in slice.migrations.enumerated().dropFirst(done) {
        try migration(db)
        hasMigrated = true
        try db.execute(
          sql: "INSERT INTO migrations VALUES (?, ?)", arguments: [slice.name, index + 1])
      }
    }
    try UsageTable.watch(slices.flatMap(\.counted), tablesChanged: hasMigrated, tally, db)
  }

  /// What the events of a command add to what their tenant has stored. Nothing when it undoes something: what it brings
  /// back was there.
  func growth(
    _ events: [LogV1.Event.Kind], scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    var growth = StoredAmount.zero
    for event in events {
      switch event {
      case .sessionRolledBack, .consolidationUndone, .compactionUndone: return .zero
      default: break
      }
      for slice in slices { growth += try slice.growth(event, scope: scope, transaction) }
    }
    return growth
  }

  func counters(_ db: Database) throws -> ShardCounters {
    guard let row = try Row.fetchOne(db, sql: "SELECT applied, last_item, last_scope FROM shard_state")
    else { throw LociError.internalError(detail: "shard_state is empty") }
    return ShardCounters(
      lastItem: row[1], lastScope: row[2], applied: LogSequence(bitPattern: row[0] as Int64))
  }

  /// Applies one event; its number is the one after `counters.applied`.
  func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    transaction.counters.applied += 1
    transaction.sequence = transaction.counters.applied
    transaction.at = Timestamp(microseconds: event.atUs)
    for slice in slices { try slice.apply(event, transaction) }
    if case .dataForgotten(let forgotten) = event.kind, forgotten.wholeAgent {
      try forget(try Scope(tenant: event.tenant, agent: event.agent), transaction)
    }
  }

  /// Tables that an agent which is forgotten as a whole stays in.
  private static let kept: Set<String> = [
    "scopes", "erasures", "access_keys", "access_grants", "access_refusals", "audit_logs", "audit_records",
    "audit_nodes",
    "audit_heads", "audit_rules", "audit_violations", "audit_webhooks", "audit_outbox"
  ]

  /// Drops what is left of an agent whose searchable items are deleted already: every row that names its scope.
  private func forget(_ scope: Scope, _ transaction: ProjectionTransaction) throws {
    let row = try transaction.ensureScopeRow(scope)
    for table in tables.reversed() where !Self.kept.contains(table.name) {
      let columns = try transaction.db.columns(in: table.name)
      guard columns.contains(where: { $0.name == "scope" }) else { continue }
      try transaction.db.execute(sql: "DELETE FROM \(table.name) WHERE scope = ?", arguments: [row])
    }
  }

  /// Writes the counters back, and what tenants have stored; once for each transaction.
  func saveCounters(_ transaction: ProjectionTransaction) throws {
    try transaction.saveUsage()
    let counters = transaction.counters
    try transaction.db.cachedStatement(
      sql: "UPDATE shard_state SET applied = ?, last_item = ?, last_scope = ?"
    ).execute(arguments: [
      Int64(bitPattern: counters.applied), counters.lastItem, counters.lastScope
    ])
  }
}
