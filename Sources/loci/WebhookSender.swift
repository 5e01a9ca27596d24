import AsyncHTTPClient
import LociServer
import NIOCore
import NIOHTTP1

/// Posts alerts.
struct WebhookSender: AlertSender {
  /// For one answer.
  private static let timeout = TimeAmount.seconds(10)
  private static let answerBytesMax = 1 << 16

  func send(_ body: [UInt8], to url: String, headers: [(name: String, value: String)]) async -> Bool {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    for header in headers { request.headers.add(name: header.name, value: header.value) }
    request.body = .bytes(body)
    do {
      let response = try await HTTPClient.shared.execute(request, timeout: Self.timeout)
      _ = try await response.body.collect(upTo: Self.answerBytesMax)
      return (200..<300).contains(response.status.code)
    } catch { return false }
  }
}
