package import LociProto

/// Experiences that an index proposed, compared in full with a task.
package struct SimilarExperiences: Sendable {
  /// Most alike first, those that reach the threshold.
  package private(set) var matches: [V1.SimilarExperience] = []

  /// - Parameter cosine: likeness of the texts by their embeddings, -1 to 1; `nil`: compare words.
  package init(
    of task: V1.Task, steps: [String], among candidates: [(experience: V1.Experience, cosine: Double?)],
    threshold: Double, similarity: TaskSimilarity
  ) {
    matches = candidates.compactMap { candidate in
      let other = candidate.experience.task ?? V1.Task()
      var parts = TaskSimilarity.Parts()
      parts.text =
        task.text == other.text
        ? 1 : candidate.cosine.map { max(0, min(1, $0)) } ?? TaskSimilarity.words(task.text, other.text)
      parts.features = TaskSimilarity.features(task.features, other.features)
      parts.steps = TaskSimilarity.steps(steps, candidate.experience.steps)
      let value = similarity.mix(parts)
      guard value >= threshold else { return nil }
      return V1.SimilarExperience(
        experience: candidate.experience, similarity: value, textSimilarity: parts.text,
        featureSimilarity: parts.features ?? 0, stepSimilarity: parts.steps ?? 0)
    }
    matches.sort {
      $0.similarity != $1.similarity
        ? $0.similarity > $1.similarity : ($0.experience?.id ?? "") > ($1.experience?.id ?? "")
    }
  }

  /// How each strategy fared; greatest lower bound of success first.
  package var strategies: [V1.StrategyRecord] {
    let groups = Dictionary(grouping: matches.compactMap(\.experience), by: \.strategy)
    return groups.map { name, runs in
      let successes = runs.count { $0.success }
      let count = Double(runs.count)
      return V1.StrategyRecord(
        strategy: name, count: UInt64(runs.count), successes: UInt64(successes),
        success: V1.Estimate(Interval.wilson(successes: Double(successes), trials: count)),
        reward: runs.reduce(0) { $0 + $1.effectiveReward } / count,
        cost: runs.reduce(0) { $0 + $1.cost } / count,
        durationMs: runs.reduce(0) { $0 + $1.durationMs / Int64(runs.count) })
    }.sorted {
      let (a, b) = ($0.success?.low ?? 0, $1.success?.low ?? 0)
      return a != b ? a > b : $0.strategy < $1.strategy
    }
  }

  /// The chance of success: each experience weighs as much as it is alike, at the effective count.
  package var success: Interval {
    let weights = matches.map(\.similarity)
    let total = weights.reduce(0, +)
    guard total > 0 else { return .wilson(successes: 0, trials: 0) }
    let won = zip(matches, weights).reduce(0) { $0 + ($1.0.experience?.success == true ? $1.1 : 0) }
    let effective = total * total / weights.reduce(0) { $0 + $1 * $1 }
    return .wilson(successes: won / total * effective, trials: effective)
  }
}

extension V1.Estimate {
  /// Infinite bounds stay: nothing is known on that side.
  package init(_ interval: Interval) {
    self.init(
      value: interval.value, low: interval.low, high: interval.high, samples: UInt64(max(0, interval.samples))
    )
  }
}
