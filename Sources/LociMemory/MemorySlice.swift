package import GRDB
import LociCore
package import LociProto
package import LociRecall
package import LociStore

/// Table of memories, and how events change it.
package struct MemorySlice: Slice {
  private let index: IndexSlice

  package init(index: IndexSlice) { self.index = index }

  package let name = "memories"
  package let tables = [ProjectedTable("memories", orderedBy: "item")]

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
      }
    ]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .memoriesAdded(let added): try apply(added, try bucket(event, transaction), transaction)
    case .memoryUpdated(let updated): try apply(updated, try bucket(event, transaction), transaction)
    case .memoriesDeleted(let deleted): try apply(deleted, try bucket(event, transaction), transaction)
    default: break
    }
  }

  private func bucket(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Bucket {
    let scope = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
    return Bucket(scopeRow: scope, kind: .memories)
  }

  private func apply(
    _ added: LogV1.MemoriesAdded, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let insert = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO memories (item, scope, id, type, text, text_version, context_id, trace_id, importance,
          created_at_us, updated_at_us, expires_at_us, attributes, version)
        VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, 1)
        """)
    var indexed: [ItemText] = []
    for memory in added.memories {
      let item = transaction.nextItem()
      let createdAt = memory.createdAtUs == 0 ? transaction.at.microseconds : memory.createdAtUs
      try insert.execute(arguments: [
        item, bucket.scopeRow, memory.id, memory.type, memory.text, memory.contextID, memory.traceID,
        Double(memory.importance), createdAt, createdAt, memory.expiresAtUs,
        try AttributeColumn.encode(memory.attributes)
      ])
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
    let textVersion = stored.version + (updated.textChanged ? 1 : 0)
    try transaction.db.cachedStatement(
      sql: """
        UPDATE memories SET type = ?, text = ?, text_version = ?, importance = ?, updated_at_us = ?,
          expires_at_us = ?, attributes = ?, version = ? WHERE item = ?
        """
    ).execute(arguments: [
      memory.type, memory.text, textVersion, Double(memory.importance), transaction.at.microseconds,
      memory.expiresAtUs, try AttributeColumn.encode(memory.attributes), Int64(updated.version), stored.item
    ])
    if updated.textChanged {
      try index.remove([stored], from: bucket, transaction)
      try index.insert(
        [ItemText(item: stored.item, version: textVersion, text: memory.text)], into: bucket, transaction)
    }
  }

  private func apply(
    _ deleted: LogV1.MemoriesDeleted, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let removed = try deleted.ids.compactMap { try indexed($0, bucket, transaction) }
    let delete = try transaction.db.cachedStatement(sql: "DELETE FROM memories WHERE item = ?")
    for memory in removed { try delete.execute(arguments: [memory.item]) }
    if !removed.isEmpty { try index.remove(removed, from: bucket, transaction) }
  }

  /// A memory as it stands in the index.
  private func indexed(
    _ id: String, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws -> ItemText? {
    try Row.fetchOne(
      transaction.db.cachedStatement(
        sql: "SELECT item, text_version, text FROM memories WHERE scope = ? AND id = ?"),
      arguments: [bucket.scopeRow, id]
    ).map { ItemText(item: $0[0], version: $0[1], text: $0[2]) }
  }
}
