import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import Testing

@Suite struct ConsolidationTests {
  @Test func duplicatesAreMergedAndCanBeBroughtBack() async throws {
    let test = try LearnStore()
    let ids = try await test.add([
      "Anna lives in Berlin.", "Ben works at Siemens.", "Anna's home is in Berlin.", "anna lives in berlin"
    ])
    let before = try await test.memories()
    let done = try await test.consolidate()
    #expect(done.links.count == 2 && done.links.allSatisfy { $0.relation == .duplicate })
    #expect(done.merged.count == 2)
    let after = try await test.memories()
    #expect(after.count == 2)
    let kept = try #require(after.first { $0.text.lowercased().contains("anna") })
    #expect(kept.type == .longTerm && kept.attributes.contains { $0.key == "evidence" && $0.value == "3" })
    #expect(after.contains { $0.id == ids[1] && $0.version == 1 })
    let undo = V1.UndoConsolidationRequest(consolidationID: done.id)
    let undone = try await test.shard.submit(UndoConsolidation(undo, scope: test.scope, key: nil))
    #expect(undone.memoriesRestored == 2 && undone.memoriesChanged == 1)
    let restored = try await test.memories()
    func essence(_ memories: [V1.Memory]) -> Set<String> {
      Set(
        memories.map { "\($0.id) \($0.text) \($0.type) \($0.importance) \($0.attributes) \($0.createdAtUs)" })
    }
    #expect(essence(restored) == essence(before))
    await #expect(throws: LociError.self) {
      try await test.shard.submit(UndoConsolidation(undo, scope: test.scope, key: nil))
    }
    try await test.store.close()
  }

  @Test func whatComesBackIsWhole() async throws {
    let test = try LearnStore()
    let drafts = [
      V1.MemoryDraft(text: "Anna's home is in Berlin, the capital."),
      V1.MemoryDraft(
        text: "Anna lives in Berlin.", importance: 0.75, confidence: 0.5, source: .user, trust: .high,
        validFromUs: 5, validUntilUs: 9, tags: ["home", "place"])
    ]
    _ = try await test.shard.submit(
      AddMemories(
        V1.AddMemoriesRequest(memories: drafts), scope: test.scope, key: nil, ids: test.ids, encoder: nil))
    let before = try await test.memories()
    let done = try await test.consolidate()
    let merged = try #require(done.merged.first)
    #expect(merged.text == "Anna lives in Berlin.")
    let undo = V1.UndoConsolidationRequest(consolidationID: done.id)
    _ = try await test.shard.submit(UndoConsolidation(undo, scope: test.scope, key: nil))
    var restored = try #require(try await test.memories().first { $0.id == merged.id })
    let original = try #require(before.first { $0.id == merged.id })
    restored.updatedAtUs = original.updatedAtUs
    #expect(restored == original)
    try await test.store.close()
  }

  @Test func laterWinsUnlessTrustSaysOtherwise() async throws {
    let test = try LearnStore()
    let ids = try await test.add(["Anna lives in Berlin.", "Anna moved to Munich."])
    let done = try await test.consolidate()
    let link = try #require(done.links.first)
    #expect(link.relation == .superseded && link.fromID == ids[0] && link.toID == ids[1])
    let memories = try await test.memories()
    #expect(memories.count == 2)
    #expect(memories[0].attributes == [V1.Attribute(key: "superseded_by", value: ids[1])])
    try await test.store.close()

    let trusted = V1.Memory(
      id: "a", text: "李强住在北京。", attributes: [V1.Attribute(key: "trust", value: "0.9")])
    let plan = ConsolidationPlan(
      [trusted, V1.Memory(id: "b", text: "李强搬到上海了。")], vectors: nil, dimension: 0, options: .init())
    #expect(plan.links.first?.fromID == "b" && plan.links.first?.toID == "a")
  }

  @Test func whatChangedMeanwhileIsLeftAlone() async throws {
    let test = try LearnStore()
    let ids = try await test.add(["Anna likes tea.", "Anna is fond of tea."])
    let (scope, now) = (test.scope, test.clock.now())
    let filter = try ItemFilter(nil)
    let input = try await test.shard.read { db in
      try ConsolidationQueries.input(filter, encoder: nil, scope: scope, now: now, in: db)
    }
    let plan = ConsolidationPlan(input.memories, vectors: nil, dimension: 0, options: .init())
    #expect(plan.links.count == 1)
    let change = V1.UpdateMemoryRequest(memoryID: ids[0], text: "Anna likes coffee.")
    _ = try await test.shard.submit(UpdateMemory(change, scope: scope, key: nil))
    let answer = try await test.shard.submit(
      ConsolidateMemories(plan, of: input, digester: .extractive, scope: scope, key: nil, ids: test.ids))
    #expect(answer.consolidation?.links == [])
    #expect(try await test.memories().count == 2)
    try await test.store.close()
  }

  @Test func useStrengthensAndTimeWeakens() async throws {
    let test = try LearnStore()
    let ids = try await test.add(["used often", "never used"])
    let day: Int64 = 86_400_000_000
    for _ in 0..<4 {
      test.clock.advance(by: 10 * day)
      let request = V1.ReinforceMemoriesRequest(memoryIDs: [ids[0], "absent"])
      let answer = try await test.shard.submit(
        ReinforceMemories(request, scope: test.scope, key: nil))
      #expect(answer.memoriesReinforced == 1)
    }
    test.clock.advance(by: 60 * day)
    let (scope, now) = (test.scope, test.clock.now())
    let weak = try await test.shard.read { db in
      try ConsolidationQueries.weak(below: 1, limit: 10, scope: scope, now: now, in: db)
    }
    #expect(weak.map { $0.memory?.id } == [ids[1], ids[0]])
    #expect(weak[0].uses == 0 && weak[1].uses == 4 && weak[0].strength < 0.1 && weak[1].strength > 0.3)
    let none = try await test.shard.read { db in
      try ConsolidationQueries.weak(below: 0.01, limit: 10, scope: scope, now: now, in: db)
    }
    #expect(none.isEmpty)
    try await test.store.close()
  }

  @Test func theBackgroundDoesNotDoAgainWhatWasUndone() async throws {
    let test = try LearnStore()
    _ = try await test.add(["Anna lives in Berlin.", "Anna's home is in Berlin."])
    let done = try await test.consolidate(isAutomatic: true)
    #expect(done.merged.count == 1)
    let undo = V1.UndoConsolidationRequest(consolidationID: done.id)
    _ = try await test.shard.submit(UndoConsolidation(undo, scope: test.scope, key: nil))
    #expect(try await test.consolidate(isAutomatic: true).links.isEmpty)
    #expect(try await test.memories().count == 2)
    // Who asks for it gets it.
    #expect(try await test.consolidate().merged.count == 1)
    try await test.store.close()
  }

  @Test func nothingIsNoConsolidation() async throws {
    let test = try LearnStore()
    #expect(try await test.consolidate().links.isEmpty)
    _ = try await test.add(["one thing", "quite another matter"])
    #expect(try await test.consolidate().links.isEmpty)
    let page = try PageRequest(nil)
    let scope = test.scope
    let listed = try await test.shard.read { db in
      try ConsolidationQueries.list(page: page, scope: scope, in: db).consolidations
    }
    #expect(listed.isEmpty)
    try await test.store.close()
  }
}
