import Foundation

/// An estimate with a two-sided interval.
package struct Interval: Sendable, Equatable {
  package var value: Double
  package var low: Double
  package var high: Double
  package var samples: Int

  package init(value: Double, low: Double, high: Double, samples: Int) {
    self.value = value
    self.low = low
    self.high = high
    self.samples = samples
  }

  /// Nothing is known.
  package static let unknown = Interval(value: 0, low: -.infinity, high: .infinity, samples: 0)

  /// The share of successes among trials (Wilson 1927): right at 0, at 1, and for few trials, where the usual
  /// interval is not. `trials` may be an effective count.
  package static func wilson(successes: Double, trials: Double, confidence: Double = 0.95) -> Interval {
    guard trials > 0 else { return Interval(value: 0.5, low: 0, high: 1, samples: 0) }
    let z = Normal.quantile(0.5 + confidence / 2)
    let share = successes / trials
    let denominator = 1 + z * z / trials
    let centre = (share + z * z / (2 * trials)) / denominator
    let half =
      z / denominator * (share * (1 - share) / trials + z * z / (4 * trials * trials)).squareRoot()
    return Interval(
      value: share, low: max(0, centre - half), high: min(1, centre + half), samples: Int(trials.rounded()))
  }

  /// Weighted mean, normal interval at the effective number of samples (Σw)² / Σw².
  package static func mean(
    _ values: [Double], weights: [Double]? = nil, confidence: Double = 0.95
  ) -> Interval {
    let weights = weights ?? [Double](repeating: 1, count: values.count)
    let total = weights.reduce(0, +)
    guard total > 0 else { return .unknown }
    let mean = zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
    let squares = weights.reduce(0) { $0 + $1 * $1 }
    let effective = total * total / squares
    guard effective > 1 else {
      return Interval(value: mean, low: -.infinity, high: .infinity, samples: values.count)
    }
    let spread = zip(values, weights).reduce(0) { $0 + $1.1 * ($1.0 - mean) * ($1.0 - mean) } / total
    let error = (spread / (effective - 1)).squareRoot()
    let t = StudentT.quantile(0.5 + confidence / 2, degrees: effective - 1)
    return Interval(value: mean, low: mean - t * error, high: mean + t * error, samples: values.count)
  }

  /// Mean of `a` less mean of `b`, Welch's interval.
  package static func difference(_ a: Moments, _ b: Moments, confidence: Double = 0.95) -> Interval {
    let samples = a.count + b.count
    guard a.count > 1, b.count > 1 else {
      return Interval(value: a.mean - b.mean, low: -.infinity, high: .infinity, samples: samples)
    }
    let (x, y) = (a.variance / Double(a.count), b.variance / Double(b.count))
    let error = (x + y).squareRoot()
    let difference = a.mean - b.mean
    guard error > 0 else {
      return Interval(value: difference, low: difference, high: difference, samples: samples)
    }
    let degrees =
      (x + y) * (x + y) / (x * x / Double(a.count - 1) + y * y / Double(b.count - 1))
    let t = StudentT.quantile(0.5 + confidence / 2, degrees: degrees)
    return Interval(
      value: difference, low: difference - t * error, high: difference + t * error, samples: samples)
  }
}

/// Count, mean and variance, one value after the other (Welford).
package struct Moments: Sendable, Equatable {
  package private(set) var count = 0
  package private(set) var mean = 0.0
  private var squares = 0.0

  package init() {}
  package init(_ values: some Sequence<Double>) { for value in values { add(value) } }

  package mutating func add(_ value: Double) {
    count += 1
    let delta = value - mean
    mean += delta / Double(count)
    squares += delta * (value - mean)
  }

  /// Of the samples, with n - 1; 0 below two.
  package var variance: Double { count > 1 ? squares / Double(count - 1) : 0 }
}

/// Student's t.
package enum StudentT {
  /// The t below which a share `p` lies, to about 1e-12 of it.
  package static func quantile(_ p: Double, degrees: Double) -> Double {
    precondition(p > 0 && p < 1 && degrees > 0, "a share and degrees of freedom")
    if p < 0.5 { return -quantile(1 - p, degrees: degrees) }
    if p == 0.5 { return 0 }
    // Bisection on the exact distribution: no expansion is right for few, fractional degrees.
    var (low, high) = (0.0, 2.0)
    while cumulative(high, degrees: degrees) < p, high < 1e12 { high *= 2 }
    for _ in 0..<100 where high - low > 1e-12 * high {
      let middle = (low + high) / 2
      if cumulative(middle, degrees: degrees) < p { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  package static func cumulative(_ t: Double, degrees: Double) -> Double {
    let x = degrees / (degrees + t * t)
    let tail = 0.5 * Beta.regularised(x, degrees / 2, 0.5)
    return t >= 0 ? 1 - tail : tail
  }
}
