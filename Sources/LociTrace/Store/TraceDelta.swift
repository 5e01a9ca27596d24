import Foundation
import LociCore
import LociProto

/// What steps add to their trace's summary and to what is known of their like.
struct TraceDelta {
  private(set) var stored = LogV1.StoredTraceDelta()
  private var groups: [GroupKey: Group] = [:]
  private var count = 0

  /// Most kinds and names of one block whose figures are kept: the most frequent.
  static let groupsMax = 64
  static let errorBytesMax = 1_024

  private struct GroupKey: Hashable {
    let kind: Int32
    let name: String
  }

  private struct Group {
    var count: Int64 = 0
    var errors: Int64 = 0
    var buckets: [Int32: Int64] = [:]

    mutating func add(_ step: V1.Step, failed: Bool, sign: Int64) {
      count += sign
      if failed { errors += sign }
      guard step.endedAtUs != 0 else { return }
      buckets[DurationHistogram.bucket(step.endedAtUs - step.startedAtUs), default: 0] += sign
    }
  }

  /// - Parameter sign: 1 for what is there now, -1 for what was.
  mutating func add(_ step: V1.Step, sign: Int64 = 1) {
    let failed = step.status == .error
    if failed { stored.errors += sign }
    if step.endedAtUs == 0 { stored.running += sign }
    stored.inputTokens += sign * Int64(step.inputTokens)
    stored.outputTokens += sign * Int64(step.outputTokens)
    stored.costNanoUsd += sign * step.costNanoUsd
    // In place: a copy of the group would copy its buckets for each step.
    groups[GroupKey(kind: step.kind.rawValue, name: step.name), default: Group()]
      .add(step, failed: failed, sign: sign)
    guard sign > 0 else { return }
    if stored.startedAtUs == 0 || step.startedAtUs < stored.startedAtUs {
      stored.startedAtUs = step.startedAtUs
    }
    stored.endedAtUs = max(stored.endedAtUs, step.endedAtUs)
    if count == 0 { stored.firstName = step.name }
    count += 1
    if step.parentSpanID.isEmpty, !stored.hasRoot {
      stored.hasRoot = true
      stored.rootName = step.name
      stored.rootStatus = step.endedAtUs == 0 ? 0 : step.status.rawValue + 1
    }
    if failed, stored.error.isEmpty { stored.error = Self.cut(step.error) }
    if stored.sessionID.isEmpty {
      stored.sessionID = step.linked(.session, attributes: ["session.id", "gen_ai.conversation.id"])
    }
    if stored.contextID.isEmpty { stored.contextID = step.linked(.context, attributes: ["loci.context.id"]) }
  }

  func finished() -> LogV1.StoredTraceDelta {
    var result = stored
    let kept = groups.filter { $0.value.count != 0 || $0.value.errors != 0 || !$0.value.buckets.isEmpty }
      .sorted { (-$0.value.count, $0.key.kind, $0.key.name) < (-$1.value.count, $1.key.kind, $1.key.name) }
      .prefix(Self.groupsMax)
    result.groups = kept.map { key, group in
      let buckets = group.buckets.filter { $0.value > 0 }.sorted { $0.key < $1.key }
      return LogV1.StoredStepGroup(
        kind: key.kind, name: key.name, count: group.count, errors: group.errors,
        buckets: buckets.map(\.key), counts: buckets.map { UInt32(clamping: $0.value) })
    }
    return result
  }

  private static func cut(_ text: String) -> String {
    guard text.utf8.count > errorBytesMax else { return text }
    return String(decoding: text.utf8.prefix(errorBytesMax), as: UTF8.self)
  }
}

extension V1.Step {
  /// The id of its first link of a kind, or of the first of these attributes that it has, if it can be an id here.
  fileprivate func linked(_ kind: V1.StepLinkKind, attributes names: [String]) -> String {
    guard !links.isEmpty || !attributes.isEmpty else { return "" }
    if let link = links.first(where: { $0.kind == kind }) { return link.id }
    for name in names {
      if let found = attributes.first(where: { $0.key == name }), found.value.utf8.count <= identifierBytesMax
      {
        return found.value
      }
    }
    return ""
  }
}

/// Durations in buckets an eighth of a power of two wide: quantiles come within 4.5 % of the truth, and two
/// histograms add up.
package struct DurationHistogram: Sendable, Equatable {
  private(set) var counts: [Int32: Int64] = [:]
  package private(set) var total: Int64 = 0

  package init() {}

  package static func bucket(_ microseconds: Int64) -> Int32 {
    Int32((log2(Double(1 + max(0, microseconds))) * 8).rounded(.down))
  }

  /// The middle of a bucket, microseconds.
  static func middle(_ bucket: Int32) -> Int64 { Int64(exp2((Double(bucket) + 0.5) / 8)) - 1 }

  package mutating func add(_ microseconds: Int64) { add(bucket: Self.bucket(microseconds), count: 1) }

  mutating func add(bucket: Int32, count: Int64) {
    counts[bucket, default: 0] += count
    total += count
  }

  /// - Parameter share: 0 to 1.
  package func quantile(_ share: Double) -> Int64 {
    guard total > 0 else { return 0 }
    let wanted = Int64((share * Double(total)).rounded(.up))
    var seen: Int64 = 0
    for (bucket, count) in counts.sorted(by: { $0.key < $1.key }) {
      seen += count
      if seen >= max(1, wanted) { return Self.middle(bucket) }
    }
    return 0
  }

  /// Median of the logarithm (base 2) of 1 + microseconds, and the median distance from it.
  package var logMedianAndMAD: (median: Double, mad: Double)? {
    guard total > 0 else { return nil }
    let points = counts.map { (value: (Double($0.key) + 0.5) / 8, count: $0.value) }
    let median = Self.weightedMedian(points)
    return (median, Self.weightedMedian(points.map { (abs($0.value - median), $0.count) }))
  }

  private static func weightedMedian(_ points: [(value: Double, count: Int64)]) -> Double {
    let total = points.reduce(0) { $0 + $1.count }
    var seen: Int64 = 0
    for point in points.sorted(by: { $0.value < $1.value }) {
      seen += point.count
      if 2 * seen >= total { return point.value }
    }
    return 0
  }

  init(stored: [UInt8]) throws(LociError) {
    var reader = ByteColumnReader(stored)
    while !reader.isAtEnd {
      let bucket = Int32(try reader.next(UInt16.self))
      add(bucket: bucket, count: try reader.next(Int64.self))
    }
  }

  /// u16 bucket and i64 count, by bucket.
  var stored: [UInt8] {
    var out = ByteColumns()
    for (bucket, count) in counts.sorted(by: { $0.key < $1.key }) {
      out.append(UInt16(clamping: bucket))
      out.append(count)
    }
    return out.bytes
  }
}
