import Crypto
import Foundation
import LociCore
package import LociProto

/// An API key as a client sends it: `loci_ID_SECRET`. The secret has 256 random bits; the server keeps the SHA-256 of
/// the whole and never the key.
package struct AccessKey: Sendable {
  package static let prefix = "loci_"
  private static let idBytes = 10
  private static let secretBytes = 32

  /// 16 characters of a–z and 2–7.
  package let id: String
  /// The whole key.
  package let text: String

  /// A new one.
  package init() {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
    id = String((0..<16).map { _ in alphabet[Int(random.next() & 31)] })
    let secret = unsafe SymmetricKey(size: .bits256).withUnsafeBytes { unsafe Data($0) }
    text = Self.prefix + id + "_" + Self.base64url(secret)
  }

  /// `nil` when the text does not look like a key.
  package init?(_ text: String) {
    let bytes = text.utf8
    guard bytes.count == Self.prefix.utf8.count + 16 + 1 + 43, text.hasPrefix(Self.prefix) else { return nil }
    let start = bytes.index(bytes.startIndex, offsetBy: Self.prefix.utf8.count)
    let end = bytes.index(start, offsetBy: 16)
    guard bytes[end] == UInt8(ascii: "_") else { return nil }
    id = String(text[start..<end])
    self.text = text
  }

  package var hash: [UInt8] { Array(SHA256.hash(data: Data(text.utf8))) }

  /// Takes as long whatever differs.
  package static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func base64url(_ data: Data) -> String {
    data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}

/// A key as it is stored.
package struct StoredKey: Sendable {
  package var about: V1.ApiKey
  package let hash: [UInt8]

  /// - Parameter now: microseconds since the epoch.
  package func isValid(at now: Int64) -> Bool {
    (about.expiresAtUs == 0 || now < about.expiresAtUs) && (about.revokedAtUs == 0 || now < about.revokedAtUs)
  }

  /// `nil` for a role that this version does not know.
  package var principal: Principal? {
    guard let tenant = TenantID(rawValue: about.tenant) else { return nil }
    let agent = about.agent.isEmpty ? nil : AgentID(rawValue: about.agent)
    guard agent != nil || about.agent.isEmpty else { return nil }
    switch about.role {
    case .reader, .agent, .tenantAdmin:
      return Principal(id: "key:\(about.id)", role: about.role, tenant: tenant, agent: agent)
    case .operator: return Principal(id: "key:\(about.id)", role: .operator, tenant: nil, agent: nil)
    default: return nil
    }
  }
}
