import Foundation
import LociCore

/// How new something is: 1 now, halved every 30 days.
enum Recency {
  static let halfLifeMicroseconds = 30.0 * 86_400 * 1e6

  static func value(of createdAt: Timestamp, now: Timestamp) -> Float {
    let age = Double(max(0, now.microseconds - createdAt.microseconds))
    return Float(exp2(-age / halfLifeMicroseconds))
  }
}
