import Foundation
import LociCore

/// Where alerts may go. A webhook's address is a caller's word: without a look at it, a caller could make the server
/// post to what only the server can reach.
package struct WebhookHosts: Sendable {
  private let allowed: Set<String>

  /// - Parameter allowed: hosts, in lower case, that may be inside.
  package init(allowed: Set<String> = []) { self.allowed = allowed }

  package func isAllowed(_ host: String) -> Bool { allowed.contains(host.lowercased()) }

  /// What can be told before a name is resolved.
  /// - Throws: `invalid` for what is no address for alerts.
  func check(_ text: String) throws(LociError) {
    guard let url = URL(string: text), ["http", "https"].contains(url.scheme ?? ""), let host = url.host,
      !host.isEmpty
    else { throw .invalid(field: "webhooks.url", problem: "must be http://… or https://…") }
    guard !isAllowed(host) else { return }
    let name = host.lowercased().trimmingCharacters(in: ["[", "]"])
    let isLocal = name == "localhost" || name.hasSuffix(".localhost") || name.hasSuffix(".internal")
    guard !isLocal, IPAddress(name).map({ !$0.isInternal }) ?? true else {
      throw .invalid(
        field: "webhooks.url",
        problem: "names '\(host)', which is inside; the server's webhook-hosts can allow it")
    }
  }
}

/// An address of the internet protocol, of either version.
package struct IPAddress: Sendable, Equatable {
  /// 4, or 16.
  package let bytes: [UInt8]

  package init(bytes: [UInt8]) {
    // IPv4 in IPv6's clothes: mapped, and translated by NAT64.
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
    let translated: [UInt8] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]
    let isInside = bytes.count == 16 && [mapped, translated].contains { bytes.starts(with: $0) }
    self.bytes = isInside ? Array(bytes.suffix(4)) : bytes
  }

  /// `nil` unless `text` is an address in its usual form.
  package init?(_ text: String) {
    var four = in_addr()
    var sixteen = in6_addr()
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      self.init(bytes: unsafe withUnsafeBytes(of: &four) { unsafe Array($0) })
    } else if unsafe inet_pton(AF_INET6, text, &sixteen) == 1 {
      self.init(bytes: unsafe withUnsafeBytes(of: &sixteen) { unsafe Array($0) })
    } else {
      return nil
    }
  }

  /// Whether it is this machine's, of a private or local network, shared, or nobody's (RFC 6890): nothing that the
  /// public can reach.
  package var isInternal: Bool {
    guard bytes.count == 4 else {
      let isUnspecifiedOrLoopback = bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] <= 1
      return isUnspecifiedOrLoopback || bytes[0] & 0xfe == 0xfc
        || (bytes[0] == 0xfe && bytes[1] & 0x80 == 0x80)
        || bytes[0] == 0xff
    }
    switch (bytes[0], bytes[1]) {
    case (0, _), (10, _), (127, _), (169, 254), (192, 168), (198, 18...19): return true
    case (100, 64...127), (172, 16...31): return true
    case (192, 0): return bytes[2] == 0
    default: return bytes[0] >= 224
    }
  }
}
