import Foundation

/// Fisher's exact test of a 2 × 2 table.
package enum FisherExact {
  /// Two-sided p: the chance, given the margins, of a table no likelier than this one.
  /// - Parameters:
  ///   - a: successes with the property.
  ///   - b: failures with it.
  ///   - c: successes without it.
  ///   - d: failures without it.
  package static func twoSided(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Double {
    let (row, column, total) = (a + b, a + c, a + b + c + d)
    guard total > 0 else { return 1 }
    let (low, high) = (max(0, row + column - total), min(row, column))
    func logChance(_ x: Int) -> Double {
      logChoose(column, x) + logChoose(total - column, row - x) - logChoose(total, row)
    }
    let observed = logChance(a)
    var sum = 0.0
    for x in low...high {
      let chance = logChance(x)
      // Tables as likely as the observed one count, whatever the rounding.
      if chance <= observed + 1e-7 { sum += exp(chance) }
    }
    return min(1, sum)
  }

  private static func logChoose(_ n: Int, _ k: Int) -> Double {
    Beta.logGamma(Double(n + 1)) - Beta.logGamma(Double(k + 1)) - Beta.logGamma(Double(n - k + 1))
  }
}

/// The false-discovery rate of many tests (Benjamini and Hochberg 1995).
package enum FalseDiscovery {
  /// Adjusted values in the order of `pValues`: reject those at most the rate that is allowed.
  /// - Parameter tests: tests made in all, when some with a p of 1 are not listed.
  package static func qValues(_ pValues: [Double], tests: Int? = nil) -> [Double] {
    let count = Double(max(tests ?? 0, pValues.count))
    let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
    var adjusted = [Double](repeating: 1, count: pValues.count)
    var least = 1.0
    for (rank, index) in order.enumerated().reversed() {
      least = min(least, pValues[index] * count / Double(rank + 1))
      adjusted[index] = least
    }
    return adjusted
  }
}

/// Intervals that stay right however often one looks at them.
package enum AlwaysValid {
  /// Half-width, for a mean of `samples` values with this deviation, of the asymptotic confidence sequence of
  /// Waudby-Smith et al. (2021, eq. 14): the chance that the true mean is ever outside is at most `alpha`.
  /// - Parameter tightAt: samples at which it is tightest.
  package static func halfWidth(
    deviation: Double, samples: Double, alpha: Double, tightAt: Double = 200
  ) -> Double {
    guard samples > 0 else { return .infinity }
    let scale = (-2 * log(alpha) + log(-2 * log(alpha)) + 1) / tightAt
    let n = samples * scale + 1
    return deviation * (2 * n / (samples * samples * scale) * log(n.squareRoot() / alpha)).squareRoot()
  }

  /// Mean of `a` less mean of `b`, valid at every look.
  package static func difference(_ a: Moments, _ b: Moments, alpha: Double = 0.01) -> Interval {
    let difference = a.mean - b.mean
    guard a.count > 1, b.count > 1 else {
      return Interval(value: difference, low: -.infinity, high: .infinity, samples: a.count + b.count)
    }
    // The estimator's variance as that of a mean of n = a.count + b.count independent terms.
    let n = Double(a.count + b.count)
    let variance = a.variance / Double(a.count) + b.variance / Double(b.count)
    let half = halfWidth(deviation: (variance * n).squareRoot(), samples: n, alpha: alpha)
    return Interval(
      value: difference, low: difference - half, high: difference + half, samples: a.count + b.count)
  }
}
