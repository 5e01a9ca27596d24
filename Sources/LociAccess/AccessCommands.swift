package import LociCore
package import LociProto
package import LociStore

extension V1.CreateKeyResponse: PositionedAnswer {}
extension V1.RevokeKeyResponse: PositionedAnswer {}
extension V1.RotateKeyResponse: PositionedAnswer {}
extension V1.SetGrantResponse: PositionedAnswer {}
extension V1.RemoveGrantResponse: PositionedAnswer {}

extension TenantID {
  /// Where a tenant's keys and refusals are kept: a scope like any other, so that they are in one shard.
  package var accessScope: Scope { Scope(tenant: self, agent: AgentID(unchecked: "loci.access")) }
}

/// Stores a new key's hash. Its secret goes to the caller alone, so there is no request id: a repeated call makes
/// another key.
package struct CreateAccessKey: Command {
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 1_024
  private let key: AccessKey
  private let created: LogV1.AccessKeyCreated

  /// - Throws: `LociError.invalid` naming the field.
  package init(_ request: V1.CreateKeyRequest, tenant: TenantID, agent: AgentID?) throws(LociError) {
    let role = request.role == .unspecified ? .agent : request.role
    guard [.reader, .agent, .tenantAdmin, .operator].contains(role) else {
      throw .invalid(field: "role", problem: "is not a role")
    }
    guard agent == nil || role == .reader || role == .agent else {
      throw .invalid(field: "scope.agent", problem: "must be empty for an administrator's key")
    }
    try Validate.optionalName(request.name, field: "name")
    try Validate.time(request.expiresAtUs, field: "expires_at_us")
    key = AccessKey()
    scope = tenant.accessScope
    created = LogV1.AccessKeyCreated(
      id: key.id, name: request.name, role: role.rawValue, agent: agent?.rawValue ?? "", hash: key.hash,
      expiresAtUs: request.expiresAtUs)
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.CreateKeyResponse> {
    Decision(
      events: [.accessKeyCreated(created)],
      answer: V1.CreateKeyResponse(
        key: V1.ApiKey(created, tenant: scope.tenant, at: transaction.at), secret: key.text))
  }
}

package struct RevokeAccessKey: Command {
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 512
  private let id: String
  private let mayGive: @Sendable (V1.AccessRole) -> Bool

  /// - Parameter mayGive: whether the caller could make a key with the role; it takes none that it could not give.
  package init(
    id: String, tenant: TenantID, mayGive: @escaping @Sendable (V1.AccessRole) -> Bool
  ) throws(LociError) {
    try Validate.name(id, field: "key_id")
    self.id = id
    scope = tenant.accessScope
    self.mayGive = mayGive
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.RevokeKeyResponse> {
    guard let key = try AccessQueries.key(id, tenant: scope.tenant, in: transaction.db),
      mayGive(key.about.role)
    else { throw LociError.notFound(.key, id: id) }
    let now = transaction.at.microseconds
    guard key.about.revokedAtUs == 0 || now < key.about.revokedAtUs else {
      return Decision(events: [], answer: V1.RevokeKeyResponse())
    }
    return Decision(
      events: [.accessKeyRevoked(LogV1.AccessKeyRevoked(id: id, revokedAtUs: now))],
      answer: V1.RevokeKeyResponse())
  }
}

/// A new key with the old one's rights; the old one ends after the overlap.
package struct RotateAccessKey: Command {
  package static let overlapMsMax: Int64 = 30 * 86_400_000

  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 1_024
  private let id: String
  private let overlapMs: Int64
  private let mayGive: @Sendable (V1.AccessRole) -> Bool
  private let key = AccessKey()

  package init(
    _ request: V1.RotateKeyRequest, tenant: TenantID, mayGive: @escaping @Sendable (V1.AccessRole) -> Bool
  ) throws(LociError) {
    try Validate.name(request.keyID, field: "key_id")
    guard (0...Self.overlapMsMax).contains(request.overlapMs) else {
      throw .invalid(
        field: "overlap_ms", problem: "is \(request.overlapMs), must be 0 to \(Self.overlapMsMax)")
    }
    id = request.keyID
    overlapMs = request.overlapMs
    scope = tenant.accessScope
    self.mayGive = mayGive
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.RotateKeyResponse> {
    guard let old = try AccessQueries.key(id, tenant: scope.tenant, in: transaction.db),
      mayGive(old.about.role)
    else { throw LociError.notFound(.key, id: id) }
    let now = transaction.at.microseconds
    guard old.isValid(at: now) else {
      throw LociError.failedPrecondition("key \(id) has expired or was revoked")
    }
    let created = LogV1.AccessKeyCreated(
      id: key.id, name: old.about.name, role: old.about.role.rawValue, agent: old.about.agent, hash: key.hash,
      expiresAtUs: old.about.expiresAtUs)
    return Decision(
      events: [
        .accessKeyCreated(created),
        .accessKeyRevoked(LogV1.AccessKeyRevoked(id: id, revokedAtUs: now + overlapMs * 1_000))
      ],
      answer: V1.RotateKeyResponse(
        key: V1.ApiKey(created, tenant: scope.tenant, at: transaction.at), secret: key.text))
  }
}

package struct SetAccessGrant: Command {
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 512
  private let grant: V1.Grant

  package init(_ request: V1.SetGrantRequest, scope: Scope) throws(LociError) {
    guard let grant = request.grant else { throw .invalid(field: "grant", problem: "is missing") }
    try Validate.name(grant.agent, field: "grant.agent")
    guard grant.agent != scope.agent.rawValue else {
      throw .invalid(field: "grant.agent", problem: "is the owner")
    }
    guard [.read, .write, .share].contains(grant.permission) else {
      throw .invalid(field: "grant.permission", problem: "must be READ, WRITE or SHARE")
    }
    try Validate.time(grant.expiresAtUs, field: "grant.expires_at_us")
    self.scope = scope
    self.grant = grant
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.SetGrantResponse> {
    Decision(
      events: [
        .grantSet(
          LogV1.GrantSet(
            agent: grant.agent, permission: grant.permission.rawValue, expiresAtUs: grant.expiresAtUs))
      ], answer: V1.SetGrantResponse())
  }
}

package struct RemoveAccessGrant: Command {
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 512
  private let agent: String

  package init(_ request: V1.RemoveGrantRequest, scope: Scope) throws(LociError) {
    try Validate.name(request.agent, field: "agent")
    self.scope = scope
    agent = request.agent
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.RemoveGrantResponse> {
    let exists = try AccessQueries.grants(of: scope, in: transaction.db)
      .contains { ExactText($0.agent) == ExactText(agent) }
    return Decision(
      events: exists ? [.grantRemoved(LogV1.GrantRemoved(agent: agent))] : [],
      answer: V1.RemoveGrantResponse())
  }
}

/// What was refused within a second, of one tenant's principals.
package struct RecordRefusals: Command {
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package var costBytes: Int { 512 * refusals.count }
  private let refusals: [LogV1.AccessRefused]

  package init(_ refusals: [LogV1.AccessRefused], tenant: TenantID) {
    self.refusals = refusals
    scope = tenant.accessScope
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    Decision(events: refusals.map { .accessRefused($0) }, answer: Written())
  }
}

extension V1.ApiKey {
  init(_ created: LogV1.AccessKeyCreated, tenant: TenantID, at: Timestamp) {
    self.init(
      id: created.id, name: created.name, role: V1.AccessRole(rawValue: created.role),
      tenant: tenant.rawValue, agent: created.agent, createdAtUs: at.microseconds,
      expiresAtUs: created.expiresAtUs)
  }
}
