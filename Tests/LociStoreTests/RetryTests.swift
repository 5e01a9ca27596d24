import GRDB
import LociContext
import LociCore
import LociProto
import LociStore
import Testing

/// Request ids at the store: a retry changes nothing and gets the first answer.
@Suite struct RetryTests {
  private static func delete(_ id: String, key: String) throws -> DeleteMessages {
    try DeleteMessages(
      V1.DeleteMessagesRequest(messageIDs: [id]), scope: Scope(tenant: "t", agent: "a"),
      key: RequestKey(id: key, hash: Array(id.utf8)))
  }

  private static func remembered(_ test: TestStore) async throws -> Int {
    try await test.store.shards[0].read { db in
      try Int.fetchOne(db, sql: "SELECT count(*) FROM requests") ?? -1
    }
  }

  /// Retries in one batch, in the next, and of another body, among strangers' commands.
  @Test func retriesAmongOthersStoreOnce() async throws {
    let test = try TestStore(shards: 1)
    let answers = try await withThrowingTaskGroup(of: V1.AppendResponse?.self) { group in
      for number in 0..<40 {
        group.addTask { try await test.append(["once"], requestID: "r") }
        group.addTask {
          _ = try await test.append(["other \(number)"])
          return nil
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }.compactMap { $0 }
    #expect(answers.count == 40)
    #expect(
      Set(answers.map(\.messageIDs)).count == 1
        && Set(answers.compactMap { $0.position?.sequence }).count == 1)
    #expect(try await test.texts(of: "a").filter { $0 == "once" }.count == 1)
    await #expect(throws: LociError.requestReused(id: "r")) { try await test.append(["x"], requestID: "r") }
    // The id is the agent's own.
    _ = try await test.append(["once"], by: "b", requestID: "r")
    #expect(try await test.texts(of: "b") == ["once"])
    try await test.store.close()
  }

  /// A deletion that found nothing, sent again after somebody wrote that id, must not delete it then.
  @Test func aRetryOfARequestThatChangedNothingChangesNothing() async throws {
    let test = try TestStore(shards: 1)
    let shard = test.store.shards[0]
    _ = try await test.append(["before"])
    let first = try await shard.submit(try Self.delete("m", key: "d"))
    #expect(first.messagesDeleted == 0)
    _ = try await test.append(["kept"], messageID: "m")
    let again = try await shard.submit(try Self.delete("m", key: "d"))
    #expect(again == first)
    #expect(try await test.texts(of: "a") == ["before", "kept"])
    try await test.store.close()
  }

  /// One that was refused is not remembered: it may succeed later.
  @Test func aRefusedRequestMayBeSentAgain() async throws {
    let test = try TestStore(shards: 1)
    await #expect(throws: LociError.notFound(.context, id: "c")) {
      try await test.append(["late"], create: false, requestID: "r")
    }
    _ = try await test.append(["first"])
    _ = try await test.append(["late"], create: false, requestID: "r")
    #expect(try await test.texts(of: "a") == ["first", "late"])
    try await test.store.close()
  }

  @Test func answersAreForgottenAfterADayAndNotBefore() async throws {
    let test = try TestStore(shards: 1)
    for number in 0..<20 { _ = try await test.append(["\(number)"], requestID: "old \(number)") }
    let day: Int64 = 24 * 3_600 * 1_000_000
    test.clock.advance(by: day - 10_000)
    let position = test.store.shards[0].position
    await test.store.forgetOldRequests()
    #expect(test.store.shards[0].position == position, "nothing to forget is no event")
    #expect(try await Self.remembered(test) == 20)
    _ = try await test.append(["new"], requestID: "new")
    test.clock.advance(by: 20_000)
    await test.store.forgetOldRequests()
    #expect(try await Self.remembered(test) == 1)
    let count = try await test.texts(of: "a").count
    _ = try await test.append(["new"], requestID: "new")
    #expect(try await test.texts(of: "a").count == count)
    let report = try await test.store.verifyByRebuilding(test.store.shards[0], workers: test.workers)
    #expect(report.differences == [])
    try await test.store.close()
  }
}
