import Foundation
package import LociProto

/// Where a trace's time, tokens and money went.
package struct TracePerformance {
  /// Microseconds of each step that no child of it covers.
  package let selfTimes: [Int64]
  /// Places, in order of time.
  package let criticalPath: [Int]
  package let working: Int64
  package let waiting: Int64

  package init(_ table: StepTable) {
    let children = table.children()
    selfTimes = (0..<table.count).map { place in
      guard table.ends[place] >= 0 else { return 0 }
      let covered = Self.union(
        children[place].lazy.map { child in
          (
            max(table.starts[Int(child)], table.starts[place]),
            min(table.ends[Int(child)], table.ends[place])
          )
        })
      return max(0, table.duration(place) - covered)
    }
    let roots = children[table.count]
    criticalPath = Self.criticalPath(table, children)
    let last = table.ends.max() ?? -1
    let first = table.starts.first ?? 0
    // A root that only waits for its children is not work: leaves are.
    let leaves = (0..<table.count).lazy.filter { children[$0].isEmpty && table.ends[$0] >= 0 }
    working = Self.union(leaves.map { (table.starts[$0], table.ends[$0]) })
    waiting = roots.isEmpty || last < first ? 0 : max(0, last - first - working)
  }

  /// Total length of intervals, those that begin first coming first; overlaps count once.
  private static func union(_ intervals: some Sequence<(Int64, Int64)>) -> Int64 {
    var total: Int64 = 0
    var end = Int64.min
    for (from, to) in intervals where to > from {
      total += max(0, to - max(from, end))
      end = max(end, to)
    }
    return total
  }

  /// From the end backwards: at each level the child that ended last before the moment at which its successor began
  /// is what the parent waited for (the last-returning-child rule of distributed tracing).
  private static func criticalPath(_ table: StepTable, _ children: StepChildren) -> [Int] {
    var path: [Int] = []
    var stack: [(parent: Int, until: Int64)] = [(table.count, Int64.max)]
    while let (parent, until) = stack.popLast() {
      if parent < table.count { path.append(parent) }
      var moment = until
      // By end, latest first; each next one must have ended before the last chosen one began.
      let below = children[parent].filter { table.ends[Int($0)] >= 0 }
        .sorted { (table.ends[Int($0)], $0) > (table.ends[Int($1)], $1) }
      var chosen: [(parent: Int, until: Int64)] = []
      for child in below where table.ends[Int(child)] <= moment {
        chosen.append((Int(child), min(moment, table.ends[Int(child)])))
        moment = table.starts[Int(child)]
      }
      stack += chosen
    }
    return path.sorted { (table.starts[$0], $0) < (table.starts[$1], $1) }
  }

  /// Length of the critical path: its steps' own time on it.
  package func criticalTime(_ table: StepTable) -> Int64 {
    criticalPath.reduce(0) { $0 + selfTimes[$1] }
  }

  // MARK: Figures

  /// By kind and name, most time of their own first.
  package func figures(
    _ table: StepTable, baselines: (UInt8, String) throws -> TraceQueries.Baseline
  ) rethrows -> (performance: [V1.StepPerformance], anomalies: [V1.StepAnomaly]) {
    struct Key: Hashable {
      let kind: UInt8
      let name: Int32
    }
    var groups: [Key: [Int]] = [:]
    for place in 0..<table.count {
      groups[Key(kind: table.kinds[place], name: table.names[place]), default: []].append(place)
    }
    var performance: [V1.StepPerformance] = []
    var anomalies: [V1.StepAnomaly] = []
    let ranked = groups.map {
      (key: $0.key, places: $0.value, own: $0.value.reduce(0) { $0 + selfTimes[$1] })
    }
    .sorted { ($1.own, $0.places[0]) < ($0.own, $1.places[0]) }.prefix(100)
    for (key, places, own) in ranked {
      let durations = places.filter { table.ends[$0] >= 0 }.map { table.duration($0) }.sorted()
      let name = table.dictionary[Int(key.name)]
      let baseline = try baselines(key.kind, name)
      var group = V1.StepPerformance(
        kind: V1.StepKind(rawValue: Int32(key.kind)), name: name, count: UInt64(places.count),
        errors: UInt64(places.count { table.failed[$0] }), p50Us: Self.quantile(durations, 0.5),
        p95Us: Self.quantile(durations, 0.95), maxUs: durations.last ?? 0, selfUs: own,
        tokens: UInt64(clamping: places.reduce(0) { $0 + table.tokens[$1] }),
        costNanoUsd: places.reduce(0) { $0 + table.costs[$1] })
      // The trace's own steps are part of the baseline; alone they say nothing.
      if baseline.durations.total > Int64(durations.count) {
        group.baselineCount = UInt64(clamping: baseline.durations.total - Int64(durations.count))
        group.baselineP50Us = baseline.durations.quantile(0.5)
        group.baselineP95Us = baseline.durations.quantile(0.95)
      }
      performance.append(group)
      anomalies += Self.anomalies(places, table, baseline.durations)
    }
    return (
      performance, Array(anomalies.sorted { $0.deviations > $1.deviations }.prefix(100))
    )
  }

  static func quantile(_ sorted: [Int64], _ share: Double) -> Int64 {
    guard !sorted.isEmpty else { return 0 }
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }

  /// Steps more than 5 robust deviations of the logarithm above the median, of at least 8 like them. A deviation is
  /// at least an eighth of a power of two, the width of a bucket.
  private static func anomalies(
    _ places: [Int], _ table: StepTable, _ durations: DurationHistogram
  ) -> [V1.StepAnomaly] {
    guard durations.total >= 8, let (median, mad) = durations.logMedianAndMAD else { return [] }
    let deviation = max(0.125, 1.4826 * mad)
    return places.compactMap { place in
      guard table.ends[place] >= 0 else { return nil }
      let distance = (log2(Double(1 + table.duration(place))) - median) / deviation
      guard distance > 5 else { return nil }
      return V1.StepAnomaly(
        step: table.numbers[place], durationUs: table.duration(place), usualUs: Int64(exp2(median)) - 1,
        deviations: Float(distance))
    }
  }
}
