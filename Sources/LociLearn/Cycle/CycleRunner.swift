package import LociProto

/// One turn of learning: what each learner found, and the adjustments that it moved or proposed. Reads nothing but its
/// arguments.
package struct CycleRunner: Sendable {
  package struct Outcome: Sendable {
    package var cycle: V1.LearningCycle
    /// Adjustments as they are after it, changed or new.
    package var adjustments: [V1.Adjustment]
  }

  private let learners: [any Learner] = [ReinforcementLearner(), PreferenceLearner(), PatternLearner()]

  package init() {}

  /// - Parameters:
  ///   - adjustments: all of the agent, oldest first.
  ///   - newID: makes ids.
  package func run(
    _ data: LearningData, adjustments: [V1.Adjustment], id: String, at now: Int64, newID: () -> String
  ) -> Outcome {
    var trials = adjustments.count { $0.state == .trial }
    var changed: [V1.Adjustment] = []
    for adjustment in adjustments {
      if adjustment.state == .proposed, trials >= Tuning.trialsMax { continue }
      guard let next = TrialJudge.judge(adjustment, data.experiences, at: now) else { continue }
      if next.state == .trial { trials += 1 }
      changed.append(next)
    }
    for proposal in AdjustmentProposer().propose(data, existing: adjustments) {
      var adjustment = proposal
      adjustment.id = newID()
      adjustment.createdAtUs = now
      adjustment.trialShare = Tuning.trialShareDefault
      adjustment.outcomesMin = TrialJudge.outcomesMinDefault
      adjustment = adjustment.moved(
        to: .proposed, at: now, reason: "found by a learning cycle", gain: adjustment.expectedGain)
      changed.append(adjustment)
    }
    let cycle = V1.LearningCycle(
      id: id, atUs: now, learners: learners.flatMap { $0.reports(data) },
      adjustmentIDs: changed.map(\.id), decisions: UInt64(data.decisions.count),
      experiences: UInt64(data.experiences.count), feedback: UInt64(data.feedback.count))
    return Outcome(cycle: cycle, adjustments: changed)
  }
}
