package import LociProto

/// Moves adjustments by what came of them.
package enum TrialJudge {
  package static let outcomesMinDefault: UInt32 = 30
  /// Outcomes after which a trial that shows nothing is given up.
  package static let outcomesMax = 5_000
  /// Chance, at most, that a change of no use is ever adopted, however often it is looked at.
  package static let falseAdoption = 0.01

  /// The adjustment as it is after looking at `experiences`; `nil` when nothing changes.
  package static func judge(
    _ adjustment: V1.Adjustment, _ experiences: [V1.Experience], at now: Int64
  ) -> V1.Adjustment? {
    switch adjustment.state {
    case .proposed: startTrial(adjustment, at: now)
    case .trial: judgeTrial(adjustment, experiences, at: now)
    case .adopted: watch(adjustment, experiences, at: now)
    default: nil
    }
  }

  private static func startTrial(_ adjustment: V1.Adjustment, at now: Int64) -> V1.Adjustment? {
    guard let gain = adjustment.expectedGain, gain.samples > 0, gain.low > 0 else { return nil }
    return adjustment.moved(
      to: .trial, at: now, reason: "off-line, the lower bound of its gain is above zero", gain: gain)
  }

  private static func judgeTrial(
    _ adjustment: V1.Adjustment, _ experiences: [V1.Experience], at now: Int64
  ) -> V1.Adjustment? {
    let (with, without) = rewards(experiences, of: adjustment)
    let least = Int(adjustment.outcomesMin)
    guard with.count >= least, without.count >= least else { return nil }
    let gain = AlwaysValid.difference(with, without, alpha: 2 * falseAdoption)
    var judged = adjustment
    judged.rewardWith = V1.Estimate(interval(with))
    judged.rewardWithout = V1.Estimate(interval(without))
    if gain.low > 0 {
      return judged.moved(
        to: .adopted, at: now, reason: "on trial, the lower bound of its gain is above zero",
        gain: V1.Estimate(gain))
    }
    if gain.high < 0 {
      return judged.moved(
        to: .rolledBack, at: now, reason: "on trial, it turned out worse", gain: V1.Estimate(gain))
    }
    if gain.samples >= outcomesMax {
      return judged.moved(
        to: .rejected, at: now, reason: "\(gain.samples) outcomes showed no gain", gain: V1.Estimate(gain))
    }
    return nil
  }

  /// Outcomes since it was adopted, against those of the units that go without it.
  private static func watch(
    _ adjustment: V1.Adjustment, _ experiences: [V1.Experience], at now: Int64
  ) -> V1.Adjustment? {
    let since = adjustment.history.last { $0.state == .adopted }?.atUs ?? 0
    let (with, without) = rewards(experiences.filter { $0.createdAtUs > since }, of: adjustment)
    let least = Int(adjustment.outcomesMin)
    guard with.count >= least, without.count >= max(5, least / 3) else { return nil }
    let gain = AlwaysValid.difference(with, without, alpha: 0.05)
    guard gain.high < 0 else { return nil }
    var judged = adjustment
    judged.rewardWith = V1.Estimate(interval(with))
    judged.rewardWithout = V1.Estimate(interval(without))
    return judged.moved(
      to: .rolledBack, at: now, reason: "since it was adopted, it turned out worse",
      gain: V1.Estimate(gain))
  }

  private static func rewards(
    _ experiences: [V1.Experience], of adjustment: V1.Adjustment
  ) -> (with: Moments, without: Moments) {
    var (with, without) = (Moments(), Moments())
    for experience in experiences {
      switch Tuning.side(of: experience, in: adjustment) {
      case true?: with.add(experience.effectiveReward)
      case false?: without.add(experience.effectiveReward)
      case nil: break
      }
    }
    return (with, without)
  }

  private static func interval(_ moments: Moments) -> Interval {
    let half = 1.96 * (moments.variance / Double(max(1, moments.count))).squareRoot()
    return Interval(
      value: moments.mean, low: moments.mean - half, high: moments.mean + half, samples: moments.count)
  }
}

extension V1.Adjustment {
  package func moved(
    to state: V1.AdjustmentState, at now: Int64, reason: String, gain: V1.Estimate? = nil
  ) -> V1.Adjustment {
    var moved = self
    moved.state = state
    moved.history.append(V1.AdjustmentStep(state: state, atUs: now, reason: reason, gain: gain))
    return moved
  }
}
