import LociCore
package import Logging
package import NIOCore
import NIOPosix
import Synchronization

/// Serves a table of methods over TCP and a Unix socket.
///
/// `start` once, `drain` once. Handlers that take longer than about 20 µs of CPU must leave the event loop by
/// themselves: the async ones run there until they suspend.
package final class RPCServer: Sendable {
  private enum Phase {
    case made
    case running([any Channel])
    case draining
    case stopped
  }

  package enum Misuse: Error, Equatable { case startedTwice }

  private let core: ServerCore
  private let registry: ConnectionRegistry
  private let group: MultiThreadedEventLoopGroup
  private let listener: Listener
  private let phase = Locked(Phase.made)

  /// - Parameter mapError: the status for errors that handlers throw and that are not `RPCStatus`.
  /// - Throws: `Configuration.Problem`; NIOSSL's error for certificates that cannot be used.
  package init(
    table: ServiceTable, configuration: Configuration = .init(), logger: Logger,
    mapError: @escaping @Sendable (any Error) -> RPCStatus = { _ in
      RPCStatus(code: .internalError, message: "internal error")
    }
  ) throws {
    try configuration.validate()
    let tls = try configuration.tls?.serverContext()
    core = ServerCore(table: table, configuration: configuration, logger: logger, mapError: mapError)
    registry = ConnectionRegistry(
      totalMax: configuration.connectionsMax, perAddressMax: configuration.connectionsPerAddressMax)
    group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
    var loops: [ObjectIdentifier: LoopResources] = [:]
    for loop in group.makeIterator() { loops[ObjectIdentifier(loop)] = LoopResources(eventLoop: loop) }
    listener = Listener(core: core, registry: registry, group: group, loops: loops, tls: tls)
  }

  /// Listens. The addresses bound, TCP first.
  /// - Throws: the operating system's error where an address cannot be bound; nothing listens then.
  package func start() async throws -> [SocketAddress] {
    guard phase.withLock({ if case .made = $0 { true } else { false } }) else { throw Misuse.startedTwice }
    var channels: [any Channel] = []
    do {
      if let address = core.configuration.tcp { channels.append(try await listener.bind(address)) }
      if let path = core.configuration.unixSocketPath {
        channels.append(try await listener.bind(unixSocketPath: path))
      }
    } catch {
      for channel in channels { try? await channel.close() }
      throw error
    }
    phase.withLock { $0 = .running(channels) }
    return channels.compactMap(\.localAddress)
  }

  /// Stops gracefully: accepts nobody, answers new calls `unavailable` "draining", lets those that run finish,
  /// and closes each connection when it has none. What is left after `grace` is cancelled. Returns when all is
  /// closed and the threads have ended.
  package func drain(grace: Duration) async {
    let channels = phase.withLock { phase -> [any Channel]? in
      switch phase {
      case .made: phase = .draining; return []
      case .running(let channels): phase = .draining; return channels
      case .draining, .stopped: return nil
      }
    }
    guard let channels else { return }
    for channel in channels { try? await channel.close() }
    if let path = core.configuration.unixSocketPath, !channels.isEmpty { removeSocketFile(path) }
    for connection in registry.all { connection.eventLoop.execute { connection.beginDrain() } }
    if await !isIdle(within: grace) {
      for connection in registry.all {
        connection.eventLoop.execute {
          connection.abort(RPCStatus(code: .unavailable, message: "shutting down"))
        }
      }
      // A second is what `abort` gives the last answers.
      _ = await isIdle(within: .seconds(3))
    }
    guard core.counters.runningHandlers.load(ordering: .relaxed) == 0, registry.count == 0 else {
      return core.logger.error("handlers ignore their cancellation; their threads are left behind")
    }
    try? await group.shutdownGracefully()
    phase.withLock { $0 = .stopped }
  }

  /// Whether all connections and handlers ended in time.
  private func isIdle(within limit: Duration) async -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while registry.count > 0 || core.counters.runningHandlers.load(ordering: .relaxed) > 0 {
      guard clock.now < end else { return false }
      try? await clock.sleep(until: min(end, clock.now + .milliseconds(10)))
      if Task.isCancelled { return false }
    }
    return true
  }

  package var statistics: ServerStatistics {
    var statistics = ServerStatistics()
    statistics.methods = core.table.methods.map {
      ServerStatistics.Method(
        service: $0.service, method: $0.method, calls: $0.statistics.callsByCode,
        latency: $0.statistics.latency.histogram)
    }
    statistics.rejections = core.counters.rejectionsByReason
    statistics.connections = registry.count
    statistics.connectionsAccepted = core.counters.connectionsAccepted.load(ordering: .relaxed)
    statistics.runningHandlers = core.counters.runningHandlers.load(ordering: .relaxed)
    statistics.requestBytesHeld = core.budget.bytes
    statistics.receivedBytes = core.counters.receivedBytes.load(ordering: .relaxed)
    statistics.sentBytes = core.counters.sentBytes.load(ordering: .relaxed)
    return statistics
  }
}
