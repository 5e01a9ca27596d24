import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociStore

/// Tables of what can be searched: words, vectors, and the items whose vector is still to come. The slices that
/// own the items call `insert` and `remove` while they apply their own events, so an item and its keyword entry
/// appear and vanish in one transaction.
package struct IndexSlice: Slice {
  private let sources: [any ItemSource]
  private let vectors: VectorCache
  private let pendingChanged: @Sendable (ShardID) -> Void

  /// - Parameters:
  ///   - sources: where the texts of all items are.
  ///   - pendingChanged: told after a commit that added items without a vector.
  package init(
    sources: [any ItemSource], vectors: VectorCache, pendingChanged: @escaping @Sendable (ShardID) -> Void
  ) {
    self.sources = sources
    self.vectors = vectors
    self.pendingChanged = pendingChanged
  }

  package let name = "index"

  package var tables: [ProjectedTable] {
    [
      ProjectedTable("buckets", orderedBy: "bucket"), ProjectedTable("encoders", orderedBy: "row"),
      ProjectedTable("pending", orderedBy: "bucket, item"),
      ProjectedTable("vectors", orderedBy: "bucket, item"),
      ProjectedTable("words_state", orderedBy: "one"),
      ProjectedTable("words_terms", orderedBy: "term, doc, offset")
    ]
  }

  package var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE buckets (
              bucket INTEGER PRIMARY KEY, items INTEGER NOT NULL, words INTEGER NOT NULL
            ) STRICT;
            CREATE TABLE encoders (
              row INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL
            ) STRICT;
            CREATE TABLE pending (
              bucket INTEGER NOT NULL, item INTEGER NOT NULL, version INTEGER NOT NULL,
              PRIMARY KEY (bucket, item)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE vectors (
              bucket INTEGER NOT NULL, item INTEGER NOT NULL, version INTEGER NOT NULL,
              encoder INTEGER NOT NULL REFERENCES encoders (row),
              vector BLOB NOT NULL, -- float16, little-endian, unit length
              PRIMARY KEY (bucket, item)
            ) STRICT, WITHOUT ROWID;
            """)
        try WaitingWords.create(in: db)
        try KeywordIndex.create(in: db)
      }
    ]
  }

  // MARK: Called by the slices that own the items

  package func insert(
    _ items: [ItemText], into bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let pending = try HotStatement(
      "INSERT OR REPLACE INTO pending (bucket, item, version) VALUES (?, ?, ?)", in: db)
    for item in items {
      try pending.run { row in
        row.bind(bucket.rawValue)
        row.bind(item.item)
        row.bind(item.version)
      }
    }
    try waiting(transaction).insert(items, into: bucket, in: db)
    let (shard, pendingChanged) = (transaction.shard, pendingChanged)
    transaction.afterCommit { pendingChanged(shard) }
  }

  /// `items` carry the text that was indexed: the keyword index needs it to find its entries.
  package func remove(
    _ items: [ItemText], from bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    for item in items {
      for table in ["pending", "vectors"] {
        try db.cachedStatement(sql: "DELETE FROM \(table) WHERE bucket = ? AND item = ?")
          .execute(arguments: [bucket.rawValue, item.item])
      }
    }
    try waiting(transaction).remove(items, from: bucket, in: db)
    let key = VectorCache.Key(shard: transaction.shard, bucket: bucket)
    let (vectors, removed) = (vectors, items.map(\.item))
    transaction.afterCommit { vectors.remove(removed, from: key) }
  }

  private func waiting(_ transaction: ProjectionTransaction) throws -> WaitingWords {
    try transaction.kept { try WaitingWords(sources, in: transaction.db) }
  }

  // MARK: Events

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    guard case .itemsEmbedded(let embedded) = event.kind else { return }
    guard let kind = Bucket.Kind(rawValue: embedded.collection) else { return }
    let scopeRow = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
    try store(embedded, in: Bucket(scopeRow: scopeRow, kind: kind), transaction)
  }

  /// Takes the vectors whose item still has the text they were made of, and drops the others.
  private func store(
    _ embedded: LogV1.ItemsEmbedded, in bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let bytesPerVector = Int(embedded.dimension) * 2
    let encoder = try encoderRow(embedded.fingerprint, dimension: Int(embedded.dimension), db)
    let current = try Self.currentVersion(db)
    let insert = try db.cachedStatement(
      sql: "INSERT OR REPLACE INTO vectors (bucket, item, version, encoder, vector) VALUES (?, ?, ?, ?, ?)")
    let delete = try db.cachedStatement(sql: "DELETE FROM pending WHERE bucket = ? AND item = ?")
    var stored: [(item: Int64, vector: Data)] = []
    for (index, item) in embedded.items.enumerated() {
      let version = Int64(bitPattern: embedded.versions[index])
      guard try Int64.fetchOne(current, arguments: [bucket.rawValue, item]) == version else { continue }
      let start = index * bytesPerVector
      let vector = Data(embedded.vectors[start..<start + bytesPerVector])
      try insert.execute(arguments: [bucket.rawValue, item, version, encoder, vector])
      try delete.execute(arguments: [bucket.rawValue, item])
      stored.append((item, vector))
    }
    let key = VectorCache.Key(shard: transaction.shard, bucket: bucket)
    let (vectors, fingerprint, accepted) = (vectors, embedded.fingerprint, stored)
    transaction.afterCommit { vectors.insert(accepted, fingerprint: fingerprint, into: key) }
  }

  /// The version of the text that an item has, by bucket and item.
  static func currentVersion(_ db: Database) throws -> GRDB.Statement {
    try db.cachedStatement(
      sql: """
        SELECT version FROM pending WHERE bucket = ?1 AND item = ?2
        UNION ALL SELECT version FROM vectors WHERE bucket = ?1 AND item = ?2 LIMIT 1
        """)
  }

  private func encoderRow(_ fingerprint: String, dimension: Int, _ db: Database) throws -> Int64 {
    if let row = try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT row FROM encoders WHERE fingerprint = ?"), arguments: [fingerprint])
    {
      return row
    }
    try db.execute(
      sql: "INSERT INTO encoders (row, fingerprint, dimension) SELECT count(*) + 1, ?, ? FROM encoders",
      arguments: [fingerprint, dimension])
    return db.lastInsertedRowID
  }
}
