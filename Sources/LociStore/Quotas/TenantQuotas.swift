package import LociCore

/// What tenants have stored in all shards, and what they may. A write that would go beyond is refused before it changes
/// anything; one that is allowed has its room kept for it until its commit, so that writes to several shards at once
/// cannot go beyond together.
package final class TenantQuotas: Sendable {
  private struct State {
    var limits: [TenantID: StoredAmount] = [:]
    var used: [TenantID: StoredAmount] = [:]
    var kept: [TenantID: StoredAmount] = [:]
  }

  private let state = Locked(State())

  package init() {}

  /// A limit of 0: none.
  package func set(_ limit: StoredAmount, of tenant: TenantID) {
    state.withLock { $0.limits[tenant] = limit == .zero ? nil : limit }
  }

  package func limit(of tenant: TenantID) -> StoredAmount { state.withLock { $0.limits[tenant] ?? .zero } }

  /// What is durable.
  package func used(by tenant: TenantID) -> StoredAmount { state.withLock { $0.used[tenant] ?? .zero } }

  func isLimited(_ tenant: TenantID) -> Bool {
    state.withLock { !$0.limits.isEmpty && $0.limits[tenant] != nil }
  }

  func add(_ usage: [TenantID: StoredAmount]) {
    state.withLock { state in
      for (tenant, amount) in usage { state.used[tenant, default: .zero] += amount }
    }
  }

  /// What a shard held, and what it holds now that it was written anew.
  func replace(_ before: [TenantID: StoredAmount], by now: [TenantID: StoredAmount]) {
    add(now)
    add(before.mapValues { .zero - $0 })
  }

  /// Keeps room for what a write adds.
  /// - Throws: `quotaExceeded` when there is not enough.
  func keep(_ growth: StoredAmount, for tenant: TenantID) throws(LociError) {
    let refusal: LociError? = state.withLock { state in
      guard let limit = state.limits[tenant] else { return nil }
      let used = (state.used[tenant] ?? .zero) + (state.kept[tenant] ?? .zero)
      if growth.items > 0, limit.items > 0, used.items + growth.items > limit.items {
        return .quotaExceeded(
          tenant: tenant.rawValue, of: "items", used: used.items, adds: growth.items, limit: limit.items)
      }
      if growth.bytes > 0, limit.bytes > 0, used.bytes + growth.bytes > limit.bytes {
        return .quotaExceeded(
          tenant: tenant.rawValue, of: "bytes", used: used.bytes, adds: growth.bytes, limit: limit.bytes)
      }
      state.kept[tenant, default: .zero] += growth
      return nil
    }
    if let refusal { throw refusal }
  }

  /// After a commit, or, with no `changes`, after it failed.
  func settle(_ kept: KeptRoom, changes: [TenantID: StoredAmount]) {
    guard !kept.amounts.isEmpty || !changes.isEmpty else { return }
    state.withLock { state in
      for (tenant, amount) in kept.amounts {
        let left = (state.kept[tenant] ?? .zero) - amount
        state.kept[tenant] = left == .zero ? nil : left
      }
      for (tenant, amount) in changes {
        let used = (state.used[tenant] ?? .zero) + amount
        state.used[tenant] = used == .zero ? nil : used
      }
    }
  }
}

/// The room kept for the commands of one commit. Belongs to the writer.
final class KeptRoom {
  private(set) var amounts: [TenantID: StoredAmount] = [:]

  func add(_ amount: StoredAmount, _ tenant: TenantID) { amounts[tenant, default: .zero] += amount }
}
