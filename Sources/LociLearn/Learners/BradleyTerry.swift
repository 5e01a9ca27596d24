/// Strengths of items from pairwise preferences (Bradley and Terry 1952): P(i beats j) = σ(sᵢ − sⱼ), with a Gaussian
/// prior that holds items with few comparisons near 0 and makes the strengths identifiable.
package struct BradleyTerry: Sendable {
  package struct Comparison: Sendable {
    package let winner: Int
    package let loser: Int
    package let weight: Double

    package init(winner: Int, loser: Int, weight: Double = 1) {
      self.winner = winner
      self.loser = loser
      self.weight = weight
    }
  }

  private let model: LogisticModel

  /// - Parameter ridge: precision of the prior, above 0.
  package init?(_ comparisons: [Comparison], items: Int, ridge: Double = 0.1) {
    guard ridge > 0, items > 0 else { return nil }
    var rows = [Double](repeating: 0, count: comparisons.count * items)
    for (row, comparison) in comparisons.enumerated() {
      rows[row * items + comparison.winner] += 1
      rows[row * items + comparison.loser] -= 1
    }
    guard
      let model = LogisticModel.fit(
        rows: rows, dimension: items, labels: comparisons.map { _ in 1 },
        weights: comparisons.map(\.weight), ridge: ridge, intercept: false)
    else { return nil }
    self.model = model
  }

  /// Shape (items,), mean about 0.
  package var strengths: [Double] { model.coefficients }

  package func deviation(of item: Int) -> Double { model.deviation(of: item) }

  /// Chance that `a` is preferred to `b`.
  package func chance(_ a: Int, over b: Int) -> Double {
    LogisticModel.sigmoid(strengths[a] - strengths[b])
  }
}
