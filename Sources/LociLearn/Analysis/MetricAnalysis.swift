package import LociProto

/// What stands out in a system's measurements.
package enum MetricAnalysis {
  /// - Parameter samples: oldest first. Each name and strategy is looked at alone, from 5 samples on.
  package static func findings(_ samples: [V1.MetricSample]) -> [V1.MetricFinding] {
    let groups = Dictionary(grouping: samples) { [$0.name, $0.strategy] }
    return groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.compactMap { _, members in
      members.count >= 5 ? finding(members) : nil
    }
  }

  private static func finding(_ samples: [V1.MetricSample]) -> V1.MetricFinding {
    let values = samples.map(\.value)
    let sorted = values.sorted()
    let median = quantile(sorted, 0.5)
    // 1.4826 makes the median absolute deviation that of a normal distribution.
    let deviation = 1.4826 * quantile(values.map { abs($0 - median) }.sorted(), 0.5)
    let isHigherBetter = samples[0].direction == .higherIsBetter
    let recent = values.suffix(max(1, values.count / 10))
    let before = values.dropLast(recent.count).sorted()
    let shift = before.isEmpty ? 0 : quantile(recent.sorted(), 0.5) - quantile(before, 0.5)
    return V1.MetricFinding(
      name: samples[0].name, strategy: samples[0].strategy, unit: samples[0].unit,
      samples: UInt64(values.count), median: median, p95: quantile(sorted, 0.95),
      changePoints: FeedbackAnalysis.changes(values, samples.map(\.atUs)),
      anomalies: deviation > 0 ? UInt64(values.count { abs($0 - median) > 4 * deviation }) : 0,
      recentShift: deviation > 0 ? (isHigherBetter ? 1 : -1) * shift / deviation : 0)
  }

  /// Linear between neighbours. `sorted` is not empty.
  static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let low = Int(place)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }
}
