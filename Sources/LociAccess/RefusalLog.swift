package import LociCore
package import LociProto

/// Refused calls until they are written down: like ones are counted, so that a flood of them writes little.
package final class RefusalLog: Sendable {
  private struct Kind: Hashable {
    let principal: Principal
    let method: String
    let tenant: String
    let agent: String
  }

  private static let kindsMax = 1_000
  private let counts = Locked<[Kind: UInt32]>([:])

  package init() {}

  /// Kinds beyond a thousand in a second are not told apart by whose data was wanted.
  package func add(_ principal: Principal, method: String, tenant: String, agent: String) {
    counts.withLock { counts in
      let isFull = counts.count >= Self.kindsMax
      let kind = Kind(
        principal: principal, method: method, tenant: isFull ? "" : tenant, agent: isFull ? "" : agent)
      if isFull, counts[kind] == nil, counts.count >= 2 * Self.kindsMax { return }
      counts[kind, default: 0] &+= 1
    }
  }

  /// What was added since the last call, by the principals' tenants.
  package func take() -> [TenantID: [LogV1.AccessRefused]] {
    let taken = counts.withLock { counts in
      defer { counts.removeAll() }
      return counts
    }
    var refusals: [TenantID: [LogV1.AccessRefused]] = [:]
    for (kind, count) in taken {
      guard let tenant = kind.principal.tenant else { continue }
      refusals[tenant, default: []].append(
        LogV1.AccessRefused(
          principal: kind.principal.id, role: kind.principal.role.rawValue,
          principalAgent: kind.principal.agent?.rawValue ?? "", method: kind.method, tenant: kind.tenant,
          agent: kind.agent, count: count))
    }
    return refusals
  }
}
