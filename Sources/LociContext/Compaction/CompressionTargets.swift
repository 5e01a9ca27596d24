package import LociCompress
package import LociCore
package import LociProto

/// What a caller asks of a compression, checked.
package enum CompressionTargets {
  package static func checked(
    _ target: V1.CompressionTarget?, field: String = "target"
  ) throws(LociError) -> Compressor.Target {
    var checked = Compressor.Target()
    guard let target else { return checked }
    guard target.ratio >= 0, target.ratio <= 1 else {
      throw .invalid(
        field: "\(field).ratio", problem: "is \(target.ratio), must be more than 0 and at most 1")
    }
    if target.ratio > 0 { checked.ratio = Double(target.ratio) }
    if target.tokenBudget > 0 { checked.tokenBudget = Int(target.tokenBudget) }
    try Validate.unitInterval(target.retentionFloor, field: "\(field).retention_floor")
    try Validate.text(target.question, field: "\(field).question", bytesMax: 8 << 10)
    checked.retentionFloor = target.retentionFloor
    checked.strategy = try strategy(target.strategy, field: "\(field).strategy")
    checked.weights = try target.weights.map { given throws(LociError) in
      try weights(given, field: "\(field).weights")
    }
    return checked
  }

  package static func strategy(
    _ strategy: V1.CompressionStrategy, field: String
  ) throws(LociError) -> Compressor.Strategy {
    guard strategy != .unspecified else { return .adaptive }
    guard let known = Compressor.Strategy(rawValue: strategy.rawValue) else {
      throw .invalid(field: field, problem: "is not a strategy")
    }
    return known
  }

  package static func weights(
    _ weights: V1.ImportanceWeights?, field: String = "weights"
  ) throws(LociError) -> ImportanceEvaluator.Weights {
    var checked = ImportanceEvaluator.Weights()
    guard let weights else { return checked }
    for (value, name) in [
      (weights.time, "time"), (weights.content, "content"), (weights.interaction, "interaction")
    ] {
      guard value >= 0, value.isFinite else {
        throw .invalid(field: "\(field).\(name)", problem: "is \(value), must be 0 or more")
      }
    }
    if weights.time + weights.content + weights.interaction > 0 {
      (checked.time, checked.content, checked.interaction) = (
        weights.time, weights.content, weights.interaction
      )
    }
    guard weights.halfLifeHours >= 0, weights.halfLifeHours <= 87_600 else {
      throw .invalid(
        field: "\(field).half_life_hours", problem: "is \(weights.halfLifeHours), must be 0 to 87600")
    }
    if weights.halfLifeHours > 0 { checked.halfLifeHours = weights.halfLifeHours }
    return checked
  }
}
