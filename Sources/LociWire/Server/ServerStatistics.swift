import Synchronization

/// What a server has done since it was made. Counters only grow; gauges say "now".
package struct ServerStatistics: Sendable {
  package struct Method: Sendable {
    package let service: String
    package let method: String
    /// Answered calls by code, those that were never sent.
    package let calls: [RPCStatus.Code: Int]
    /// From the request's arrival to its answer.
    package let latency: LatencyHistogram
  }

  /// Why something was turned away.
  package enum Rejection: Int, Sendable, CaseIterable {
    case unknownMethod, malformed, protocolViolation, connectionCalls, serverCalls, memory, draining, expired
    case oversizedFrame, oversizedAnswer, connections, connectionsPerAddress, strikes, notThisProtocol
    case slowReader, slowSender, idle, acceptBackOff
  }

  package var methods: [Method] = []
  package var rejections: [Rejection: Int] = [:]
  package var connections = 0
  package var connectionsAccepted = 0
  package var runningHandlers = 0
  package var requestBytesHeld = 0
  package var receivedBytes = 0
  package var sentBytes = 0
}

/// Counters of one method. Each update is one relaxed atomic addition.
final class MethodStatistics: Sendable {
  private let calls = InlineArray<17, Atomic<Int>> { _ in Atomic(0) }
  let latency = LatencyRecorder()

  func record(_ code: RPCStatus.Code, nanoseconds: Int64) {
    calls[Int(code.rawValue)].wrappingAdd(1, ordering: .relaxed)
    latency.record(nanoseconds: nanoseconds)
  }

  var callsByCode: [RPCStatus.Code: Int] {
    var result: [RPCStatus.Code: Int] = [:]
    for code in RPCStatus.Code.allCases {
      let count = calls[Int(code.rawValue)].load(ordering: .relaxed)
      if count > 0 { result[code] = count }
    }
    return result
  }
}

/// Server-wide counters and gauges.
final class ServerCounters: Sendable {
  private let rejections = InlineArray<18, Atomic<Int>> { _ in Atomic(0) }
  let runningHandlers = Atomic<Int>(0)
  let connectionsAccepted = Atomic<Int>(0)
  let receivedBytes = Atomic<Int>(0)
  let sentBytes = Atomic<Int>(0)

  func reject(_ reason: ServerStatistics.Rejection) {
    rejections[reason.rawValue].wrappingAdd(1, ordering: .relaxed)
  }

  var rejectionsByReason: [ServerStatistics.Rejection: Int] {
    var result: [ServerStatistics.Rejection: Int] = [:]
    for reason in ServerStatistics.Rejection.allCases {
      let count = rejections[reason.rawValue].load(ordering: .relaxed)
      if count > 0 { result[reason] = count }
    }
    return result
  }
}
