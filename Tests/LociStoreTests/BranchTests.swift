import GRDB
import LociContext
import LociCore
import LociProto
import LociRecall
import LociStore
import Testing
import LociTestKit

@Suite struct BranchTests {
  @Test func aBranchShowsWhatItSharesAndItsOwn() async throws {
    let test = try SessionBench()
    _ = try await test.store.append(["one", "two", "three"], to: "main")
    let branch = try #require(try await test.forkContext("main", as: "branch", at: 2))
    #expect(branch.parentContextID == "main" && branch.parentNumber == 2 && branch.nextNumber == 3)
    _ = try await test.store.append(["other three", "four"], to: "branch", create: false)
    _ = try await test.store.append(["main four"], to: "main")
    #expect(try await test.texts("branch") == ["one", "two", "other three", "four"])
    #expect(try await test.texts("main") == ["one", "two", "three", "main four"])
    // Nothing was copied.
    #expect(try await test.store.texts(of: "a").count == 6)
    // A branch of the branch, above its own messages and below.
    _ = try await test.forkContext("branch", as: "above", at: 1)
    _ = try await test.forkContext("branch", as: "below", at: 3)
    _ = try await test.store.append(["end"], to: "above", create: false)
    _ = try await test.store.append(["end"], to: "below", create: false)
    #expect(try await test.texts("above") == ["one", "end"])
    #expect(try await test.texts("below") == ["one", "two", "other three", "end"])
    #expect(try await test.branches("main") == ["branch"])
    #expect(try await test.branches("branch") == ["above", "below"])
    try await test.checkRebuild()
  }

  /// Every range, both directions and every page size against a list of the whole.
  @Test(arguments: [UInt64(1), 2, 3])
  func pagesOfABranchAreThoseOfAPlainHistory(seed: UInt64) async throws {
    let test = try SessionBench()
    var rng = SplitMix64(seed: seed)
    var model: [String: [String]] = ["c0": []]
    for step in 0..<60 {
      let id = try #require(model.keys.sorted().randomElement(using: &rng))
      let history = model[id] ?? []
      if Int.random(in: 0..<4, using: &rng) == 0, !history.isEmpty {
        let number = Int.random(in: 1...history.count, using: &rng)
        let new = "c\(model.count)"
        _ = try await test.forkContext(id, as: new, at: UInt64(number))
        model[new] = Array(history.prefix(number))
      } else {
        _ = try await test.store.append(["text \(step)"], to: id)
        model[id]?.append("text \(step)")
      }
    }
    for (id, history) in model where !history.isEmpty {
      for newestFirst in [false, true] {
        for size in [1, 2, 7, 100] {
          let from = UInt64(Int.random(in: 0...history.count, using: &rng))
          let until = UInt64(Int.random(in: 0...history.count + 1, using: &rng))
          let seen = try await test.pages(
            V1.ListMessagesRequest(
              contextID: id, fromNumber: from, untilNumber: until, newestFirst: newestFirst,
              page: V1.Page(size: Int32(size))))
          let expected = history.enumerated().filter { index, _ in
            UInt64(index + 1) >= from && (until == 0 || UInt64(index + 1) < until)
          }.map(\.element)
          #expect(seen == (newestFirst ? expected.reversed() : expected), "seed \(seed), \(id)")
        }
      }
    }
    try await test.checkRebuild()
  }

  @Test func mergingBack() async throws {
    let test = try SessionBench()
    _ = try await test.store.append(["one"], to: "main")
    _ = try await test.forkContext("main", as: "branch")
    _ = try await test.store.append(["idea", "result"], to: "branch", create: false)
    _ = try await test.store.append(["two"], to: "main")
    let merged = try await test.merge(V1.MergeBranchRequest(contextID: "branch"))
    #expect(merged.firstNumber == 3 && merged.messageIDs.count == 2)
    #expect(try await test.texts("main") == ["one", "two", "idea", "result"])
    #expect(try await test.texts("branch") == ["one", "idea", "result"])
    let summary = V1.MergeBranchRequest(
      contextID: "branch", mode: .summary, summary: V1.MessageDraft(role: .system, text: "in short"))
    #expect(try await test.merge(summary).messageIDs.count == 1)
    #expect(try await test.texts("main").last == "in short")
    await #expect(throws: LociError.self) { try await test.merge(V1.MergeBranchRequest(contextID: "main")) }
    let guarded = V1.MergeBranchRequest(
      contextID: "branch", mode: .summary, summary: summary.summary, expectedVersion: 1)
    await #expect(throws: LociError.self) { try await test.merge(guarded) }
    try await test.checkRebuild()
  }

  @Test func aContextWithBranchesStays() async throws {
    let test = try SessionBench()
    _ = try await test.store.append(["one"], to: "main")
    _ = try await test.forkContext("main", as: "branch")
    await #expect(throws: LociError.self) { try await test.deleteContext("main") }
    _ = try await test.deleteContext("branch")
    #expect(try await test.deleteContext("main").messagesDeleted == 1)
  }

  @Test func forksAreBoundedInDepth() async throws {
    let test = try SessionBench()
    _ = try await test.store.append(["0"], to: "c0")
    for depth in 1...64 {
      _ = try await test.forkContext("c\(depth - 1)", as: "c\(depth)")
      _ = try await test.store.append(["\(depth)"], to: "c\(depth)", create: false)
    }
    #expect(try await test.texts("c64") == (0...64).map { "\($0)" })
    await #expect(throws: LociError.self) { try await test.forkContext("c64", as: "c65") }
  }
}

@Suite struct ContextVersionTests {
  @Test func everyChangeCounts() async throws {
    let test = try SessionBench()
    let first = try await test.store.append(["one"], to: "c", messageID: "m1")
    #expect(first.contextVersion == 2)
    #expect(try await test.version("c") == 2)
    try await test.pin("m1", in: "c")
    #expect(try await test.version("c") == 3)
    let second = try await test.store.append(["two"], to: "c")
    #expect(second.contextVersion == 4)
    try await test.deleteMessages(["m1"])
    #expect(try await test.version("c") == 5)
    let updated = try await test.submit(
      UpdateContext(
        V1.UpdateContextRequest(contextID: "c", title: "t", maxHistory: 5, expectedVersion: 5),
        scope: test.scope, key: nil))
    #expect(updated.context?.version == 6 && updated.context?.title == "t")
    #expect(try await test.version("c") == 6)
    let several = try await test.store.append(["three", "four"], to: "c")
    #expect(several.contextVersion == 8)
    #expect(try await test.version("c") == 8)
    // The same again is no change.
    _ = try await test.submit(
      UpdateContext(V1.UpdateContextRequest(contextID: "c", title: "t"), scope: test.scope, key: nil))
    #expect(try await test.version("c") == 8)
    try await test.checkRebuild()
  }

  /// Contexts of before there were versions get theirs from the tables: it must be the one that the log gives.
  @Test func theVersionOfAppendsAndDeletesFollowsFromTheTables() async throws {
    let test = try SessionBench()
    for round in 0..<4 {
      _ = try await test.store.append(["a", "b", "c"].map { "\($0) \(round)" }, to: "c")
      let oldest = try await test.messages("c").prefix(round).map(\.id)
      if !oldest.isEmpty { try await test.deleteMessages(oldest) }
    }
    let followed = try await test.store.store.shard(of: test.scope).read { db in
      try Int.fetchOne(db, sql: "SELECT 2 * next_number - 1 - message_count FROM contexts")
    }
    #expect(followed == Int(try await test.version("c")))
  }

  /// Of writers that saw the same version, one appends; without a version all do, in the order of the log.
  @Test func oneOfThoseWhoSawTheSameAppends() async throws {
    let test = try SessionBench()
    _ = try await test.store.append(["first"], to: "c")
    let appended = try await withThrowingTaskGroup(of: Bool.self) { group in
      for writer in 0..<16 {
        group.addTask {
          do {
            _ = try await test.append("guarded \(writer)", to: "c", expecting: 2)
            return true
          } catch LociError.failedPrecondition { return false }
        }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(appended == 1)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<16 {
        group.addTask { _ = try await test.append("free \(writer)", to: "c", expecting: nil) }
      }
      try await group.waitForAll()
    }
    #expect(try await test.texts("c").count == 18)
    // 0: it must not exist.
    await #expect(throws: LociError.self) { try await test.append("new", to: "c", expecting: 0) }
    _ = try await test.append("new", to: "d", expecting: 0)
    #expect(try await test.version("d") == 2)
    try await test.checkRebuild()
  }

  @Test func whatCameWithAMessageComesBack() async throws {
    let test = try SessionBench()
    let draft = V1.MessageDraft(
      id: "m", role: .tool, text: "sunny", toolCallID: "call-1", tokenCount: 7, data: [0, 1, 255],
      pinned: true)
    _ = try await test.submit(
      AppendMessages(
        V1.AppendRequest(contextID: "c", messages: [draft], createContext: true), scope: test.scope, key: nil,
        ids: test.store.ids))
    let stored = try #require(try await test.messages("c").first)
    #expect(stored.tokenCount == 7 && stored.data == [0, 1, 255] && stored.pinned)
    #expect(stored.toolCallID == "call-1")
    try await test.pin("m", in: "c", unpin: true)
    #expect(try await test.messages("c").first?.pinned == false)
    // Pins of messages that are gone are gone.
    try await test.pin("m", in: "c")
    try await test.deleteMessages(["m"])
    _ = try await test.store.append(["other"], to: "c", messageID: "m")
    #expect(try await test.messages("c").map(\.pinned) == [false])
    try await test.checkRebuild()
  }
}
