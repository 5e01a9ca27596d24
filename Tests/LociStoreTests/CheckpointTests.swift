import GRDB
import LociCore
import LociProto
import LociSession
import LociStore
import Testing

@Suite struct CheckpointTests {
  private func value(_ text: String) -> V1.TypedValue { V1.TypedValue(type: "text", data: Array(text.utf8)) }

  /// Channels that are named only keep the value they have.
  private func put(
    _ id: String, parent: String = "", thread: String = "t", run: String = "",
    _ channels: [(name: String, version: String, value: String?)], incremental: Bool = false,
    _ test: SessionBench
  ) async throws {
    let checkpoint = V1.Checkpoint(
      threadID: thread, id: id, parentID: parent, state: value("state \(id)"), metadata: value("{}"),
      channels: channels.map { channel in
        V1.Channel(
          name: channel.name, version: channel.version, value: channel.value.map(value),
          incremental: incremental)
      }, runID: run)
    _ = try await test.submit(
      PutCheckpoint(V1.PutCheckpointRequest(checkpoint: checkpoint), scope: test.scope, key: nil))
  }

  private func write(
    _ checkpoint: String, task: String, _ entries: [(index: Int32, value: String)], _ test: SessionBench
  ) async throws {
    let request = V1.PutWritesRequest(
      threadID: "t", checkpointID: checkpoint,
      writes: entries.map {
        V1.TaskWrite(taskID: task, index: $0.index, channel: "c", value: value($0.value))
      })
    _ = try await test.submit(PutWrites(request, scope: test.scope, key: nil))
  }

  private func read(
    _ test: SessionBench, _ request: V1.ReadCheckpointsRequest = V1.ReadCheckpointsRequest(threadID: "t")
  ) async throws -> [String] {
    var reader = CheckpointReader(try CheckpointList(request))
    var lines: [String] = []
    while true {
      let (piece, next) = try await test.store.store.shard(of: test.scope).read { [reader] db in
        var reader = reader
        return (try reader.next(scope: test.scope, in: db), reader)
      }
      guard let piece else { return lines }
      reader = next
      if let checkpoint = piece.checkpoint { lines.append(checkpoint.id) }
      for channel in piece.values {
        let text = String(decoding: channel.value?.data.prefix(20) ?? [], as: UTF8.self)
        lines[lines.count - 1] += " \(channel.name)=\(text)"
      }
      for write in piece.writes {
        lines[lines.count - 1] +=
          " \(write.taskID)[\(write.index)]=\(String(decoding: write.value?.data.prefix(20) ?? [], as: UTF8.self))"
      }
    }
  }

  private func rows(_ table: String, _ test: SessionBench) async throws -> Int {
    try await test.store.store.shard(of: test.scope).read { db in
      try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0
    }
  }

  @Test func aValueIsStoredOnceForEachVersion() async throws {
    let test = try SessionBench()
    try await put("1", [("a", "1", "big"), ("b", "1", "x")], test)
    try await put("2", parent: "1", [("a", "1", nil), ("b", "2", "y")], test)
    try await put("3", parent: "2", [("a", "1", nil), ("b", "3", nil)], test)
    #expect(try await read(test) == ["3 a=big", "2 a=big b=y", "1 a=big b=x"])
    #expect(try await rows("checkpoint_values", test) == 3)
    try await test.checkRebuild()
  }

  @Test func writesAreKeptAsFirstWrittenExceptSpecialOnes() async throws {
    let test = try SessionBench()
    try await write("1", task: "k", [(0, "first"), (-1, "error")], test)
    try await put("1", [], test)
    try await write("1", task: "k", [(0, "second"), (-1, "other error"), (1, "more")], test)
    #expect(try await read(test) == ["1 k[-1]=other error k[0]=first k[1]=more"])
    // Replaced, a checkpoint keeps its writes.
    try await put("1", [("a", "1", "x")], test)
    #expect(try await read(test) == ["1 a=x k[-1]=other error k[0]=first k[1]=more"])
    try await test.checkRebuild()
  }

  @Test func whatIsDeletedTakesItsValuesAlong() async throws {
    let test = try SessionBench()
    try await put("1", run: "r1", [("a", "1", "x"), ("b", "1", "shared")], test)
    try await put("2", parent: "1", run: "r2", [("a", "2", "y"), ("b", "1", nil)], test)
    try await put("1", thread: "other", run: "r1", [("a", "1", "z")], test)
    let runs = try await test.submit(
      DeleteCheckpoints<V1.DeleteRunsResponse>(ids: ["r1", "none"], scope: test.scope, key: nil))
    #expect(runs.checkpointsDeleted == 2)
    #expect(try await read(test) == ["2 a=y b=shared"])
    #expect(try await rows("checkpoint_values", test) == 2)
    try await write("9", task: "early", [(0, "w")], test)
    let threads = try await test.submit(
      DeleteCheckpoints<V1.DeleteThreadsResponse>(ids: ["t"], scope: test.scope, key: nil))
    #expect(threads.checkpointsDeleted == 1)
    for table in ["checkpoints", "checkpoint_values", "checkpoint_writes"] {
      #expect(try await rows(table, test) == 0, "\(table)")
    }
    try await test.checkRebuild()
  }

  @Test func aCopyIsAThreadOfItsOwn() async throws {
    let test = try SessionBench()
    try await put("1", [("a", "1", "x")], test)
    try await put("2", parent: "1", [("a", "2", "y")], test)
    try await write("2", task: "k", [(0, "w")], test)
    let request = V1.CopyThreadRequest(sourceThreadID: "t", targetThreadID: "copy")
    #expect(
      try await test.submit(CopyThread(request, scope: test.scope, key: nil)).checkpointsCopied == 2)
    await #expect(throws: LociError.self) {
      try await test.submit(CopyThread(request, scope: test.scope, key: nil))
    }
    _ = try await test.submit(
      DeleteCheckpoints<V1.DeleteThreadsResponse>(ids: ["t"], scope: test.scope, key: nil))
    #expect(
      try await read(test, V1.ReadCheckpointsRequest(threadID: "copy")) == ["2 a=y k[0]=w", "1 a=x"])
    try await test.checkRebuild()
  }

  @Test func pruningKeepsTheAncestorsOfIncrementalChannels() async throws {
    let test = try SessionBench()
    for (id, value) in [("1", "old"), ("2", "whole"), ("3", nil), ("4", nil)] as [(String, String?)] {
      try await put(
        id, parent: id == "1" ? "" : "\(Int(id).map { $0 - 1 } ?? 0)", [("log", id, value)],
        incremental: true, test)
    }
    // A side branch that is not on the way.
    try await put("31", parent: "2", [("log", "31", nil)], incremental: true, test)
    let request = V1.PruneThreadsRequest(threadIDs: ["t", "unknown"])
    #expect(
      try await test.submit(PruneThreads(request, scope: test.scope, key: nil)).checkpointsDeleted == 2)
    #expect(try await read(test) == ["4", "3", "2 log=whole"])
    try await test.checkRebuild()
  }

  /// Pieces that a frame holds, whatever the sizes; the whole is the same.
  @Test func largeCheckpointsComeInPieces() async throws {
    let test = try SessionBench()
    let big = String(repeating: "x", count: 900_000)
    for id in ["1", "2"] {
      try await put(id, (0..<3).map { ("c\($0)", "\(id)", "\(id).\($0) \(big)") }, test)
      try await put(id, (0..<6).map { ("c\($0)", "\(id)", $0 < 3 ? nil : "\(id).\($0) \(big)") }, test)
      for task in 0..<4 { try await write(id, task: "k\(task)", [(0, "w \(big)"), (1, "v")], test) }
    }
    let lines = try await read(test)
    #expect(lines.count == 2)
    for (id, line) in zip(["2", "1"], lines) {
      let parts = line.split(separator: "=").count - 1
      #expect(parts == 6 + 8, "\(line)")
      for channel in 0..<6 { #expect(line.contains("c\(channel)=\(id).\(channel) ")) }
    }
    #expect(try await read(test, V1.ReadCheckpointsRequest(threadID: "t", limit: 1)).count == 1)
  }
}
