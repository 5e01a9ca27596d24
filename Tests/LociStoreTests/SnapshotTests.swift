import LociCore
import LociProto
import LociSession
import LociStore
import Testing
import LociTestKit

@Suite struct SnapshotTests {
  @Test func rollbackRestoresEverythingAndCanBeUndone() async throws {
    let test = try SessionBench()
    _ = try await test.create("s", variables: ["step": "1", "gone": "soon"])
    _ = try await test.store.append(["one"], to: "s", messageID: "m1")
    _ = try await test.store.append(["two"], to: "s", messageID: "m2")
    try await test.addMemory("likes trains", id: "k1", context: "s")
    try await test.addMemory("likes ships", id: "k2", context: "s")
    try await test.addMemory("of no session", id: "other", context: "elsewhere")
    let before = try await test.state("s").content
    let snapshot = try await test.snapshot("s", "p")
    #expect(snapshot.messageCount == 2 && snapshot.memoryCount == 2 && snapshot.variableCount == 2)

    try await test.deleteMessages(["m1"])
    _ = try await test.store.append(["three"], to: "s", messageID: "m3")
    _ = try await test.set("s", ["step": "2", "gone": nil, "new": "x"])
    try await test.changeMemory("k1", to: "likes planes")
    try await test.deleteMemory("k2")
    try await test.addMemory("written since", id: "k3", context: "s")
    try await test.changeMemory("other", to: "still of no session")
    _ = try await test.move("s", to: .completed, "done")
    let after = try await test.state("s").content
    #expect(try await test.state("s", at: "p").content == before)

    let answer = try await test.rollback("s", to: "p")
    #expect(try await test.state("s").content == before)
    #expect(answer.messagesRemoved == 1 && answer.messagesRestored == 1)
    #expect(answer.memoriesRemoved == 1 && answer.memoriesRestored == 2 && answer.variablesChanged == 3)
    #expect(try await test.state("s", at: answer.undoSnapshotID).content == after)
    #expect(try await test.transitions("s").map(\.toState).suffix(2) == [.completed, .active])

    let undone = try await test.rollback("s", to: answer.undoSnapshotID)
    #expect(try await test.state("s").content == after)
    #expect(try await test.state("s", at: "p").content == before)
    #expect(try await test.state("s", at: undone.undoSnapshotID).content == before)
    try await test.checkRebuild()
  }

  @Test func aForkStandsOnItsOwn() async throws {
    let test = try SessionBench()
    _ = try await test.create("s", variables: ["x": "1"])
    _ = try await test.store.append(["one", "two"], to: "s")
    _ = try await test.snapshot("s", "p")
    _ = try await test.store.append(["three"], to: "s")
    _ = try await test.set("s", ["x": "2"])
    let answer = try await test.fork("s", from: "p", as: "f")
    #expect(answer.messagesCopied == 2)
    #expect(answer.session?.forkedFromSessionID == "s" && answer.session?.forkedFromSnapshotID == "p")
    #expect(try await test.state("f").messages.map(\.text) == ["one", "two"])
    #expect(try await test.variables("f") == ["x": "1"])
    // Neither disturbs the other.
    _ = try await test.store.append(["of the fork"], to: "f")
    _ = try await test.rollback("s", to: "p")
    #expect(try await test.state("f").messages.map(\.text) == ["one", "two", "of the fork"])
    #expect(try await test.state("s").messages.map(\.text) == ["one", "two"])
    let now = try await test.fork("f", from: "", as: "g")
    #expect(now.messagesCopied == 3)
    await #expect(throws: LociError.self) { try await test.fork("s", from: "p", as: "f") }
    try await test.checkRebuild()
  }

  @Test func aDiffNamesWhatChanged() async throws {
    let test = try SessionBench()
    _ = try await test.create("s", variables: ["same": "1", "changed": "1", "removed": "1"])
    _ = try await test.store.append(["one"], to: "s", messageID: "m1")
    try await test.addMemory("a", id: "stays", context: "s")
    try await test.addMemory("b", id: "changes", context: "s")
    try await test.addMemory("c", id: "goes", context: "s")
    _ = try await test.snapshot("s", "p")
    try await test.deleteMessages(["m1"])
    _ = try await test.store.append(["two"], to: "s", messageID: "m2")
    _ = try await test.set("s", ["changed": "2", "removed": nil, "added": "1"])
    try await test.changeMemory("changes", to: "bb")
    try await test.deleteMemory("goes")
    try await test.addMemory("d", id: "comes", context: "s")
    _ = try await test.snapshot("s", "q")
    for target in ["q", nil] {
      let diff = try await test.diff("s", from: "p", to: target)
      #expect(diff.messagesAdded.map(\.id) == ["m2"] && diff.messagesRemoved.map(\.id) == ["m1"])
      #expect(diff.variables.map(\.name) == ["added", "changed", "removed"])
      #expect(diff.variables.map(\.before) == ["", "1", "1"] && diff.variables.map(\.after) == ["1", "2", ""])
      #expect(diff.memoriesAdded == ["comes"] && diff.memoriesRemoved == ["goes"])
      #expect(diff.memoriesChanged == ["changes"])
    }
    let reversed = try await test.diff("s", from: "q", to: "p")
    #expect(reversed.messagesAdded.map(\.id) == ["m1"] && reversed.memoriesAdded == ["goes"])
    let none = try await test.diff("s", from: "q")
    #expect(none.messagesAddedCount + none.messagesRemovedCount + none.variablesCount == 0)
  }

  /// A thousand snapshots of a growing session cost a row each: nothing is copied that is still there.
  @Test func snapshotsOfAGrowingSessionCostTheirChanges() async throws {
    let test = try SessionBench()
    _ = try await test.create("s")
    for step in 0..<1_000 {
      _ = try await test.store.append(["message \(step) of a session that grows"], to: "s")
      _ = try await test.snapshot("s", "p\(step)")
    }
    #expect(try await test.keptRows() == 0)
    #expect(try await test.session("s").snapshotCount == 1_000)
    #expect(try await test.state("s", at: "p499").messages.count == 500)
    _ = try await test.set("s", ["x": "1"])
    _ = try await test.snapshot("s", "last")
    _ = try await test.set("s", ["x": "2"])
    #expect(try await test.keptRows() == 1)
    // Once for all the snapshots that hold it.
    let first = try await test.state("s", at: "p0").messages[0]
    try await test.deleteMessages([first.id])
    #expect(try await test.keptRows() == 2)
    #expect(try await test.state("s", at: "p999").messages.count == 1_000)
    _ = try await test.prune("s", keepNewest: 1)
    #expect(try await test.keptRows() == 2)
    #expect(try await test.state("s", at: "last").messages.count == 1_000)
    _ = try await test.prune("s", these: ["last"])
    #expect(try await test.keptRows() == 0)
  }

  @Test func aRollbackDoesNotTakeMessagesFromABranch() async throws {
    let test = try SessionBench()
    _ = try await test.create("s")
    _ = try await test.snapshot("s", "p")
    _ = try await test.store.append(["shared"], to: "s")
    _ = try await test.forkContext("s", as: "branch")
    await #expect(throws: LociError.self) { try await test.rollback("s", to: "p") }
    _ = try await test.deleteContext("branch")
    _ = try await test.rollback("s", to: "p")
    #expect(try await test.state("s").messages.isEmpty)
  }

  @Test func theVersionGuardsARollback() async throws {
    let test = try SessionBench()
    _ = try await test.create("s")
    _ = try await test.snapshot("s", "p")
    let seen = try await test.session("s").version
    _ = try await test.set("s", ["x": "1"])
    let request = V1.RollbackSessionRequest(sessionID: "s", snapshotID: "p", expectedVersion: seen)
    await #expect(throws: LociError.self) {
      try await test.submit(RollbackSession(request, scope: test.scope, key: nil, ids: test.store.ids))
    }
    #expect(try await test.variables("s") == ["x": "1"])
    await #expect(throws: LociError.self) { try await test.rollback("s", to: "nothing") }
  }
}

/// Random histories against a model that copies the whole state at each snapshot.
@Suite struct SnapshotPropertyTests {
  @Test(arguments: [UInt64(1), 2, 3, 4, 5, 20_261_124])
  func everySnapshotHoldsWhatItHeld(seed: UInt64) async throws {
    let test = try SessionBench()
    var rng = SplitMix64(seed: seed)
    _ = try await test.create("s")
    var model: [String: SessionBench.Content] = [:]
    var (messages, memories): (Int, Int) = (0, 0)
    for step in 0..<220 {
      let now = try await test.state("s")
      switch Int.random(in: 0..<14, using: &rng) {
      case 0...2:
        let count = Int.random(in: 1...3, using: &rng)
        for _ in 0..<count {
          messages += 1
          _ = try await test.store.append(["said \(step)"], to: "s", messageID: "m\(messages)")
        }
      case 3:
        guard let message = now.messages.randomElement(using: &rng) else { continue }
        try await test.deleteMessages([message.id])
      case 4:
        // An id that was used before, perhaps: the message is another.
        guard messages > 0 else { continue }
        let id = "m\(Int.random(in: 1...messages, using: &rng))"
        if now.messages.contains(where: { $0.id == id }) { continue }
        _ = try await test.store.append(["again \(step)"], to: "s", messageID: id)
      case 5:
        let id = "k\(Int.random(in: 0..<12, using: &rng))"
        if now.memories.contains(where: { $0.id == id }) { continue }
        memories += 1
        try await test.addMemory("memory \(memories)", id: id, context: "s")
      case 6:
        guard let memory = now.memories.randomElement(using: &rng) else { continue }
        try await test.changeMemory(memory.id, to: "changed \(step)")
      case 7:
        guard let memory = now.memories.randomElement(using: &rng) else { continue }
        try await test.deleteMemory(memory.id)
      case 8:
        let name = "v\(Int.random(in: 0..<6, using: &rng))"
        _ = try await test.set("s", [name: Bool.random(using: &rng) ? "value \(step)" : nil])
      case 9:
        guard let message = now.messages.randomElement(using: &rng) else { continue }
        try await test.pin(message.id, in: "s", unpin: message.pinned)
      case 10, 11:
        _ = try await test.snapshot("s", "p\(step)")
        model["p\(step)"] = now.content
      case 12:
        guard let (name, content) = model.randomElement(using: &rng) else { continue }
        let answer = try await test.rollback("s", to: name)
        #expect(try await test.state("s").content == content, "seed \(seed), step \(step)")
        model[answer.undoSnapshotID] = now.content
      default:
        guard let (name, _) = model.randomElement(using: &rng), model.count > 3 else { continue }
        _ = try await test.prune("s", these: [name])
        model[name] = nil
      }
      if step % 20 == 19 {
        for (name, content) in model {
          #expect(try await test.state("s", at: name).content == content, "seed \(seed), step \(step)")
        }
      }
    }
    try await test.checkRebuild()
    // What remains is only what the remaining snapshots need.
    _ = try await test.prune("s", these: Array(model.keys))
    #expect(try await test.keptRows() == 0, "seed \(seed)")
    try await test.checkRebuild()
  }
}
