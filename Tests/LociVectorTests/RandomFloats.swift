import LociTestKit

extension SplitMix64 {
  /// Uniform in [-1, 1].
  mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(Int32(truncatingIfNeeded: next())) * 0x1p-31 }
  }
}
