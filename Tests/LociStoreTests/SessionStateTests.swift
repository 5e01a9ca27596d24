import LociCore
import LociProto
import LociSession
import LociStore
import Testing

@Suite struct SessionStateTests {
  /// The whole machine, written out once more: from each state, what may follow.
  private let followers: [SessionState: Set<SessionState>] = [
    .created: [.active, .failed, .cancelled, .expired],
    .active: [.paused, .completed, .failed, .cancelled, .expired],
    .paused: [.active, .completed, .failed, .cancelled, .expired],
    .completed: [], .failed: [], .cancelled: [], .expired: []
  ]

  @Test(arguments: SessionState.allCases, SessionState.allCases)
  func onlyTheseMayFollow(from: SessionState, to: SessionState) {
    #expect(from.canBecome(to) == followers[from]?.contains(to))
  }

  @Test func everyPathIsRecordedAndEveryOtherRefused() async throws {
    let test = try SessionBench()
    for from in [SessionState.created, .active, .paused, .completed, .failed, .cancelled] {
      for to in [SessionState.active, .paused, .completed, .failed, .cancelled] {
        let id = "\(from)-\(to)"
        _ = try await test.create(id, activate: false)
        let path: [SessionState] =
          switch from {
          case .created: []
          case .active: [.active]
          case .failed, .cancelled: [from]
          default: [.active, from]
          }
        for step in path { _ = try await test.move(id, to: step, "on the way") }
        if from.canBecome(to) {
          let session = try await test.move(id, to: to, "because")
          #expect(session.state == to.onWire && session.reason == "because")
          let stored = try await test.session(id)
          #expect(stored == session, "\(id): what was answered is what is stored")
          let noted = try await test.transitions(id)
          #expect(noted.map(\.toState) == [V1.SessionState.created] + path.map(\.onWire) + [to.onWire])
          #expect(noted.last?.fromState == from.onWire && noted.last?.reason == "because")
        } else {
          await #expect(throws: LociError.self, "\(id)") { try await test.move(id, to: to, "because") }
          #expect(try await test.session(id).state == from.onWire)
        }
      }
    }
    try await test.checkRebuild()
  }

  @Test func aReasonIsNeededToFailOrCancel() {
    for state in [V1.SessionState.failed, .cancelled] {
      #expect(throws: LociError.self) {
        try TransitionSession(
          V1.TransitionSessionRequest(sessionID: "s", state: state), scope: Scope(tenant: "t", agent: "a"),
          key: nil)
      }
    }
  }

  @Test func onlyTheServerExpires() {
    for state in [V1.SessionState.unspecified, .created, .expired, V1.SessionState(rawValue: 99)] {
      #expect(throws: LociError.self) {
        try TransitionSession(
          V1.TransitionSessionRequest(sessionID: "s", state: state, reason: "r"),
          scope: Scope(tenant: "t", agent: "a"), key: nil)
      }
    }
  }

  @Test func aTimeOutEndsASessionThatIsNotHeardOf() async throws {
    let test = try SessionBench()
    _ = try await test.create("quiet", timeoutMs: 1_000)
    _ = try await test.create("alive", timeoutMs: 1_000)
    _ = try await test.create("endless")
    test.store.clock.advance(by: 900_000)
    let beat = try await test.heartbeat("alive")
    test.store.clock.advance(by: 200_000)
    // Its time is over though the event is still to come: nothing may happen in between.
    await #expect(throws: LociError.self) { try await test.heartbeat("quiet") }
    await #expect(throws: LociError.self) { try await test.set("quiet", ["x": "1"]) }
    await #expect(throws: LociError.self) { try await test.move("quiet", to: .completed, "") }
    await test.store.store.expireSessions(now: test.store.clock.now())
    let quiet = try await test.session("quiet")
    #expect(quiet.state == .expired && quiet.expiresAtUs == 0)
    #expect(quiet.reason.contains("heartbeat"))
    let alive = try await test.session("alive")
    #expect(alive.state == .active && alive.expiresAtUs == beat.expiresAtUs)
    #expect(try await test.session("endless").state == .active)
    // A heartbeat can also lift the time-out.
    #expect(try await test.heartbeat("alive", timeoutMs: 0).expiresAtUs == 0)
    test.store.clock.advance(by: 3_600_000_000)
    await test.store.store.expireSessions(now: test.store.clock.now())
    #expect(try await test.session("alive").state == .active)
    try await test.checkRebuild()
  }

  @Test func childrenAreListedByTheirParent() async throws {
    let test = try SessionBench()
    _ = try await test.create("parent")
    for child in ["a", "b", "c"] { _ = try await test.create(child, parent: "parent") }
    _ = try await test.create("other")
    await #expect(throws: LociError.self) { try await test.create("orphan", parent: "nobody") }
    let children = try await test.list(V1.ListSessionsRequest(parentID: "parent"))
    #expect(children.map(\.id) == ["c", "b", "a"])
    _ = try await test.move("b", to: .completed, "done")
    #expect(try await test.list(V1.ListSessionsRequest(states: [.completed])).map(\.id) == ["b"])
  }

  @Test func aContextBelongsToOneSession() async throws {
    let test = try SessionBench()
    _ = try await test.store.append(["before"], to: "mine")
    _ = try await test.create("first", context: "mine")
    await #expect(throws: LociError.self) { try await test.create("second", context: "mine") }
    // And goes with it, or stays free.
    await #expect(throws: LociError.self) { try await test.deleteContext("mine") }
    _ = try await test.delete("first", context: false)
    #expect(try await test.store.texts(of: "a") == ["before"])
    _ = try await test.create("second", context: "mine")
    #expect(try await test.delete("second", context: true).messagesDeleted == 1)
    #expect(try await test.store.texts(of: "a") == [])
    try await test.checkRebuild()
  }
}

@Suite struct VariableTests {
  @Test func compareAndSetSeesEveryChange() async throws {
    let test = try SessionBench()
    _ = try await test.create("s")
    let first = try await test.set("s", ["x": "1"], expecting: ["x": 0])
    await #expect(throws: LociError.self) { try await test.set("s", ["x": "2"], expecting: ["x": 0]) }
    let second = try await test.set("s", ["x": "2"], expecting: ["x": first])
    #expect(second > first)
    await #expect(throws: LociError.self) { try await test.set("s", ["x": "3"], expecting: ["x": first]) }
    // Removed and set again: an old version does not fit by chance.
    _ = try await test.set("s", ["x": nil])
    let third = try await test.set("s", ["x": "2"], expecting: ["x": 0])
    #expect(third > second)
    await #expect(throws: LociError.self) { try await test.set("s", ["x": "9"], expecting: ["x": second]) }
    #expect(try await test.variables("s") == ["x": "2"])
    try await test.checkRebuild()
  }

  @Test func allOrNone() async throws {
    let test = try SessionBench()
    _ = try await test.create("s", variables: ["a": "1"])
    await #expect(throws: LociError.self) {
      try await test.set("s", ["a": "2", "b": "2"], expecting: ["b": 7])
    }
    #expect(try await test.variables("s") == ["a": "1"])
  }

  /// "é" as one scalar and as two are two variables, as they are two names to SQLite.
  @Test func namesAreBytes() async throws {
    let test = try SessionBench()
    _ = try await test.create("s")
    _ = try await test.set("s", ["\u{E9}": "one", "e\u{301}x": "two"])
    let request = V1.SetVariablesRequest(
      sessionID: "s",
      variables: [
        V1.VariableChange(name: "\u{E9}", value: "composed"),
        V1.VariableChange(name: "e\u{301}", value: "decomposed")
      ])
    _ = try await test.submit(SetVariables(request, scope: test.scope, key: nil))
    let stored = try await test.variableList("s").map { "\(Array($0.name.utf8)) \($0.value)" }
    #expect(stored.contains("\(Array("\u{E9}".utf8)) composed"))
    #expect(stored.contains("\(Array("e\u{301}".utf8)) decomposed"))
  }

  @Test func racingWritersOfOneVariableLoseNothing() async throws {
    let test = try SessionBench()
    _ = try await test.create("s")
    let taken = try await test.set("s", ["n": "0"])
    #expect(taken > 0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          var added = 0
          while added < 10 {
            guard let now = try await test.variableList("s").first, let value = Int(now.value) else { return }
            do {
              _ = try await test.set("s", ["n": "\(value + 1)"], expecting: ["n": now.version])
              added += 1
            } catch LociError.failedPrecondition { continue }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await test.variables("s") == ["n": "80"])
  }
}
