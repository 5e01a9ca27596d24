import Crypto
import Foundation
package import LociCore
import LociProto

/// Finds out who a caller is: by API key, by token, or by the certificate of its connection.
package final class Authenticator: Sendable {
  private struct Known {
    let principal: Principal
    let expiresAtUs: Int64
  }

  private static let knownMax = 10_000

  private let directory: AccessDirectory
  private let tokens: TokenVerifier?
  private let rootKey: [UInt8]?
  private let clock: any WallClock
  /// Tokens that were verified, by their text: a signature costs a hundred times as much as a look here.
  private let known = Locked<[String: Known]>([:])

  /// - Parameter rootKey: a secret that opens everything, for making the first keys.
  package init(
    directory: AccessDirectory, tokens: TokenVerifier?, rootKey: String?, clock: any WallClock
  ) {
    self.directory = directory
    self.tokens = tokens
    self.rootKey = rootKey.map { Array(SHA256.hash(data: Data($0.utf8))) }
    self.clock = clock
  }

  package enum Outcome: Sendable {
    case principal(Principal)
    /// Nothing was shown.
    case anonymous
    /// What was shown is not valid here.
    case refused
  }

  /// - Parameters:
  ///   - authorization: the call's `authorization`, e.g. "Bearer loci_…".
  ///   - certificate: the name in the certificate that the connection was made with.
  package func identify(authorization: String?, certificate: String?) async -> Outcome {
    guard let authorization else {
      guard let certificate else { return .anonymous }
      return SubjectName.principal(certificate: certificate).map { .principal($0) } ?? .refused
    }
    let scheme = "bearer "
    guard authorization.prefix(scheme.count).lowercased() == scheme else { return .refused }
    let secret = String(authorization.dropFirst(scheme.count))
    if let key = AccessKey(secret) { return identify(key) }
    if let rootKey, AccessKey.equal(rootKey, Array(SHA256.hash(data: Data(secret.utf8)))) {
      return .principal(Principal(id: "key:root", role: .operator, tenant: nil, agent: nil))
    }
    return await identify(token: secret)
  }

  private func identify(_ key: AccessKey) -> Outcome {
    guard let stored = directory.key(key.id), AccessKey.equal(stored.hash, key.hash),
      stored.isValid(at: clock.now().microseconds), let principal = stored.principal
    else { return .refused }
    return .principal(principal)
  }

  private func identify(token: String) async -> Outcome {
    let now = clock.now().microseconds
    if let found = known.withLock({ $0[token] }) {
      return now < found.expiresAtUs ? .principal(found.principal) : .refused
    }
    guard let tokens, token.utf8.count <= 8_192, let verified = await tokens.verify(token) else {
      return .refused
    }
    known.withLock { known in
      if known.count >= Self.knownMax { known.removeAll(keepingCapacity: true) }
      known[token] = Known(principal: verified.principal, expiresAtUs: verified.expiresAtUs)
    }
    return .principal(verified.principal)
  }
}
