import AsyncHTTPClient
import Foundation
import LociServer
import LociTrace
import NIOCore
import NIOHTTP1
import NIOPosix

/// Posts alerts. A host's name is resolved once, its address looked at, and exactly that address connected to: a name
/// that changes its mind between the look and the connection gets nowhere. Redirects are not followed.
struct WebhookSender: AlertSender {
  let hosts: WebhookHosts

  /// For one answer.
  private static let timeout = TimeAmount.seconds(10)
  private static let answerBytesMax = 1 << 16

  func send(_ body: [UInt8], to url: String, headers: [(name: String, value: String)]) async -> Bool {
    guard let host = URL(string: url)?.host else { return false }
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    if !hosts.isAllowed(host) {
      guard let address = await Self.publicAddress(of: host) else { return false }
      configuration.dnsOverride = [host: address]
    }
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    for header in headers { request.headers.add(name: header.name, value: header.value) }
    request.body = .bytes(body)
    // Alerts are few: one client for each costs less than a pool that remembers who was where.
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    var isTaken = false
    do {
      let response = try await client.execute(request, timeout: Self.timeout)
      _ = try await response.body.collect(upTo: Self.answerBytesMax)
      isTaken = (200..<300).contains(response.status.code)
    } catch { isTaken = false }
    try? await client.shutdown()
    return isTaken
  }

  /// `nil` when the name does not resolve, or to something inside.
  private static func publicAddress(of host: String) async -> String? {
    let resolved = try? await NIOThreadPool.singleton.runIfActive {
      try SocketAddress.makeAddressResolvingHost(host.trimmingCharacters(in: ["[", "]"]), port: 0)
    }
    guard let text = resolved?.ipAddress, let address = IPAddress(text), !address.isInternal else {
      return nil
    }
    return text
  }
}
