public import LociWire

/// A connection to a Loci server: calls are multiplexed over it, and it reconnects by itself. Safe to share.
public final class LociClient: Sendable {
  public struct Configuration: Sendable {
    /// How long a call may take unless its options say otherwise.
    public var timeout = Duration.seconds(30)
    /// The transport's own settings.
    public var transport = RPCClient.Configuration()

    public init() {}
  }

  public let contexts: ContextServiceClient
  public let memories: MemoryServiceClient
  public let sessions: SessionServiceClient
  public let checkpoints: CheckpointServiceClient
  public let state: StateServiceClient
  public let embeddings: EmbeddingServiceClient
  public let vectors: VectorServiceClient
  public let access: AccessServiceClient
  public let compression: CompressionServiceClient
  public let traces: TraceServiceClient
  public let audit: AuditServiceClient
  public let feedback: FeedbackServiceClient
  public let experiences: ExperienceServiceClient
  public let learning: LearningServiceClient
  public let erasure: ErasureServiceClient
  public let admin: AdminServiceClient
  private let rpc: RPCClient

  /// Connects on first use.
  public convenience init(host: String, port: Int, configuration: Configuration = Configuration()) {
    self.init(RPCClient(host: host, port: port, configuration: Self.transport(configuration)))
  }

  public convenience init(unixSocketPath: String, configuration: Configuration = Configuration()) {
    self.init(RPCClient(unixSocketPath: unixSocketPath, configuration: Self.transport(configuration)))
  }

  private init(_ rpc: RPCClient) {
    self.rpc = rpc
    contexts = ContextServiceClient(rpc)
    memories = MemoryServiceClient(rpc)
    sessions = SessionServiceClient(rpc)
    checkpoints = CheckpointServiceClient(rpc)
    state = StateServiceClient(rpc)
    embeddings = EmbeddingServiceClient(rpc)
    vectors = VectorServiceClient(rpc)
    access = AccessServiceClient(rpc)
    compression = CompressionServiceClient(rpc)
    traces = TraceServiceClient(rpc)
    audit = AuditServiceClient(rpc)
    feedback = FeedbackServiceClient(rpc)
    experiences = ExperienceServiceClient(rpc)
    learning = LearningServiceClient(rpc)
    erasure = ErasureServiceClient(rpc)
    admin = AdminServiceClient(rpc)
  }

  /// The connection's own thread. A task that prefers it (`withTaskExecutorPreference`) calls without changing threads,
  /// which is the fastest way to wait for one answer after the other; it must not compute for long there, since all
  /// calls of the connection wait meanwhile.
  public var executor: any TaskExecutor { rpc.executor }

  /// Fails what is under way, and closes the connection.
  public func close() async { await rpc.close() }

  private static func transport(_ configuration: Configuration) -> RPCClient.Configuration {
    var transport = configuration.transport
    transport.timeoutDefault = configuration.timeout
    return transport
  }
}
