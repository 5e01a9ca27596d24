package import LociCore
package import LociProto

/// Who a caller is, and what it may do.
package struct Principal: Hashable, Sendable {
  /// "key:ID", "jwt:SUBJECT", "certificate:NAME" or "local".
  package let id: String
  package let role: V1.AccessRole
  /// `nil`: every tenant. Only an operator has none.
  package let tenant: TenantID?
  /// `nil`: every agent of the tenant.
  package let agent: AgentID?

  package init(id: String, role: V1.AccessRole, tenant: TenantID?, agent: AgentID?) {
    self.id = id
    self.role = role
    self.tenant = tenant
    self.agent = agent
  }

  /// Everyone, where authentication is off.
  package static let local = Principal(id: "local", role: .operator, tenant: nil, agent: nil)

  package var message: V1.Principal {
    V1.Principal(id: id, role: role, tenant: tenant?.rawValue ?? "", agent: agent?.rawValue ?? "")
  }
}

/// What a method asks of its caller. Each method of the contract has one, in `scripts/codegen/permissions.py`.
package enum Permission: Sendable {
  /// Anyone.
  case open
  /// Anyone who has shown who they are.
  case known
  /// Anyone of the tenant of the request's scope. The handler asks for each agent whose data it touches.
  case member
  /// Of the data of the request's scope.
  case read, write, share
  /// Reading the data of the request's scope when it names one, else as `known`.
  case named
  /// Of the tenant of the request's scope.
  case admin
  /// Of the server.
  case operate
}

/// The rules, in one place.
package enum AccessRules {
  /// Whether the principal may do it.
  /// - Parameter granted: what the owner of the scope has granted another agent of its tenant.
  package static func allow(
    _ permission: Permission, to principal: Principal, tenant: TenantID?, agent: AgentID?,
    granted: (_ owner: Scope, _ to: AgentID) -> V1.AccessPermission?
  ) -> Bool {
    switch (permission, principal.role) {
    case (.open, _), (.known, _), (_, .operator): return true
    case (.operate, _): return false
    default: break
    }
    if case .named = permission, tenant == nil, agent == nil { return true }
    guard let tenant, principal.tenant == tenant else { return false }
    if case .member = permission { return true }
    if principal.role == .tenantAdmin { return true }
    guard permission != .admin, let agent else { return false }
    if principal.agent == nil || principal.agent == agent {
      switch principal.role {
      case .agent: return true
      case .reader: return permission == .read || permission == .named
      default: return false
      }
    }
    guard let own = principal.agent, let grant = granted(Scope(tenant: tenant, agent: agent), own),
      needed(permission).rawValue <= grant.rawValue
    else { return false }
    return principal.role == .agent || permission == .read || permission == .named
  }

  /// Whether a principal may make a key with this role: nobody gives more than it has.
  package static func mayGive(_ role: V1.AccessRole, _ principal: Principal) -> Bool {
    switch principal.role {
    case .operator: true
    case .tenantAdmin: role != .operator
    default: false
    }
  }

  private static func needed(_ permission: Permission) -> V1.AccessPermission {
    switch permission {
    case .write: .write
    case .share: .share
    default: .read
    }
  }
}
