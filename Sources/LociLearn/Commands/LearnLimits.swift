import LociCore
package import LociProto
import LociRecall
import LociStore

extension V1.RecordExperiencesResponse: PositionedAnswer {}
extension V1.DeleteExperiencesResponse: PositionedAnswer {}
extension V1.GiveFeedbackResponse: PositionedAnswer {}
extension V1.ReportMetricsResponse: PositionedAnswer {}
extension V1.RecommendStrategyResponse: PositionedAnswer {}
extension V1.ReportOutcomeResponse: PositionedAnswer {}
extension V1.RunLearningCycleResponse: PositionedAnswer {}
extension V1.ProposeAdjustmentResponse: PositionedAnswer {}
extension V1.DecideAdjustmentResponse: PositionedAnswer {}

/// Limits of learning, as the contract states them.
package enum LearnLimits {
  package static let itemsPerCall = 1_000
  package static let taskBytesMax = 16 << 10
  package static let stepsMax = 4_096
  package static let memoriesMax = 256
  package static let noteBytesMax = 4 << 10
  package static let feedbackBytesMax = 16 << 10
  package static let reasonBytesMax = 1_024
  package static let evidenceMax = 32
  package static let strategiesMax = 200
}

/// Checks that several commands share. `field` is the path of the message that is checked.
enum LearnChecks {
  static func task(_ task: V1.Task?, field: String) throws(LociError) -> V1.Task {
    guard let task else { throw .invalid(field: field, problem: "is missing") }
    try Validate.text(task.text, field: "\(field).text", bytesMin: 1, bytesMax: LearnLimits.taskBytesMax)
    try Validate.optionalName(task.kind, field: "\(field).kind")
    try AttributeColumn.validate(task.features, field: "\(field).features")
    return task
  }

  static func finite(_ value: Double, field: String, in range: ClosedRange<Double>) throws(LociError) {
    guard value.isFinite, range.contains(value) else {
      throw .invalid(
        field: field, problem: "is \(value), must be \(range.lowerBound) to \(range.upperBound)")
    }
  }

  static func notNegative(_ value: Double, field: String) throws(LociError) {
    guard value.isFinite, value >= 0 else {
      throw .invalid(field: field, problem: "is \(value), must be finite and not negative")
    }
  }

  static func duration(_ milliseconds: Int64, field: String) throws(LociError) {
    guard milliseconds >= 0 else {
      throw .invalid(field: field, problem: "is \(milliseconds), must not be negative")
    }
  }

  static func noRepeats(_ ids: [String], field: String) throws(LociError) {
    guard !ids.filter({ !$0.isEmpty }).hasRepeats else {
      throw .invalid(field: field, problem: "occurs twice")
    }
  }
}
