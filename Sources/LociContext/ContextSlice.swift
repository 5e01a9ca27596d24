package import GRDB
import LociCore
package import LociProto
package import LociRecall
package import LociStore

/// Tables of contexts and their messages, and how events change them.
package struct ContextSlice: Slice {
  private let index: IndexSlice

  package init(index: IndexSlice) { self.index = index }

  package let name = "contexts"
  package let tables = [
    ProjectedTable("contexts", orderedBy: "row"), ProjectedTable("messages", orderedBy: "item")
  ]

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
      }
    ]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .contextCreated(let created): try apply(created, try scopeRow(event, transaction), transaction)
    case .contextDeleted(let deleted): try apply(deleted, try scopeRow(event, transaction), transaction)
    case .messagesAppended(let appended): try apply(appended, try scopeRow(event, transaction), transaction)
    case .messagesDeleted(let deleted): try apply(deleted, try scopeRow(event, transaction), transaction)
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
          message_count, next_number)
        VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1)
        """
    ).execute(arguments: [
      transaction.nextItem(), scope, created.id, created.title,
      try AttributeColumn.encode(created.attributes),
      transaction.at.microseconds, transaction.at.microseconds
    ])
  }

  private func apply(
    _ appended: LogV1.MessagesAppended, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let context = try contextRow(appended.contextID, scope, transaction)
    let insert = try HotStatement(
      """
      INSERT INTO messages (item, scope, context, number, id, role, text, name, created_at_us, trace_id,
        tool_call_id, attributes)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, in: transaction.db)
    var indexed: [ItemText] = []
    var newest = Int64.min
    for (offset, message) in appended.messages.enumerated() {
      let item = transaction.nextItem()
      let createdAt = message.createdAtUs == 0 ? transaction.at.microseconds : message.createdAtUs
      newest = max(newest, createdAt)
      let attributes = try AttributeColumn.encode(message.attributes)
      try insert.run { row in
        row.bind(item)
        row.bind(scope)
        row.bind(context)
        row.bind(Int64(appended.firstNumber) + Int64(offset))
        row.bind(message.id)
        row.bind(Int64(message.role))
        row.bind(message.text)
        row.bind(message.name)
        row.bind(createdAt)
        row.bind(message.traceID)
        row.bind(message.toolCallID)
        row.bind(attributes)
      }
      if !message.text.isEmpty { indexed.append(ItemText(item: item, version: 1, text: message.text)) }
    }
    let nextNumber = Int64(appended.firstNumber) + Int64(appended.messages.count)
    try HotStatement(
      """
      UPDATE contexts SET message_count = message_count + ?1, next_number = ?2,
        updated_at_us = max(updated_at_us, ?3) WHERE row = ?4
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

  private func apply(
    _ deleted: LogV1.MessagesDeleted, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    ContextRows.of(transaction).forgetAll()
    var removed: [ItemText] = []
    for id in deleted.ids {
      guard
        let row = try Row.fetchOne(
          transaction.db.cachedStatement(
            sql: "SELECT item, text, context FROM messages WHERE scope = ? AND id = ?"),
          arguments: [scope, id])
      else { continue }
      let item: Int64 = row[0]
      removed.append(ItemText(item: item, version: 1, text: row[1]))
      try transaction.db.cachedStatement(sql: "DELETE FROM messages WHERE item = ?").execute(arguments: [item]
      )
      try transaction.db.cachedStatement(
        sql: "UPDATE contexts SET message_count = message_count - 1 WHERE row = ?"
      ).execute(arguments: [row[2] as Int64])
    }
    try unindex(removed, scope, transaction)
  }

  private func apply(
    _ deleted: LogV1.ContextDeleted, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let context = try contextRow(deleted.id, scope, transaction)
    ContextRows.of(transaction).forgetAll()
    let rows = try Row.fetchCursor(
      transaction.db.cachedStatement(sql: "SELECT item, text FROM messages WHERE context = ? ORDER BY item"),
      arguments: [context])
    var removed: [ItemText] = []
    while let row = try rows.next() { removed.append(ItemText(item: row[0], version: 1, text: row[1])) }
    for table in ["messages WHERE context", "contexts WHERE row"] {
      try transaction.db.cachedStatement(sql: "DELETE FROM \(table) = ?").execute(arguments: [context])
    }
    try unindex(removed, scope, transaction)
  }

  private func unindex(_ items: [ItemText], _ scope: Int64, _ transaction: ProjectionTransaction) throws {
    let indexed = items.filter { !$0.text.isEmpty }
    guard !indexed.isEmpty else { return }
    try index.remove(indexed, from: Bucket(scopeRow: scope, kind: .messages), transaction)
  }

  private func contextRow(
    _ id: String, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws -> Int64 {
    guard let row = try ContextRows.of(transaction).row(id, scope: scope, in: transaction.db) else {
      throw LociError.internalError(detail: "an event names a context that does not exist")
    }
    return row.row
  }
}
