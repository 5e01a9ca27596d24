package import GRDB
package import LociCore
import LociProto
package import LociRecall

/// The messages that a context shows: its own, and for a branch those of its ancestors up to where it was forked.
/// Numbers go on along the path, so a number names one message of it.
package struct MessagePath {
  /// Messages of one context with `above` < number ≤ `through`.
  private struct Segment {
    let context: Int64
    let above: Int64
    let through: Int64
  }

  package struct Range {
    package var newestFirst: Bool
    /// Inclusive.
    package var from: Int64 = 0
    /// Exclusive.
    package var until = Int64.max

    package init(newestFirst: Bool) { self.newestFirst = newestFirst }

    /// What follows the message `number`.
    package mutating func goOn(after number: Int64) {
      if newestFirst {
        until = min(until, number)
      } else {
        from = max(from, number == .max ? .max : number + 1)
      }
    }
  }

  package let context: ContextQueries.Stored
  /// Own messages first, then the parent's, and so on.
  private let segments: [Segment]

  /// - Throws: `notFound` when there is no such context.
  package init(_ id: ContextID, scope: Scope, in db: Database) throws {
    context = try ContextQueries.stored(id, scope: scope, in: db)
    var segments = [
      Segment(context: context.row, above: Int64(context.context.parentNumber), through: .max)
    ]
    var (parent, through) = (context.parentRow, Int64(context.context.parentNumber))
    while let row = parent, segments.count <= ContextLimits.branchDepthMax {
      guard
        let found = try Row.fetchOne(
          db.cachedStatement(sql: "SELECT parent, parent_number FROM contexts WHERE row = ?"),
          arguments: [row])
      else { break }
      let above: Int64 = found[1]
      // A branch can be forked above the place where its parent was: then nothing of the parent itself is shared.
      if through > above { segments.append(Segment(context: row, above: above, through: through)) }
      (parent, through) = (found[0], min(through, above))
    }
    self.segments = segments
  }

  /// How many ancestors share messages with it.
  package var depth: Int { segments.count - 1 }

  /// Rows of `ContextQueries.messageColumns` by number. Each context is read only as far as `limit` asks.
  package func rows(
    _ range: Range, conditions: [SQLConditions], limit: Int, in db: Database
  ) throws -> RowCursor {
    let direction = range.newestFirst ? "DESC" : "ASC"
    var arguments = StatementArguments()
    var parts: [String] = []
    for segment in segments {
      var sql = SQLConditions("m.context = ?", segment.context)
      sql.and("m.number >= ?", max(range.from, segment.above + 1))
      let last = range.until == .max ? Int64.max : range.until - 1
      sql.and("m.number <= ?", min(last, segment.through))
      sql.and(conditions)
      parts.append(
        """
        SELECT * FROM (SELECT \(ContextQueries.messageColumns)
          FROM messages m JOIN contexts c ON c.row = m.context
          WHERE \(sql.text) ORDER BY m.number \(direction) LIMIT ?)
        """)
      arguments += sql.arguments + [limit]
    }
    guard parts.count > 1 else { return try Row.fetchCursor(db, sql: parts[0], arguments: arguments) }
    return try Row.fetchCursor(
      db, sql: parts.joined(separator: " UNION ALL ") + " ORDER BY 4 \(direction) LIMIT ?",
      arguments: arguments + [limit])
  }

  /// Messages before `number`.
  package func count(below number: Int64, in db: Database) throws -> Int64 {
    let statement = try db.cachedStatement(
      sql: "SELECT count(*) FROM messages WHERE context = ? AND number > ? AND number <= ?")
    return try segments.reduce(0) { sum, segment in
      let last = min(number - 1, segment.through)
      return sum
        + (try Int64.fetchOne(statement, arguments: [segment.context, segment.above, last]) ?? 0)
    }
  }

  /// Numbers of pinned messages, in order.
  package func pins(in db: Database) throws -> [Int64] {
    let statement = try db.cachedStatement(
      sql: "SELECT number FROM pins WHERE context = ? AND number > ? AND number <= ? ORDER BY number")
    return try segments.reversed().flatMap { segment in
      try Int64.fetchAll(statement, arguments: [segment.context, segment.above, segment.through])
    }
  }

  /// Compactions of nothing but messages of the path, newest first, at most `limit`.
  func compactions(limit: Int, in db: Database) throws -> [CompactionQueries.Stored] {
    var found: [CompactionQueries.Stored] = []
    for segment in segments where found.count < limit {
      let rows = try Row.fetchAll(
        db.cachedStatement(
          sql: """
            SELECT \(CompactionQueries.columns) FROM compactions
            WHERE context = ? AND from_number > ? AND until_number <= ? ORDER BY until_number DESC LIMIT ?
            """), arguments: [segment.context, segment.above, segment.through, limit - found.count])
      found += try rows.map(CompactionQueries.stored)
    }
    return found
  }
}
