import GRDB
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import Testing
import LociTestKit

/// Tables are a pure function of the log.
@Suite struct RebuildTests {
  @Test(arguments: [UInt64(1), 7, 42])
  func aRebuiltProjectionIsTheSame(seed: UInt64) async throws {
    let test = try TestStore()
    try await randomHistory(test, seed: seed)
    for shard in test.store.shards {
      let report = try await test.store.verifyByRebuilding(shard, workers: test.workers)
      #expect(report.differences == [], "seed \(seed)")
      #expect(report.events == shard.position.sequence)
      #expect(report.rows > 0)
    }
    try await test.store.close()
  }

  @Test(arguments: [
    "UPDATE messages SET text = text || '.' WHERE item = (SELECT max(item) FROM messages)",
    "DELETE FROM messages WHERE item = (SELECT min(item) FROM messages)",
    "UPDATE contexts SET next_number = next_number + 1",
    "UPDATE memories SET importance = importance / 2 WHERE item = (SELECT max(item) FROM memories)",
    "INSERT INTO words (rowid, text) VALUES (999999, 'planted')",
    "INSERT INTO buckets (bucket, items, words) VALUES (999999, 1, 1)",
    "UPDATE words_state SET through = through + 1",
    "UPDATE sessions SET version = version + 1", "DELETE FROM session_transitions",
    "UPDATE session_variables SET since = since - 1", "DELETE FROM session_snapshots",
    "UPDATE kept_variables SET value = value || '.'", "INSERT INTO pins VALUES (1, 1)",
    "UPDATE checkpoints SET parent_id = 'planted'", "UPDATE checkpoint_values SET type = type || '.'",
    "DELETE FROM checkpoint_writes",
    "DELETE FROM pending WHERE item = (SELECT max(item) FROM pending)"
  ])
  func aPlantedDifferenceIsFound(sql: String) async throws {
    let test = try TestStore(shards: 1)
    try await randomHistory(test, seed: 5)
    try await test.store.close()
    var configuration = Configuration()
    configuration.prepareDatabase { db in try KeywordIndex.register(db) }
    let database = try DatabaseQueue(path: test.path + "/shard-0000.db", configuration: configuration)
    try await database.write { db in
      try db.execute(sql: sql)
      #expect(db.changesCount > 0)
    }
    try database.close()
    let again = try TestStore(path: test.path)
    let report = try await again.store.verifyByRebuilding(again.store.shards[0], workers: again.workers)
    #expect(!report.differences.isEmpty, "\(sql)")
    try await again.store.close()
  }

  /// Appends, memories, updates and deletions of several agents, some of them refused, several at once.
  func randomHistory(_ test: TestStore, seed: UInt64) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for agent in 0..<4 {
        group.addTask {
          var rng = SplitMix64(seed: seed &* 31 &+ UInt64(agent))
          let scope = try Scope(tenant: "t", agent: "a\(agent)")
          let shard = test.store.shard(of: scope)
          var memories: [String] = []
          for step in 0..<60 {
            switch Int.random(in: 0..<8, using: &rng) {
            case 0, 1:
              // Now and then long enough to send what waits into the full-text index.
              let filler = String(repeating: " x", count: step % 7 == 0 ? 9_000 : 0)
              _ = try await test.append(
                (0...Int.random(in: 0..<3, using: &rng)).map {
                  "text \(step) part \($0) 会议 \(seed)" + filler
                },
                to: "c\(step % 3)", by: "a\(agent)", requestID: step % 4 == 0 ? "r\(step)" : nil)
            case 2, 3:
              let request = V1.AddMemoriesRequest(
                memories: [
                  V1.MemoryDraft(
                    text: "memory \(step)", attributes: [V1.Attribute(key: "s", value: "\(step)")])
                ])
              memories += try await shard.submit(
                AddMemories(request, scope: scope, key: nil, ids: test.ids, encoder: nil)
              ).memoryIDs
            case 4:
              guard let id = memories.randomElement(using: &rng) else { continue }
              let request = V1.UpdateMemoryRequest(memoryID: id, text: "changed \(step)", importance: 0.25)
              _ = try await shard.submit(UpdateMemory(request, scope: scope, key: nil))
            case 5: try await sessionStep(step, scope, shard, test)
            case 6: try await checkpointStep(step, scope, shard)
            default:
              guard let id = memories.popLast() else { continue }
              _ = try await shard.submit(
                DeleteMemories(V1.DeleteMemoriesRequest(memoryIDs: [id]), scope: scope, key: nil))
            }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// A variable that changes under a snapshot.
  private func sessionStep(_ step: Int, _ scope: Scope, _ shard: Shard, _ test: TestStore) async throws {
    let create = V1.CreateSessionRequest(id: "s", contextID: "c0", activate: true)
    _ = try? await shard.submit(CreateSession(create, scope: scope, key: nil, ids: test.ids))
    for value in ["before \(step)", "after \(step)"] {
      let set = V1.SetVariablesRequest(
        sessionID: "s", variables: [V1.VariableChange(name: "x", value: value)])
      _ = try await shard.submit(SetVariables(set, scope: scope, key: nil))
      let take = V1.TakeSnapshotRequest(sessionID: "s")
      _ = try await shard.submit(TakeSnapshot(take, scope: scope, key: nil, ids: test.ids))
    }
  }

  private func checkpointStep(_ step: Int, _ scope: Scope, _ shard: Shard) async throws {
    let value = V1.TypedValue(type: "b", data: [UInt8(step)])
    let checkpoint = V1.Checkpoint(
      threadID: "t", id: "\(step)", state: value, metadata: value,
      channels: [V1.Channel(name: "c", version: "\(step)", value: value)])
    _ = try await shard.submit(
      PutCheckpoint(V1.PutCheckpointRequest(checkpoint: checkpoint), scope: scope, key: nil))
    let writes = [V1.TaskWrite(taskID: "k", channel: "c", value: value)]
    let put = V1.PutWritesRequest(threadID: "t", checkpointID: "\(step)", writes: writes)
    _ = try await shard.submit(PutWrites(put, scope: scope, key: nil))
  }
}
