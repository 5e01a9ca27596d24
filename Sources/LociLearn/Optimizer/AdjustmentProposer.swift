import Foundation
package import LociProto

/// Finds changes worth trying. Each is found in the first half of the data and must hold in the second: its gain, with
/// the interval, is measured there.
package struct AdjustmentProposer: Sendable {
  /// Proposals that one cycle makes at most.
  static let proposalsMax = 3
  /// Runs that each side of a comparison needs.
  static let sideMin = 10

  /// Attributes of experiences that say how the agent was set, and what they set.
  static let knobs: [(attribute: String, kind: V1.AdjustmentKind, subject: String)] = [
    ("answer_words", .answerLength, ""), ("verification_threshold", .verificationThreshold, ""),
    ("compression_ratio", .compressionRatio, ""), ("retrieval_semantic", .retrievalWeight, "semantic"),
    ("retrieval_exact", .retrievalWeight, "exact"), ("retrieval_recency", .retrievalWeight, "recency"),
    ("retrieval_importance", .retrievalWeight, "importance")
  ]

  package init() {}

  /// Without ids and states; greatest lower bound of the gain first.
  package func propose(_ data: LearningData, existing: [V1.Adjustment]) -> [V1.Adjustment] {
    let known = Set(existing.map(\.key))
    let byKind = Dictionary(grouping: data.experiences) { $0.task?.kind ?? "" }
    var found = byKind.sorted { $0.key < $1.key }.flatMap { kind, runs in
      runs.count >= 2 * HeldOut.itemsMin ? contrasts(kind, runs) : []
    }
    let decisions = Dictionary(grouping: data.decisions) { $0.task?.kind ?? "" }
    found += decisions.sorted { $0.key < $1.key }.compactMap { kind, made in strategy(kind, made) }
    let fresh = found.filter { ($0.expectedGain?.low ?? 0) > 0 && !known.contains($0.key) }
    return Array(
      fresh.sorted {
        let (a, b) = ($0.expectedGain?.low ?? 0, $1.expectedGain?.low ?? 0)
        return a != b ? a > b : $0.key < $1.key
      }.prefix(Self.proposalsMax))
  }

  /// Replay of logged decisions: always the strategy that looked best in the first half.
  private func strategy(_ kind: String, _ decisions: [V1.Decision]) -> V1.Adjustment? {
    guard decisions.count >= 2 * HeldOut.itemsMin else { return nil }
    let half = decisions.count / 2
    var policy = Replay.policy(learnedFrom: decisions[..<half])
    let candidates = policy.strategies.filter { policy.samples(of: $0) >= Self.sideMin }
    guard candidates.count > 1 else { return nil }
    let plain = TaskContext.encode(V1.Task())
    let expected = zip(candidates, policy.estimates(plain, of: candidates))
    guard let best = expected.max(by: { $0.1.mean < $1.1.mean })?.0 else { return nil }
    let later = decisions[half...].filter { $0.strategies.contains(best) }
    var names: [[String]] = later.map(\.strategies)
    names.reverse()
    let log = Replay.log(later, &policy) { estimates in
      let strategies = names.popLast() ?? []
      return estimates.indices.map { strategies[$0] == best ? 1 : 0 }
    }
    guard log.count >= Self.sideMin else { return nil }
    let gain = OffPolicy.gain(log)
    let weighted = OffPolicy.inversePropensity(log)
    return V1.Adjustment(
      kind: .toolPreference, subject: best, taskKind: kind, valueBefore: 0, valueAfter: 1,
      hypothesis: "Preferring '\(best)' raises the reward of tasks of kind '\(kind)'.",
      evidence: [
        "replay of \(log.count) logged decisions, doubly robust: gain \(gain.text)",
        "the same by inverse propensities: reward \(weighted.text)"
      ], expectedGain: V1.Estimate(gain))
  }

  private func contrasts(_ kind: String, _ runs: [V1.Experience]) -> [V1.Adjustment] {
    // Every second run, so that drift is on both sides alike.
    let first = runs.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    let second = runs.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    return tools(kind, first, second) + memories(kind, first, second) + knobs(kind, first, second)
  }

  private func tools(_ kind: String, _ first: [V1.Experience], _ second: [V1.Experience]) -> [V1.Adjustment] {
    guard let search = try? StepPatterns(lengthMax: 1) else { return [] }
    return search.find(first).patterns.filter(search.isSignificant).prefix(5).compactMap { pattern in
      guard let tool = pattern.steps.first else { return nil }
      let sign: Double = pattern.lift > 1 ? 1 : -1
      let gain = difference(second) { $0.steps.contains(tool) }.map { sign > 0 ? $0 : $0.negated }
      guard let gain else { return nil }
      return V1.Adjustment(
        kind: .toolPreference, subject: tool, taskKind: kind, valueBefore: 0, valueAfter: sign,
        hypothesis: "Runs \(sign > 0 ? "with" : "without") '\(tool)' do better.",
        evidence: [
          "in \(pattern.count) runs, lift \(Interval.format(pattern.lift)), q \(Interval.format(pattern.qValue))",
          "in the other half: gain \(gain.text)"
        ], expectedGain: V1.Estimate(gain))
    }
  }

  private func memories(
    _ kind: String, _ first: [V1.Experience], _ second: [V1.Experience]
  ) -> [V1.Adjustment] {
    let ids = Array(Set(first.flatMap(\.memoryIDs))).sorted()
    let total = first.count
    let won = first.count { $0.success }
    let tested = ids.compactMap { id -> (id: String, p: Double, isGood: Bool)? in
      let with = first.filter { $0.memoryIDs.contains(id) }
      guard with.count >= Self.sideMin, total - with.count >= Self.sideMin else { return nil }
      let successes = with.count { $0.success }
      let p = FisherExact.twoSided(
        successes, with.count - successes, won - successes, total - with.count - (won - successes))
      return (id, p, successes * total > won * with.count)
    }
    let q = FalseDiscovery.qValues(tested.map(\.p))
    return zip(tested, q).filter { $0.1 <= 0.05 }.prefix(5).compactMap { found, q in
      let gain = difference(second) { $0.memoryIDs.contains(found.id) }.map {
        found.isGood ? $0 : $0.negated
      }
      guard let gain else { return nil }
      return V1.Adjustment(
        kind: .memoryWeight, subject: found.id, taskKind: kind, valueBefore: 0.5,
        valueAfter: found.isGood ? 0.9 : 0.1,
        hypothesis: "Recalling this memory \(found.isGood ? "helps" : "hurts") tasks of kind '\(kind)'.",
        evidence: ["q \(Interval.format(q)); in the other half: gain \(gain.text)"],
        expectedGain: V1.Estimate(gain))
    }
  }

  /// Of each setting, the third of its values that did best, against the rest.
  private func knobs(_ kind: String, _ first: [V1.Experience], _ second: [V1.Experience]) -> [V1.Adjustment] {
    Self.knobs.compactMap { knob in
      func value(_ run: V1.Experience) -> Double? {
        run.attributes.first { $0.key == knob.attribute }.flatMap { Double($0.value) }
          .flatMap { $0.isFinite ? $0 : nil }
      }
      let set = first.compactMap(value).sorted()
      guard set.count >= 3 * Self.sideMin, let lowest = set.first, let highest = set.last, lowest < highest
      else { return nil }
      let cuts = [1.0 / 3, 2.0 / 3].map { MetricAnalysis.quantile(set, $0) }
      let thirds: [ClosedRange<Double>] = [
        lowest...cuts[0], cuts[0].nextUp...max(cuts[0].nextUp, cuts[1]),
        cuts[1].nextUp...max(cuts[1].nextUp, highest)
      ]
      let gains = thirds.map { third in
        difference(first.filter { value($0) != nil }) { value($0).map(third.contains) ?? false }
      }
      let best = thirds.indices.max { (gains[$0]?.low ?? -.infinity) < (gains[$1]?.low ?? -.infinity) }
      guard let best, let before = gains[best], before.low > 0 else { return nil }
      let gain = difference(second.filter { value($0) != nil }) {
        value($0).map(thirds[best].contains) ?? false
      }
      guard let gain else { return nil }
      let inside = set.filter(thirds[best].contains)
      let after = MetricAnalysis.quantile(inside, 0.5)
      return V1.Adjustment(
        kind: knob.kind, subject: knob.subject, taskKind: kind,
        valueBefore: MetricAnalysis.quantile(set, 0.5), valueAfter: after,
        hypothesis: "Setting \(knob.attribute) to \(Interval.format(after)) raises the reward.",
        evidence: [
          "in \(inside.count) of \(set.count) runs: gain \(before.text)",
          "in the other half: gain \(gain.text)"
        ], expectedGain: V1.Estimate(gain))
    }
  }

  /// Mean reward of runs with a property less that of those without.
  private func difference(
    _ runs: [V1.Experience], _ has: (V1.Experience) -> Bool
  ) -> Interval? {
    let with = Moments(runs.filter(has).map(\.effectiveReward))
    let without = Moments(runs.filter { !has($0) }.map(\.effectiveReward))
    guard with.count >= Self.sideMin, without.count >= Self.sideMin else { return nil }
    return .difference(with, without)
  }
}

extension V1.Adjustment {
  /// What it changes.
  var key: String { "\(kind.rawValue)\u{1F}\(subject)\u{1F}\(taskKind)" }
}

extension Interval {
  var negated: Interval { Interval(value: -value, low: -high, high: -low, samples: samples) }
  /// "0.12 (0.03 to 0.21)".
  package var text: String { "\(Self.format(value)) (\(Self.format(low)) to \(Self.format(high)))" }
  static func format(_ value: Double) -> String { String(format: "%.3g", value) }
}
