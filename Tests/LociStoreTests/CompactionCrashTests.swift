import CLociFaultVFS
import Foundation
import GRDB
import LociCompress
import LociContext
import LociCore
import LociMemory
import LociProto
import LociStore
import Testing

/// The disk is gone from the n-th write on, for every n, while something is compacted or undone: opened anew, there is
/// the old state or the new one, all texts are there to the byte, and what was interrupted can be done again.
@Suite struct CompactionCrashTests {
  enum Work: String, CaseIterable, Sendable { case contexts, memories, undoContexts, undoMemories }

  private static let scope = (try? Scope(tenant: "t", agent: "a"))

  private static let texts = (0..<40).map {
    "On day \($0) the keeper counted \($0 * 3) gulls at pier \($0 % 4)."
  }

  private static func folder() throws -> String {
    let path = NSTemporaryDirectory() + "loci-compaction-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// What anybody can read: messages, memories, and what compactions cover.
  private struct State: Equatable {
    var messages: [String]
    var compactions: Int
    var cold: Int
    var memories: [String]
    var folded: [String]

    init(_ test: TestStore, _ scope: Scope) async throws {
      messages = try await test.texts(of: "a")
      (compactions, cold, memories, folded) = try await test.store.shard(of: scope).read { db in
        (
          try Int.fetchOne(db, sql: "SELECT count(*) FROM compactions") ?? -1,
          try Int.fetchOne(db, sql: "SELECT count(*) FROM messages WHERE cold IS NOT NULL") ?? -1,
          try String.fetchAll(db, sql: "SELECT text FROM memories WHERE superseded_at_us = 0 ORDER BY item"),
          try String.fetchAll(db, sql: "SELECT text FROM memories WHERE superseded_at_us > 0 ORDER BY item")
        )
      }
    }
  }

  private static func prepare(_ test: TestStore, _ work: Work) async throws {
    for start in stride(from: 0, to: 60, by: 10) {
      _ = try await test.append(
        (start..<start + 10).map { "Message \($0): the harbour of town \($0 * 7) cost $\($0),00 in all." })
    }
    try await test.add(texts)
    switch work {
    case .undoContexts: _ = try await test.compact()
    case .undoMemories: _ = try await test.compactMemories(above: 20)
    case .contexts, .memories: break
    }
  }

  private static func run(_ work: Work, _ test: TestStore, _ scope: Scope) async throws {
    switch work {
    case .contexts: _ = try await test.compact()
    case .memories: _ = try await test.compactMemories(above: 20)
    case .undoContexts, .undoMemories:
      let table = work == .undoContexts ? "compactions" : "memory_compactions"
      let shard = test.store.shard(of: scope)
      let id = try await shard.read { db in try String.fetchOne(db, sql: "SELECT id FROM \(table)") }
      guard let id else { return }
      let request = V1.UndoCompactionRequest(compactionID: id)
      if work == .undoContexts {
        _ = try await shard.submit(UndoCompaction(request, scope: scope, key: nil))
      } else {
        _ = try await shard.submit(UndoMemoryCompaction(request, scope: scope, key: nil))
      }
    }
  }

  @Test(arguments: Work.allCases) func killedAnywhere(work: Work) async throws {
    let scope = try #require(Self.scope)
    let template = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: template) }
    let first = try TestStore(path: template, shards: 1)
    try await Self.prepare(first, work)
    let old = try await State(first, scope)
    try await first.store.close()
    var new: State?
    var (killed, n) = (0, 1)
    while n < 400 {
      let folder = try Self.folder()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try FileManager.default.removeItem(atPath: folder)
      try FileManager.default.copyItem(atPath: template, toPath: folder)
      let disk = FaultyDisk(folder: folder)
      let test = try TestStore(path: folder, shards: 1)
      disk.fail(from: n, .inputOutput)
      let isDone = (try? await Self.run(work, test, scope)) != nil
      let wasHurt = disk.failures > 0
      try? await test.store.close()
      disk.stopFailing()

      let again = try TestStore(path: folder, shards: 1)
      let state = try await State(again, scope)
      if isDone { #expect(state != old, "acknowledged at write \(n) and lost") }
      if state != old {
        new = new ?? state
        #expect(state == new, "neither old nor new at write \(n)")
      }
      let report = try await again.store.verifyByRebuilding(again.store.shards[0], workers: again.workers)
      #expect(report.differences.isEmpty, "write \(n): \(report.differences)")
      // What was interrupted is done by doing it again.
      if state == old { try await Self.run(work, again, scope) }
      let done = try await State(again, scope)
      #expect(done.messages == old.messages)
      #expect(Set(done.memories + done.folded).isSuperset(of: Self.texts))
      try await again.store.close()
      withExtendedLifetime(disk) {}
      if !wasHurt { break }
      killed += 1
      n += 1
    }
    #expect(killed > 2 && n < 400, "\(killed) kills")
    #expect(new != nil)
  }
}
