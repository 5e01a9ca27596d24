package import Foundation
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
    package let version: Int64
  }

  package static func row(_ id: String, scope: Int64, in db: Database) throws -> ContextRow? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT row, message_count, next_number, version FROM contexts WHERE scope = ? AND id = ?"),
      arguments: [scope, id]
    ).map { ContextRow(row: $0[0], messageCount: $0[1], nextNumber: $0[2], version: $0[3]) }
  }

  package static func messageExists(_ id: String, scope: Int64, in db: Database) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT item FROM messages WHERE scope = ? AND id = ?"),
      arguments: [scope, id]) != nil
  }

  // MARK: Messages

  static let messageColumns =
    """
    m.item, m.id, c.id, m.number, m.role, m.text, m.name, m.created_at_us, m.trace_id, m.tool_call_id, \
    m.attributes, m.tokens, m.data, \
    EXISTS (SELECT 1 FROM pins WHERE pins.context = m.context AND pins.number = m.number), \(ColdText.columns)
    """

  static func message(_ row: Row) throws -> V1.Message {
    V1.Message(
      id: row[1], contextID: row[2], number: UInt64(row[3] as Int64),
      role: V1.Role(rawValue: row[4]), text: try ColdText.text(row[5], row, columns: 14), name: row[6],
      createdAtUs: row[7], traceID: row[8],
      toolCallID: row[9], attributes: try AttributeColumn.decode(row[10]),
      tokenCount: UInt32(row[11] as Int64), data: bytes(row[12]), pinned: row[13])
  }

  /// Of a column that is NULL when there are none.
  package static func bytes(_ column: Data?) -> [UInt8] { column.map { [UInt8]($0) } ?? [] }

  /// Of bytes for a column that may not be NULL.
  static func data(_ bytes: [UInt8]) -> Data { Data(bytes) }

  /// What a message takes in an answer; roughly.
  static func cost(_ message: V1.Message) -> Int {
    AnswerSize.of(message.text, message.attributes) + message.data.count
  }

  /// Messages of one context by number, or of all by time.
  package static func list(
    _ request: MessageList, scope: Scope, in db: Database
  ) throws -> (messages: [V1.Message], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else {
      if let id = request.contextID { throw LociError.notFound(.context, id: id.rawValue) }
      return ([], V1.PageInfo())
    }
    if let id = request.contextID {
      return try list(request, path: try MessagePath(id, scope: scope, in: db), in: db)
    }
    var sql = SQLConditions("m.scope = ?", scopeRow)
    if let after = try request.page.after(orders: 2) {
      sql.and("(m.created_at_us, m.item) \(request.newestFirst ? "<" : ">") (?, ?)", after[0], after[1])
    }
    sql.and(try request.filter.messageConditions())
    let direction = request.newestFirst ? "DESC" : "ASC"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
        WHERE \(sql.text) ORDER BY m.created_at_us \(direction), m.item \(direction) LIMIT ?
        """, arguments: sql.arguments + [request.page.size + 1])
    return try request.page.read(rows, message, cost: cost) { [$0[7] as Int64, $0[0] as Int64] }
  }

  private static func list(
    _ request: MessageList, path: MessagePath, in db: Database
  ) throws -> (messages: [V1.Message], page: V1.PageInfo) {
    var range = MessagePath.Range(newestFirst: request.newestFirst)
    range.from = Int64(clamping: request.fromNumber)
    if request.untilNumber > 0 { range.until = Int64(clamping: request.untilNumber) }
    if let after = try request.page.after(orders: 1) { range.goOn(after: after[0]) }
    let rows = try path.rows(
      range, conditions: try request.filter.messageConditions(), limit: request.page.size + 1, in: db)
    return try request.page.read(rows, message, cost: cost) { [$0[3] as Int64] }
  }

  /// Messages of these items that still exist.
  package static func messages(_ items: [Int64], in db: Database) throws -> FetchedItems<V1.Message> {
    var found = FetchedItems<V1.Message>()
    let statement = try db.cachedStatement(
      sql: "SELECT \(messageColumns) FROM messages m JOIN contexts c ON c.row = m.context WHERE m.item = ?")
    for item in items {
      guard let row = try Row.fetchOne(statement, arguments: [item]) else { continue }
      let message = try message(row)
      guard found.take(item, message, size: cost(message)) else { break }
    }
    return found
  }

  /// Up to `count` messages before and after an item in its own context, oldest first.
  package static func neighbours(
    of item: Int64, count: Int, in db: Database
  ) throws -> (before: [V1.Message], after: [V1.Message]) {
    guard
      let row = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT context, number FROM messages WHERE item = ?"), arguments: [item])
    else { return ([], []) }
    let (context, number): (Int64, Int64) = (row[0], row[1])
    func some(_ condition: String, _ order: String) throws -> [V1.Message] {
      try Row.fetchAll(
        db.cachedStatement(
          sql: """
            SELECT \(messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
            WHERE m.context = ? AND m.number \(condition) ? ORDER BY m.number \(order) LIMIT ?
            """), arguments: [context, number, count]
      ).map(message)
    }
    return (try some("<", "DESC").reversed(), try some(">", "ASC"))
  }

  /// The next messages for export, of one context by number or of all by item: at most `countMax`, and no more once
  /// `bytesMax` is passed. `last` goes on from there.
  package static func export(
    after last: Int64, contextID: ContextID?, scope: Scope, countMax: Int, bytesMax: Int, in db: Database
  ) throws -> (messages: [V1.Message], last: Int64)? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    let rows: RowCursor
    if let id = contextID {
      var range = MessagePath.Range(newestFirst: false)
      range.goOn(after: last)
      rows = try MessagePath(id, scope: scope, in: db).rows(range, conditions: [], limit: countMax, in: db)
    } else {
      rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT \(messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
          WHERE m.scope = ? AND m.item > ? ORDER BY m.item LIMIT ?
          """, arguments: [scopeRow, last, countMax])
    }
    var messages: [V1.Message] = []
    var (place, bytes) = (last, 0)
    while bytes < bytesMax, let row = try rows.next() {
      let message = try message(row)
      let size = cost(message)
      if !messages.isEmpty, bytes + size > bytesMax { break }
      messages.append(message)
      (place, bytes) = (contextID == nil ? row[0] : row[3], bytes + size)
    }
    return messages.isEmpty ? nil : (messages, place)
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
