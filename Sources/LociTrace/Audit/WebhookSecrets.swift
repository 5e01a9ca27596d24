import Crypto
import Foundation
package import LociCore

/// Webhooks' secrets as the log and the database hold them: sealed with ChaCha20-Poly1305 under a key that is derived
/// from the one that signs heads (HKDF-SHA-256), which lies beside the database and not in it. A secret opens for the
/// agent that it was sealed for only.
package struct WebhookSecrets: Sendable {
  private static let prefix = "sealed:"
  private let key: SymmetricKey

  package init(_ signer: AuditSigner) {
    key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: signer.rawKey), info: Data("loci webhook secrets v1".utf8),
      outputByteCount: 32)
  }

  private func context(_ scope: Scope) -> Data {
    Data(scope.tenant.rawValue.utf8 + [0] + scope.agent.rawValue.utf8)
  }

  func sealed(_ secret: String, for scope: Scope) throws(LociError) -> String {
    guard
      let box = try? ChaChaPoly.seal(Data(secret.utf8), using: key, authenticating: context(scope))
    else { throw .internalError(detail: "a webhook's secret cannot be sealed") }
    return Self.prefix + box.combined.base64EncodedString()
  }

  /// - Throws: `dataLoss` when `audit.key` is not the one that it was sealed under.
  package func opened(_ stored: String, for scope: Scope) throws(LociError) -> String {
    // Written before secrets were sealed.
    guard stored.hasPrefix(Self.prefix) else { return stored }
    guard let bytes = Data(base64Encoded: String(stored.dropFirst(Self.prefix.count))),
      let box = try? ChaChaPoly.SealedBox(combined: bytes),
      let secret = try? ChaChaPoly.open(box, using: key, authenticating: context(scope))
    else { throw .dataLoss(file: "audit.key", problem: "does not open the webhook's secret") }
    return String(decoding: secret, as: UTF8.self)
  }
}
