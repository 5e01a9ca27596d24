import LociProto
import Logging
import NIOCore
import Synchronization

/// What all connections of a server share.
final class ServerCore: Sendable {
  let table: ServiceTable
  let configuration: RPCServer.Configuration
  let logger: Logger
  let counters = ServerCounters()
  let budget: MemoryBudget
  private let mapError: @Sendable (any Error) -> RPCStatus
  private let nextConnectionID = Atomic<UInt64>(1)

  init(
    table: ServiceTable, configuration: RPCServer.Configuration, logger: Logger,
    mapError: @escaping @Sendable (any Error) -> RPCStatus
  ) {
    self.table = table
    self.configuration = configuration
    self.logger = logger
    self.mapError = mapError
    budget = MemoryBudget(bytesMax: configuration.requestBytesMax)
  }

  func makeConnectionID() -> UInt64 { nextConnectionID.wrappingAdd(1, ordering: .relaxed).oldValue }

  /// The status of a call whose handler threw.
  func status(for error: any Error, cancellation: CancellationFlag?) -> RPCStatus {
    switch error {
    case let status as RPCStatus:
      // A handler cannot fail with success.
      status.code == .ok ? RPCStatus(code: .unknown, message: status.message) : status
    case let error as WireDecodingError: RPCStatus(error)
    case is CancellationError: cancellation?.reason?.status ?? .cancelled
    default: mapError(error)
    }
  }
}

/// What the connections of one event loop share. Touched on that loop only, the executor excepted.
final class LoopResources: @unchecked Sendable {
  // Handed to connections of this loop only.
  let eventLoop: any EventLoop
  let arena = Arena()
  let executor: EventLoopTaskExecutor

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    executor = EventLoopTaskExecutor(eventLoop: eventLoop)
  }
}
