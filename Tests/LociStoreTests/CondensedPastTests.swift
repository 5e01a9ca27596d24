import GRDB
import LociContext
import LociCore
import LociProto
import LociStore
import Testing

/// What compactions left of older messages is part of an assembled context.
@Suite struct CondensedPastTests {
  private func assemble(
    _ test: TestStore, budget: UInt32, _ edit: (inout V1.AssembleContextRequest) -> Void = { _ in }
  ) async throws -> V1.AssembleContextResponse {
    let scope = try Scope(tenant: "t", agent: "a")
    var request = V1.AssembleContextRequest(contextID: "c", tokenBudget: budget, messageOverheadTokens: 1)
    edit(&request)
    let assembly = Assembly(
      try AssemblyRequest(request), counter: EstimatedTokenCounter(), cache: TokenCountCache(),
      shard: ShardID(rawValue: 0))
    return try await test.store.shard(of: scope).read { db in
      var assembly = assembly
      return try assembly.run(scope: scope, memories: [], in: db)
    }
  }

  private func text(_ number: Int) -> String {
    "Message \(number): we visited the harbour of town number \(number * 7) and it cost $\(number),00 in all."
  }

  private func filled(_ count: Int) async throws -> TestStore {
    let test = try TestStore()
    for start in stride(from: 0, to: count, by: 10) {
      _ = try await test.append((start..<start + 10).map(text))
    }
    return test
  }

  @Test func theCondensedPastComesBeforeWhatChanges() async throws {
    let test = try await filled(60)
    let compacted = try #require(try await test.compact(keep: 10))
    let id = try #require(compacted.compaction).id
    let answer = try await assemble(test, budget: 1_000) { $0.pastShare = 0.5 }
    #expect(answer.tokenCount <= 1_000)
    let past = try #require(answer.parts.first)
    #expect(past.kind == .past && past.role == .system && past.id == id && !past.cut)
    #expect(past.number == 1 && past.untilNumber == 50 && past.text == compacted.text)
    #expect(answer.parts.dropFirst().allSatisfy { $0.kind == .recent })
    #expect(answer.parts.last?.text == text(59))
    // The same prefix as long as nothing is compacted.
    _ = try await test.append(["something new"])
    let later = try await assemble(test, budget: 1_000) { $0.pastShare = 0.5 }
    #expect(later.parts.first == past && later.parts.last?.text == "something new")
    #expect(
      answer.tokenCount == answer.parts.reduce(0) { $0 + $1.tokenCount }, "every token is accounted for")
    try await test.store.close()
  }

  @Test func aSmallShareTakesTheNewestLinesAndSaysSo() async throws {
    let test = try await filled(60)
    let compacted = try #require(try await test.compact(keep: 10))
    let answer = try await assemble(test, budget: 400)
    let past = try #require(answer.parts.first { $0.kind == .past })
    #expect(past.cut && past.tokenCount <= 100 && answer.tokenCount <= 400)
    let lines = compacted.text.split(separator: "\n")
    let kept = past.text.split(separator: "\n")
    #expect(kept.first == lines.first && Array(kept.dropFirst()) == Array(lines.suffix(kept.count - 1)))
    let none = try await assemble(test, budget: 400) { $0.pastShare = 0 }
    #expect(none.parts.allSatisfy { $0.kind == .recent } && none.leftOut.allSatisfy { $0.kind == .recent })
    #expect(none.parts.count > answer.parts.count { $0.kind == .recent })
    try await test.store.close()
  }

  @Test func olderCompactionsWithoutRoomAreNamed() async throws {
    let test = try TestStore()
    var ids: [String] = []
    for start in stride(from: 0, to: 180, by: 60) {
      for part in stride(from: start, to: start + 60, by: 10) {
        _ = try await test.append((part..<part + 10).map(text))
      }
      ids.append(try #require(try await test.compact(keep: 10)?.compaction).id)
    }
    let answer = try await assemble(test, budget: 2_000) { $0.pastShare = 0.3 }
    let past = answer.parts.filter { $0.kind == .past }
    #expect(past.map(\.id) == Array(ids.suffix(2)) && past.map(\.cut) == [true, false])
    let left = try #require(answer.leftOut.first { $0.kind == .past })
    #expect(left.id == ids[0] && left.firstNumber == 1 && left.lastNumber == 50 && left.count == 50)
    #expect(left.reason == .budget && left.tokenCount > 0)
    let all = try await assemble(test, budget: 2_000) { $0.pastShare = 0.9 }
    #expect(all.parts.filter { $0.kind == .past }.map(\.id) == ids)
    try await test.store.close()
  }

  @Test func whatIsThereAsItWasSaidIsNotRepeated() async throws {
    let test = try await filled(60)
    _ = try await test.compact(keep: 10)
    let answer = try await assemble(test, budget: 100_000)
    #expect(answer.parts.count == 60 && answer.parts.allSatisfy { $0.kind == .recent })
    try await test.store.close()
  }

  @Test func aBranchShowsThePastItShares() async throws {
    let test = try await filled(60)
    let compacted = try #require(try await test.compact(keep: 10)?.compaction)
    let scope = try Scope(tenant: "t", agent: "a")
    for (branch, number) in [("late", UInt64(55)), ("early", UInt64(30))] {
      let fork = try ForkContext(
        V1.ForkContextRequest(
          scope: V1.Scope(tenant: "t", agent: "a"), contextID: "c", atNumber: number, id: branch),
        scope: scope, key: nil, ids: test.ids)
      _ = try await test.store.shard(of: scope).submit(fork)
    }
    let late = try await assemble(test, budget: 1_000) {
      ($0.contextID, $0.pastShare) = ("late", 0.5)
    }
    #expect(late.parts.first?.id == compacted.id)
    let early = try await assemble(test, budget: 1_000) {
      ($0.contextID, $0.pastShare) = ("early", 0.5)
    }
    #expect(early.parts.allSatisfy { $0.kind == .recent })
    try await test.store.close()
  }
}
