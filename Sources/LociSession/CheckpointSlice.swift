import Foundation
package import GRDB
import LociCore
package import LociProto
import LociRecall
package import LociStore

/// Tables of frameworks' checkpoints, and how events change them. A channel's value is stored once for each version,
/// whichever checkpoints name it.
package struct CheckpointSlice: Slice {
  package init() {}

  package let name = "checkpoints"
  package let tables = [
    ProjectedTable("checkpoints", orderedBy: "row"),
    ProjectedTable("checkpoint_values", orderedBy: "scope, thread_id, namespace, channel, version"),
    ProjectedTable(
      "checkpoint_writes", orderedBy: "scope, thread_id, namespace, checkpoint_id, task_id, place")
  ]

  package var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE checkpoints (
              row INTEGER PRIMARY KEY,
              scope INTEGER NOT NULL REFERENCES scopes (row),
              thread_id TEXT NOT NULL,
              namespace TEXT NOT NULL,
              id TEXT NOT NULL,
              parent_id TEXT NOT NULL,
              run_id TEXT NOT NULL,
              state_type TEXT NOT NULL,
              state BLOB NOT NULL,
              metadata_type TEXT NOT NULL,
              metadata BLOB NOT NULL,
              attributes TEXT, -- JSON object, NULL when there are none
              channels TEXT NOT NULL, -- JSON array of [name, version, is incremental]
              UNIQUE (scope, thread_id, namespace, id)
            ) STRICT;
            CREATE INDEX checkpoints_by_id ON checkpoints (scope, id);
            CREATE INDEX checkpoints_by_run ON checkpoints (scope, run_id) WHERE run_id <> '';
            CREATE TABLE checkpoint_values (
              scope INTEGER NOT NULL REFERENCES scopes (row),
              thread_id TEXT NOT NULL,
              namespace TEXT NOT NULL,
              channel TEXT NOT NULL,
              version TEXT NOT NULL,
              type TEXT NOT NULL,
              value BLOB NOT NULL,
              UNIQUE (scope, thread_id, namespace, channel, version)
            ) STRICT;
            CREATE TABLE checkpoint_writes (
              scope INTEGER NOT NULL REFERENCES scopes (row),
              thread_id TEXT NOT NULL,
              namespace TEXT NOT NULL,
              checkpoint_id TEXT NOT NULL, -- which may come after its writes
              task_id TEXT NOT NULL,
              place INTEGER NOT NULL,
              channel TEXT NOT NULL,
              type TEXT NOT NULL,
              value BLOB NOT NULL,
              task_path TEXT NOT NULL,
              UNIQUE (scope, thread_id, namespace, checkpoint_id, task_id, place)
            ) STRICT;
            """)
      }
    ]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .checkpointPut(let put): try apply(put, try scopeRow(event, transaction), transaction)
    case .checkpointWritesPut(let put): try apply(put, try scopeRow(event, transaction), transaction.db)
    case .checkpointsDeleted(let deleted):
      try apply(deleted, try scopeRow(event, transaction), transaction.db)
    case .checkpointThreadCopied(let copied): try apply(copied, try scopeRow(event, transaction), transaction)
    default: break
    }
  }

  private func scopeRow(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Int64 {
    try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
  }

  private func apply(
    _ put: LogV1.CheckpointPut, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let present = try CheckpointQueries.row(
      thread: put.threadID, namespace: put.namespacePath, id: put.id, scope: scope, in: db)
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO checkpoints (row, scope, thread_id, namespace, id, parent_id, run_id, state_type,
          state, metadata_type, metadata, attributes, channels)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      present ?? transaction.nextItem(), scope, put.threadID, put.namespacePath, put.id, put.parentID,
      put.runID, put.state?.type ?? "", Data(put.state?.data ?? []), put.metadata?.type ?? "",
      Data(put.metadata?.data ?? []), try AttributeColumn.encode(put.attributes),
      try ChannelColumn.encode(put.channels)
    ])
    let insert = try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO checkpoint_values (scope, thread_id, namespace, channel, version, type, value)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """)
    for channel in put.channels {
      guard let value = channel.value else { continue }
      try insert.execute(arguments: [
        scope, put.threadID, put.namespacePath, channel.name, channel.version, value.type, Data(value.data)
      ])
    }
  }

  private func apply(_ put: LogV1.CheckpointWritesPut, _ scope: Int64, _ db: Database) throws {
    for write in put.writes {
      // A task that runs again writes the same; its errors and interrupts are those of the last run.
      let verb = write.index < 0 ? "REPLACE" : "IGNORE"
      try db.cachedStatement(
        sql: """
          INSERT OR \(verb) INTO checkpoint_writes (scope, thread_id, namespace, checkpoint_id, task_id, place,
            channel, type, value, task_path)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        scope, put.threadID, put.namespacePath, put.checkpointID, write.taskID, write.index, write.channel,
        write.value?.type ?? "",
        Data(write.value?.data ?? []), write.taskPath
      ])
    }
  }

  private func apply(_ deleted: LogV1.CheckpointsDeleted, _ scope: Int64, _ db: Database) throws {
    var touched: Set<CheckpointPlace> = []
    for row in deleted.rows {
      guard let place = try CheckpointQueries.place(of: row, in: db) else { continue }
      touched.insert(place)
      try db.cachedStatement(
        sql: """
          DELETE FROM checkpoint_writes WHERE (scope, thread_id, namespace, checkpoint_id)
            = (SELECT scope, thread_id, namespace, id FROM checkpoints WHERE row = ?)
          """
      ).execute(arguments: [row])
      try db.cachedStatement(sql: "DELETE FROM checkpoints WHERE row = ?").execute(arguments: [row])
    }
    for thread in deleted.threadIDs {
      for table in ["checkpoint_writes", "checkpoint_values"] {
        try db.cachedStatement(sql: "DELETE FROM \(table) WHERE scope = ? AND thread_id = ?")
          .execute(arguments: [scope, thread])
      }
    }
    for place in touched.sorted() { try dropUnnamedValues(place, scope, db) }
  }

  /// Values that no checkpoint of their thread and namespace names any more.
  private func dropUnnamedValues(_ place: CheckpointPlace, _ scope: Int64, _ db: Database) throws {
    try db.cachedStatement(
      sql: """
        DELETE FROM checkpoint_values WHERE scope = ?1 AND thread_id = ?2 AND namespace = ?3
          AND (channel, version) NOT IN (
            SELECT json_extract(c.value, '$[0]'), json_extract(c.value, '$[1]')
            FROM checkpoints p, json_each(p.channels) c
            WHERE p.scope = ?1 AND p.thread_id = ?2 AND p.namespace = ?3)
        """
    ).execute(arguments: [scope, place.thread, place.namespace])
  }

  private func apply(
    _ copied: LogV1.CheckpointThreadCopied, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let rows = try Int64.fetchAll(
      db.cachedStatement(sql: "SELECT row FROM checkpoints WHERE scope = ? AND thread_id = ? ORDER BY row"),
      arguments: [scope, copied.sourceThreadID])
    for row in rows {
      try db.cachedStatement(
        sql: """
          INSERT INTO checkpoints (row, scope, thread_id, namespace, id, parent_id, run_id, state_type, state,
            metadata_type, metadata, attributes, channels)
          SELECT ?, scope, ?, namespace, id, parent_id, run_id, state_type, state, metadata_type, metadata,
            attributes, channels FROM checkpoints WHERE row = ?
          """
      ).execute(arguments: [transaction.nextItem(), copied.targetThreadID, row])
    }
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO checkpoint_writes (scope, thread_id, namespace, checkpoint_id, task_id, place,
          channel, type, value, task_path)
        SELECT scope, ?, namespace, checkpoint_id, task_id, place, channel, type, value, task_path
        FROM checkpoint_writes WHERE scope = ? AND thread_id = ?
        ORDER BY namespace, checkpoint_id, task_id, place
        """
    ).execute(arguments: [copied.targetThreadID, scope, copied.sourceThreadID])
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO checkpoint_values (scope, thread_id, namespace, channel, version, type, value)
        SELECT scope, ?, namespace, channel, version, type, value FROM checkpoint_values
        WHERE scope = ? AND thread_id = ? ORDER BY namespace, channel, version
        """
    ).execute(arguments: [copied.targetThreadID, scope, copied.sourceThreadID])
  }
}

/// A namespace of a thread.
struct CheckpointPlace: Hashable, Comparable {
  let thread: String
  let namespace: String

  static func == (a: Self, b: Self) -> Bool {
    ExactText(a.thread) == ExactText(b.thread) && ExactText(a.namespace) == ExactText(b.namespace)
  }

  func hash(into hasher: inout Hasher) {
    ExactText(thread).hash(into: &hasher)
    ExactText(namespace).hash(into: &hasher)
  }

  static func < (a: Self, b: Self) -> Bool {
    let (left, right) = (Array(a.thread.utf8), Array(b.thread.utf8))
    if left != right { return left.lexicographicallyPrecedes(right) }
    return Array(a.namespace.utf8).lexicographicallyPrecedes(Array(b.namespace.utf8))
  }
}

/// Which channels a checkpoint has, as one JSON array: [[name, version, is incremental], …].
enum ChannelColumn {
  struct Entry: Codable {
    let name: String
    let version: String
    let incremental: Bool

    init(_ channel: LogV1.CheckpointChannel) {
      (name, version, incremental) = (channel.name, channel.version, channel.incremental)
    }

    init(from decoder: any Decoder) throws {
      var array = try decoder.unkeyedContainer()
      name = try array.decode(String.self)
      version = try array.decode(String.self)
      incremental = try array.decode(Bool.self)
    }

    func encode(to encoder: any Encoder) throws {
      var array = encoder.unkeyedContainer()
      try array.encode(name)
      try array.encode(version)
      try array.encode(incremental)
    }
  }

  static func encode(_ channels: [LogV1.CheckpointChannel]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    return String(decoding: try encoder.encode(channels.map(Entry.init)), as: UTF8.self)
  }

  static func decode(_ column: String) throws -> [Entry] {
    try JSONDecoder().decode([Entry].self, from: Data(column.utf8))
  }
}
