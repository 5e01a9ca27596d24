/// Whose data a call is about. Every storage and index call takes one, and it cannot be made without a tenant,
/// so a query across tenants does not compile.
public struct Scope: Hashable, Sendable {
  public let tenant: TenantID
  public let agent: AgentID

  public init(tenant: TenantID, agent: AgentID) {
    self.tenant = tenant
    self.agent = agent
  }

  /// - Throws: `LociError.invalid` naming the field that is missing or malformed.
  public init(tenant: String, agent: String) throws(LociError) {
    self.init(tenant: try TenantID(validating: tenant), agent: try AgentID(validating: agent))
  }
}
