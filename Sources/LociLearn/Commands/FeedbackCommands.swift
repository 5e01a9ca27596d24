package import LociCore
package import LociProto
import LociRecall
package import LociStore

/// Records feedback, all or none.
package struct GiveFeedback: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let feedback: [V1.Feedback]
  private let chosenIDs: [String]

  /// - Throws: `LociError.invalid` naming the field.
  package init(
    _ request: V1.GiveFeedbackRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.count(request.feedback.count, field: "feedback", in: 1...LearnLimits.itemsPerCall)
    var feedback: [V1.Feedback] = []
    for draft in request.feedback { feedback.append(try Self.validated(draft, ids: ids)) }
    self.feedback = feedback
    costBytes = 512 + feedback.reduce(0) { $0 + $1.text.utf8.count + 1_024 }
    chosenIDs = request.feedback.map(\.id).filter { !$0.isEmpty }
    try LearnChecks.noRepeats(chosenIDs, field: "feedback.id")
  }

  private static func validated(
    _ draft: V1.Feedback, ids: UUIDv7Generator
  ) throws(LociError) -> V1.Feedback {
    var feedback = draft
    try Validate.optionalName(draft.id, field: "feedback.id")
    try target(draft.target, field: "feedback.target")
    var textMin = 0
    switch draft.kind {
    case .rating:
      if draft.scaleMin == 0, draft.scaleMax == 0 { (feedback.scaleMin, feedback.scaleMax) = (1, 5) }
      guard feedback.scaleMin.isFinite, feedback.scaleMax.isFinite, feedback.scaleMin < feedback.scaleMax
      else { throw .invalid(field: "feedback.scale_max", problem: "must be above scale_min") }
      try LearnChecks.finite(
        draft.value, field: "feedback.value", in: feedback.scaleMin...feedback.scaleMax)
    case .thumb:
      guard draft.value == 0 || draft.value == 1 else {
        throw .invalid(field: "feedback.value", problem: "is \(draft.value), a thumb is 0 or 1")
      }
    case .preference: try target(draft.otherTarget, field: "feedback.other_target")
    case .comment, .issue, .suggestion, .correction: textMin = 1
    default: throw .invalid(field: "feedback.kind", problem: "is not a kind of feedback")
    }
    try Validate.text(
      draft.text, field: "feedback.text", bytesMin: textMin, bytesMax: LearnLimits.feedbackBytesMax)
    try Validate.optionalName(draft.rater, field: "feedback.rater")
    try Validate.optionalName(draft.strategy, field: "feedback.strategy")
    try Validate.optionalName(draft.tool, field: "feedback.tool")
    try Validate.optionalName(draft.taskKind, field: "feedback.task_kind")
    try Validate.time(draft.createdAtUs, field: "feedback.created_at_us")
    try AttributeColumn.validate(draft.attributes, field: "feedback.attributes")
    if feedback.id.isEmpty { feedback.id = ids.next() }
    return feedback
  }

  private static func target(_ target: V1.Target?, field: String) throws(LociError) {
    guard let target else { throw .invalid(field: field, problem: "is missing") }
    switch target.kind {
    case .trace, .step, .message, .memory, .strategy, .session, .tool, .experience: break
    default: throw .invalid(field: "\(field).kind", problem: "is not a kind of target")
    }
    try Validate.name(target.id, field: "\(field).id")
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.GiveFeedbackResponse> {
    for id in chosenIDs where try FeedbackQueries.exists(id, scope: scope, in: transaction.db) {
      throw LociError.invalid(field: "feedback.id", problem: "'\(id)' exists")
    }
    let bodies = feedback.map { feedback in
      var feedback = feedback
      if feedback.createdAtUs == 0 { feedback.createdAtUs = transaction.at.microseconds }
      return feedback.encoded()
    }
    return Decision(
      events: [.feedbackGiven(LogV1.FeedbackGiven(feedback: bodies))],
      answer: V1.GiveFeedbackResponse(feedbackIDs: feedback.map(\.id)))
  }
}

package struct ReportMetrics: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let samples: [V1.MetricSample]

  package init(
    _ request: V1.ReportMetricsRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.count(request.samples.count, field: "samples", in: 1...LearnLimits.itemsPerCall)
    for sample in request.samples {
      try Validate.name(sample.name, field: "samples.name")
      guard sample.value.isFinite else {
        throw .invalid(field: "samples.value", problem: "is not finite")
      }
      try Validate.text(sample.unit, field: "samples.unit", bytesMax: 32)
      switch sample.direction {
      case .higherIsBetter, .lowerIsBetter: break
      default: throw .invalid(field: "samples.direction", problem: "is not a direction")
      }
      try Validate.optionalName(sample.strategy, field: "samples.strategy")
      try Validate.optionalName(sample.tool, field: "samples.tool")
      try Validate.time(sample.atUs, field: "samples.at_us")
    }
    samples = request.samples
    costBytes = 512 + samples.count * 256
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.ReportMetricsResponse> {
    let bodies = samples.map { sample in
      var sample = sample
      if sample.atUs == 0 { sample.atUs = transaction.at.microseconds }
      return sample.encoded()
    }
    return Decision(
      events: [.metricsReported(LogV1.MetricsReported(samples: bodies))],
      answer: V1.ReportMetricsResponse())
  }
}
