/// What was learned about an agent's searches. Empty, it changes nothing.
package struct SearchTuning: Sendable, Equatable {
  /// By name, in place of those that are chosen for a query; a request's own weights stay as they are.
  package var weights: [String: Float] = [:]
  /// By item, added to its score.
  package var favour: [Int64: Float] = [:]
  /// Adjustments that the weights, and that the favour, come from.
  package var weightIDs: [String] = []
  package var favourIDs: [String] = []

  package init() {}

  /// Those that take part in a search with weights of its own, or without.
  func adjustmentIDs(hasOwnWeights: Bool) -> [String] { (hasOwnWeights ? [] : weightIDs) + favourIDs }

  /// Weights that would all be zero stay as they were chosen.
  func applied(to chosen: Weights) -> Weights {
    guard !weights.isEmpty else { return chosen }
    var tuned = chosen
    for (name, value) in weights { tuned.set(name, to: value) }
    return tuned.isZero ? chosen : tuned
  }
}
