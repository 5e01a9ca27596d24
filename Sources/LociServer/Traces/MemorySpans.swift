import LociCore
import LociProto
import LociTrace
import LociWire
import Logging

/// What Loci does to memories, by the names of OpenTelemetry's GenAI conventions.
enum MemoryOperation: String {
  case create = "create_memory"
  case search = "search_memory"
  case update = "update_memory"
  case delete = "delete_memory"
}

/// Loci's own memory operations as steps of the traces that callers name. They are gathered and written once a second:
/// no call waits for them, and none fails by them. What was not yet written is lost when the server stops hard.
final class MemorySpans: Sendable {
  private struct State {
    var steps: [Scope: [V1.Step]] = [:]
    var count = 0
  }

  private let state = Locked(State())
  /// Further ones are not kept until these are written.
  private static let stepsMax = 16_384

  func add(_ step: V1.Step, of scope: Scope) {
    state.withLock { state in
      guard state.count < Self.stepsMax else { return }
      state.steps[scope, default: []].append(step)
      state.count += 1
    }
  }

  /// Writes what was gathered. What a shard refuses is not kept.
  func flush(to intake: TraceIntake, _ logger: Logger) async {
    let gathered = state.withLock { state in
      defer { state = State() }
      return state.steps
    }
    for (scope, steps) in gathered {
      do { _ = try await intake.write(all: steps, scope, nil) } catch {
        logger.warning(
          "memory spans are lost", metadata: ["count": "\(steps.count)", "error": "\(error)"])
      }
    }
  }
}

/// One memory operation as it becomes a step.
struct MemorySpan {
  let operation: MemoryOperation
  let scope: V1.Scope?
  private let trace: TraceKey
  private let parent: UInt64
  private let startedAt: Timestamp

  /// What the caller is told, without telling the log a second time.
  fileprivate static let errors = ErrorMapper(
    logger: Logger(label: "loci.memory-spans", factory: { _ in SwiftLogNoOpLogHandler() }))

  /// `nil` when the caller names no trace: by `traceparent` in the call's metadata, if its flags say that the trace is
  /// recorded, else by `traceID`.
  init?(
    _ operation: MemoryOperation, _ scope: V1.Scope?, _ call: CallContext, traceID: @autoclosure () -> String,
    now: @autoclosure () -> Timestamp
  ) {
    if !call.metadata.isEmpty, let parent = call.metadata["traceparent"].flatMap({ TraceParent($0) }) {
      guard parent.isSampled else { return nil }
      (trace, self.parent) = (parent.trace, parent.span)
    } else if let trace = TraceKey(traceID()) {
      (self.trace, parent) = (trace, 0)
    } else {
      return nil
    }
    self.operation = operation
    self.scope = scope
    startedAt = now()
  }

  /// - Parameters:
  ///   - input: what was searched for.
  ///   - memories: ids of what was found or changed.
  func step(
    input: String, memories: [String], failure: String?, agent: String, now: Timestamp
  ) -> V1.Step {
    var step = V1.Step(
      traceID: trace.text, spanID: SpanKey.text(.random(in: 1 ... .max)), parentSpanID: SpanKey.text(parent),
      kind: .memory, name: operation.rawValue, startedAtUs: startedAt.microseconds,
      endedAtUs: max(startedAt, now).microseconds, status: failure == nil ? .ok : .error,
      error: failure ?? "")
    step.input = input
    step.attributes = [
      V1.Attribute(key: "gen_ai.operation.name", value: operation.rawValue),
      V1.Attribute(key: "gen_ai.provider.name", value: "loci"),
      V1.Attribute(key: "gen_ai.memory.store.id", value: agent)
    ]
    if failure == nil {
      step.attributes.append(V1.Attribute(key: "loci.memory.count", value: "\(memories.count)"))
      step.links = memories.prefix(64).map { V1.StepLink(kind: .memory, id: $0) }
    }
    return step
  }
}

extension NodeParts {
  /// Runs a memory operation and notes it as a step, when the caller named a trace.
  func traced<Answer>(
    _ operation: MemoryOperation, _ scope: V1.Scope?, _ call: CallContext,
    traceID: @autoclosure () -> String = "", input: @autoclosure () -> String = "",
    memories: (Answer) -> [String], _ body: () async throws -> Answer
  ) async throws -> Answer {
    guard
      let span = MemorySpan(operation, scope, call, traceID: traceID(), now: clock.now())
    else { return try await body() }
    do {
      let answer = try await body()
      note(span, input: input(), memories: memories(answer), failure: nil)
      return answer
    } catch {
      note(span, input: input(), memories: [], failure: MemorySpan.errors.status(error).description)
      throw error
    }
  }

  /// A call without a valid scope has no agent whose trace it could be in.
  private func note(_ span: MemorySpan, input: String, memories: [String], failure: String?) {
    guard let named = span.scope, let scope = try? Scope(tenant: named.tenant, agent: named.agent) else {
      return
    }
    spans.add(
      span.step(
        input: String(input.prefix(4_096)), memories: memories, failure: failure,
        agent: scope.agent.rawValue, now: clock.now()), of: scope)
  }
}
