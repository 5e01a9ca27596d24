import Foundation
package import GRDB
package import LociCore
package import LociProto
import LociStore
package import LociVector

/// Reads of the tables of collections.
package enum CollectionQueries {
  private static let columns = "collection, name, config, created_at_us, points, next_row"

  private static func info(_ row: Row) throws -> CollectionInfo {
    let config: Data = row[2]
    return try CollectionInfo(
      id: row[0], name: row[1], config: V1.CollectionConfig(decoding: [UInt8](config)), createdAtUs: row[3],
      points: row[4], nextRow: row[5])
  }

  /// By its own name.
  static func named(_ name: String, scope: Int64, in db: Database) throws -> CollectionInfo? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(columns) FROM collections WHERE scope = ? AND name = ?"),
      arguments: [scope, name]
    ).map(info)
  }

  /// The collection that an alias names.
  static func aliased(_ alias: String, scope: Int64, in db: Database) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT collection FROM collection_aliases WHERE scope = ? AND alias = ?"),
      arguments: [scope, alias])
  }

  static func aliases(of collection: Int64, in db: Database) throws -> [String] {
    try String.fetchAll(
      db.cachedStatement(sql: "SELECT alias FROM collection_aliases WHERE collection = ? ORDER BY alias"),
      arguments: [collection])
  }

  static func counters(
    of collection: Int64, in db: Database
  ) throws -> (points: Int64, nextRow: Int64)? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT points, next_row FROM collections WHERE collection = ?"),
      arguments: [collection]
    ).map { ($0[0], $0[1]) }
  }

  /// Of a collection or an alias.
  /// - Throws: `notFound`.
  package static func resolve(_ name: String, scope: Scope, in db: Database) throws -> CollectionInfo {
    if let scopeRow = try ScopeQueries.row(scope, in: db) {
      if let info = try named(name, scope: scopeRow, in: db) { return info }
      if let id = try aliased(name, scope: scopeRow, in: db),
        let row = try Row.fetchOne(
          db.cachedStatement(sql: "SELECT \(columns) FROM collections WHERE collection = ?"), arguments: [id])
      {
        return try info(row)
      }
    }
    throw LociError.notFound(.collection, id: name)
  }

  package static func describe(_ name: String, scope: Scope, in db: Database) throws -> V1.Collection {
    let info = try resolve(name, scope: scope, in: db)
    return info.described(aliases: try aliases(of: info.id, in: db))
  }

  /// The collections of an agent by name, from the one after `after` on.
  package static func list(
    after: String, limit: Int, scope: Scope, in db: Database
  ) throws -> [V1.Collection] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: "SELECT \(columns) FROM collections WHERE scope = ? AND name > ? ORDER BY name LIMIT ?"),
      arguments: [scopeRow, after, limit])
    return try rows.map { row in
      let info = try info(row)
      return info.described(aliases: try aliases(of: info.id, in: db))
    }
  }

  /// Collections of a shard, for cleaning up after those that are gone.
  static func all(in db: Database) throws -> Set<Int64> {
    try Set(Int64.fetchAll(db, sql: "SELECT collection FROM collections"))
  }

  // MARK: Points

  /// The row of each id, in order, nil for those that are not there.
  package static func rows(of ids: PointIDs, _ collection: Int64, in db: Database) throws -> [Int64?] {
    let select = try HotStatement("SELECT row FROM collection_points WHERE collection = ? AND id = ?", in: db)
    var rows = [Int64?](repeating: nil, count: ids.count)
    for index in 0..<ids.count {
      try select.run { values in
        values.bind(collection)
        switch ids {
        case .numbers(let numbers): values.bind(numbers[index])
        case .names(let names): values.bind(names[index])
        }
      } _: { columns in
        rows[index] = columns.int64(0)
        return false
      }
    }
    return rows
  }

  package struct StoredPoint: Sendable {
    package let id: PointID
    package let row: Int64
    package let attributes: [V1.TypedAttribute]
  }

  private static func point(_ row: Row) throws -> StoredPoint {
    let id: PointID
    switch (row[0] as DatabaseValue).storage {
    case .int64(let number): id = .number(number)
    default: id = .name(row[0])
    }
    let column: Data? = row[2]
    let attributes = try column.map { try V1.PointAttributes(decoding: [UInt8]($0)).attributes } ?? []
    return StoredPoint(id: id, row: row[1], attributes: attributes)
  }

  /// Points by id; those that are not there are left out.
  package static func points(_ ids: PointIDs, _ collection: Int64, in db: Database) throws -> [StoredPoint] {
    let statement = try db.cachedStatement(
      sql: "SELECT id, row, attributes FROM collection_points WHERE collection = ? AND id = ?")
    return try (0..<ids.count).compactMap { index in
      try Row.fetchOne(statement, arguments: [collection, ids[index].databaseValue]).map(point)
    }
  }

  /// Calls `body` with the points after `after`, in the order of ids, until it returns false.
  package static func scroll(
    after: PointID?, _ collection: Int64, in db: Database, _ body: (StoredPoint) throws -> Bool
  ) throws {
    let rows: RowCursor
    if let after {
      rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT id, row, attributes FROM collection_points WHERE collection = ? AND id > ? ORDER BY id
          """, arguments: [collection, after.databaseValue])
    } else {
      rows = try Row.fetchCursor(
        db, sql: "SELECT id, row, attributes FROM collection_points WHERE collection = ? ORDER BY id",
        arguments: [collection])
    }
    while let row = try rows.next() {
      guard try body(point(row)) else { return }
    }
  }

  /// Live rows between two, ascending, with what segments keep of their points.
  static func live(
    rows range: ClosedRange<Int64>, _ collection: Int64, in db: Database
  ) throws -> [(row: Int64, id: PointID, attributes: [UInt8]?)] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT id, row, attributes FROM collection_points WHERE collection = ? AND row BETWEEN ? AND ? ORDER BY row
        """, arguments: [collection, range.lowerBound, range.upperBound])
    var live: [(row: Int64, id: PointID, attributes: [UInt8]?)] = []
    while let row = try rows.next() {
      let id: PointID =
        if case .int64(let number) = (row[0] as DatabaseValue).storage { .number(number) } else {
          .name(row[0])
        }
      live.append((row[1], id, (row[2] as Data?).map { [UInt8]($0) }))
    }
    return live
  }

  /// Events that wrote to a collection after `sequence`, in order.
  static func writes(
    after sequence: LogSequence, _ collection: Int64, in db: Database
  ) throws -> [LogSequence] {
    try Int64.fetchAll(
      db.cachedStatement(
        sql: "SELECT sequence FROM collection_writes WHERE collection = ? AND sequence > ? ORDER BY sequence"),
      arguments: [collection, Int64(clamping: sequence)]
    ).map { LogSequence($0) }
  }

  /// Events that wrote rows of `range`, by their first rows.
  static func writes(
    of range: ClosedRange<Int64>, _ collection: Int64, in db: Database
  ) throws -> [(sequence: LogSequence, rows: Range<Int64>)] {
    try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT sequence, first_row, rows FROM collection_writes
          WHERE collection = ? AND rows > 0 AND first_row <= ? AND first_row + rows > ? ORDER BY sequence
          """), arguments: [collection, range.upperBound, range.lowerBound]
    ).map { row in
      let first: Int64 = row[1]
      return (LogSequence(row[0] as Int64), first..<(first + (row[2] as Int64)))
    }
  }
}

extension PointID {
  var databaseValue: DatabaseValue {
    switch self {
    case .number(let number): number.databaseValue
    case .name(let name): name.databaseValue
    }
  }
}
