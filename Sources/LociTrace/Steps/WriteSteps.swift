import Crypto
import Foundation
import GRDB
package import LociCore
package import LociProto
package import LociStore

extension V1.WriteStepsResponse: PositionedAnswer {}

/// Writes steps. What a block of steps costs is done before the writer's turn: it only finds out which spans are
/// known, and numbers the rest.
package struct WriteSteps: Command {
  package typealias Answer = V1.WriteStepsResponse

  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let groups: [StepGroup]
  private let blobs: [LogV1.StoredBlob]
  private let now: Timestamp
  private let rules: AuditRules?

  /// - Parameters:
  ///   - now: the start of steps that name none.
  ///   - rules: the agent's, that new steps are held against.
  ///   - zstd: this thread's.
  package init(
    _ steps: [V1.Step], scope: Scope, key: RequestKey?, now: Timestamp, rules: AuditRules? = nil, zstd: Zstd
  ) throws(LociError) {
    guard (1...StepLimits.perCall).contains(steps.count) else {
      throw .invalid(field: "steps", problem: "has \(steps.count) items, must be 1 to \(StepLimits.perCall)")
    }
    self.scope = scope
    self.requestKey = key
    self.now = now
    self.rules = rules
    var places: [TraceKey: Int] = [:]
    var groups: [StepGroup] = []
    var blobs: [LogV1.StoredBlob] = []
    var bytes = 0
    var last = -1
    for step in steps {
      let ids = try step.checked()
      bytes += step.costBytes
      if last < 0 || groups[last].key != ids.trace {
        last = places[ids.trace] ?? groups.count
        if last == groups.count {
          places[ids.trace] = last
          groups.append(StepGroup(key: ids.trace))
        }
      }
      // Before large texts are taken out.
      let broken = rules?.violations(of: step, agent: scope.agent.rawValue) ?? []
      groups[last].add(
        try StepBlobs.separate(step, ids.trace, into: &blobs, zstd), ids.span, ids.parent, broken)
    }
    guard bytes <= 512 * steps.count + StepLimits.bytesPerCall else {
      throw .tooLarge(what: "steps", bytes: bytes, limit: StepLimits.bytesPerCall)
    }
    for index in groups.indices { groups[index].build(now: now, zstd: zstd) }
    self.groups = groups
    self.blobs = blobs
    costBytes = bytes
  }

  /// What `init` would refuse, for steps that may not be written at once.
  package static func check(_ steps: [V1.Step]) throws(LociError) {
    guard (1...StepLimits.perCall).contains(steps.count) else {
      throw .invalid(field: "steps", problem: "has \(steps.count) items, must be 1 to \(StepLimits.perCall)")
    }
    for step in steps { _ = try step.checked() }
  }

  /// Steps in order, in as many writes as their number and size ask for.
  package static func pieces(_ steps: [V1.Step]) -> [[V1.Step]] {
    var pieces: [[V1.Step]] = []
    var bytes = 0
    for step in steps {
      let cost = step.costBytes
      if let count = pieces.last?.count, count < StepLimits.perCall, bytes + cost <= StepLimits.bytesPerCall {
        pieces[pieces.count - 1].append(step)
        bytes += cost
      } else {
        pieces.append([step])
        bytes = cost
      }
    }
    return pieces
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.WriteStepsResponse> {
    let index = transaction.kept { SpanIndex() }
    let scopeRow = try transaction.scopeRow(scope)
    var written = LogV1.StepsWritten()
    var completed = LogV1.StepsCompleted()
    var answer = V1.WriteStepsResponse()
    var violations: [V1.AuditViolation] = []
    for group in groups {
      let trace = try scopeRow.flatMap { try index.trace(group.key, scope: $0, in: transaction.db) }
      answer.unchanged += group.repeated
      guard let trace, group.spans.contains(where: { trace.spans[$0] != nil }) else {
        written.blocks += group.blocks(after: trace?.count ?? 0)
        answer.added += UInt32(group.steps.count)
        violations += group.violations
        continue
      }
      var new = StepGroup(key: group.key)
      var reader = KnownSteps(trace: trace.row, key: group.key, zstd: index.zstd)
      for (place, step) in group.steps.enumerated() {
        guard let number = trace.spans[group.spans[place]] else {
          new.add(step, group.spans[place], group.parents[place], group.broken[place] ?? [])
          continue
        }
        if let change = try reader.complete(number, by: step, in: transaction.db) {
          completed.steps.append(change.stored)
          answer.completed += 1
          violations +=
            rules?.violations(
              of: change.now, before: change.before, agent: scope.agent.rawValue,
              alsoBroken: step.inputBlob.isEmpty && step.outputBlob.isEmpty ? [] : group.broken[place] ?? [])
            ?? []
        } else {
          answer.unchanged += 1
        }
      }
      new.build(now: now, zstd: index.zstd)
      written.blocks += new.blocks(after: trace.count)
      answer.added += UInt32(new.steps.count)
      violations += new.violations
    }
    var events = try events(written, completed, scopeRow, transaction)
    if !violations.isEmpty {
      answer.violations = UInt32(violations.count)
      for place in violations.indices where violations[place].atUs == 0 {
        violations[place].atUs = transaction.at.microseconds
      }
      events.append(.stepsViolated(LogV1.StepsViolated(violations: violations.map { $0.encoded() })))
    }
    return Decision(events: events, answer: answer)
  }

  /// Blobs whose content the agent has already go without it.
  private func events(
    _ written: LogV1.StepsWritten, _ completed: LogV1.StepsCompleted, _ scopeRow: Int64?,
    _ transaction: ProjectionTransaction
  ) throws -> [LogV1.Event.Kind] {
    var written = written
    var completed = completed
    var blobs = blobs
    for place in blobs.indices {
      guard let scopeRow else { break }
      if try TraceQueries.hasBlob(blobs[place].hash, scope: scopeRow, in: transaction.db) {
        blobs[place].content = []
      }
    }
    if !written.blocks.isEmpty { written.blobs = blobs } else { completed.blobs = blobs }
    return (written.blocks.isEmpty ? [] : [.stepsWritten(written)])
      + (completed.steps.isEmpty ? [] : [.stepsCompleted(completed)])
  }
}

/// Steps of one trace in a request.
struct StepGroup: Sendable {
  let key: TraceKey
  private(set) var steps: [V1.Step] = []
  private(set) var spans: [UInt64] = []
  private(set) var parents: [UInt64] = []
  /// Steps that came twice, the second time with nothing new.
  private(set) var repeated: UInt32 = 0
  /// What steps break of the agent's audit rules, by their places.
  private(set) var broken: [Int: [V1.AuditViolation]] = [:]
  private var places = SpanMap()
  private var built: [LogV1.StoredStepBlock] = []

  init(key: TraceKey) { self.key = key }

  var violations: [V1.AuditViolation] {
    broken.isEmpty ? [] : broken.sorted { $0.key < $1.key }.flatMap(\.value)
  }

  mutating func add(
    _ step: V1.Step, _ span: UInt64, _ parent: UInt64, _ violations: [V1.AuditViolation] = []
  ) {
    if !violations.isEmpty {
      let place = places[span].map { Int($0) } ?? steps.count
      let known = Set(broken[place, default: []].map(\.rule))
      broken[place, default: []] += violations.filter { !known.contains($0.rule) }
    }
    if let place = places[span] {
      let merged = steps[Int(place)].completed(by: step)
      if merged == steps[Int(place)] { repeated += 1 }
      steps[Int(place)] = merged
      if parent != 0 { parents[Int(place)] = parent }
      return
    }
    places.insert(span, UInt32(steps.count))
    steps.append(step)
    spans.append(span)
    parents.append(parent)
  }

  /// Makes the blocks, as if all steps were new.
  mutating func build(now: Timestamp, zstd: Zstd) {
    let arena = Arena()
    built = stride(from: 0, to: steps.count, by: StepBlock.stepsMax).map { from in
      let range = from..<min(steps.count, from + StepBlock.stepsMax)
      var columns = StepColumns(first: 0)
      columns.reserve(range.count)
      var delta = TraceDelta()
      for place in range {
        var step = steps[place]
        if step.startedAtUs == 0 {
          step.startedAtUs = step.endedAtUs == 0 ? now.microseconds : min(step.endedAtUs, now.microseconds)
        }
        columns.append(step, span: spans[place], parent: parents[place], arena: arena)
        delta.add(step)
      }
      let block = StepBlock(columns, zstd: zstd)
      return LogV1.StoredStepBlock(
        traceID: key.bytes, first: UInt32(from), count: UInt32(range.count), spans: block.spans,
        columns: block.columns, texts: block.texts, delta: delta.finished())
    }
  }

  /// The blocks with their numbers, once it is known how many steps there are.
  func blocks(after count: UInt32) -> [LogV1.StoredStepBlock] {
    built.map { block in
      var block = block
      block.first += count + 1
      return block
    }
  }
}

/// Steps that are there already, as a request changes them.
private struct KnownSteps {
  let trace: Int64
  let key: TraceKey
  let zstd: Zstd
  private var block: StepColumns?
  private var offsets: [Int] = []
  private var changed: [UInt32: V1.Step] = [:]

  init(trace: Int64, key: TraceKey, zstd: Zstd) {
    self.trace = trace
    self.key = key
    self.zstd = zstd
  }

  /// `nil` when `step` says nothing new.
  mutating func complete(
    _ number: UInt32, by step: V1.Step, in db: Database
  ) throws -> (stored: LogV1.CompletedStep, before: V1.Step, now: V1.Step)? {
    let old = try known(number, in: db)
    let merged = old.completed(by: step)
    guard merged != old else { return nil }
    changed[number] = merged
    var delta = TraceDelta()
    delta.add(old, sign: -1)
    delta.add(merged)
    let stored = LogV1.CompletedStep(
      traceID: key.bytes, number: number, step: merged.encoded(), delta: delta.finished())
    return (stored, old, merged)
  }

  private mutating func known(_ number: UInt32, in db: Database) throws -> V1.Step {
    if let step = changed[number] { return step }
    if let step = try TraceQueries.completed(number, trace: trace, in: db) { return step }
    if block.map({ number >= $0.first && number < $0.first + UInt32($0.count) }) != true {
      let found = try TraceQueries.block(holding: number, trace: trace, zstd: zstd, in: db)
      offsets = found.offsets()
      block = found
    }
    guard let block else { throw ByteColumnReader.damaged }
    let place = Int(number - block.first)
    return try block.step(place, start: offsets[place], trace: key.text)
  }
}

/// Large inputs and outputs.
enum StepBlobs {
  static func separate(
    _ step: V1.Step, _ trace: TraceKey, into blobs: inout [LogV1.StoredBlob], _ zstd: Zstd
  ) throws(LociError) -> V1.Step {
    guard
      step.input.utf8.count > StepLimits.inlineBytesMax || step.output.utf8.count > StepLimits.inlineBytesMax
        || !step.inputBlob.isEmpty || !step.outputBlob.isEmpty || step.number != 0
    else { return step }
    var step = step
    (step.inputBlob, step.outputBlob, step.number) = ("", "", 0)
    func take(_ text: inout String) -> String {
      guard text.utf8.count > StepLimits.inlineBytesMax else { return "" }
      let bytes = Array(text.utf8)
      let hash = Array(SHA256.hash(data: bytes))
      blobs.append(
        LogV1.StoredBlob(hash: hash, content: zstd.compress(bytes, level: 3), traceID: trace.bytes))
      text = ""
      return Hex.text(hash)
    }
    step.inputBlob = take(&step.input)
    step.outputBlob = take(&step.output)
    return step
  }
}
