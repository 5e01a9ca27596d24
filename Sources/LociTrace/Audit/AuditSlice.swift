import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociStore

/// Tables of audit logs, and how events change them.
package struct AuditSlice: Slice {
  private let watch: ViolationWatch?
  private let book: AuditRuleBook?

  /// - Parameters:
  ///   - watch: told of violations once they are durable.
  ///   - book: told of rules once they are durable.
  package init(watch: ViolationWatch? = nil, book: AuditRuleBook? = nil) {
    self.watch = watch
    self.book = book
  }

  package let name = "audit"
  package let tables = [
    ProjectedTable("audit_logs", orderedBy: "scope"),
    ProjectedTable("audit_records", orderedBy: "scope, number"),
    ProjectedTable("audit_nodes", orderedBy: "scope, level, place"),
    ProjectedTable("audit_heads", orderedBy: "scope, size"),
    ProjectedTable("audit_rules", orderedBy: "scope"),
    ProjectedTable("audit_webhooks", orderedBy: "scope, place"),
    ProjectedTable("audit_violations", orderedBy: "row"), ProjectedTable("audit_outbox", orderedBy: "row")
  ]

  package var migrations: [@Sendable (Database) throws -> Void] { [AuditTables.create] }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .auditRecorded(let recorded): try apply(recorded, event, transaction)
    case .auditHeadSigned(let signed):
      let head = try V1.AuditHead(decoding: signed.head)
      try transaction.db.cachedStatement(
        sql: "INSERT OR REPLACE INTO audit_heads (scope, size, head) VALUES (?, ?, ?)"
      ).execute(arguments: [
        try scopeRow(event, transaction), Int64(bitPattern: head.size), Data(signed.head)
      ])
    case .auditRulesSet(let set):
      try apply(set, try scopeRow(event, transaction), transaction)
      if let book {
        let owner = try Scope(tenant: event.tenant, agent: event.agent)
        transaction.afterCommit { try? book.set(set.rules, of: owner) }
      }
    case .stepsViolated(let violated):
      let scope = try scopeRow(event, transaction)
      for violation in violated.violations { try apply(violation, scope, event, transaction) }
    case .auditAlertsDelivered(let delivered):
      let db = transaction.db
      for row in delivered.rows {
        try db.cachedStatement(sql: "DELETE FROM audit_outbox WHERE row = ?").execute(arguments: [row])
      }
      for (row, time) in zip(delivered.failedRows, delivered.retryAtUs) {
        try db.cachedStatement(
          sql: "UPDATE audit_outbox SET attempts = attempts + 1, next_at_us = ? WHERE row = ?"
        ).execute(arguments: [time, row])
      }
    default: break
    }
  }

  private func scopeRow(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Int64 {
    try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
  }

  private func apply(
    _ recorded: LogV1.AuditRecorded, _ event: LogV1.Event, _ transaction: ProjectionTransaction
  ) throws {
    let scope = try scopeRow(event, transaction)
    let db = transaction.db
    let leaf = MerkleTree.leaf(recorded.entry)
    let number = Int64(bitPattern: recorded.number)
    try db.cachedStatement(
      sql: """
        INSERT INTO audit_records (scope, number, entry, leaf, chain, at_us) VALUES (?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      scope, number, Data(recorded.entry), Data(leaf), Data(recorded.chain),
      try V1.AuditEntry(decoding: recorded.entry).atUs
    ])
    try db.cachedStatement(
      sql: """
        INSERT INTO audit_logs (scope, size, chain) VALUES (?, ?, ?)
        ON CONFLICT (scope) DO UPDATE SET size = excluded.size, chain = excluded.chain
        """
    ).execute(arguments: [scope, number, Data(recorded.chain)])
    try addNodes(above: leaf, place: recorded.number - 1, scope, db)
    for violation in recorded.violations { try apply(violation, scope, event, transaction) }
  }

  /// The subtrees that the new leaf makes full.
  private func addNodes(above leaf: [UInt8], place: UInt64, _ scope: Int64, _ db: Database) throws {
    var hash = leaf
    var place = place
    var level = 0
    while place & 1 == 1 {
      hash = MerkleTree.node(try AuditQueries.node(level, place - 1, scope: scope, in: db), hash)
      place >>= 1
      level += 1
      try db.cachedStatement(sql: "INSERT INTO audit_nodes (scope, level, place, hash) VALUES (?, ?, ?, ?)")
        .execute(arguments: [scope, level, Int64(bitPattern: place), Data(hash)])
    }
  }

  private func apply(
    _ encoded: [UInt8], _ scope: Int64, _ event: LogV1.Event, _ transaction: ProjectionTransaction
  ) throws {
    let violation = try V1.AuditViolation(decoding: encoded)
    let db = transaction.db
    let row = transaction.nextItem()
    try db.cachedStatement(
      sql: """
        INSERT INTO audit_violations (row, scope, rule, record, at_us, violation) VALUES (?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      row, scope, violation.rule, Int64(bitPattern: violation.record), violation.atUs, Data(encoded)
    ])
    let webhooks = try Data.fetchAll(
      db.cachedStatement(sql: "SELECT webhook FROM audit_webhooks WHERE scope = ? ORDER BY place"),
      arguments: [scope])
    for webhook in webhooks {
      try db.cachedStatement(
        sql: """
          INSERT INTO audit_outbox (row, scope, webhook, violation, attempts, next_at_us)
          VALUES (?, ?, ?, ?, 0, ?)
          """
      ).execute(arguments: [transaction.nextItem(), scope, webhook, row, transaction.at.microseconds])
    }
    if let watch {
      let owner = try Scope(tenant: event.tenant, agent: event.agent)
      transaction.afterCommit { watch.publish(violation, of: owner) }
    }
  }

  private func apply(
    _ set: LogV1.AuditRulesSet, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    try db.cachedStatement(
      sql: """
        INSERT INTO audit_rules (scope, rules) VALUES (?, ?)
        ON CONFLICT (scope) DO UPDATE SET rules = excluded.rules
        """
    ).execute(arguments: [scope, set.rules])
    try db.cachedStatement(sql: "DELETE FROM audit_webhooks WHERE scope = ?").execute(arguments: [scope])
    for (place, webhook) in set.webhooks.enumerated() {
      try db.cachedStatement(sql: "INSERT INTO audit_webhooks (scope, place, webhook) VALUES (?, ?, ?)")
        .execute(arguments: [scope, place, Data(webhook)])
    }
  }
}

/// Hands violations that became durable to those who watch.
package final class ViolationWatch: Sendable {
  static let waitingMax = 1_024

  private struct State {
    var watchers:
      [Int: (scope: Scope, stream: AsyncThrowingStream<V1.AuditViolation, any Error>.Continuation)] =
        [:]
    var next = 0
  }

  private let state = Locked(State())

  package init() {}

  package func watch(_ scope: Scope) -> AsyncThrowingStream<V1.AuditViolation, any Error> {
    let (stream, continuation) = AsyncThrowingStream.makeStream(
      of: V1.AuditViolation.self, bufferingPolicy: .bufferingOldest(Self.waitingMax))
    let id = state.withLock { state in
      state.next += 1
      state.watchers[state.next] = (scope, continuation)
      return state.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) }
    }
    return stream
  }

  func publish(_ violation: V1.AuditViolation, of scope: Scope) {
    let streams = state.withLock { state in
      state.watchers.values.filter { $0.scope == scope }.map(\.stream)
    }
    for stream in streams {
      if case .dropped = stream.yield(violation) {
        stream.finish(throwing: LociError.overloaded(queue: "violations", limit: Self.waitingMax))
      }
    }
  }
}
