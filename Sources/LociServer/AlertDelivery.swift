import Crypto
import Foundation
import LociCore
import LociProto
import LociStore
import LociTrace
import Logging

/// Sends an alert somewhere. The server has no HTTP client of its own; `loci serve` gives it one.
package protocol AlertSender: Sendable {
  /// - Returns: whether the receiver took it.
  func send(_ body: [UInt8], to url: String, headers: [(name: String, value: String)]) async -> Bool
}

/// Delivers alerts from the outbox, each at least once: one that was sent but not settled, since the server died, is
/// sent again under the same id.
struct AlertDelivery: Sendable {
  static let pause = Duration.seconds(1)
  static let perRound = 64
  /// Pauses double from the first to the last; after so many attempts an alert is given up.
  static let firstRetryUs: Int64 = 5_000_000
  static let lastRetryUs: Int64 = 3_600_000_000
  static let attemptsMax = 48

  let store: Store
  let clock: any WallClock
  let sender: any AlertSender
  let secrets: WebhookSecrets
  let logger: Logger

  func run() async {
    while (try? await Task.sleep(for: Self.pause)) != nil {
      for shard in store.shards { await deliver(shard) }
    }
  }

  private func deliver(_ shard: Shard) async {
    do {
      let now = clock.now()
      let due = try await shard.read { db in try AuditQueries.due(now, count: Self.perRound, in: db) }
      guard let scope = due.first?.scope else { return }
      var delivered: [Int64] = []
      var failed: [(row: Int64, retryAt: Timestamp)] = []
      for alert in due {
        if await send(alert, shard: shard.id) {
          delivered.append(alert.row)
        } else if alert.attempts + 1 >= Self.attemptsMax {
          logger.error("alert given up", metadata: ["webhook": "\(alert.webhook.url)"])
          delivered.append(alert.row)
        } else {
          let wait = min(Self.lastRetryUs, Self.firstRetryUs << Int64(min(alert.attempts, 20)))
          failed.append((alert.row, Timestamp(microseconds: clock.now().microseconds + wait)))
        }
      }
      _ = try await shard.submit(SettleAlerts(scope: scope, delivered: delivered, failed: failed))
    } catch {
      logger.warning("alerts wait", metadata: ["shard": "\(shard.id)", "error": "\(error)"])
    }
  }

  private func send(_ alert: AuditQueries.Alert, shard: ShardID) async -> Bool {
    let violation = alert.violation
    var object: [String: Any] = [
      "id": "\(shard)-\(alert.row)", "tenant": alert.scope.tenant.rawValue,
      "agent": alert.scope.agent.rawValue, "rule": violation.rule, "record": violation.record,
      "actor": violation.actor, "action": violation.action, "object": violation.object,
      "message": violation.message, "at_us": violation.atUs
    ]
    if !violation.traceID.isEmpty {
      (object["trace_id"], object["span_id"]) = (violation.traceID, violation.spanID)
    }
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    guard let body = try? JSONSerialization.data(withJSONObject: object, options: options) else {
      return true
    }
    let secret: String
    do { secret = try secrets.opened(alert.webhook.secret, for: alert.scope) } catch {
      logger.error("alert cannot be signed", metadata: ["error": "\(error)"])
      return false
    }
    let key = SymmetricKey(data: Data(secret.utf8))
    let signature = Hex.text(HMAC<SHA256>.authenticationCode(for: body, using: key))
    return await sender.send(
      [UInt8](body), to: alert.webhook.url,
      headers: [("content-type", "application/json"), ("loci-signature", "sha256=\(signature)")])
  }
}
