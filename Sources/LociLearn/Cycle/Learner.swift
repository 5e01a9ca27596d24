package import LociProto

/// What a cycle learns from: all of one agent, oldest first.
package struct LearningData: Sendable {
  /// With an outcome, of the strategy that was chosen.
  package var decisions: [V1.Decision]
  package var experiences: [V1.Experience]
  package var feedback: [V1.Feedback]

  package init(
    decisions: [V1.Decision] = [], experiences: [V1.Experience] = [], feedback: [V1.Feedback] = []
  ) {
    self.decisions = decisions.filter {
      $0.hasOutcome && ($0.usedStrategy.isEmpty || $0.usedStrategy == $0.chosen)
    }
    self.experiences = experiences
    self.feedback = feedback
  }

  /// What a cycle reads at most of each, the newest.
  package static let itemsMax = 20_000
}

/// Learns from the first part of the data and says, measured on the rest, whether that helped.
package protocol Learner: Sendable {
  /// Names it in reports.
  var name: String { get }
  /// One report for each kind of task that has enough data; none where there is too little to say anything.
  func reports(_ data: LearningData) -> [V1.LearnerReport]
}

enum HeldOut {
  /// Share of the data, by time, that is learned from.
  static let trainingShare = 0.7
  static let itemsMin = 40

  static func split<T>(_ items: [T]) -> (training: ArraySlice<T>, test: ArraySlice<T>)? {
    guard items.count >= itemsMin else { return nil }
    let cut = Int(Double(items.count) * trainingShare)
    return (items[..<cut], items[cut...])
  }
}

extension V1.LearnerReport {
  init(
    learner: String, kind: String, trained: Int, tested: Int, measure: String, baseline: Interval,
    learned: Interval, gain: Interval, what: String
  ) {
    let helps = gain.low > 0
    let verdict =
      helps
      ? "helps: \(what)"
      : gain.high < 0 ? "makes it worse: \(what)" : "does not help so far: \(what)"
    self.init(
      learner: learner, taskKind: kind, trainedOn: UInt64(trained), testedOn: UInt64(tested),
      measure: measure, baseline: V1.Estimate(baseline), learned: V1.Estimate(learned),
      gain: V1.Estimate(gain), helps: helps, summary: verdict)
  }
}
