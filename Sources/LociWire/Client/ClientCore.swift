import LociCore
import LociProto
import NIOCore
import NIOPosix
import NIOSSL

/// What a client consists of, on one event loop: at most one connection, made when it is first needed and again
/// when it was lost, and the calls that wait for it.
final class ClientCore: @unchecked Sendable {
  // Everything but `submitted` and the Sendable `let`s is touched on `eventLoop` only.
  enum Target: Sendable {
    case tcp(host: String, port: Int)
    case unixSocket(path: String)
  }

  private enum Connectivity {
    case idle, connecting
    case ready(ClientConnection)
    case backingOff(until: NIODeadline, RPCStatus)
    case closed
  }

  private struct Submitted {
    var calls: [ClientCall] = []
  }

  let eventLoop: any EventLoop
  let executor: EventLoopTaskExecutor
  let configuration: RPCClient.Configuration
  let streamQueue: InboundQueue.Limits
  let budget = MemoryBudget(bytesMax: .max)
  let arena = Arena()
  private let target: Target
  private let submitted = Locked(Submitted())

  private var connectivity = Connectivity.idle
  private var backOff: BackOff
  private var random = SystemRandomNumberGenerator()
  /// Wait for a connection.
  private var waiting: [ClientCall] = []
  private var callsInProgress = 0
  private var wake: (at: NIODeadline, task: Scheduled<Void>)?
  private var closeWaiters: [Waiter<Void>] = []
  private lazy var tls = Result { try configuration.tls?.clientContext() }

  init(target: Target, configuration: RPCClient.Configuration, eventLoop: any EventLoop) {
    self.target = target
    self.configuration = configuration
    self.eventLoop = eventLoop
    executor = EventLoopTaskExecutor(eventLoop: eventLoop)
    backOff = BackOff(initial: configuration.backOffInitial, longest: configuration.backOffMax)
    streamQueue = .init(messagesMax: configuration.streamMessagesMax, bytesMax: configuration.streamBytesMax)
  }

  // MARK: From any thread

  func submit(_ call: ClientCall) {
    if eventLoop.inEventLoop { return start(call) }
    let isFirst = submitted.withLock { submitted in
      submitted.calls.append(call)
      return submitted.calls.count == 1
    }
    guard isFirst else { return }
    eventLoop.execute {
      let calls = self.submitted.withLock { submitted in
        defer { submitted.calls.removeAll() }
        return submitted.calls
      }
      for call in calls { self.start(call) }
    }
  }

  /// The answer is no longer wanted. Harmless after the end.
  func cancel(_ call: ClientCall) {
    if eventLoop.inEventLoop { return end(call, .cancelled) }
    eventLoop.execute { self.end(call, .cancelled) }
  }

  func close() async {
    _ = try? await Waiter<Void>.suspend { waiter in
      eventLoop.execute { self.close(waiter) }
    }
  }

  func closeSoon() { eventLoop.execute { self.close(nil) } }

  // MARK: Calls

  private func start(_ call: ClientCall) {
    // Cancelled before it came here.
    guard !call.isDone else { return call.fail(.cancelled) }
    guard callsInProgress < configuration.callsMax else {
      call.isDone = true
      return call.fail(
        RPCStatus(code: .resourceExhausted, message: "\(configuration.callsMax) calls are in progress"))
    }
    callsInProgress += 1
    if let deadline = call.deadline { wake(at: deadline) }
    switch connectivity {
    case .ready(let connection) where !connection.isClosed: connection.start(call)
    case .idle, .ready:
      waiting.append(call)
      connect()
    case .connecting: waiting.append(call)
    case .backingOff(let until, let failure):
      if until <= eventLoop.now {
        waiting.append(call)
        connect()
      } else if call.waitsForServer {
        waiting.append(call)
        wake(at: until)
      } else {
        end(call, failure)
      }
    case .closed: end(call, Self.clientClosed)
    }
  }

  /// Ends a call with a failure, wherever it is.
  func end(_ call: ClientCall, _ status: RPCStatus) {
    guard !call.isDone else { return }
    if call.streamID != 0, case .ready(let connection) = connectivity { connection.abandon(call) }
    if ended(call) { call.fail(status) }
  }

  /// The call has its answer. Whether it had not ended before.
  @discardableResult
  func ended(_ call: ClientCall) -> Bool {
    guard !call.isDone else { return false }
    call.isDone = true
    callsInProgress -= 1
    return true
  }

  // MARK: Connection

  private func connect() {
    connectivity = .connecting
    let connection = ClientConnection(core: self)
    let tls: NIOSSLContext?
    do { tls = try self.tls.get() } catch { return connectFailed(error) }
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(TimeAmount(configuration.connectTimeout))
      .channelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 65536, maximum: 256 << 10)
      )
      .channelOption(.maxMessagesPerRead, value: 4)
      .channelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 1 << 20))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls, let name = self.serverName {
            try pipeline.addHandler(
              NIOSSLClientHandler(context: tls, serverHostname: name.isAddress ? nil : name))
          }
          try pipeline.addHandler(connection)
        }
      }
    let connected =
      switch target {
      case .tcp(let host, let port):
        bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
          .channelOption(.socketOption(.so_keepalive), value: 1)
          .connect(host: host, port: port)
      case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
      }
    connected.whenComplete { result in
      switch result {
      case .success(let channel): self.connected(connection, channel)
      case .failure(let error): self.connectFailed(error)
      }
    }
  }

  /// What the server's certificate must say; `nil` for a Unix socket.
  private var serverName: String? {
    guard case .tcp(let host, _) = target else { return nil }
    return configuration.tls?.serverName ?? host
  }

  private func connected(_ connection: ClientConnection, _ channel: any Channel) {
    guard case .connecting = connectivity else {
      channel.close(promise: nil)
      return
    }
    backOff.succeeded()
    connectivity = .ready(connection)
    let calls = waiting
    waiting = []
    for call in calls where !call.isDone { connection.start(call) }
  }

  private func connectFailed(_ error: any Error) {
    guard case .connecting = connectivity else { return }
    let until = eventLoop.now + TimeAmount(backOff.failed(using: &random))
    let failure = RPCStatus(code: .unavailable, message: "cannot connect to \(target): \(error)")
    connectivity = .backingOff(until: until, failure)
    let calls = waiting
    waiting = calls.filter(\.waitsForServer)
    for call in calls where !call.waitsForServer { end(call, failure) }
    if !waiting.isEmpty { wake(at: until) }
  }

  func connectionClosed(_ connection: ClientConnection) {
    switch connectivity {
    case .ready(let current) where current === connection: connectivity = .idle
    case .closed:
      for waiter in closeWaiters { waiter.resume(with: .success(())) }
      closeWaiters = []
    default: break
    }
  }

  private static let clientClosed = RPCStatus(code: .cancelled, message: "the client was closed")

  private func close(_ waiter: Waiter<Void>?) {
    let previous = connectivity
    connectivity = .closed
    wake?.task.cancel()
    wake = nil
    for call in waiting { end(call, Self.clientClosed) }
    waiting = []
    guard case .ready(let connection) = previous, !connection.isClosed else {
      waiter?.resume(with: .success(()))
      return
    }
    for call in Array(connection.calls.values) { end(call, Self.clientClosed) }
    if let waiter { closeWaiters.append(waiter) }
    connection.close()
  }

  // MARK: Time

  private func wake(at deadline: NIODeadline) {
    if let wake, wake.at <= deadline { return }
    wake?.task.cancel()
    wake = (deadline, eventLoop.scheduleTask(deadline: deadline) { self.woke() })
  }

  private func woke() {
    wake = nil
    let now = eventLoop.now
    if case .backingOff(let until, _) = connectivity, until <= now, !waiting.isEmpty { connect() }
    var next: NIODeadline?
    var calls = waiting
    if case .ready(let connection) = connectivity { calls += connection.calls.values }
    for call in calls {
      guard !call.isDone, let deadline = call.deadline else { continue }
      if deadline <= now { end(call, .deadlineExceeded) } else { next = min(next ?? deadline, deadline) }
    }
    waiting.removeAll(where: \.isDone)
    if let next { wake(at: next) }
    if case .backingOff(let until, _) = connectivity, !waiting.isEmpty { wake(at: until) }
  }
}

extension ClientCore.Target: CustomStringConvertible {
  var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unixSocket(let path): path
    }
  }
}

extension String {
  /// Whether this is an IP address, which TLS does not send as a name.
  fileprivate var isAddress: Bool { (try? SocketAddress(ipAddress: self, port: 0)) != nil }
}
