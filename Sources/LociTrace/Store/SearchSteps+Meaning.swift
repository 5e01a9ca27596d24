package import LociProto

extension StepSearch {
  /// What of a step is encoded.
  package static func text(_ step: V1.Step) -> String {
    let parts = [step.name, step.error, step.input, step.output].filter { !$0.isEmpty }
    return String(parts.joined(separator: "\n").prefix(1_000))
  }

  /// Ranks hits by meaning and words together: both standardised over the hits, 0.7 and 0.3 as in other searches.
  /// - Parameter cosines: one for each hit, -1 to 1.
  package func reranked(_ hits: [V1.StepHit], cosines: [Float]) -> [V1.StepHit] {
    let words = Self.standardised(hits.map(\.score))
    let meaning = Self.standardised(cosines)
    let scored = hits.indices.map { place in
      V1.StepHit(step: hits[place].step, score: 0.7 * meaning[place] + 0.3 * words[place])
    }
    return Array(
      scored.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }
        .map(\.element).prefix(limit))
  }

  private static func standardised(_ values: [Float]) -> [Float] {
    let mean = values.reduce(0, +) / Float(max(1, values.count))
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = (squares / Float(max(1, values.count))).squareRoot()
    return values.map { deviation > 0 ? ($0 - mean) / deviation : 0 }
  }
}
