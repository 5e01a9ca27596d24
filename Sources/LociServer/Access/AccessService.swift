import LociAccess
import LociCore
import LociProto
import LociRecall
import LociStore
import LociWire

/// Keys, grants, and who the caller is.
struct AccessService: AccessServiceProvider {
  let node: NodeParts
  let gate: Gate

  func whoAmI(_ request: V1.WhoAmIRequest, _ call: CallContext) async throws -> V1.WhoAmIResponse {
    V1.WhoAmIResponse(
      principal: try await gate.identify(call).message, authenticationRequired: gate.authenticator != nil)
  }

  // MARK: Keys

  func createKey(_ request: V1.CreateKeyRequest, _ call: CallContext) async throws -> V1.CreateKeyResponse {
    let tenant = try request.checkedTenant()
    let command = try CreateAccessKey(request, tenant: tenant, agent: try request.checkedAgent())
    let caller = try await gate.identify(call)
    guard AccessRules.mayGive(request.role, caller) else {
      throw RPCStatus(
        .permissionDenied, "\(caller.id) may not make such a key", reason: "PERMISSION_DENIED",
        subject: "role")
    }
    return try await node.write(command)
  }

  func listKeys(_ request: V1.ListKeysRequest, _ call: CallContext) async throws -> V1.ListKeysResponse {
    let tenant = try request.checkedTenant()
    let agent = try request.checkedAgent()?.rawValue ?? ""
    let page = try PageRequest(request.page)
    return try await node.read(tenant.accessScope, nil) { db, _ in
      let found = try AccessQueries.keys(tenant: tenant, agent: agent, page: page, in: db)
      return V1.ListKeysResponse(keys: found.keys, page: found.page)
    }
  }

  func revokeKey(_ request: V1.RevokeKeyRequest, _ call: CallContext) async throws -> V1.RevokeKeyResponse {
    let tenant = try request.checkedTenant()
    let caller = try await gate.identify(call)
    return try await node.write(
      try RevokeAccessKey(id: request.keyID, tenant: tenant) { AccessRules.mayGive($0, caller) })
  }

  func rotateKey(_ request: V1.RotateKeyRequest, _ call: CallContext) async throws -> V1.RotateKeyResponse {
    let tenant = try request.checkedTenant()
    let caller = try await gate.identify(call)
    return try await node.write(
      try RotateAccessKey(request, tenant: tenant) { AccessRules.mayGive($0, caller) })
  }

  // MARK: Grants

  func setGrant(_ request: V1.SetGrantRequest, _ call: CallContext) async throws -> V1.SetGrantResponse {
    try await node.write(try SetAccessGrant(request, scope: try request.checkedScope()))
  }

  func removeGrant(
    _ request: V1.RemoveGrantRequest, _ call: CallContext
  ) async throws -> V1.RemoveGrantResponse {
    try await node.write(try RemoveAccessGrant(request, scope: try request.checkedScope()))
  }

  func listGrants(_ request: V1.ListGrantsRequest, _ call: CallContext) async throws -> V1.ListGrantsResponse
  {
    let scope = try request.checkedScope()
    return try await node.read(scope, nil) { db, _ in
      V1.ListGrantsResponse(grants: try AccessQueries.grants(of: scope, in: db))
    }
  }

  // MARK: Quotas

  func setQuota(_ request: V1.SetQuotaRequest, _ call: CallContext) async throws -> V1.SetQuotaResponse {
    try await node.write(try SetTenantQuota(request, tenant: try request.checkedTenant()))
  }

  func getQuota(_ request: V1.GetQuotaRequest, _ call: CallContext) throws -> V1.GetQuotaResponse {
    let tenant = try request.checkedTenant()
    let (limit, used) = (node.store.quotas.limit(of: tenant), node.store.quotas.used(by: tenant))
    return V1.GetQuotaResponse(
      quota: V1.Quota(itemsMax: UInt64(limit.items), bytesMax: UInt64(limit.bytes)),
      items: UInt64(max(0, used.items)), bytes: UInt64(max(0, used.bytes)))
  }

  func listRefusals(
    _ request: V1.ListRefusalsRequest, _ call: CallContext
  ) async throws -> V1.ListRefusalsResponse {
    let tenant = try request.checkedTenant()
    guard request.limit <= 1_000 else {
      throw LociError.invalid(field: "limit", problem: "is \(request.limit), must be 1 to 1000")
    }
    let limit = request.limit == 0 ? 100 : Int(request.limit)
    return try await node.read(tenant.accessScope, nil) { db, _ in
      V1.ListRefusalsResponse(refusals: try AccessQueries.refusals(tenant: tenant, limit: limit, in: db))
    }
  }
}

extension ScopedRequest {
  /// Of a request about a whole tenant, whose scope need not name an agent.
  func checkedTenant() throws(LociError) -> TenantID {
    guard let scope else { throw .invalid(field: "scope", problem: "is missing") }
    return try TenantID(validating: scope.tenant)
  }

  func checkedAgent() throws(LociError) -> AgentID? {
    guard let scope, !scope.agent.isEmpty else { return nil }
    return try AgentID(validating: scope.agent)
  }
}
