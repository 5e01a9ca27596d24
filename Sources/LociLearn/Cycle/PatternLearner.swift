package import LociProto

/// Sequences of steps that went with success or failure before, judged by whether they still do.
package struct PatternLearner: Learner {
  package let name = "pattern"
  private static let patternsUsed = 20

  package init() {}

  package func reports(_ data: LearningData) -> [V1.LearnerReport] {
    let kinds = Dictionary(grouping: data.experiences.filter { !$0.steps.isEmpty }) { $0.task?.kind ?? "" }
    return kinds.sorted { $0.key < $1.key }.compactMap { kind, runs in report(kind, runs) }
  }

  private func report(_ kind: String, _ runs: [V1.Experience]) -> V1.LearnerReport? {
    guard let (training, test) = HeldOut.split(runs), let search = try? StepPatterns() else { return nil }
    let found = search.find(Array(training))
    let patterns = found.patterns.filter(search.isSignificant).prefix(Self.patternsUsed)
    let usual = 2 * training.count { $0.success } >= training.count
    let usualHits = test.map { $0.success == usual ? 1.0 : 0 }
    let count = Double(test.count)
    let baseline = Interval.wilson(successes: usualHits.reduce(0, +), trials: count)
    guard !patterns.isEmpty else {
      return V1.LearnerReport(
        learner: name, kind: kind, trained: training.count, tested: test.count, measure: "accuracy",
        baseline: baseline, learned: baseline, gain: Interval(value: 0, low: 0, high: 0, samples: 0),
        what: "none of \(found.tested) patterns tells success from failure")
    }
    func row(_ run: V1.Experience) -> [Double] { patterns.map { $0.occurs(in: run.steps) ? 1 : 0 } }
    guard
      let model = LogisticModel.fit(
        rows: training.flatMap(row), dimension: patterns.count, labels: training.map { $0.success ? 1 : 0 },
        ridge: 1)
    else { return nil }
    let hits = test.map { (model.probability(row($0)) >= 0.5) == $0.success ? 1.0 : 0 }
    return V1.LearnerReport(
      learner: name, kind: kind, trained: training.count, tested: test.count, measure: "accuracy",
      baseline: baseline, learned: .wilson(successes: hits.reduce(0, +), trials: count),
      gain: .mean(zip(hits, usualHits).map { $0 - $1 }),
      what: "success foretold from \(patterns.count) patterns of steps, on \(test.count) later runs")
  }
}
