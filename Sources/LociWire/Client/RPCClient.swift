public import LociProto
import NIOCore
import NIOPosix

/// Calls a server over one connection that all calls share. Connects when it is first needed, and again after a
/// loss. Safe to use from any number of tasks.
///
/// A call fails with `RPCStatus`: the server's, or `unavailable` (not reached, or the connection was lost before
/// the answer: it may have run), `deadlineExceeded`, `cancelled` (also when its task is cancelled, which tells
/// the server), `resourceExhausted` (a message over 4 MiB). Nothing is retried by itself.
public final class RPCClient: Sendable {
  private let core: ClientCore

  public convenience init(host: String, port: Int, configuration: Configuration = .init()) {
    self.init(target: .tcp(host: host, port: port), configuration)
  }

  public convenience init(unixSocketPath: String, configuration: Configuration = .init()) {
    self.init(target: .unixSocket(path: unixSocketPath), configuration)
  }

  private init(target: ClientCore.Target, _ configuration: Configuration) {
    core = ClientCore(
      target: target, configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
  }

  deinit { core.closeSoon() }

  /// Runs tasks on the connection's own thread: a task that prefers it calls without changing threads.
  public var executor: any TaskExecutor { core.executor }

  /// Fails what is in progress with `cancelled`, and closes the connection.
  public func close() async { await core.close() }

  /// One request, one answer.
  public func unary<Request: WireMessage, Answer: WireMessage>(
    _ service: String, _ method: String, _ request: Request, options: CallOptions = .init()
  ) async throws -> Answer {
    let call = UnaryClientCall<Answer>(
      head: RequestHead(service: service, method: method, metadata: metadata(options)), request: request,
      deadline: deadline(options), waitsForServer: options.waitsForServer)
    return try await withTaskCancellationHandler {
      try await Waiter.suspend { waiter in
        call.waiter = waiter
        core.submit(call)
      }
    } onCancel: {
      core.cancel(call)
    }
  }

  private func metadata(_ options: CallOptions) -> Metadata {
    guard let authorization = core.configuration.authorization, options.metadata["authorization"] == nil
    else {
      return options.metadata
    }
    var metadata = options.metadata
    metadata.add(authorization, for: "authorization")
    return metadata
  }

  /// One request, a stream of answers. The call is under way when this returns; dropping the sequence cancels
  /// it.
  public func serverStreaming<Request: WireMessage, Answer: WireMessage>(
    _ service: String, _ method: String, _ request: Request, options: CallOptions = .init()
  ) -> ResponseSequence<Answer> {
    ResponseSequence(handle: open(service, method, request, .remoteClosed, options))
  }

  /// A stream of requests, one answer.
  public func clientStreaming<Request: WireMessage, Answer: WireMessage>(
    _ service: String, _ method: String, options: CallOptions = .init()
  ) -> ClientStreamingCall<Request, Answer> {
    ClientStreamingCall(handle: open(service, method, EmptyRequest(), .remoteOpen, options))
  }

  /// A stream of requests, a stream of answers, independent of each other.
  public func bidirectional<Request: WireMessage, Answer: WireMessage>(
    _ service: String, _ method: String, options: CallOptions = .init()
  ) -> BidirectionalCall<Request, Answer> {
    BidirectionalCall(handle: open(service, method, EmptyRequest(), .remoteOpen, options))
  }

  private func open(
    _ service: String, _ method: String, _ request: any WireMessage, _ flags: FrameHeader.Flags,
    _ options: CallOptions
  ) -> StreamHandle {
    let call = StreamingClientCall(
      core: core,
      head: RequestHead(service: service, method: method, metadata: metadata(options), flags: flags),
      request: request, deadline: deadline(options), waitsForServer: options.waitsForServer)
    core.submit(call)
    return StreamHandle(call: call)
  }

  private func deadline(_ options: CallOptions) -> NIODeadline? {
    guard let timeout = options.timeout ?? core.configuration.timeoutDefault else { return nil }
    return .now() + TimeAmount(min(timeout, .seconds(365 * 86400)))
  }
}

/// The payload of a request that opens a stream: nothing.
struct EmptyRequest: WireMessage {
  static let protoName = "google.protobuf.Empty"

  init() {}

  init(decoding bytes: UnsafeRawBufferPointer, arena: Arena) throws(WireDecodingError) {}

  func encode(arena: Arena, reserve: (Int) -> UnsafeMutableRawPointer) { _ = unsafe reserve(0) }
}
