import Foundation

/// How suspect each step is: a linear score of its features, made a distribution over the trace's steps by softmax
/// (McFadden's conditional logit, 1974).
package struct FailureModel: Sendable {
  package var weights: [Double]
  package var means: [Double]
  package var deviations: [Double]

  package init(weights: [Double], means: [Double], deviations: [Double]) {
    self.weights = weights
    self.means = means
    self.deviations = deviations
  }

  /// Share of the suspicion of each step; they add up to 1.
  package func suspicion(_ features: FailureFeatures) -> [Double] {
    Self.softmax(features.rows.map { score($0) })
  }

  private func score(_ row: [Double]) -> Double {
    row.indices.reduce(0) { $0 + weights[$1] * (row[$1] - means[$1]) / deviations[$1] }
  }

  static func softmax(_ scores: [Double]) -> [Double] {
    let top = scores.max() ?? 0
    let powers = scores.map { exp($0 - top) }
    let total = powers.reduce(0, +)
    return powers.map { $0 / total }
  }

  /// The actor with the greatest share over all its steps.
  package static func actor(_ suspicion: [Double], _ features: FailureFeatures) -> String {
    let shares = Dictionary(zip(features.actors, suspicion), uniquingKeysWith: +)
    return shares.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
  }

  /// A trace whose mistake is known.
  package struct Example: Sendable {
    package let features: FailureFeatures
    /// Place of the mistake.
    package let mistake: Int

    package init(features: FailureFeatures, mistake: Int) {
      self.features = features
      self.mistake = mistake
    }
  }

  /// Maximum likelihood with an L2 penalty, by Adam (Kingma and Ba, 2015); the same data give the same model.
  /// - Parameter penalty: on the squared weights of standardised features.
  package static func fit(_ examples: [Example], penalty: Double = 10, rounds: Int = 150) -> FailureModel {
    let width = FailureFeatures.names.count
    let rows = examples.flatMap(\.features.rows)
    let count = Double(max(1, rows.count))
    let means = (0..<width).map { column in rows.reduce(0) { $0 + $1[column] } / count }
    let deviations = (0..<width).map { column in
      (rows.reduce(0) { $0 + pow($1[column] - means[column], 2) } / count).squareRoot() + 1e-6
    }
    let scaled = examples.map { example in
      example.features.rows.map { row in (0..<width).map { (row[$0] - means[$0]) / deviations[$0] } }
    }
    var weights = [Double](repeating: 0, count: width)
    var first = weights
    var second = weights
    for round in 1...rounds {
      var gradient = weights.map { penalty * $0 }
      for (rows, example) in zip(scaled, examples) {
        let scores = rows.map { row in row.indices.reduce(0) { $0 + weights[$1] * row[$1] } }
        for (place, share) in softmax(scores).enumerated() {
          let surplus = share - (place == example.mistake ? 1 : 0)
          for column in 0..<width { gradient[column] += surplus * rows[place][column] }
        }
      }
      for column in 0..<width {
        first[column] = 0.9 * first[column] + 0.1 * gradient[column]
        second[column] = 0.999 * second[column] + 0.001 * gradient[column] * gradient[column]
        let step = first[column] / (1 - pow(0.9, Double(round)))
        weights[column] -=
          0.05 * step / ((second[column] / (1 - pow(0.999, Double(round)))).squareRoot() + 1e-8)
      }
    }
    return FailureModel(weights: weights, means: means, deviations: deviations)
  }
}
