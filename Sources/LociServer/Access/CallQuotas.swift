package import LociAccess
import LociCore
package import LociProto
package import LociWire

/// How many calls a second a tenant may make: a bucket of tokens for each, filled at the rate, as large as a second's
/// calls. Kept in this process.
package final class CallQuotas: Sendable {
  private struct Bucket {
    var tokens: Double
    var filled: ContinuousClock.Instant
  }

  private static let tenantsMax = 100_000

  private let perSecond: Double
  private let buckets = Locked<[String: Bucket]>([:])

  /// - Parameter perSecond: 0: as many as they like.
  package init(perSecond: Int) { self.perSecond = Double(perSecond) }

  package var isLimited: Bool { perSecond > 0 }

  /// - Throws: `resourceExhausted`, with when to try again.
  package func spend(_ principal: Principal, _ scope: V1.Scope?) throws(RPCStatus) {
    guard isLimited, let tenant = principal.tenant?.rawValue ?? scope?.tenant, !tenant.isEmpty else { return }
    let now = ContinuousClock.now
    let wait: Double? = buckets.withLock { buckets in
      if buckets.count >= Self.tenantsMax { buckets.removeAll(keepingCapacity: true) }
      var bucket = buckets[tenant] ?? Bucket(tokens: perSecond, filled: now)
      let passed = bucket.filled.duration(to: now) / .seconds(1)
      bucket.tokens = min(perSecond, bucket.tokens + passed * perSecond)
      bucket.filled = now
      defer { buckets[tenant] = bucket }
      guard bucket.tokens >= 1 else { return (1 - bucket.tokens) / perSecond }
      bucket.tokens -= 1
      return nil
    }
    guard let wait else { return }
    throw RPCStatus(
      .resourceExhausted, "tenant '\(tenant)' makes more than \(Int(perSecond)) calls a second",
      reason: "QUOTA_EXCEEDED", subject: "calls_per_second",
      retryAfterMilliseconds: max(1, Int64((wait * 1_000).rounded(.up))))
  }
}
