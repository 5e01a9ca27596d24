import LociContext
import LociCore
import LociProto
import LociStore
import Testing
import LociTestKit

@Suite struct AssemblyTests {
  /// One token for each byte: budgets are easy to see.
  private struct ByteCounter: TokenCounting {
    let name = "bytes"
    func count(_ text: String) -> Int { text.utf8.count }
  }

  private func assemble(
    _ edit: (inout V1.AssembleContextRequest) -> Void, memories: [RankedMemory] = [], _ test: SessionBench
  ) async throws -> V1.AssembleContextResponse {
    var request = V1.AssembleContextRequest(
      contextID: "c", tokenBudget: 1_000, messageOverheadTokens: 1)
    edit(&request)
    let assembly = Assembly(
      try AssemblyRequest(request), counter: ByteCounter(), cache: TokenCountCache(),
      shard: ShardID(rawValue: 0))
    return try await test.store.store.shard(of: test.scope).read { [scope = test.scope] db in
      var assembly = assembly
      return try assembly.run(scope: scope, memories: memories, in: db)
    }
  }

  private func append(_ drafts: [V1.MessageDraft], _ test: SessionBench) async throws {
    _ = try await test.submit(
      AppendMessages(
        V1.AppendRequest(contextID: "c", messages: drafts, createContext: true), scope: test.scope, key: nil,
        ids: test.store.ids))
  }

  private func memory(_ id: String, _ text: String, at time: Int64, score: Float) -> RankedMemory {
    RankedMemory(memory: V1.Memory(id: id, text: text, createdAtUs: time), score: score)
  }

  @Test func theOrderIsStable() async throws {
    let test = try SessionBench()
    try await append(
      [
        V1.MessageDraft(role: .system, text: "rules"), V1.MessageDraft(role: .user, text: "one"),
        V1.MessageDraft(role: .assistant, text: "keep", pinned: true),
        V1.MessageDraft(role: .user, text: "two"), V1.MessageDraft(role: .system, text: "note")
      ], test)
    let memories = [memory("new", "m-new", at: 2, score: 0.9), memory("old", "m-old", at: 1, score: 0.1)]
    let answer = try await assemble({ _ in }, memories: memories, test)
    #expect(answer.parts.map(\.text) == ["rules", "keep", "m-old", "m-new", "one", "two", "note"])
    #expect(answer.parts.map(\.kind) == [.system, .pinned, .memory, .memory, .recent, .recent, .recent])
    #expect(answer.tokenCount == UInt32(answer.parts.reduce(0) { $0 + $1.text.utf8.count + 1 }))
    #expect(answer.leftOut.isEmpty && answer.notConsidered == 0 && answer.counter == "bytes")
  }

  @Test func theNewestFitAndTheFirstThatDoesNotEndsThem() async throws {
    let test = try SessionBench()
    try await append((1...9).map { V1.MessageDraft(role: .user, text: "text \($0)") }, test)
    let answer = try await assemble({ $0.tokenBudget = 7 * 3 + 3 }, test)
    #expect(answer.parts.map(\.text) == ["text 7", "text 8", "text 9"])
    #expect(answer.leftOut.map(\.firstNumber) == [6] && answer.leftOut.first?.reason == .budget)
    #expect(answer.notConsidered == 5)
  }

  @Test func memoriesTakeTheirShareAndWhatIsLeft() async throws {
    let test = try SessionBench()
    try await append([V1.MessageDraft(role: .user, text: "a message of 20 b")], test)
    let memories = (0..<4).map { memory("k\($0)", "memory \($0)", at: Int64($0), score: -Float($0)) }
    // 9 tokens each. A quarter of 80 holds two; the message takes 18, and the rest two more.
    let answer = try await assemble({ $0.tokenBudget = 80 }, memories: memories, test)
    #expect(answer.parts.count { $0.kind == .memory } == 4)
    let tight = try await assemble({ $0.tokenBudget = 40 }, memories: memories, test)
    #expect(tight.parts.map(\.id).prefix(2) == ["k0", "k1"])
    #expect(tight.leftOut.map(\.id) == ["k2", "k3"])
    #expect(tight.leftOut.allSatisfy { $0.kind == .memory && $0.reason == .budget && $0.tokenCount == 9 })
    let none = try await assemble(
      {
        $0.tokenBudget = 20
        $0.memoryShare = 0
      }, memories: memories, test)
    #expect(none.parts.map(\.kind) == [.recent])
  }

  @Test func aMemoryThatWasJustSaidIsLeftOut() async throws {
    let test = try SessionBench()
    try await append([V1.MessageDraft(role: .user, text: "I like trains")], test)
    let memories = [memory("k", "I like trains", at: 1, score: 1), memory("l", "other", at: 2, score: 0)]
    let answer = try await assemble({ _ in }, memories: memories, test)
    #expect(answer.parts.map(\.text) == ["other", "I like trains"])
    #expect(answer.leftOut.map(\.id) == ["k"] && answer.leftOut.first?.reason == .duplicate)
    #expect(answer.tokenCount == 6 + 14)
  }

  @Test func aToolsAnswerWithoutItsCallIsLeftOut() async throws {
    let test = try SessionBench()
    try await append(
      [
        V1.MessageDraft(role: .assistant, text: "a call that is far too long", toolCallID: "x"),
        V1.MessageDraft(role: .tool, text: "answer", toolCallID: "x"),
        V1.MessageDraft(role: .user, text: "so")
      ], test)
    let answer = try await assemble({ $0.tokenBudget = 20 }, test)
    #expect(answer.parts.map(\.text) == ["so"])
    #expect(answer.leftOut.map(\.reason) == [.budget, .toolPair])
    #expect(answer.leftOut.map(\.firstNumber) == [1, 2])
    let whole = try await assemble({ $0.tokenBudget = 100 }, test)
    #expect(whole.parts.count == 3)
  }

  @Test func maxHistoryBoundsTheRecentMessages() async throws {
    let test = try SessionBench()
    try await append(
      (1...9).map { V1.MessageDraft(role: .user, text: "text \($0)", pinned: $0 == 2) }, test)
    _ = try await test.submit(
      UpdateContext(V1.UpdateContextRequest(contextID: "c", maxHistory: 3), scope: test.scope, key: nil))
    let answer = try await assemble({ _ in }, test)
    #expect(answer.parts.map(\.text) == ["text 2", "text 7", "text 8", "text 9"])
    #expect(answer.leftOut.map(\.reason) == [.maxHistory, .maxHistory])
    #expect(answer.leftOut.map(\.firstNumber) == [3, 1] && answer.leftOut.map(\.lastNumber) == [6, 1])
    #expect(answer.leftOut.map(\.count) == [4, 1])
    let few = try await assemble({ $0.historyLimit = 2 }, test)
    #expect(few.parts.map(\.text) == ["text 2", "text 8", "text 9"] && few.notConsidered == 6)
  }

  @Test func theCallersCountsCount() async throws {
    let test = try SessionBench()
    try await append(
      [V1.MessageDraft(role: .user, text: "short", tokenCount: 500), V1.MessageDraft(role: .user, text: "x")],
      test)
    let answer = try await assemble({ $0.tokenBudget = 400 }, test)
    #expect(answer.parts.map(\.text) == ["x"])
    #expect(answer.leftOut.first?.tokenCount == 501)
  }

  /// Whatever the history and the budget: never over it, each message accounted for once, no gap among the recent.
  @Test(arguments: UInt64(1)...30)
  func theAccountIsWhole(seed: UInt64) async throws {
    let test = try SessionBench()
    var rng = SplitMix64(seed: seed)
    let roles: [V1.Role] = [.user, .assistant, .tool, .system]
    let count = Int.random(in: 0...40, using: &rng)
    if count > 0 {
      try await append(
        (0..<count).map { _ in
          V1.MessageDraft(
            role: roles.randomElement(using: &rng) ?? .user,
            text: String(repeating: "x", count: Int.random(in: 0...60, using: &rng)),
            pinned: Int.random(in: 0..<8, using: &rng) == 0)
        }, test)
      if Int.random(in: 0..<2, using: &rng) == 0 {
        let cut = UInt64(Int.random(in: 1...count, using: &rng))
        _ = try await test.forkContext("c", as: "b", at: cut)
      } else {
        _ = try await test.forkContext("c", as: "b")
      }
    } else {
      _ = try await test.submit(
        CreateContext(V1.CreateContextRequest(id: "b"), scope: test.scope, key: nil, ids: test.store.ids))
    }
    let memories = (0..<5).map { number in
      memory(
        "k\(number)", String(repeating: "m", count: Int.random(in: 1...40, using: &rng)), at: Int64(number),
        score: Float.random(in: 0...1, using: &rng))
    }
    let limit = UInt32.random(in: 1...50, using: &rng)
    let budget = UInt32.random(in: 1...1_500, using: &rng)
    let answer = try await assemble(
      {
        $0.contextID = "b"
        $0.tokenBudget = budget
        $0.historyLimit = limit
      }, memories: memories, test)
    #expect(answer.tokenCount <= budget, "seed \(seed)")
    #expect(answer.tokenCount == answer.parts.reduce(0) { $0 + $1.tokenCount }, "seed \(seed)")
    let all = try await test.messages("b").map(\.number)
    let inside = answer.parts.filter { $0.kind != .memory }.map(\.number)
    let outside = answer.leftOut.filter { $0.kind != .memory }.reduce(0) { $0 + Int($1.count) }
    #expect(Set(inside).count == inside.count, "seed \(seed): a message twice")
    #expect(inside.count + outside + Int(answer.notConsidered) == all.count, "seed \(seed)")
    let recent = answer.parts.filter { $0.kind == .recent }.map(\.number)
    if let first = recent.first {
      let others = Set(answer.parts.filter { $0.kind == .system || $0.kind == .pinned }.map(\.number))
        .union(answer.leftOut.filter { $0.kind == .system || $0.kind == .pinned }.map(\.firstNumber))
      #expect(recent == all.filter { $0 >= first && !others.contains($0) }, "seed \(seed): a gap")
    }
    let told = answer.parts.count { $0.kind == .memory } + answer.leftOut.count { $0.kind == .memory }
    #expect(told == memories.count, "seed \(seed)")
  }

  @Test(arguments: [("", 0), ("abcd", 1), ("abcde", 2), ("会议", 2), ("a会", 2)])
  func theEstimate(text: String, tokens: Int) {
    #expect(EstimatedTokenCounter().count(text) == tokens)
  }
}
