import Foundation
package import GRDB
import LociCore
package import LociProto
package import LociRecall
package import LociStore

/// Table of memories, and how events change it.
package struct MemorySlice: Slice {
  private let index: IndexSlice
  private let policies: MemoryPolicies

  /// - Parameter policies: told of tenants' policies once they are durable.
  package init(index: IndexSlice, policies: MemoryPolicies = MemoryPolicies()) {
    self.index = index
    self.policies = policies
  }

  package let name = "memories"
  package let tables =
    [
      ProjectedTable("memories", orderedBy: "item"), ProjectedTable("memory_policies", orderedBy: "scope"),
      ProjectedTable("tenant_memory_policies", orderedBy: "tenant")
    ] + MemorySlice.compactionTables

  package var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE memories (
              item INTEGER PRIMARY KEY,
              scope INTEGER NOT NULL REFERENCES scopes (row),
              id TEXT NOT NULL,
              type INTEGER NOT NULL,
              text TEXT NOT NULL,
              text_version INTEGER NOT NULL,
              context_id TEXT NOT NULL,
              trace_id TEXT NOT NULL,
              importance REAL NOT NULL,
              created_at_us INTEGER NOT NULL,
              updated_at_us INTEGER NOT NULL,
              expires_at_us INTEGER NOT NULL, -- 0: never
              attributes TEXT, -- JSON object, NULL when there are none
              version INTEGER NOT NULL,
              UNIQUE (scope, id)
            ) STRICT;
            CREATE INDEX memories_by_time ON memories (scope, created_at_us);
            CREATE INDEX memories_by_type ON memories (scope, type, created_at_us);
            CREATE INDEX memories_by_context ON memories (scope, context_id) WHERE context_id <> '';
            CREATE INDEX memories_by_trace ON memories (scope, trace_id) WHERE trace_id <> '';
            CREATE INDEX memories_by_expiry ON memories (expires_at_us) WHERE expires_at_us > 0;
            """)
      },
      { db in
        try db.execute(
          sql: """
            ALTER TABLE memories ADD COLUMN details BLOB; -- a MemoryDetails, NULL: none
            ALTER TABLE memories ADD COLUMN confidence REAL NOT NULL DEFAULT 1;
            ALTER TABLE memories ADD COLUMN source INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE memories ADD COLUMN trust INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE memories ADD COLUMN valid_from_us INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE memories ADD COLUMN valid_until_us INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE memories ADD COLUMN tags TEXT; -- JSON array, NULL when there are none
            ALTER TABLE memories ADD COLUMN fingerprint INTEGER NOT NULL DEFAULT 0; -- 0: none
            ALTER TABLE memories ADD COLUMN access_count INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE memories ADD COLUMN last_access_at_us INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE memories ADD COLUMN said_count INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE memories ADD COLUMN superseded_by TEXT NOT NULL DEFAULT '';
            ALTER TABLE memories ADD COLUMN superseded_at_us INTEGER NOT NULL DEFAULT 0; -- 0: it is not
            ALTER TABLE memories ADD COLUMN expired_at_us INTEGER NOT NULL DEFAULT 0; -- 0: it is not
            CREATE INDEX memories_by_fingerprint ON memories (scope, fingerprint) WHERE fingerprint <> 0;
            CREATE INDEX memories_to_expire ON memories (scope, expires_at_us)
              WHERE expires_at_us > 0 AND expired_at_us = 0;
            CREATE INDEX memories_expired ON memories (scope, expired_at_us) WHERE expired_at_us > 0;
            CREATE TABLE memory_policies (
              scope INTEGER PRIMARY KEY, policy BLOB NOT NULL, retention_ms INTEGER NOT NULL
            ) STRICT;
            """)
      }, Self.createCompactionTables,
      { db in
        // 0 where the agent's policy does not say: before, that was the default.
        try db.execute(
          sql: """
            CREATE TABLE tenant_memory_policies (
              tenant TEXT PRIMARY KEY, policy BLOB NOT NULL
            ) STRICT, WITHOUT ROWID;
            """)
        for row in try Row.fetchAll(db, sql: "SELECT scope, policy FROM memory_policies") {
          try db.execute(
            sql: "UPDATE memory_policies SET retention_ms = ? WHERE scope = ?",
            arguments: [
              try V1.MemoryPolicy(decoding: [UInt8](row[1] as Data)).retentionMs, row[0] as Int64
            ])
        }
      }
    ]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .memoriesAdded(let added): try apply(added, try bucket(event, transaction), transaction)
    case .memoryUpdated(let updated): try apply(updated, try bucket(event, transaction), transaction)
    case .memoriesDeleted(let deleted): try apply(deleted, try bucket(event, transaction), transaction)
    case .memoriesExpired(let expired): try apply(expired, try bucket(event, transaction), transaction)
    case .memoriesRestored(let restored): try apply(restored, try bucket(event, transaction), transaction)
    case .memoriesAccessed(let accessed): try apply(accessed, try bucket(event, transaction), transaction)
    case .memoriesSaidAgain(let said): try apply(said, try bucket(event, transaction), transaction)
    case .memoryPolicySet(let set): try apply(set, try bucket(event, transaction), transaction)
    case .memoriesCompacted(let compacted): try apply(compacted, try bucket(event, transaction), transaction)
    case .memoryCompactionUndone(let undone): try apply(undone, try bucket(event, transaction), transaction)
    case .tenantMemoryPolicySet(let set):
      let (tenant, policy) = (
        try TenantID(validating: event.tenant), try V1.MemoryPolicy(decoding: set.policy)
      )
      try transaction.db.cachedStatement(
        sql: "INSERT OR REPLACE INTO tenant_memory_policies (tenant, policy) VALUES (?, ?)"
      ).execute(arguments: [event.tenant, Data(set.policy)])
      transaction.afterCommit { [policies] in policies.set(policy, of: tenant) }
    default: break
    }
  }

  private func bucket(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Bucket {
    let scope = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
    return Bucket(scopeRow: scope, kind: .memories)
  }

  func apply(
    _ added: LogV1.MemoriesAdded, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let insert = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO memories (item, scope, id, type, text, text_version, context_id, trace_id, importance,
          created_at_us, updated_at_us, expires_at_us, attributes, version)
        VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, 1)
        """)
    let details = try DetailsStatement(transaction.db)
    var indexed: [ItemText] = []
    for memory in added.memories {
      let item = transaction.nextItem()
      let createdAt = memory.createdAtUs == 0 ? transaction.at.microseconds : memory.createdAtUs
      try insert.execute(arguments: [
        item, bucket.scopeRow, memory.id, memory.type, memory.text, memory.contextID, memory.traceID,
        Double(memory.importance), createdAt, createdAt, memory.expiresAtUs,
        try AttributeColumn.encode(memory.attributes)
      ])
      if let stored = memory.details {
        try details.store(stored, item: item)
        if !stored.supersedesID.isEmpty {
          try supersede(stored.supersedesID, by: memory.id, bucket, transaction)
        }
      }
      indexed.append(ItemText(item: item, version: 1, text: memory.text))
    }
    try index.insert(indexed, into: bucket, transaction)
  }

  private func apply(
    _ updated: LogV1.MemoryUpdated, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    guard let memory = updated.memory, let stored = try indexed(memory.id, bucket, transaction) else {
      return
    }
    let textVersion = stored.text.version + (updated.textChanged ? 1 : 0)
    try transaction.db.cachedStatement(
      sql: """
        UPDATE memories SET type = ?, text = ?, text_version = ?, importance = ?, updated_at_us = ?,
          expires_at_us = ?, attributes = ?, version = ? WHERE item = ?
        """
    ).execute(arguments: [
      memory.type, memory.text, textVersion, Double(memory.importance), transaction.at.microseconds,
      memory.expiresAtUs, try AttributeColumn.encode(memory.attributes), Int64(updated.version),
      stored.text.item
    ])
    if let details = memory.details {
      try DetailsStatement(transaction.db).store(details, item: stored.text.item)
    }
    if updated.textChanged, stored.isLive {
      try index.remove([stored.text], from: bucket, transaction)
      try index.insert(
        [ItemText(item: stored.text.item, version: textVersion, text: memory.text)], into: bucket, transaction
      )
    }
  }

  private func apply(
    _ deleted: LogV1.MemoriesDeleted, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    try unfold(deleted.ids, bucket, transaction)
    try remove(deleted.ids, bucket, transaction)
  }

  func remove(_ ids: [String], _ bucket: Bucket, _ transaction: ProjectionTransaction) throws {
    let removed = try ids.compactMap { try indexed($0, bucket, transaction) }
    let delete = try transaction.db.cachedStatement(sql: "DELETE FROM memories WHERE item = ?")
    for memory in removed { try delete.execute(arguments: [memory.text.item]) }
    let live = removed.filter(\.isLive).map(\.text)
    if !live.isEmpty { try index.remove(live, from: bucket, transaction) }
  }

  private func apply(
    _ expired: LogV1.MemoriesExpired, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let live = try expired.items.compactMap { try Self.row("m.item = ?", [$0], db) }.filter(\.isLive)
    let mark = try db.cachedStatement(sql: "UPDATE memories SET expired_at_us = ? WHERE item = ?")
    for item in expired.items { try mark.execute(arguments: [transaction.at.microseconds, item]) }
    if !live.isEmpty { try index.remove(live.map(\.text), from: bucket, transaction) }
  }

  func apply(
    _ restored: LogV1.MemoriesRestored, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let unexpired = try transaction.db.cachedStatement(
      sql: "UPDATE memories SET expired_at_us = 0, expires_at_us = ? WHERE item = ?")
    let current = try transaction.db.cachedStatement(
      sql: "UPDATE memories SET superseded_by = '', superseded_at_us = 0 WHERE item = ?")
    for id in restored.ids {
      guard let memory = try indexed(id, bucket, transaction) else { continue }
      if restored.superseded {
        try current.execute(arguments: [memory.text.item])
      } else {
        try unexpired.execute(arguments: [restored.expiresAtUs, memory.text.item])
      }
      guard let now = try indexed(id, bucket, transaction), now.isLive, !memory.isLive else { continue }
      try index.insert([now.text], into: bucket, transaction)
    }
  }

  /// It leaves every index and stays in the table.
  func supersede(
    _ id: String, by newer: String, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    guard let memory = try indexed(id, bucket, transaction) else { return }
    try transaction.db.cachedStatement(
      sql: "UPDATE memories SET superseded_by = ?, superseded_at_us = ? WHERE item = ?"
    ).execute(arguments: [newer, transaction.at.microseconds, memory.text.item])
    if memory.isLive { try index.remove([memory.text], from: bucket, transaction) }
  }

  private func apply(
    _ accessed: LogV1.MemoriesAccessed, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let count = try transaction.db.cachedStatement(
      sql: """
        UPDATE memories SET access_count = access_count + ?, last_access_at_us = max(last_access_at_us, ?)
        WHERE item = ? AND scope = ?
        """)
    for (item, times) in zip(accessed.items, accessed.counts) {
      try count.execute(arguments: [Int64(times), accessed.lastUs, item, bucket.scopeRow])
    }
  }

  private func apply(
    _ said: LogV1.MemoriesSaidAgain, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let count = try transaction.db.cachedStatement(
      sql: "UPDATE memories SET said_count = said_count + ? WHERE scope = ? AND id = ?")
    for (id, times) in zip(said.ids, said.counts) {
      try count.execute(arguments: [Int64(times), bucket.scopeRow, id])
    }
  }

  private func apply(
    _ set: LogV1.MemoryPolicySet, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let retention = try V1.MemoryPolicy(decoding: set.policy).retentionMs
    try transaction.db.cachedStatement(
      sql: "INSERT OR REPLACE INTO memory_policies (scope, policy, retention_ms) VALUES (?, ?, ?)"
    ).execute(arguments: [bucket.scopeRow, Data(set.policy), retention])
  }

  private struct Stored {
    let text: ItemText
    /// Whether the index holds it.
    let isLive: Bool
  }

  private func indexed(
    _ id: String, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws -> Stored? {
    try Self.row("m.scope = ? AND m.id = ?", [bucket.scopeRow, id], transaction.db)
  }

  private static func row(_ condition: String, _ arguments: StatementArguments, _ db: Database) throws
    -> Stored?
  {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT m.item, m.text_version, m.text, m.expired_at_us = 0 AND m.superseded_at_us = 0
          FROM memories m WHERE \(condition)
          """), arguments: arguments
    ).map { Stored(text: ItemText(item: $0[0], version: $0[1], text: $0[2]), isLive: $0[3]) }
  }
}

/// Writes what a memory has beside its text: as it is, for whoever copies it, and in columns, for filters.
private struct DetailsStatement {
  private let update: GRDB.Statement

  init(_ db: Database) throws {
    update = try db.cachedStatement(
      sql: """
        UPDATE memories SET details = ?, confidence = ?, source = ?, trust = ?, valid_from_us = ?,
          valid_until_us = ?, tags = ?, fingerprint = ? WHERE item = ?
        """)
  }

  func store(_ details: LogV1.MemoryDetails, item: Int64) throws {
    try update.execute(arguments: [
      Data(details.encoded()), Double(details.confidence), details.source, details.trust, details.validFromUs,
      details.validUntilUs, try TagColumn.encode(details.tags), Int64(bitPattern: details.fingerprint), item
    ])
  }
}
