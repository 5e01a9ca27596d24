package import LociCore
package import LociProto

/// All keys and grants of the server, in memory: every call is checked against them. The tables are behind it; a
/// commit tells it what changed before its callers are answered.
package final class AccessDirectory: Sendable {
  private struct GrantKey: Hashable {
    let owner: Scope
    let agent: AgentID
  }

  private struct State {
    var keys: [String: StoredKey] = [:]
    var grants: [GrantKey: V1.Grant] = [:]
  }

  private let state = Locked(State())

  package init() {}

  package func key(_ id: String) -> StoredKey? { state.withLock { $0.keys[id] } }

  /// What `owner` lets `agent` do at the time `now`.
  package func granted(_ owner: Scope, to agent: AgentID, at now: Int64) -> V1.AccessPermission? {
    state.withLock { state in
      guard let grant = state.grants[GrantKey(owner: owner, agent: agent)],
        grant.expiresAtUs == 0 || now < grant.expiresAtUs
      else { return nil }
      return grant.permission
    }
  }

  /// Agents of `tenant` that let `agent` read at the time `now`.
  package func owners(granting agent: AgentID, of tenant: TenantID, at now: Int64) -> [AgentID] {
    state.withLock { state in
      state.grants.filter { key, grant in
        key.agent == agent && key.owner.tenant == tenant
          && (grant.expiresAtUs == 0 || now < grant.expiresAtUs)
      }.map(\.key.owner.agent)
    }
  }

  package func add(_ key: StoredKey) { state.withLock { $0.keys[key.about.id] = key } }

  package func revoke(_ id: String, at time: Int64) {
    state.withLock { $0.keys[id]?.about.revokedAtUs = time }
  }

  package func set(_ grant: V1.Grant, of owner: Scope) {
    guard let agent = AgentID(rawValue: grant.agent) else { return }
    state.withLock { $0.grants[GrantKey(owner: owner, agent: agent)] = grant }
  }

  package func removeGrant(of owner: Scope, to agent: AgentID) {
    state.withLock { _ = $0.grants.removeValue(forKey: GrantKey(owner: owner, agent: agent)) }
  }
}
