import Foundation

/// Callers that each wait for an answer before the next call.
struct ClosedLoop {
  private let callers: Int
  private let load: LoadOptions

  init(callers: Int, _ load: LoadOptions) {
    self.callers = max(1, callers)
    self.load = load
  }

  /// `call` gets the caller's number and the count of its calls so far, and says whether the answer was right. A caller
  /// that is alone runs on the connection's thread, `executor`.
  func run(
    on executor: any TaskExecutor, _ call: @escaping @Sendable (Int, Int) async throws -> Bool
  ) async -> LoadResult {
    let start = ContinuousClock.now.advanced(by: .seconds(load.warmUp))
    let end = start.advanced(by: .seconds(load.seconds))
    var result = LoadResult(seconds: load.seconds)
    await withTaskGroup(of: CallerResult.self) { group in
      for caller in 0..<callers {
        group.addTask(executorPreference: callers == 1 ? executor : nil) {
          var own = CallerResult()
          var count = 0
          while true {
            let before = ContinuousClock.now
            if before >= end { return own }
            var isRight = false
            do { isRight = try await call(caller, count) } catch {
              own.firstError = own.firstError ?? "\(error)"
            }
            count += 1
            let after = ContinuousClock.now
            guard before >= start, after <= end else { continue }
            if isRight {
              own.latencies.append(UInt32(clamping: (after - before) / .nanoseconds(1)))
            } else {
              own.errors += 1
            }
          }
        }
      }
      for await own in group { result.add(own) }
    }
    result.finish()
    return result
  }
}

extension Duration {
  fileprivate static func / (a: Duration, b: Duration) -> Int64 {
    let (seconds, attoseconds) = a.components
    let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    return nanoseconds / max(1, b.components.attoseconds / 1_000_000_000)
  }
}

struct CallerResult: Sendable {
  /// Nanoseconds.
  var latencies: [UInt32] = []
  var errors = 0
  var firstError: String?
}

struct LoadResult: Sendable {
  let seconds: Double
  var recall: Double?
  var recallAt = 0
  /// Of a call that asks many.
  var queriesPerCall = 1
  private var latencies: [UInt32] = []
  private var errors = 0
  private var firstError: String?

  init(seconds: Double) { self.seconds = seconds }

  mutating func add(_ caller: CallerResult) {
    latencies += caller.latencies
    errors += caller.errors
    firstError = firstError ?? caller.firstError
  }

  mutating func finish() { latencies.sort() }

  private func microseconds(_ fraction: Double) -> Double {
    guard !latencies.isEmpty else { return 0 }
    let index = min(latencies.count - 1, Int(Double(latencies.count) * fraction))
    return Double(latencies[index]) / 1_000
  }

  func print(json: Bool) throws {
    let rate = Double(latencies.count) / seconds
    if json {
      var fields: [String: Any] = [
        "calls": latencies.count, "seconds": seconds, "rate": rate, "p50_us": microseconds(0.5),
        "p99_us": microseconds(0.99), "errors": errors
      ]
      if queriesPerCall > 1 { fields["queries_per_second"] = rate * Double(queriesPerCall) }
      if let firstError { fields["first_error"] = firstError }
      if let recall { fields["recall_at_\(recallAt)"] = recall }
      return try JSONOutput.print(fields)
    }
    Swift.print(
      String(
        format: "%.0f calls/s   p50 %.0f us   p99 %.0f us   %d calls   %d errors", rate, microseconds(0.5),
        microseconds(0.99), latencies.count, errors))
    if queriesPerCall > 1 { Swift.print(String(format: "%.0f queries/s", rate * Double(queriesPerCall))) }
    if let recall { Swift.print(String(format: "recall@%d %.4f", recallAt, recall)) }
    if let firstError { Swift.print("first error: \(firstError)") }
  }
}

/// Deterministic text of a given size, different for each call.
struct SampleText: Sendable {
  private static let words = [
    "agent", "plan", "meeting", "Tuesday", "budget", "deploy", "error", "retry", "customer", "invoice",
    "photo",
    "garden", "recipe", "train", "Berlin", "schedule", "review", "draft", "token", "memory", "search",
    "answer",
    "question", "project", "release", "garage", "violin", "doctor", "ticket", "hotel", "weather", "summary"
  ]
  private let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  func text(_ caller: Int, _ call: Int) -> String {
    var text = "message \(caller)-\(call)"
    var state = UInt64(truncatingIfNeeded: caller &* 1_000_003 &+ call) | 1
    while text.utf8.count < bytes {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      text += " " + Self.words[Int(state >> 59)]
    }
    return String(text.prefix(bytes))
  }
}
