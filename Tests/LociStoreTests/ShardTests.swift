import Foundation
import GRDB
import LociCore
import LociProto
import LociStore
import Testing

@Suite struct ShardTests {
  @Test func manyCallersShareCommitsAndEachGetsItsAnswer() async throws {
    let test = try TestStore(shards: 1)
    let answers = try await withThrowingTaskGroup(of: (Int, V1.AppendResponse).self) { group in
      for caller in 0..<200 {
        group.addTask { (caller, try await test.append(["text \(caller)"], to: "c\(caller % 10)")) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    #expect(answers.count == 200)
    #expect(Set(answers.values.compactMap { $0.position?.sequence }).count == 200)
    #expect(Set(try await test.texts(of: "a")) == Set((0..<200).map { "text \($0)" }))
    let counts = test.store.shards[0].commitCounts
    #expect(counts.commands == 200)
    #expect(counts.commits < 200, "no two of 200 commands shared a commit")
    try await test.store.close()
  }

  @Test func aRefusedCommandDisturbsNoNeighbour() async throws {
    let test = try TestStore(shards: 1)
    _ = try await test.append(["first"], messageID: "taken")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<50 {
        group.addTask { _ = try await test.append(["good \(number)"]) }
        group.addTask {
          await #expect(throws: LociError.alreadyExists(.message, id: "taken")) {
            try await test.append(["bad"], messageID: "taken")
          }
        }
        group.addTask {
          await #expect(throws: LociError.notFound(.context, id: "none")) {
            try await test.append(["bad"], to: "none", create: false)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(Set(try await test.texts(of: "a")) == Set(["first"] + (0..<50).map { "good \($0)" }))
    try await test.store.close()
  }

  @Test func numbersOfAContextHaveNoGapsWhoeverAppends() async throws {
    let test = try TestStore(shards: 1)
    let firsts = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for caller in 0..<60 {
        group.addTask { try await test.append(["a \(caller)", "b \(caller)"]).firstNumber }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let expected: [UInt64] = Array(stride(from: 1, to: 120, by: 2))
    #expect(firsts.sorted() == expected)
    try await test.store.close()
  }

  @Test func aReadWaitsForThePositionItAsksFor() async throws {
    let test = try TestStore(shards: 1)
    let shard = test.store.shards[0]
    let position = Position(shard: shard.id, sequence: 2)
    let waiting = Task {
      try await shard.read(.atLeast([position])) { db in
        try Int.fetchOne(db, sql: "SELECT count(*) FROM messages") ?? 0
      }
    }
    _ = try await test.append(["makes events 1 and 2"])
    #expect(try await waiting.value == 1)
    let never = Task { try await shard.wait(for: 1_000) }
    never.cancel()
    await #expect(throws: CancellationError.self) { try await never.value }
    try await test.store.close()
  }

  @Test func aSecondProcessIsKeptOut() async throws {
    let test = try TestStore()
    #expect(throws: LociError.self) { try TestStore(path: test.path) }
    try await test.store.close()
  }

  @Test(arguments: ["\"shards\" : 2", "\"format\" : 1"])
  func aChangedManifestIsNamed(field: String) async throws {
    let test = try TestStore()
    let path = test.path
    try await test.store.close()
    let copy = path + "-copy"
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    defer { try? FileManager.default.removeItem(atPath: copy) }
    let file = copy + "/manifest.json"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(text.contains(field))
    try text.replacing(field, with: field.replacing(/[0-9]/, with: "3")).write(
      toFile: file, atomically: true, encoding: .utf8)
    #expect(throws: LociError.dataLoss(file: file, problem: "checksum does not match")) {
      try TestStore(path: copy)
    }
    try FileManager.default.removeItem(atPath: file)
    #expect(throws: LociError.dataLoss(file: file, problem: "missing, although the folder holds shards")) {
      try TestStore(path: copy)
    }
  }

  @Test func answersSurviveARestart() async throws {
    let folder = NSTemporaryDirectory() + "loci-store-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try TestStore(path: folder)
    let answer = try await first.append(["once"], requestID: "r")
    try await first.store.close()
    let second = try TestStore(path: folder)
    #expect(try await second.append(["once"], requestID: "r") == answer)
    await #expect(throws: LociError.requestReused(id: "r")) {
      try await second.append(["twice"], requestID: "r")
    }
    #expect(try await second.texts(of: "a") == ["once"])
    try await second.store.close()
  }
}
