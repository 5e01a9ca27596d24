import Foundation

/// How likely a memory is to be of use still: R = exp(-age / stability) (Ebbinghaus), where each use makes the memory
/// more stable, the more so the nearer it was to being forgotten.
package enum ForgettingCurve {
  private static let day = 86_400.0 * 1e6

  /// In microseconds, of a memory that was never used. `importance` is 0 to 1.
  package static func initialStability(importance: Double) -> Double { day * (7 + 53 * importance) }

  package static let stabilityMax = 3_650 * day

  /// 0 to 1.
  package static func strength(age microseconds: Int64, stability: Double) -> Double {
    exp(-Double(max(0, microseconds)) / stability)
  }

  /// After a use.
  package static func strengthened(_ stability: Double, strength: Double) -> Double {
    min(stabilityMax, stability * (1.2 + 2 * (1 - strength)))
  }
}
