import Synchronization

/// Counts of durations in buckets of equal ratio: four per doubling, from 1 µs to about an hour, so that a
/// percentile is at most a fifth too high.
package struct LatencyHistogram: Sendable, Equatable {
  package static let bucketCount = 128
  package private(set) var counts: [Int]

  init(counts: [Int]) { self.counts = counts }

  package var count: Int { counts.reduce(0, +) }

  /// The upper edge of the bucket that holds the `fraction` in 0...1 of all calls; `nil` without calls.
  package func percentile(_ fraction: Double) -> Duration? {
    let total = count
    guard total > 0 else { return nil }
    let rank = min(total, max(1, Int((Double(total) * fraction).rounded(.up))))
    var seen = 0
    for (bucket, n) in counts.enumerated() {
      seen += n
      if seen >= rank { return .nanoseconds(Self.upperNanoseconds(bucket)) }
    }
    return .nanoseconds(Self.upperNanoseconds(Self.bucketCount - 1))
  }

  /// The bucket of a duration: octave of 1024 ns units, and two bits after the leading one.
  static func bucket(nanoseconds: Int64) -> Int {
    let units = UInt64(max(0, nanoseconds)) >> 8
    guard units >= 4 else { return 0 }
    let octave = 63 - units.leadingZeroBitCount
    let step = Int(units >> (octave - 2)) & 3
    return min(bucketCount - 1, (octave - 2) * 4 + step + 1)
  }

  /// Exclusive.
  static func upperNanoseconds(_ bucket: Int) -> Int64 {
    guard bucket > 0 else { return 4 << 8 }
    let (octave, step) = (bucket - 1).quotientAndRemainder(dividingBy: 4)
    return Int64(step + 5) << (octave + 8)
  }
}

final class LatencyRecorder: Sendable {
  private let counts = InlineArray<128, Atomic<Int>> { _ in Atomic(0) }

  func record(nanoseconds: Int64) {
    counts[LatencyHistogram.bucket(nanoseconds: nanoseconds)].wrappingAdd(1, ordering: .relaxed)
  }

  var histogram: LatencyHistogram {
    LatencyHistogram(
      counts: (0..<LatencyHistogram.bucketCount).map { counts[$0].load(ordering: .relaxed) })
  }
}
