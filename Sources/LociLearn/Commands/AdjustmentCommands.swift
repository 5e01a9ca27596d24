package import LociCore
package import LociProto
import LociRecall
package import LociStore

package struct ProposeAdjustment: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 16_384
  private let adjustment: V1.Adjustment
  private let startsTrial: Bool

  /// - Throws: `LociError.invalid` naming the field.
  package init(
    _ request: V1.ProposeAdjustmentRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    guard let draft = request.adjustment else {
      throw .invalid(field: "adjustment", problem: "is missing")
    }
    try Self.check(draft)
    startsTrial = request.startTrial
    adjustment = V1.Adjustment(
      id: ids.next(), kind: draft.kind, subject: draft.subject, taskKind: draft.taskKind,
      valueBefore: draft.valueBefore, valueAfter: draft.valueAfter, hypothesis: draft.hypothesis,
      evidence: draft.evidence, expectedGain: draft.expectedGain,
      trialShare: draft.trialShare == 0 ? Tuning.trialShareDefault : draft.trialShare,
      outcomesMin: draft.outcomesMin == 0 ? TrialJudge.outcomesMinDefault : draft.outcomesMin)
  }

  private static func check(_ draft: V1.Adjustment) throws(LociError) {
    let range: ClosedRange<Double>
    switch draft.kind {
    case .answerLength: range = 0...1e6
    case .toolPreference: range = -1...1
    case .verificationThreshold, .retrievalWeight, .compressionRatio, .memoryWeight: range = 0...1
    default: throw .invalid(field: "adjustment.kind", problem: "is not a kind of adjustment")
    }
    try LearnChecks.finite(draft.valueBefore, field: "adjustment.value_before", in: range)
    try LearnChecks.finite(draft.valueAfter, field: "adjustment.value_after", in: range)
    try Validate.optionalName(draft.subject, field: "adjustment.subject")
    try Validate.optionalName(draft.taskKind, field: "adjustment.task_kind")
    let most = LearnLimits.reasonBytesMax
    try Validate.text(draft.hypothesis, field: "adjustment.hypothesis", bytesMin: 1, bytesMax: most)
    try Validate.count(
      draft.evidence.count, field: "adjustment.evidence", in: 0...LearnLimits.evidenceMax)
    for line in draft.evidence { try Validate.text(line, field: "adjustment.evidence", bytesMax: most) }
    if draft.trialShare != 0 {
      try LearnChecks.finite(draft.trialShare, field: "adjustment.trial_share", in: 1e-6...1)
    }
    if let gain = draft.expectedGain {
      guard gain.low <= gain.value, gain.value <= gain.high else {
        throw .invalid(field: "adjustment.expected_gain", problem: "must have low ≤ value ≤ high")
      }
    }
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.ProposeAdjustmentResponse> {
    let now = transaction.at.microseconds
    var adjustment = adjustment
    adjustment.createdAtUs = now
    adjustment = adjustment.moved(to: .proposed, at: now, reason: "proposed by hand")
    if startsTrial {
      try AdjustmentQueries.requireRoomForTrial(scope: scope, in: transaction.db)
      adjustment = adjustment.moved(to: .trial, at: now, reason: "its proposer starts the trial")
    }
    return Decision(
      events: [.adjustmentChanged(LogV1.AdjustmentChanged(adjustment: adjustment.encoded()))],
      answer: V1.ProposeAdjustmentResponse(adjustment: adjustment))
  }
}

package struct DecideAdjustment: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 16_384
  private let request: V1.DecideAdjustmentRequest

  package init(
    _ request: V1.DecideAdjustmentRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    self.request = request
    try Validate.name(request.adjustmentID, field: "adjustment_id")
    try Validate.text(request.reason, field: "reason", bytesMax: LearnLimits.reasonBytesMax)
    switch request.state {
    case .trial, .adopted, .rejected, .rolledBack: break
    default: throw .invalid(field: "state", problem: "is none that can be decided")
    }
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.DecideAdjustmentResponse> {
    let found = try AdjustmentQueries.find(request.adjustmentID, scope: scope, in: transaction.db)
    guard let found else { throw LociError.notFound(.adjustment, id: request.adjustmentID) }
    guard Self.allowed(found.state).contains(request.state) else {
      throw LociError.failedPrecondition(
        "adjustment \(found.id) is \(found.state) and cannot become \(request.state)")
    }
    if request.state == .trial {
      try AdjustmentQueries.requireRoomForTrial(scope: scope, in: transaction.db)
    }
    let reason = request.reason.isEmpty ? "decided by hand" : request.reason
    let moved = found.moved(to: request.state, at: transaction.at.microseconds, reason: reason)
    return Decision(
      events: [.adjustmentChanged(LogV1.AdjustmentChanged(adjustment: moved.encoded()))],
      answer: V1.DecideAdjustmentResponse(adjustment: moved))
  }

  static func allowed(_ state: V1.AdjustmentState) -> [V1.AdjustmentState] {
    switch state {
    case .proposed: [.trial, .adopted, .rejected]
    case .trial: [.adopted, .rejected, .rolledBack]
    case .adopted: [.rolledBack]
    case .rolledBack, .rejected: [.trial]
    default: []
    }
  }
}

/// Remembers a cycle and the adjustments it moved. One that somebody moved meanwhile stays as it is.
package struct FinishCycle: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let outcome: CycleRunner.Outcome
  private let before: [String: Int]

  /// - Parameter before: the adjustments that the cycle read.
  package init(
    _ outcome: CycleRunner.Outcome, before: [V1.Adjustment], scope: Scope, key: RequestKey?
  ) {
    self.scope = scope
    requestKey = key
    self.outcome = outcome
    self.before = Dictionary(
      before.map { ($0.id, $0.history.count) }, uniquingKeysWith: { first, _ in first })
    costBytes = 8_192 + outcome.adjustments.count * 4_096
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.RunLearningCycleResponse> {
    var cycle = outcome.cycle
    let current = try outcome.adjustments.filter { adjustment in
      let now = try AdjustmentQueries.find(adjustment.id, scope: scope, in: transaction.db)
      return now?.history.count == before[adjustment.id]
    }
    cycle.adjustmentIDs = current.map(\.id)
    let events: [LogV1.Event.Kind] = current.map {
      .adjustmentChanged(LogV1.AdjustmentChanged(adjustment: $0.encoded()))
    }
    return Decision(
      events: events + [.learningCycleRan(LogV1.LearningCycleRan(cycle: cycle.encoded()))],
      answer: V1.RunLearningCycleResponse(cycle: cycle))
  }
}
