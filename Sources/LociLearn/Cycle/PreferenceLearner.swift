package import LociProto

/// Strengths of what was preferred (Bradley–Terry), and what ratings depend on (logistic regression), judged by how
/// many later ones they foretell.
package struct PreferenceLearner: Learner {
  package let name = "preference"

  package init() {}

  package func reports(_ data: LearningData) -> [V1.LearnerReport] {
    let kinds = Dictionary(grouping: data.feedback, by: \.taskKind)
    return kinds.sorted { $0.key < $1.key }.flatMap { kind, feedback in
      [pairs(kind, feedback), answers(kind, feedback), ratings(kind, feedback)].compactMap { $0 }
    }
  }

  private func pairs(_ kind: String, _ feedback: [V1.Feedback]) -> V1.LearnerReport? {
    let pairs = feedback.filter { $0.kind == .preference }
    guard let (training, test) = HeldOut.split(pairs) else { return nil }
    let names = Array(Set(training.flatMap { [$0.itemKey, $0.otherKey] })).sorted()
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    guard names.count <= 500 else { return nil }
    let comparisons = training.compactMap { one -> BradleyTerry.Comparison? in
      guard let winner = numbers[one.itemKey], let loser = numbers[one.otherKey] else { return nil }
      return BradleyTerry.Comparison(winner: winner, loser: loser)
    }
    guard let model = BradleyTerry(comparisons, items: names.count) else { return nil }
    let hits = test.map { one -> Double in
      guard let winner = numbers[one.itemKey], let loser = numbers[one.otherKey] else { return 0.5 }
      let chance = model.chance(winner, over: loser)
      return chance > 0.5 ? 1 : chance < 0.5 ? 0 : 0.5
    }
    let accuracy = Interval.wilson(successes: hits.reduce(0, +), trials: Double(hits.count))
    return V1.LearnerReport(
      learner: name, kind: kind, trained: training.count, tested: test.count, measure: "accuracy",
      baseline: Interval(value: 0.5, low: 0.5, high: 0.5, samples: test.count), learned: accuracy,
      gain: accuracy.less(0.5), what: "which of two is preferred, on \(test.count) later pairs")
  }

  /// Pairs that carry their texts, as the attributes "answer", "other_answer" and perhaps "question": which of two is
  /// preferred by their form, against always the longer one.
  private func answers(_ kind: String, _ feedback: [V1.Feedback]) -> V1.LearnerReport? {
    let pairs = feedback.compactMap(AnswerPair.init)
    guard let (training, test) = HeldOut.split(pairs) else { return nil }
    let dimension = AnswerFeatures.names.count + 1
    guard
      let model = LogisticModel.fit(
        rows: training.flatMap(\.difference), dimension: dimension, labels: training.map { _ in 1 }, ridge: 1,
        intercept: false)
    else { return nil }
    let hits = test.map { model.logOdds($0.difference) > 0 ? 1.0 : 0 }
    let usual = test.map { $0.difference[0] > 0 ? 1.0 : $0.difference[0] < 0 ? 0 : 0.5 }
    let count = Double(test.count)
    return V1.LearnerReport(
      learner: name, kind: kind, trained: training.count, tested: test.count, measure: "accuracy",
      baseline: .wilson(successes: usual.reduce(0, +), trials: count),
      learned: .wilson(successes: hits.reduce(0, +), trials: count),
      gain: .mean(zip(hits, usual).map { $0 - $1 }),
      what: "which of two answers is preferred, by their form, against the longer one, on \(test.count) pairs"
    )
  }

  private func ratings(_ kind: String, _ feedback: [V1.Feedback]) -> V1.LearnerReport? {
    let rated = feedback.filter { $0.score != nil }
    guard let (training, test) = HeldOut.split(rated) else { return nil }
    let names = Array(Set(training.flatMap(\.facts))).sorted()
    guard !names.isEmpty, names.count <= 300 else { return nil }
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    func row(_ one: V1.Feedback) -> [Double] {
      var row = [Double](repeating: 0, count: names.count)
      for fact in one.facts { if let number = numbers[fact] { row[number] = 1 } }
      return row
    }
    let labels = training.map { $0.isPositive ? 1.0 : 0 }
    guard
      let model = LogisticModel.fit(
        rows: training.flatMap(row), dimension: names.count, labels: labels, ridge: 1)
    else { return nil }
    let usual = 2 * labels.reduce(0, +) >= Double(labels.count)
    let hits = test.map { (model.probability(row($0)) >= 0.5) == $0.isPositive ? 1.0 : 0 }
    let usualHits = test.map { $0.isPositive == usual ? 1.0 : 0 }
    let count = Double(test.count)
    return V1.LearnerReport(
      learner: name, kind: kind, trained: training.count, tested: test.count, measure: "accuracy",
      baseline: .wilson(successes: usualHits.reduce(0, +), trials: count),
      learned: .wilson(successes: hits.reduce(0, +), trials: count),
      gain: .mean(zip(hits, usualHits).map { $0 - $1 }),
      what: "whether a rating is good, by strategy and tool, on \(test.count) later ratings")
  }
}

/// Two answers, the preferred one first.
private struct AnswerPair {
  let difference: [Double]

  init?(_ feedback: V1.Feedback) {
    guard feedback.kind == .preference else { return nil }
    func attribute(_ key: String) -> String? { feedback.attributes.first { $0.key == key }?.value }
    guard let answer = attribute("answer"), let other = attribute("other_answer") else { return nil }
    difference = AnswerFeatures.difference(answer, other, question: attribute("question") ?? "")
  }
}

extension V1.Feedback {
  /// What lost a preference.
  var otherKey: String { "\(otherTarget?.kind.rawValue ?? 0):\(otherTarget?.id ?? "")" }
  var isPositive: Bool { (score ?? 0) >= 0.5 }
  /// What a rating may depend on.
  var facts: [String] {
    [strategy.isEmpty ? nil : "strategy=\(strategy)", tool.isEmpty ? nil : "tool=\(tool)"].compactMap { $0 }
  }
}

extension Interval {
  func less(_ constant: Double) -> Interval {
    Interval(value: value - constant, low: low - constant, high: high - constant, samples: samples)
  }
}
