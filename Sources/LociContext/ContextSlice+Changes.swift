import GRDB
import LociCore
import LociProto
import LociRecall
import LociStore

/// Events that change a context, or bring messages back.
extension ContextSlice {
  func apply(
    _ updated: LogV1.ContextUpdated, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let context = try contextRow(updated.id, scope, transaction)
    ContextRows.of(transaction).forgetAll()
    try transaction.db.cachedStatement(
      sql: """
        UPDATE contexts SET title = ?, attributes = ?, trace_id = ?, max_history = ?, session_id = ?,
          version = version + 1 WHERE row = ?
        """
    ).execute(arguments: [
      updated.title, try AttributeColumn.encode(updated.attributes), updated.traceID, updated.maxHistory,
      updated.sessionID, context
    ])
  }

  func apply(
    _ pinned: LogV1.MessagesPinned, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let context = try contextRow(pinned.contextID, scope, transaction)
    ContextRows.of(transaction).forgetAll()
    let unpin = try transaction.db.cachedStatement(sql: "DELETE FROM pins WHERE context = ? AND number = ?")
    for number in pinned.numbers {
      if pinned.unpinned {
        try unpin.execute(arguments: [context, Int64(number)])
      } else {
        try pin(Int64(number), context, transaction)
      }
    }
    try transaction.db.cachedStatement(sql: "UPDATE contexts SET version = version + 1 WHERE row = ?")
      .execute(arguments: [context])
  }

  func pin(_ number: Int64, _ context: Int64, _ transaction: ProjectionTransaction) throws {
    try transaction.db.cachedStatement(sql: "INSERT OR IGNORE INTO pins VALUES (?, ?)")
      .execute(arguments: [context, number])
  }

  /// Each gets a new item: what was indexed of the old one is gone.
  func apply(
    _ restored: LogV1.MessagesRestored, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let context = try contextRow(restored.contextID, scope, transaction)
    ContextRows.of(transaction).forgetAll()
    var indexed: [ItemText] = []
    for entry in restored.messages {
      guard let message = entry.message else { continue }
      let item = transaction.nextItem()
      try insert(
        message, item: item, scope: scope, context: context, number: Int64(entry.number),
        createdAt: message.createdAtUs, transaction.db)
      if message.pinned { try pin(Int64(entry.number), context, transaction) }
      if !message.text.isEmpty { indexed.append(ItemText(item: item, version: 1, text: message.text)) }
    }
    try transaction.db.cachedStatement(
      sql: "UPDATE contexts SET message_count = message_count + ?1, version = version + ?1 WHERE row = ?2"
    ).execute(arguments: [restored.messages.count, context])
    if !indexed.isEmpty {
      try index.insert(indexed, into: Bucket(scopeRow: scope, kind: .messages), transaction)
    }
  }
}
