import LociCore
import LociProto
import LociStore
import LociTestKit
@testable import LociTrace
import Testing

@Suite("Sampling") struct SamplingTests {
  private let scope = Scope(tenant: TenantID(unchecked: "t"), agent: AgentID(unchecked: "a"))
  private func now(_ seconds: Int64 = 0) -> Timestamp {
    Timestamp(microseconds: 1_700_000_000_000_000 + seconds * 1_000_000)
  }

  /// Random bits 0: dropped under every policy that drops.
  private let dropped = String(repeating: "a", count: 18) + String(repeating: "0", count: 14)

  private func step(_ n: Int, trace: String, kind: V1.StepKind = .tool, failed: Bool = false) -> V1.Step {
    V1.Step(
      traceID: trace, spanID: spanID(n), kind: kind, name: "n", startedAtUs: 1, endedAtUs: 2,
      status: failed ? .error : .ok)
  }

  @Test("the last 56 bits of the id decide, against the share as a threshold")
  func threshold() {
    let cases: [(String, Double, Bool)] = [
      ("00000000000000", 0.25, false), ("3fffffffffffff", 0.25, false), ("40000000000000", 0.25, true),
      ("ffffffffffffff", 0.999, true), ("ffffffffffffff", 1, false), ("00000000000000", 0, true)
    ]
    for (bits, share, isKept) in cases {
      let key = TraceKey(String(repeating: "f", count: 18) + bits)
      #expect(key.map { TraceSampler.keeps($0, dropping: share) } == isKept, "\(bits) at \(share)")
    }
  }

  @Test("about as many traces are dropped as the policy says")
  func share() {
    var random = SplitMix64(seed: 8)
    let kept = (0..<10_000).count { _ in
      TraceSampler.keeps(TraceKey(high: random.next(), low: random.next()), dropping: 0.9)
    }
    #expect((900...1_100).contains(kept))
  }

  @Test("steps that waited are written with the one that failed, and what comes later too")
  func errorsAreKept() {
    let sampler = TraceSampler()
    let policy = V1.TracePolicy(dropShare: 1, keepErrors: true)
    let first = sampler.sample(
      [step(0, trace: dropped), step(1, trace: dropped)], scope: scope, policy, now: now())
    #expect(first.steps.isEmpty && first.sampledOut == 2)
    let failing = sampler.sample(
      [step(2, trace: dropped), step(3, trace: dropped, failed: true)], scope: scope, policy, now: now(1))
    #expect(failing.steps.map(\.spanID) == [0, 1, 2, 3].map(spanID) && failing.sampledOut == 0)
    let later = sampler.sample([step(4, trace: dropped)], scope: scope, policy, now: now(2))
    #expect(later.steps.map(\.spanID) == [spanID(4)])
    // Another agent's trace of the same id is another trace.
    let other = Scope(tenant: scope.tenant, agent: AgentID(unchecked: "b"))
    #expect(sampler.sample([step(5, trace: dropped)], scope: other, policy, now: now(2)).steps.isEmpty)
  }

  @Test("steps of wanted kinds keep their traces; without such rules nothing waits")
  func kindsAreKept() {
    let sampler = TraceSampler()
    let policy = V1.TracePolicy(dropShare: 1, keepKinds: [.human])
    _ = sampler.sample([step(0, trace: dropped, failed: true)], scope: scope, policy, now: now())
    let wanted = sampler.sample([step(1, trace: dropped, kind: .human)], scope: scope, policy, now: now())
    #expect(wanted.steps.count == 2)
    let plain = TraceSampler()
    let none = V1.TracePolicy(dropShare: 1)
    _ = plain.sample([step(0, trace: dropped)], scope: scope, none, now: now())
    let second = plain.sample(
      [step(1, trace: dropped, failed: true)], scope: scope, V1.TracePolicy(dropShare: 1, keepErrors: true),
      now: now())
    #expect(second.steps.count == 1)
  }

  @Test("steps wait ten minutes, and within bounds")
  func waitingEnds() {
    let policy = V1.TracePolicy(dropShare: 1, keepErrors: true)
    let sampler = TraceSampler()
    _ = sampler.sample([step(0, trace: dropped)], scope: scope, policy, now: now())
    let late = sampler.sample([step(1, trace: dropped, failed: true)], scope: scope, policy, now: now(601))
    #expect(late.steps.map(\.spanID) == [spanID(1)])
    let full = TraceSampler()
    let text = String(repeating: "x", count: 1 << 20)
    for n in 0..<64 {
      var large = step(n, trace: String(repeating: "b", count: 12) + hexadecimal(n) + "00000000000000")
      large.input = text
      _ = full.sample([large], scope: scope, policy, now: now(Int64(n) / 10))
    }
    let newest = String(repeating: "b", count: 12) + hexadecimal(63) + "00000000000000"
    let oldest = String(repeating: "b", count: 12) + hexadecimal(0) + "00000000000000"
    let kept = full.sample([step(100, trace: newest, failed: true)], scope: scope, policy, now: now(7))
    #expect(kept.steps.count == 2)
    #expect(
      full.sample([step(101, trace: oldest, failed: true)], scope: scope, policy, now: now(7)).steps.count
        == 1)
  }

  private func hexadecimal(_ n: Int) -> String { String(spanID(n).suffix(6)) }

  @Test("what was let go for a batch that failed waits again")
  func restored() {
    let sampler = TraceSampler()
    let policy = V1.TracePolicy(dropShare: 1, keepErrors: true)
    _ = sampler.sample([step(0, trace: dropped)], scope: scope, policy, now: now())
    let failing = [step(1, trace: dropped, failed: true)]
    let lost = sampler.sample(failing, scope: scope, policy, now: now())
    #expect(lost.steps.count == 2)
    sampler.restore(lost, now: now())
    #expect(sampler.sample(failing, scope: scope, policy, now: now()).steps.count == 2)
  }
}

@Suite("Retention") struct RetentionTests {
  private func set(_ policy: V1.TracePolicy?, _ store: TraceStore, wholeTenant: Bool = false) async throws {
    let own = try TraceStore.scope()
    let scope = wholeTenant ? own.tenant.tracePolicyScope : own
    _ = try await store.store.shards[0].submit(
      SetTracePolicy(V1.SetTracePolicyRequest(policy: policy), scope: scope, key: nil))
  }

  private func ids(_ store: TraceStore, agent: String = "a") async throws -> Set<String> {
    let scope = try TraceStore.scope(agent)
    return try await store.read { db in
      Set(
        try TraceQueries.newest(TraceSelection(nil), count: 1_000, scope: scope, in: db)
          .map(\.trace.traceID))
    }
  }

  @Test("traces go when they are too old; failed ones when the policy says so of them")
  func byAge() async throws {
    let store = try TraceStore()
    try await set(V1.TracePolicy(maxAgeMs: 60_000, failedMaxAgeMs: 120_000), store)
    try await store.write([step(0, trace: 0)])
    try await store.write([step(0, trace: 1, error: "bad")])
    await store.store.expireTraces(store.policies, now: store.clock.now())
    #expect(try await ids(store).count == 2)
    store.clock.advance(seconds: 61)
    try await store.write([step(0, trace: 2)])
    await store.store.expireTraces(store.policies, now: store.clock.now())
    #expect(try await ids(store) == [traceID(1), traceID(2)])
    store.clock.advance(seconds: 61)
    await store.store.expireTraces(store.policies, now: store.clock.now())
    #expect(try await ids(store).isEmpty)
    // Its id may be used again.
    #expect(try await store.write([step(0, trace: 0)]).added == 1)
  }

  @Test("the newest traces stay, agent by agent; an agent's own policy goes before its tenant's")
  func byCount() async throws {
    let store = try TraceStore()
    try await set(V1.TracePolicy(maxTraces: 2), store, wholeTenant: true)
    for n in 0..<5 {
      try await store.write([step(0, trace: n)], agent: "a")
      try await store.write([step(0, trace: n)], agent: "b")
    }
    try await set(V1.TracePolicy(maxTraces: 4), store)
    await store.store.expireTraces(store.policies, now: store.clock.now())
    #expect(try await ids(store) == Set((1...4).map(traceID)))
    #expect(try await ids(store, agent: "b") == Set((3...4).map(traceID)))
    try await set(nil, store)
    await store.store.expireTraces(store.policies, now: store.clock.now())
    #expect(try await ids(store) == Set((3...4).map(traceID)))
  }

  @Test("one look takes no more than one write's worth; the next goes on")
  func bounded() async throws {
    let store = try TraceStore()
    for start in stride(from: 0, to: 1_200, by: 400) {
      try await store.write((start..<start + 400).map { step(0, trace: $0) })
    }
    try await set(V1.TracePolicy(maxTraces: 100), store)
    await store.store.expireTraces(store.policies, now: store.clock.now())
    let scope = try TraceStore.scope()
    let left = try await store.read { db in
      try TraceQueries.newest(TraceSelection(nil), count: 5_000, scope: scope, in: db).count
    }
    #expect(left == 700)
    for _ in 0..<2 { await store.store.expireTraces(store.policies, now: store.clock.now()) }
    #expect(try await ids(store).count == 100)
  }

  @Test("policies are found again in the tables")
  func loaded() async throws {
    let store = try TraceStore()
    let policy = V1.TracePolicy(dropShare: 0.5, keepErrors: true, keepKinds: [.llm], maxAgeMs: 5)
    try await set(policy, store)
    let again = TracePolicies()
    try await store.read { try again.load($0) }
    let found = again.policy(of: try TraceStore.scope())
    #expect(found.policy == policy && found.origin == .agent)
    #expect(again.policy(of: try TraceStore.scope("other")).origin == .none)
  }

  @Test(
    "a policy that cannot be meant is refused",
    arguments: [
      V1.TracePolicy(dropShare: 1.5), V1.TracePolicy(dropShare: .nan), V1.TracePolicy(maxAgeMs: -1),
      V1.TracePolicy(failedMaxAgeMs: .max), V1.TracePolicy(maxTraces: .max),
      V1.TracePolicy(keepKinds: [.unspecified]),
      V1.TracePolicy(keepKinds: [V1.StepKind](repeating: .llm, count: 17))
    ])
  func refused(policy: V1.TracePolicy) throws {
    let scope = try TraceStore.scope()
    #expect(throws: LociError.self) {
      try SetTracePolicy(V1.SetTracePolicyRequest(policy: policy), scope: scope, key: nil)
    }
  }
}
