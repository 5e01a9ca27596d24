package import LociCore
package import LociProto

/// Which steps of a batch are written under a policy that drops a share of the traces.
///
/// The last 56 bits of a trace's id decide, so no batch needs to know of another. What a policy keeps whatever the id
/// says shows later than the trace's first steps: those wait here, for ten minutes and within bounds, and are written
/// with the step that shows it. What waits is lost when the server stops; it was not to be kept then.
package final class TraceSampler: Sendable {
  /// How long steps wait.
  static let waitUs: Int64 = 600_000_000
  /// Bytes that wait, over all agents; beyond, the oldest go.
  static let bytesMax = 32 << 20
  /// Traces that are remembered as kept whatever their id says.
  static let keptMax = 65_536

  struct Key: Hashable {
    let scope: Scope
    let trace: TraceKey
  }

  private struct Waiting {
    var steps: [V1.Step] = []
    var bytes = 0
    let since: Int64
  }

  private struct State {
    var waiting: [Key: Waiting] = [:]
    var bytes = 0
    var kept: Set<Key> = []
    /// When it was last looked for steps that waited long enough.
    var lookedAt: Int64 = 0
  }

  private let state = Locked(State())

  package init() {}

  package struct Outcome: Sendable {
    /// To be written, those that waited first.
    package var steps: [V1.Step] = []
    /// Of the batch, not written.
    package var sampledOut = 0
    fileprivate var released: [(key: Key, steps: [V1.Step])] = []
  }

  /// Whether the id alone lets the trace be kept: OpenTelemetry's rule, randomness at least the threshold.
  static func keeps(_ trace: TraceKey, dropping share: Double) -> Bool {
    // Compared as integers: 56 bits are more than a Double has. A share of 1 is beyond all of them.
    trace.low & ((1 << 56) - 1) >= UInt64(share * 0x1p56)
  }

  /// Traces of the batch that their ids would drop and of which nothing is known here: the caller looks whether they
  /// are stored, and tells `remember`.
  package func unknown(_ steps: [V1.Step], scope: Scope, _ policy: V1.TracePolicy) -> Set<TraceKey> {
    var unknown: Set<TraceKey> = []
    let kept = state.withLock { $0.kept }
    for trace in Self.traces(steps) where !Self.keeps(trace, dropping: policy.dropShare) {
      if !kept.contains(Key(scope: scope, trace: trace)) { unknown.insert(trace) }
    }
    return unknown
  }

  package func remember(_ stored: some Sequence<TraceKey>, scope: Scope) {
    state.withLock { state in
      for trace in stored { Self.keep(Key(scope: scope, trace: trace), &state) }
    }
  }

  private static func traces(_ steps: [V1.Step]) -> Set<TraceKey> {
    var traces: Set<TraceKey> = []
    var last = ""
    for step in steps where step.traceID != last {
      last = step.traceID
      if let key = TraceKey(last) { traces.insert(key) }
    }
    return traces
  }

  private static func keep(_ key: Key, _ state: inout State) {
    if state.kept.count >= keptMax { state.kept.removeAll(keepingCapacity: true) }
    state.kept.insert(key)
  }

  /// Sorts a batch. Steps with ids that are none stay in it, for the check that names what is wrong with them.
  package func sample(
    _ steps: [V1.Step], scope: Scope, _ policy: V1.TracePolicy, now: Timestamp
  ) -> Outcome {
    state.withLock { state in
      Self.forget(at: now.microseconds, &state)
      var outcome = Outcome()
      // One that shows the trace is wanted may come last.
      for step in steps where policy.wants(step) {
        guard let trace = TraceKey(step.traceID), !Self.keeps(trace, dropping: policy.dropShare) else {
          continue
        }
        let key = Key(scope: scope, trace: trace)
        guard !state.kept.contains(key) else { continue }
        Self.keep(key, &state)
        guard let waiting = state.waiting.removeValue(forKey: key) else { continue }
        state.bytes -= waiting.bytes
        outcome.released.append((key, waiting.steps))
        outcome.steps += waiting.steps
      }
      for step in steps {
        guard let trace = TraceKey(step.traceID), !Self.keeps(trace, dropping: policy.dropShare),
          !state.kept.contains(Key(scope: scope, trace: trace))
        else {
          outcome.steps.append(step)
          continue
        }
        outcome.sampledOut += 1
        guard policy.keepErrors || !policy.keepKinds.isEmpty else { continue }
        Self.wait(step, Key(scope: scope, trace: trace), now, &state)
      }
      return outcome
    }
  }

  /// Puts back what was let go for a batch that was then not written.
  package func restore(_ outcome: Outcome, now: Timestamp) {
    guard !outcome.released.isEmpty else { return }
    state.withLock { state in
      for (key, steps) in outcome.released {
        state.kept.remove(key)
        for step in steps { Self.wait(step, key, now, &state) }
      }
    }
  }

  private static func wait(_ step: V1.Step, _ key: Key, _ now: Timestamp, _ state: inout State) {
    let bytes = step.costBytes
    guard bytes <= bytesMax else { return }
    if state.bytes + bytes > bytesMax { makeRoom(&state) }
    state.waiting[key, default: Waiting(since: now.microseconds)].steps.append(step)
    state.waiting[key]?.bytes += bytes
    state.bytes += bytes
  }

  /// Half of what waits goes, the oldest first, so that the next steps find room at once.
  private static func makeRoom(_ state: inout State) {
    for (key, waiting) in state.waiting.sorted(by: { $0.value.since < $1.value.since }) {
      guard state.bytes > bytesMax / 2 else { return }
      state.bytes -= waiting.bytes
      state.waiting[key] = nil
    }
  }

  /// Once a second.
  private static func forget(at now: Int64, _ state: inout State) {
    guard now - state.lookedAt >= 1_000_000 else { return }
    state.lookedAt = now
    for (key, waiting) in state.waiting where waiting.since < now - waitUs {
      state.bytes -= waiting.bytes
      state.waiting[key] = nil
    }
  }
}

extension V1.TracePolicy {
  /// Whether the step's trace is kept whatever its id says.
  func wants(_ step: V1.Step) -> Bool {
    (keepErrors && step.status == .error) || (!keepKinds.isEmpty && keepKinds.contains(step.kind))
  }
}
