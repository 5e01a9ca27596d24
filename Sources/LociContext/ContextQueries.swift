package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of contexts and messages. Each takes the snapshot it reads.
package enum ContextQueries {
  package struct ContextRow {
    package let row: Int64
    package let messageCount: Int64
    package let nextNumber: Int64
  }

  package static func row(_ id: String, scope: Int64, in db: Database) throws -> ContextRow? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT row, message_count, next_number FROM contexts WHERE scope = ? AND id = ?"),
      arguments: [scope, id]
    ).map { ContextRow(row: $0[0], messageCount: $0[1], nextNumber: $0[2]) }
  }

  package static func messageExists(_ id: String, scope: Int64, in db: Database) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT item FROM messages WHERE scope = ? AND id = ?"),
      arguments: [scope, id]) != nil
  }

  // MARK: Contexts

  private static let contextColumns =
    "row, id, title, attributes, created_at_us, updated_at_us, message_count, next_number"

  private static func context(_ row: Row) throws -> V1.Context {
    V1.Context(
      id: row[1], title: row[2], attributes: try AttributeColumn.decode(row[3]), createdAtUs: row[4],
      updatedAtUs: row[5], messageCount: UInt64(row[6] as Int64), nextNumber: UInt64(row[7] as Int64))
  }

  package static func get(_ id: ContextID, scope: Scope, in db: Database) throws -> V1.Context {
    guard let scopeRow = try ScopeQueries.row(scope, in: db),
      let row = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT \(contextColumns) FROM contexts WHERE scope = ? AND id = ?"),
        arguments: [scopeRow, id.rawValue])
    else { throw LociError.notFound(.context, id: id.rawValue) }
    return try context(row)
  }

  /// Newest first.
  package static func list(
    scope: Scope, page: PageRequest, in db: Database
  ) throws -> (contexts: [V1.Context], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(contextColumns) FROM contexts WHERE scope = ?1 AND row < ?2 ORDER BY row DESC LIMIT ?3
          """),
      arguments: [scopeRow, try page.after(orders: 1)?[0] ?? .max, page.size + 1])
    return try page.read(rows, context) {
      AnswerSize.of($0.title, $0.attributes)
    } key: {
      [$0[0] as Int64]
    }
  }

  // MARK: Messages

  static let messageColumns =
    "m.item, m.id, c.id, m.number, m.role, m.text, m.name, m.created_at_us, m.trace_id, m.tool_call_id, m.attributes"

  static func message(_ row: Row) throws -> V1.Message {
    V1.Message(
      id: row[1], contextID: row[2], number: UInt64(row[3] as Int64),
      role: V1.Role(rawValue: row[4]), text: row[5], name: row[6], createdAtUs: row[7], traceID: row[8],
      toolCallID: row[9], attributes: try AttributeColumn.decode(row[10]))
  }

  /// Messages of one context by number, or of all by time.
  package static func list(
    _ request: MessageList, scope: Scope, in db: Database
  ) throws -> (messages: [V1.Message], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else {
      if let id = request.contextID { throw LociError.notFound(.context, id: id.rawValue) }
      return ([], V1.PageInfo())
    }
    var sql = SQLConditions("m.scope = ?", scopeRow)
    let key: String
    if let id = request.contextID {
      guard let context = try row(id.rawValue, scope: scopeRow, in: db) else {
        throw LociError.notFound(.context, id: id.rawValue)
      }
      sql.and("m.context = ?", context.row)
      if request.fromNumber > 0 { sql.and("m.number >= ?", Int64(clamping: request.fromNumber)) }
      if request.untilNumber > 0 { sql.and("m.number < ?", Int64(clamping: request.untilNumber)) }
      key = "m.number"
      if let after = try request.page.after(orders: 1) {
        sql.and("m.number \(request.newestFirst ? "<" : ">") ?", after[0])
      }
    } else {
      key = "m.created_at_us"
      if let after = try request.page.after(orders: 2) {
        sql.and("(m.created_at_us, m.item) \(request.newestFirst ? "<" : ">") (?, ?)", after[0], after[1])
      }
    }
    sql.and(request.filter.messageConditions)
    let direction = request.newestFirst ? "DESC" : "ASC"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
        WHERE \(sql.text) ORDER BY \(key) \(direction), m.item \(direction) LIMIT ?
        """, arguments: sql.arguments + [request.page.size + 1])
    return try request.page.read(rows, message) {
      AnswerSize.of($0.text, $0.attributes)
    } key: { row in
      request.contextID != nil ? [row[3] as Int64] : [row[7] as Int64, row[0] as Int64]
    }
  }

  /// Messages of these items that still exist.
  package static func messages(_ items: [Int64], in db: Database) throws -> FetchedItems<V1.Message> {
    var found = FetchedItems<V1.Message>()
    let statement = try db.cachedStatement(
      sql: "SELECT \(messageColumns) FROM messages m JOIN contexts c ON c.row = m.context WHERE m.item = ?")
    for item in items {
      guard let row = try Row.fetchOne(statement, arguments: [item]) else { continue }
      let message = try message(row)
      guard found.take(item, message, size: AnswerSize.of(message.text, message.attributes)) else { break }
    }
    return found
  }

  /// The next messages in order of item, for export: at most `countMax`, and no more once `bytesMax` is passed.
  package static func export(
    after item: Int64, contextID: ContextID?, scope: Scope, countMax: Int, bytesMax: Int, in db: Database
  ) throws -> (messages: [V1.Message], last: Int64)? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    var sql = SQLConditions("m.scope = ?", scopeRow)
    if let id = contextID {
      guard let context = try row(id.rawValue, scope: scopeRow, in: db) else {
        throw LociError.notFound(.context, id: id.rawValue)
      }
      sql.and("m.context = ?", context.row)
    }
    sql.and("m.item > ?", item)
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
        WHERE \(sql.text) ORDER BY m.item LIMIT ?
        """, arguments: sql.arguments + [countMax])
    var messages: [V1.Message] = []
    var (last, bytes) = (item, 0)
    while bytes < bytesMax, let row = try rows.next() {
      let message = try message(row)
      let size = message.text.utf8.count + 512
      if !messages.isEmpty, bytes + size > bytesMax { break }
      messages.append(message)
      (last, bytes) = (row[0], bytes + size)
    }
    return messages.isEmpty ? nil : (messages, last)
  }
}

/// Which messages to list, checked.
package struct MessageList: Sendable {
  package let contextID: ContextID?
  package let fromNumber, untilNumber: UInt64
  package let newestFirst: Bool
  package let filter: ItemFilter
  package let page: PageRequest

  package init(_ request: V1.ListMessagesRequest) throws(LociError) {
    contextID = request.contextID.isEmpty ? nil : try ContextID(validating: request.contextID)
    fromNumber = request.fromNumber
    untilNumber = request.untilNumber
    if contextID == nil, fromNumber > 0 || untilNumber > 0 {
      throw .invalid(field: "from_number", problem: "needs a context_id")
    }
    newestFirst = request.newestFirst
    filter = try ItemFilter(request.filter)
    guard filter.contextIDs.isEmpty else {
      throw .invalid(field: "filter.context_ids", problem: "must be empty here; use context_id")
    }
    page = try PageRequest(request.page)
  }
}
