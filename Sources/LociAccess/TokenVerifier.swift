import Foundation
import JWTKit
package import LociCore
import LociProto

/// Checks JSON Web Tokens (RFC 7519) signed with HS256, RS256, ES256 or EdDSA.
///
/// Claims: `sub` (who), `exp` (required), `nbf`, `iss` and `aud` where the settings name one, and `tenant`, `agent`
/// (absent: every agent of the tenant) and `role` ("reader", "agent", "tenant_admin", "operator"; absent: "agent").
package struct TokenVerifier: Sendable {
  package struct Configuration: Sendable {
    /// A JSON Web Key Set (RFC 7517).
    package var keysPath: String?
    /// For HS256, at least 32 bytes.
    package var secret: String?
    /// What `iss` must be; `nil`: anything.
    package var issuer: String?
    /// What `aud` must hold; `nil`: anything.
    package var audience: String?

    package init() {}

    package var isEmpty: Bool { keysPath == nil && secret == nil }
  }

  private let keys: JWTKeyCollection
  private let configuration: Configuration

  /// - Throws: `failedPrecondition` for keys that cannot be read.
  package init(_ configuration: Configuration) async throws(LociError) {
    self.configuration = configuration
    keys = JWTKeyCollection()
    if let secret = configuration.secret {
      guard secret.utf8.count >= 32 else {
        throw .failedPrecondition("jwt-secret has \(secret.utf8.count) bytes, at least 32")
      }
      await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
    }
    if let path = configuration.keysPath {
      do {
        try await keys.add(
          jwksJSON: String(decoding: Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self))
      } catch { throw .failedPrecondition("jwt-keys: \(path) holds no usable key set: \(error)") }
    }
  }

  private struct Claims: JWTPayload {
    let sub: SubjectClaim
    let exp: ExpirationClaim
    let nbf: NotBeforeClaim?
    let iss: IssuerClaim?
    let aud: AudienceClaim?
    let tenant: String?
    let agent: String?
    let role: String?

    func verify(using _: some JWTAlgorithm) throws {
      try exp.verifyNotExpired()
      try nbf?.verifyNotBefore()
    }
  }

  /// Who the token names, and when it expires, microseconds since the epoch; `nil` when it is not valid here.
  func verify(_ token: String) async -> (principal: Principal, expiresAtUs: Int64)? {
    guard let claims = try? await keys.verify(token, as: Claims.self),
      configuration.issuer == nil || claims.iss?.value == configuration.issuer,
      configuration.audience.map({ claims.aud?.value.contains($0) ?? false }) ?? true,
      let principal = Self.principal(claims)
    else { return nil }
    return (principal, Int64(claims.exp.value.timeIntervalSince1970 * 1e6))
  }

  private static func principal(_ claims: Claims) -> Principal? {
    let id = "jwt:\(claims.sub.value)"
    guard SubjectName.isUsable(claims.sub.value) else { return nil }
    return SubjectName.principal(
      id: id, tenant: claims.tenant ?? "", agent: claims.agent ?? "", role: claims.role ?? "agent")
  }
}

/// Principals as tokens and certificates name them.
enum SubjectName {
  /// What may stand in an audit record.
  static func isUsable(_ name: String) -> Bool {
    (1...identifierBytesMax).contains(name.utf8.count) && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
  }

  /// `nil` when the parts make no principal.
  static func principal(id: String, tenant: String, agent: String, role: String) -> Principal? {
    if role == "operator" {
      return tenant.isEmpty && agent.isEmpty
        ? Principal(id: id, role: .operator, tenant: nil, agent: nil) : nil
    }
    guard let tenant = TenantID(rawValue: tenant) else { return nil }
    let agentID = agent.isEmpty ? nil : AgentID(rawValue: agent)
    guard agentID != nil || agent.isEmpty else { return nil }
    switch role {
    case "reader": return Principal(id: id, role: .reader, tenant: tenant, agent: agentID)
    case "agent": return Principal(id: id, role: .agent, tenant: tenant, agent: agentID)
    case "tenant_admin" where agentID == nil:
      return Principal(id: id, role: .tenantAdmin, tenant: tenant, agent: nil)
    default: return nil
    }
  }

  /// The principal in a certificate's name `loci://TENANT/AGENT/ROLE`, each percent-encoded; AGENT may be empty.
  /// `loci:///` followed by `/operator` names an operator.
  static func principal(certificate name: String) -> Principal? {
    let prefix = "loci://"
    guard name.hasPrefix(prefix), isUsable(name) else { return nil }
    let parts = name.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false)
      .map { String($0).removingPercentEncoding }
    guard parts.count == 3, let tenant = parts[0], let agent = parts[1], let role = parts[2] else {
      return nil
    }
    return principal(id: "certificate:\(name)", tenant: tenant, agent: agent, role: role)
  }
}
