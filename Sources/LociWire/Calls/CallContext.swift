import LociCore
import NIOCore
import Synchronization

/// What a handler knows of its call besides the request.
package struct CallContext: Sendable {
  let binding: MethodBinding
  let connection: ConnectionIdentity
  /// `nil` for inline calls, which are over before anything could cancel them.
  let cancellation: CancellationFlag?
  package let metadata: Metadata
  let deadlineOnLoop: NIODeadline?

  package var service: String { binding.service }
  package var method: String { binding.method }
  /// Address and port, or "unix".
  package var remoteAddress: String { connection.remoteAddress }
  /// Unique in this process.
  package var connectionID: UInt64 { connection.id }
  package var peer: ConnectionIdentity { connection }

  /// When the answer will no longer be wanted.
  package var deadline: ContinuousClock.Instant? {
    deadlineOnLoop.map { .now + Duration($0 - .now()) }
  }

  /// Whether nobody waits for the answer any more: the connection is gone, the caller cancelled, or the
  /// deadline passed. The handler's task is cancelled too. Cheap enough to ask per row.
  package var isCancelled: Bool { cancellation?.reason != nil }

  /// - Throws: `cancelled` or `deadlineExceeded`.
  package func checkCancellation() throws(RPCStatus) {
    guard let reason = cancellation?.reason else { return }
    throw reason.status
  }
}

/// One accepted connection, for as long as anything refers to it.
package final class ConnectionIdentity: Sendable {
  package let id: UInt64
  package let remoteAddress: String
  package let isUnixSocket: Bool
  private let certificate = Locked<String?>(nil)

  /// The name in the client's certificate, a URI among its alternative names that begins with `loci:`; `nil` without one.
  package internal(set) var certificateName: String? {
    get { certificate.withLock { $0 } }
    set { certificate.withLock { $0 = newValue } }
  }

  package init(id: UInt64, remoteAddress: String, isUnixSocket: Bool) {
    self.id = id
    self.remoteAddress = remoteAddress
    self.isUnixSocket = isUnixSocket
  }
}

/// Set once, by the connection; read by the handler from any thread.
final class CancellationFlag: Sendable {
  enum Reason: UInt8 {
    case caller = 1
    case deadline, connection, refused

    var status: RPCStatus {
      switch self {
      case .caller, .refused: .cancelled
      case .deadline: .deadlineExceeded
      case .connection: .connectionLost
      }
    }
  }

  private let value = Atomic<UInt8>(0)

  var reason: Reason? { Reason(rawValue: value.load(ordering: .acquiring)) }

  func cancel(_ reason: Reason) {
    _ = value.compareExchange(expected: 0, desired: reason.rawValue, ordering: .acquiringAndReleasing)
  }
}
