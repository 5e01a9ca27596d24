package import GRDB
import LociCore
package import LociProto
package import LociRecall
package import LociStore

/// Tables of contexts and their messages, and how events change them.
package struct ContextSlice: Slice {
  let index: IndexSlice

  package init(index: IndexSlice) { self.index = index }

  package let name = "contexts"
  package let tables =
    [
      ProjectedTable("contexts", orderedBy: "row"), ProjectedTable("messages", orderedBy: "item"),
      ProjectedTable("pins", orderedBy: "context, number")
    ] + CompactionTables.tables

  package var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE contexts (
              row INTEGER PRIMARY KEY,
              scope INTEGER NOT NULL REFERENCES scopes (row),
              id TEXT NOT NULL,
              title TEXT NOT NULL,
              attributes TEXT, -- JSON object, NULL when there are none
              created_at_us INTEGER NOT NULL,
              updated_at_us INTEGER NOT NULL,
              message_count INTEGER NOT NULL,
              next_number INTEGER NOT NULL,
              UNIQUE (scope, id)
            ) STRICT;
            CREATE TABLE messages (
              item INTEGER PRIMARY KEY,
              scope INTEGER NOT NULL,
              context INTEGER NOT NULL REFERENCES contexts (row),
              number INTEGER NOT NULL,
              id TEXT NOT NULL,
              role INTEGER NOT NULL,
              text TEXT NOT NULL,
              name TEXT NOT NULL,
              created_at_us INTEGER NOT NULL,
              trace_id TEXT NOT NULL,
              tool_call_id TEXT NOT NULL,
              attributes TEXT,
              UNIQUE (context, number),
              UNIQUE (scope, id)
            ) STRICT;
            CREATE INDEX messages_by_time ON messages (scope, created_at_us);
            CREATE INDEX messages_by_trace ON messages (scope, trace_id) WHERE trace_id <> '';
            """)
      },
      { db in
        try db.execute(
          sql: """
            ALTER TABLE contexts ADD COLUMN type INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE contexts ADD COLUMN trace_id TEXT NOT NULL DEFAULT '';
            ALTER TABLE contexts ADD COLUMN session_id TEXT NOT NULL DEFAULT '';
            ALTER TABLE contexts ADD COLUMN max_history INTEGER NOT NULL DEFAULT 0; -- 0: no limit
            ALTER TABLE contexts ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE contexts ADD COLUMN parent INTEGER; -- of a branch: its row
            ALTER TABLE contexts ADD COLUMN parent_number INTEGER NOT NULL DEFAULT 0; -- the last that is shared
            ALTER TABLE messages ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0; -- 0: not counted
            ALTER TABLE messages ADD COLUMN data BLOB;
            -- As the log gives it: one for each message appended or deleted.
            UPDATE contexts SET version = 2 * next_number - 1 - message_count;
            CREATE INDEX contexts_by_parent ON contexts (parent) WHERE parent IS NOT NULL;
            CREATE TABLE pins (
              context INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (context, number)
            ) STRICT, WITHOUT ROWID;
            """)
      }, CompactionTables.create,
      { db in
        // Whom a question names is looked up among those who spoke.
        try db.execute(
          sql: "CREATE INDEX messages_by_name ON messages (scope, name COLLATE NOCASE) WHERE name <> '';")
      }
    ]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .contextCreated(let created): try apply(created, try scopeRow(event, transaction), transaction)
    case .contextDeleted(let deleted): try apply(deleted, try scopeRow(event, transaction), transaction)
    case .messagesAppended(let appended): try apply(appended, try scopeRow(event, transaction), transaction)
    case .messagesDeleted(let deleted): try apply(deleted, try scopeRow(event, transaction), transaction)
    case .contextUpdated(let updated): try apply(updated, try scopeRow(event, transaction), transaction)
    case .messagesPinned(let pinned): try apply(pinned, try scopeRow(event, transaction), transaction)
    case .messagesRestored(let restored): try apply(restored, try scopeRow(event, transaction), transaction)
    case .contextCompacted(let compacted): try apply(compacted, try scopeRow(event, transaction), transaction)
    case .compactionUndone(let undone): try apply(undone, try scopeRow(event, transaction), transaction)
    case .compressionPolicySet(let set): try apply(set, try scopeRow(event, transaction), transaction)
    case .coldDictionaryTrained(let trained):
      try apply(trained, try scopeRow(event, transaction), transaction)
    case .dataForgotten:
      // No block needs them any more, and they hold parts of the agent's texts.
      try transaction.db.cachedStatement(sql: "DELETE FROM cold_dictionaries WHERE scope = ?")
        .execute(arguments: [try scopeRow(event, transaction)])
    default: break
    }
  }

  private func scopeRow(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Int64 {
    try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
  }

  private func apply(
    _ created: LogV1.ContextCreated, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    try transaction.db.cachedStatement(
      sql: """
        INSERT INTO contexts (row, scope, id, title, attributes, created_at_us, updated_at_us,
          message_count, next_number, type, trace_id, session_id, max_history, parent, parent_number)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0, ?7 + 1, ?8, ?9, ?10, ?11,
          (SELECT row FROM contexts WHERE scope = ?2 AND id = ?12), ?7)
        """
    ).execute(arguments: [
      transaction.nextItem(), scope, created.id, created.title,
      try AttributeColumn.encode(created.attributes), transaction.at.microseconds,
      Int64(created.parentNumber), max(1, created.type), created.traceID, created.sessionID,
      created.maxHistory, created.parentID.isEmpty ? nil : created.parentID
    ])
  }

  private func apply(
    _ appended: LogV1.MessagesAppended, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let context = try contextRow(appended.contextID, scope, transaction)
    var indexed: [ItemText] = []
    var newest = Int64.min
    for (offset, message) in appended.messages.enumerated() {
      let item = transaction.nextItem()
      let createdAt = message.createdAtUs == 0 ? transaction.at.microseconds : message.createdAtUs
      newest = max(newest, createdAt)
      try insert(
        message, item: item, scope: scope, context: context,
        number: Int64(appended.firstNumber) + Int64(offset),
        createdAt: createdAt, transaction.db)
      if message.pinned { try pin(Int64(appended.firstNumber) + Int64(offset), context, transaction) }
      if !message.text.isEmpty { indexed.append(ItemText(item: item, version: 1, text: message.text)) }
    }
    let nextNumber = Int64(appended.firstNumber) + Int64(appended.messages.count)
    try HotStatement(
      """
      UPDATE contexts SET message_count = message_count + ?1, next_number = ?2,
        updated_at_us = max(updated_at_us, ?3), version = version + ?1 WHERE row = ?4
      """, in: transaction.db
    ).run { row in
      row.bind(Int64(appended.messages.count))
      row.bind(nextNumber)
      row.bind(newest)
      row.bind(context)
    }
    ContextRows.of(transaction).appended(
      Int64(appended.messages.count), nextNumber: nextNumber, to: appended.contextID, scope: scope)
    if !indexed.isEmpty {
      try index.insert(indexed, into: Bucket(scopeRow: scope, kind: .messages), transaction)
    }
  }

  func insert(
    _ message: LogV1.AppendedMessage, item: Int64, scope: Int64, context: Int64, number: Int64,
    createdAt: Int64,
    _ db: Database
  ) throws {
    let attributes = try AttributeColumn.encode(message.attributes)
    try HotStatement(
      """
      INSERT INTO messages (item, scope, context, number, id, role, text, name, created_at_us, trace_id,
        tool_call_id, attributes, tokens, data)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, in: db
    ).run { row in
      row.bind(item)
      row.bind(scope)
      row.bind(context)
      row.bind(number)
      row.bind(message.id)
      row.bind(Int64(message.role))
      row.bind(message.text)
      row.bind(message.name)
      row.bind(createdAt)
      row.bind(message.traceID)
      row.bind(message.toolCallID)
      row.bind(attributes)
      row.bind(Int64(message.tokenCount))
      row.bind(message.data.isEmpty ? nil : message.data)
    }
  }

  private func apply(
    _ deleted: LogV1.MessagesDeleted, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    ContextRows.of(transaction).forgetAll()
    // What is deleted is gone: a block that holds it is opened, and what else was in it is as before.
    try ColdText.warm(deleted.ids, scope: scope, transaction)
    var removed: [ItemText] = []
    for id in deleted.ids {
      guard
        let row = try Row.fetchOne(
          transaction.db.cachedStatement(
            sql: "SELECT item, text, context, number FROM messages WHERE scope = ? AND id = ?"),
          arguments: [scope, id])
      else { continue }
      let item: Int64 = row[0]
      removed.append(ItemText(item: item, version: 1, text: row[1]))
      try transaction.db.cachedStatement(sql: "DELETE FROM messages WHERE item = ?").execute(arguments: [item]
      )
      try transaction.db.cachedStatement(
        sql: "UPDATE contexts SET message_count = message_count - 1, version = version + 1 WHERE row = ?"
      ).execute(arguments: [row[2] as Int64])
      try transaction.db.cachedStatement(sql: "DELETE FROM pins WHERE context = ? AND number = ?")
        .execute(arguments: [row[2] as Int64, row[3] as Int64])
    }
    try unindex(removed, scope, transaction)
  }

  private func apply(
    _ deleted: LogV1.ContextDeleted, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let context = try contextRow(deleted.id, scope, transaction)
    ContextRows.of(transaction).forgetAll()
    try ColdText.warm(context: context, transaction)
    try transaction.db.cachedStatement(
      sql: "DELETE FROM compression_policies WHERE scope = ? AND context_id = ?"
    ).execute(arguments: [scope, deleted.id])
    let rows = try Row.fetchCursor(
      transaction.db.cachedStatement(sql: "SELECT item, text FROM messages WHERE context = ? ORDER BY item"),
      arguments: [context])
    var removed: [ItemText] = []
    while let row = try rows.next() { removed.append(ItemText(item: row[0], version: 1, text: row[1])) }
    for table in ["pins WHERE context", "messages WHERE context", "contexts WHERE row"] {
      try transaction.db.cachedStatement(sql: "DELETE FROM \(table) = ?").execute(arguments: [context])
    }
    try unindex(removed, scope, transaction)
  }

  func unindex(_ items: [ItemText], _ scope: Int64, _ transaction: ProjectionTransaction) throws {
    let indexed = items.filter { !$0.text.isEmpty }
    guard !indexed.isEmpty else { return }
    try index.remove(indexed, from: Bucket(scopeRow: scope, kind: .messages), transaction)
  }

  func contextRow(
    _ id: String, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws -> Int64 {
    guard let row = try ContextRows.of(transaction).row(id, scope: scope, in: transaction.db) else {
      throw LociError.internalError(detail: "an event names a context that does not exist")
    }
    return row.row
  }
}
