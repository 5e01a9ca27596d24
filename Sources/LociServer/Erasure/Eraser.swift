import GRDB
import LociCollection
import LociContext
import LociCore
import LociLearn
import LociMemory
import LociProto
import LociSession
import LociStore
import LociTrace

/// Finds, counts and deletes what is to be forgotten, by the commands that callers have too.
struct Eraser {
  let node: NodeParts
  let scope: Scope
  let shard: Shard

  struct Counts {
    fileprivate(set) var tables: [(name: String, count: Int64)] = []
    var undone = 0

    var list: [V1.ErasedCount] {
      (tables + [("compactions", Int64(undone))]).filter { $0.count > 0 }.map {
        V1.ErasedCount(index: $0.name, count: UInt64($0.count))
      }
    }
  }

  /// The ids of all that is meant. Reads the shard's log when a subject or contexts are named.
  func resolve(_ wanted: ForgetTargets) async throws -> ForgetTargets {
    var targets = wanted
    guard !wanted.isWholeAgent else { return targets }
    let (scope, subject, contexts) = (scope, wanted.subject, wanted.contexts)
    let mentions = try await shard.read { db in
      try Mentions(of: subject, contexts: contexts, scope: scope, in: db) { Task.isCancelled }
    }
    targets.messages.formUnion(mentions.messages)
    targets.memories.formUnion(mentions.memories)
    let covered = targets.memories
    targets.memories.formUnion(
      try await shard.read { db in try MemoryCompactionQueries.digests(of: covered, scope: scope, in: db) })
    return targets
  }

  // MARK: Counting

  func count(_ targets: ForgetTargets) async throws -> Counts {
    let scope = scope
    return try await shard.read { db in
      var counts = Counts()
      guard let row = try ScopeQueries.row(scope, in: db) else { return counts }
      if targets.isWholeAgent {
        for table in Self.countedTables {
          let count = try Int64.fetchOne(
            db, sql: "SELECT count(*) FROM \(table) WHERE scope = ?", arguments: [row])
          counts.tables.append((table, count ?? 0))
        }
        return counts
      }
      let messages = try Self.items(in: "messages", targets.messages, row, db)
      let memories = try Self.items(in: "memories", targets.memories, row, db)
      counts.tables = [
        ("messages", Int64(messages.count)), ("memories", Int64(memories.count)),
        ("contexts", Int64(try Self.rows("contexts", targets.contexts, row, db))),
        ("vectors", try Self.vectors(of: messages + memories, row, db)),
        ("snapshots", try Self.kept(targets, row, db))
      ]
      return counts
    }
  }

  private static let countedTables = [
    "contexts", "messages", "memories", "sessions", "checkpoints", "traces", "experiences", "collections",
    "feedback",
    "decisions", "requests"
  ]

  private static func items(in table: String, _ ids: Set<String>, _ scope: Int64, _ db: Database) throws
    -> [Int64]
  {
    let statement = try db.cachedStatement(sql: "SELECT item FROM \(table) WHERE scope = ? AND id = ?")
    return try ids.compactMap { try Int64.fetchOne(statement, arguments: [scope, $0]) }
  }

  private static func rows(_ table: String, _ ids: Set<String>, _ scope: Int64, _ db: Database) throws -> Int
  {
    let statement = try db.cachedStatement(sql: "SELECT 1 FROM \(table) WHERE scope = ? AND id = ?")
    return try ids.count { try Int64.fetchOne(statement, arguments: [scope, $0]) != nil }
  }

  private static func vectors(of items: [Int64], _ scope: Int64, _ db: Database) throws -> Int64 {
    let statement = try db.cachedStatement(
      sql: "SELECT count(*) FROM vectors WHERE item = ?1 AND bucket IN (?2 * 2, ?2 * 2 + 1)")
    return try items.reduce(0) { sum, item in
      sum + (try Int64.fetchOne(statement, arguments: [item, scope]) ?? 0)
    }
  }

  private static func kept(_ targets: ForgetTargets, _ scope: Int64, _ db: Database) throws -> Int64 {
    try [("kept_messages", targets.messages), ("kept_memories", targets.memories)].reduce(0) { sum, part in
      let statement = try db.cachedStatement(
        sql: """
          SELECT count(*) FROM \(part.0) k JOIN sessions s ON s.row = k.session WHERE s.scope = ? AND k.id = ?
          """)
      return try part.1.reduce(sum) { $0 + (try Int64.fetchOne(statement, arguments: [scope, $1]) ?? 0) }
    }
  }

  // MARK: Deleting

  /// - Returns: how many compactions were undone for it.
  func delete(_ targets: ForgetTargets) async throws -> Int {
    let compactions = try await ids("SELECT id FROM compactions WHERE scope = ? ORDER BY row DESC")
    for id in compactions {
      try await write(
        UndoCompaction(V1.UndoCompactionRequest(compactionID: id), scope: scope, key: nil),
        ignoring: .compaction)
    }
    if targets.isWholeAgent {
      try await deleteEverything()
    } else {
      try await deleteMessages(targets.messages.sorted())
      try await deleteMemories(targets.memories.sorted())
      try await deleteContexts(
        try await ids("SELECT id FROM contexts WHERE scope = ? ORDER BY row DESC").filter(
          targets.contexts.contains))
    }
    return compactions.count
  }

  private func deleteEverything() async throws {
    for id in try await ids("SELECT id FROM sessions WHERE scope = ? ORDER BY row DESC") {
      try await write(
        DeleteSession(V1.DeleteSessionRequest(sessionID: id), scope: scope, key: nil), ignoring: .session)
    }
    try await deleteContexts(try await ids("SELECT id FROM contexts WHERE scope = ? ORDER BY row DESC"))
    try await deleteMemories(try await ids("SELECT id FROM memories WHERE scope = ?"))
    for batch in try await ids("SELECT DISTINCT thread_id FROM checkpoints WHERE scope = ?").batches(
      of: 1_000)
    {
      try await write(DeleteCheckpoints<V1.DeleteThreadsResponse>(ids: batch, scope: scope, key: nil))
    }
    for batch in try await ids("SELECT lower(hex(trace_id)) FROM traces WHERE scope = ?").batches(of: 1_000) {
      try await write(DeleteTraces(V1.DeleteTracesRequest(traceIDs: batch), scope: scope, key: nil))
    }
    for batch in try await ids("SELECT id FROM experiences WHERE scope = ?").batches(of: 1_000) {
      try await write(
        DeleteExperiences(V1.DeleteExperiencesRequest(experienceIDs: batch), scope: scope, key: nil))
    }
    for name in try await ids("SELECT name FROM collections WHERE scope = ?") {
      try await write(
        DropCollection(V1.DropCollectionRequest(collection: name), scope: scope, key: nil),
        ignoring: .collection)
    }
  }

  private func deleteMessages(_ ids: [String]) async throws {
    for batch in ids.batches(of: 1_000) {
      try await write(DeleteMessages(V1.DeleteMessagesRequest(messageIDs: batch), scope: scope, key: nil))
    }
  }

  private func deleteMemories(_ ids: [String]) async throws {
    for batch in ids.batches(of: 1_000) {
      try await write(DeleteMemories(V1.DeleteMemoriesRequest(memoryIDs: batch), scope: scope, key: nil))
    }
  }

  /// - Parameter ids: the younger first, since a branch is younger than what it branches off.
  private func deleteContexts(_ ids: [String]) async throws {
    for id in ids {
      try await write(
        DeleteContext(V1.DeleteContextRequest(contextID: id), scope: scope, key: nil), ignoring: .context)
    }
  }

  /// What is gone already needs no deleting.
  private func write<C: Command>(_ command: C, ignoring kind: ObjectKind? = nil) async throws {
    do { _ = try await node.write(command) } catch {
      guard case .notFound(let missing, _) = error, missing == kind else { throw error }
    }
  }

  private func ids(_ sql: String) async throws -> [String] {
    let scope = scope
    return try await shard.read { db in
      guard let row = try ScopeQueries.row(scope, in: db) else { return [] }
      return try String.fetchAll(db, sql: sql, arguments: [row])
    }
  }
}

extension Array {
  fileprivate func batches(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
