/// Where the level of a series changed: two-sided CUSUM (Page 1954) on values standardised by the robust spread of
/// their differences, so that the change itself does not widen the scale.
package enum ChangePoints {
  package struct Change: Sendable, Equatable {
    /// First value of the new level.
    package let index: Int
    package let meanBefore: Double
    package let meanAfter: Double
    /// Height of the statistic over its threshold, in deviations.
    package let strength: Double
  }

  /// - Parameters:
  ///   - drift: half of the smallest change worth noticing, in deviations.
  ///   - threshold: in deviations; the default trades a few values of delay for few false alarms.
  package static func find(
    _ values: [Double], drift: Double = 0.5, threshold: Double = 9, warmUp: Int = 16
  ) -> [Change] {
    guard values.count >= 2 * warmUp else { return [] }
    let deviation = spread(values)
    guard deviation > 0 else { return [] }
    var changes: [Change] = []
    var start = 0
    while start + 2 * warmUp <= values.count {
      guard
        let alarm = firstAlarm(values, from: start, deviation, drift, threshold, warmUp)
      else { break }
      let next = changes.isEmpty ? 0 : start
      let after = values[alarm.begin..<min(values.count, alarm.at + warmUp)]
      let before = values[next..<alarm.begin]
      guard !before.isEmpty else { break }
      changes.append(
        Change(
          index: alarm.begin, meanBefore: mean(before), meanAfter: mean(after),
          strength: alarm.height - threshold))
      start = max(alarm.begin, start + 1)
    }
    return changes
  }

  private struct Alarm { let begin, at: Int, height: Double }

  private static func firstAlarm(
    _ values: [Double], from start: Int, _ deviation: Double, _ drift: Double, _ threshold: Double,
    _ warmUp: Int
  ) -> Alarm? {
    // The level is learned as it goes, so that the warm-up's error does not pile up as a drift.
    var level = Moments(values[start..<start + warmUp])
    var (up, down) = (0.0, 0.0)
    var (upFrom, downFrom) = (start + warmUp, start + warmUp)
    for index in start + warmUp..<values.count {
      let z = (values[index] - level.mean) / (deviation * (1 + 1 / Double(level.count)).squareRoot())
      up += z - drift
      down += -z - drift
      if up <= 0 { (up, upFrom) = (0, index + 1) }
      if down <= 0 { (down, downFrom) = (0, index + 1) }
      if up > threshold { return Alarm(begin: upFrom, at: index, height: up) }
      if down > threshold { return Alarm(begin: downFrom, at: index, height: down) }
      level.add(values[index])
    }
    return nil
  }

  /// Standard deviation by the differences of neighbours: Σd² / 2(n-1), without the largest fiftieth.
  static func spread(_ values: [Double]) -> Double {
    let squares = zip(values, values.dropFirst()).map { ($1 - $0) * ($1 - $0) }.sorted()
    let kept = squares.prefix(max(1, squares.count - squares.count / 50))
    return (kept.reduce(0, +) / Double(2 * kept.count)).squareRoot()
  }

  private static func mean(_ values: ArraySlice<Double>) -> Double {
    values.reduce(0, +) / Double(values.count)
  }
}
