import Foundation

/// How a bandit turns estimates into a choice, and the chance that it had of each.
package enum ArmChoice: Sendable, Equatable {
  /// Draws each arm's mean from its posterior, N(mean, (scale · deviation)²), and takes the greatest.
  case thompson(scale: Double)
  /// The greatest mean + width · deviation.
  case upperBound(width: Double)
  case greedy

  /// Estimates of different arms are independent, so drawing the score of a context is drawing its coefficients.
  package func choose(
    _ estimates: [LinearBandit.ArmEstimate], using generator: inout SeededGenerator
  ) -> Int {
    switch self {
    case .thompson(let scale):
      return Self.greatest(estimates) { $0.mean + scale * $0.deviation * generator.normal() }
    case .upperBound(let width): return Self.greatest(estimates) { $0.mean + width * $0.deviation }
    case .greedy: return Self.greatest(estimates) { $0.mean }
    }
  }

  /// Chance of each arm, summing to 1. Exact but for the quadrature, about 1e-4.
  package func propensities(_ estimates: [LinearBandit.ArmEstimate]) -> [Double] {
    switch self {
    case .thompson(let scale): return Self.chancesToBeGreatest(estimates, scale: scale)
    case .upperBound(let width):
      return Self.certain(Self.greatest(estimates) { $0.mean + width * $0.deviation }, of: estimates.count)
    case .greedy: return Self.certain(Self.greatest(estimates) { $0.mean }, of: estimates.count)
    }
  }

  /// The first of the greatest.
  private static func greatest(
    _ estimates: [LinearBandit.ArmEstimate], _ score: (LinearBandit.ArmEstimate) -> Double
  ) -> Int {
    var (best, bestScore) = (0, -Double.infinity)
    for (index, estimate) in estimates.enumerated() {
      let value = score(estimate)
      if value > bestScore { (best, bestScore) = (index, value) }
    }
    return best
  }

  private static func certain(_ arm: Int, of count: Int) -> [Double] {
    (0..<count).map { $0 == arm ? 1 : 0 }
  }

  /// P(i is greatest) = ∫ φ_i(t) Π_{j≠i} Φ_j(t) dt, by the trapezoid rule over ±6 deviations of each arm.
  static func chancesToBeGreatest(_ estimates: [LinearBandit.ArmEstimate], scale: Double) -> [Double] {
    guard estimates.count > 1 else { return [Double](repeating: 1, count: estimates.count) }
    let nodes = max(17, min(129, 6_000 / estimates.count)) | 1
    var chances = estimates.indices.map { index -> Double in
      let (mean, deviation) = (estimates[index].mean, max(1e-9, scale * estimates[index].deviation))
      let step = 12.0 / Double(nodes - 1)
      var sum = 0.0
      for node in 0..<nodes {
        let z = -6 + step * Double(node)
        let t = mean + z * deviation
        var product = Normal.density(z) * step
        for (other, estimate) in estimates.enumerated() where other != index {
          let distance = (t - estimate.mean) / max(1e-9, scale * estimate.deviation)
          if distance > 7 { continue }
          product *= Normal.cumulative(distance)
          if product < 1e-14 { break }
        }
        sum += product
      }
      return sum
    }
    let total = chances.reduce(0, +)
    guard total > 0 else { return certain(greatest(estimates) { $0.mean }, of: estimates.count) }
    for index in chances.indices { chances[index] /= total }
    return chances
  }
}

extension [Double] {
  /// With the share `epsilon` spread evenly over all arms.
  package func mixed(epsilon: Double) -> [Double] {
    map { (1 - epsilon) * $0 + epsilon / Double(count) }
  }

  /// A place drawn with these chances.
  package func draw(using generator: inout SeededGenerator) -> Int {
    var left = generator.uniform() * reduce(0, +)
    for (index, chance) in enumerated() {
      left -= chance
      if left < 0 { return index }
    }
    return Swift.max(0, count - 1)
  }
}
