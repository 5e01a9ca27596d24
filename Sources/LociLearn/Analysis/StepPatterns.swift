package import LociCore
package import LociProto

/// Sequences of steps that tell success from failure, among experiences.
package struct StepPatterns: Sendable {
  package static let patternsMax = 100_000

  package let supportMin: Double
  package let lengthMax: Int
  package let falseDiscoveryRate: Double

  /// - Throws: `LociError.invalid` naming the field.
  package init(_ request: V1.FindPatternsRequest) throws(LociError) {
    try self.init(
      supportMin: request.supportMin, lengthMax: Int(request.lengthMax),
      falseDiscoveryRate: request.falseDiscoveryRate)
  }

  /// 0 takes the default: 0.1, 4 and 0.05.
  package init(
    supportMin: Double = 0, lengthMax: Int = 0, falseDiscoveryRate: Double = 0
  ) throws(LociError) {
    self.supportMin = supportMin == 0 ? 0.1 : supportMin
    self.lengthMax = lengthMax == 0 ? 4 : lengthMax
    self.falseDiscoveryRate = falseDiscoveryRate == 0 ? 0.05 : falseDiscoveryRate
    guard self.supportMin > 0, self.supportMin <= 1 else {
      throw .invalid(field: "support_min", problem: "is \(supportMin), must be above 0 and at most 1")
    }
    guard (1...12).contains(self.lengthMax) else {
      throw .invalid(field: "length_max", problem: "is \(lengthMax), must be 1 to 12")
    }
    guard self.falseDiscoveryRate > 0, self.falseDiscoveryRate < 1 else {
      throw .invalid(
        field: "false_discovery_rate", problem: "is \(falseDiscoveryRate), must be above 0 and below 1")
    }
  }

  package func find(_ experiences: [V1.Experience]) -> V1.FindPatternsResponse {
    let runs = experiences.filter { !$0.steps.isEmpty }
    let names = Array(Set(runs.flatMap(\.steps))).sorted()
    let symbols = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let sequences = runs.map { $0.steps.map { symbols[$0] ?? 0 } }
    let outcomes = runs.map(\.success)
    let successes = outcomes.count { $0 }
    let span = PrefixSpan(
      countMin: max(2, Int((supportMin * Double(runs.count)).rounded(.up))), lengthMax: lengthMax,
      patternsMax: Self.patternsMax)
    let (mined, isComplete) = span.mine(sequences, successes: outcomes)
    let judged = PatternJudge.judge(mined, runs: runs.count, successes: successes)
    let patterns = judged.map { pattern in
      V1.StepPattern(
        steps: pattern.pattern.steps.map { names[$0] }, successes: UInt64(pattern.pattern.successes),
        count: UInt64(pattern.pattern.count), support: pattern.support, lift: pattern.lift,
        pValue: pattern.pValue, qValue: pattern.qValue)
    }
    return V1.FindPatternsResponse(
      patterns: patterns, experiences: UInt64(runs.count), successes: UInt64(successes),
      tested: UInt64(judged.count), truncated: !isComplete)
  }

  package func isSignificant(_ pattern: V1.StepPattern) -> Bool { pattern.qValue <= falseDiscoveryRate }
}

extension V1.StepPattern {
  /// Whether a run contains the pattern.
  package func occurs(in steps: [String]) -> Bool {
    var at = 0
    for step in steps where at < self.steps.count && step == self.steps[at] { at += 1 }
    return at == self.steps.count
  }
}
