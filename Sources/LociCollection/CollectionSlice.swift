import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociStore
import LociVector

/// Tables of the collections that callers fill, and how events change them.
///
/// Vectors are in no table. An event holds them, the log keeps the event in this same database, and
/// `collection_writes` says which event has which rows; so they are written, synced and checkpointed once. What is
/// made of them, the segments, lies in files of its own and can be built again from the log. A log that forgets events
/// has to write these vectors elsewhere first: `LogTable.truncate` must not pass the oldest event that a live row
/// comes from.
package struct CollectionSlice: Slice {
  private let changed: @Sendable (CollectionChange) -> Void

  /// - Parameter changed: told after each commit, in the order of the log, before its callers are answered.
  package init(changed: @escaping @Sendable (CollectionChange) -> Void) { self.changed = changed }

  package let name = "collections"

  package let tables = [
    ProjectedTable("collections", orderedBy: "collection"),
    ProjectedTable("collection_aliases", orderedBy: "scope, alias"),
    ProjectedTable("collection_points", orderedBy: "collection, id"),
    ProjectedTable("collection_writes", orderedBy: "collection, sequence")
  ]

  package var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE collections (
              collection INTEGER PRIMARY KEY,
              scope INTEGER NOT NULL REFERENCES scopes (row),
              name TEXT NOT NULL,
              config BLOB NOT NULL, -- loci.v1.CollectionConfig
              created_at_us INTEGER NOT NULL,
              next_row INTEGER NOT NULL,
              points INTEGER NOT NULL,
              UNIQUE (scope, name)
            ) STRICT;
            CREATE TABLE collection_aliases (
              scope INTEGER NOT NULL, alias TEXT NOT NULL, collection INTEGER NOT NULL,
              PRIMARY KEY (scope, alias)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX collection_aliases_by_collection ON collection_aliases (collection);
            CREATE TABLE collection_points (
              collection INTEGER NOT NULL,
              id ANY NOT NULL, -- INTEGER or TEXT, as the collection's configuration says
              row INTEGER NOT NULL, -- numbers each version of a point, rising
              attributes BLOB, -- loci.v1.PointAttributes, NULL when there are none
              PRIMARY KEY (collection, id)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE collection_writes (
              collection INTEGER NOT NULL,
              sequence INTEGER NOT NULL, -- of the event
              first_row INTEGER NOT NULL, -- of the points written, 0 for a deletion
              rows INTEGER NOT NULL,
              PRIMARY KEY (collection, sequence)
            ) STRICT, WITHOUT ROWID;
            """)
      },
      { db in
        try db.execute(sql: "ALTER TABLE collections ADD COLUMN row_bytes INTEGER NOT NULL DEFAULT 0")
        for row in try Row.fetchAll(db, sql: "SELECT collection, config FROM collections") {
          try db.execute(
            sql: "UPDATE collections SET row_bytes = ? WHERE collection = ?",
            arguments: [try Self.rowBytes([UInt8](row[1] as Data)), row[0] as Int64])
        }
      }
    ]
  }

  /// Of a vector in the log.
  private static func rowBytes(_ config: [UInt8]) throws -> Int {
    try CollectionLayout(V1.CollectionConfig(decoding: config)).rowBytes
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .collectionCreated(let created): try apply(created, event, transaction)
    case .collectionDropped(let dropped): try apply(dropped, transaction)
    case .aliasSet(let set):
      let scope = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
      try transaction.db.cachedStatement(
        sql: "INSERT OR REPLACE INTO collection_aliases (scope, alias, collection) VALUES (?, ?, ?)"
      ).execute(arguments: [scope, set.alias, set.collection])
    case .aliasDeleted(let deleted):
      let scope = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
      try transaction.db.cachedStatement(
        sql: "DELETE FROM collection_aliases WHERE scope = ? AND alias = ?"
      ).execute(arguments: [scope, deleted.alias])
    case .pointsUpserted(let upserted): try apply(upserted, transaction)
    case .pointsDeleted(let deleted): try apply(deleted, transaction)
    default: break
    }
  }

  private func apply(
    _ created: LogV1.CollectionCreated, _ event: LogV1.Event, _ transaction: ProjectionTransaction
  ) throws {
    let scope = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
    let collection = transaction.nextItem()
    guard collection == created.collection else {
      throw LociError.internalError(detail: "collection \(created.collection) where \(collection) is next")
    }
    try transaction.db.cachedStatement(
      sql: """
        INSERT INTO collections (collection, scope, name, config, created_at_us, next_row, points, row_bytes)
        VALUES (?, ?, ?, ?, ?, 1, 0, ?)
        """
    ).execute(arguments: [
      collection, scope, created.name, Data(created.config), transaction.at.microseconds,
      try Self.rowBytes(created.config)
    ])
  }

  private func apply(_ dropped: LogV1.CollectionDropped, _ transaction: ProjectionTransaction) throws {
    for table in ["collection_points", "collection_writes", "collection_aliases", "collections"] {
      try transaction.db.cachedStatement(sql: "DELETE FROM \(table) WHERE collection = ?")
        .execute(arguments: [dropped.collection])
    }
    tell(dropped.collection, .dropped, transaction)
  }

  private func apply(_ upserted: LogV1.PointsUpserted, _ transaction: ProjectionTransaction) throws {
    let insert = try HotStatement(
      "INSERT OR REPLACE INTO collection_points (collection, id, row, attributes) VALUES (?, ?, ?, ?)",
      in: transaction.db)
    var row = upserted.firstRow
    let count = max(upserted.numbers.count, upserted.names.count)
    for index in 0..<count {
      try insert.run { values in
        values.bind(upserted.collection)
        if upserted.names.isEmpty {
          values.bind(upserted.numbers[index])
        } else {
          values.bind(upserted.names[index])
        }
        values.bind(row)
        values.bind(upserted.attributes.isEmpty ? nil : upserted.attributes[index])
      }
      row += 1
    }
    try record(
      upserted.collection, first: upserted.firstRow, rows: count, added: count - upserted.replacedRows.count,
      transaction)
    tell(upserted.collection, .points(.upserted(upserted)), transaction)
  }

  private func apply(_ deleted: LogV1.PointsDeleted, _ transaction: ProjectionTransaction) throws {
    let delete = try HotStatement(
      "DELETE FROM collection_points WHERE collection = ? AND id = ?", in: transaction.db)
    for number in deleted.numbers {
      try delete.run { values in
        values.bind(deleted.collection)
        values.bind(number)
      }
    }
    for name in deleted.names {
      try delete.run { values in
        values.bind(deleted.collection)
        values.bind(name)
      }
    }
    try record(deleted.collection, first: 0, rows: 0, added: -deleted.rows.count, transaction)
    tell(deleted.collection, .points(.deleted(deleted)), transaction)
  }

  private func record(
    _ collection: Int64, first: Int64, rows: Int, added: Int, _ transaction: ProjectionTransaction
  ) throws {
    try transaction.db.cachedStatement(
      sql: "INSERT INTO collection_writes (collection, sequence, first_row, rows) VALUES (?, ?, ?, ?)"
    ).execute(arguments: [collection, Int64(transaction.sequence), first, rows])
    try transaction.db.cachedStatement(
      sql: "UPDATE collections SET next_row = next_row + ?, points = points + ? WHERE collection = ?"
    ).execute(arguments: [rows, added, collection])
  }

  private func tell(_ collection: Int64, _ kind: CollectionChange.Kind, _ transaction: ProjectionTransaction)
  {
    let change = CollectionChange(
      key: CollectionKey(shard: transaction.shard, collection: collection), sequence: transaction.sequence,
      kind: kind)
    transaction.afterCommit { [changed] in changed(change) }
  }
}

/// Which collection of the server.
package struct CollectionKey: Hashable, Sendable {
  package let shard: ShardID
  package let collection: Int64

  package init(shard: ShardID, collection: Int64) {
    self.shard = shard
    self.collection = collection
  }
}

/// A committed event that concerns a collection's points.
package struct CollectionChange: Sendable {
  package enum Kind: Sendable {
    case points(PointEvent)
    case dropped
  }
  package let key: CollectionKey
  package let sequence: LogSequence
  package let kind: Kind
}

package enum PointEvent: Sendable {
  case upserted(LogV1.PointsUpserted)
  case deleted(LogV1.PointsDeleted)
}
