import Foundation
import GRDB
package import LociAccess
import LociCollection
package import LociCompress
import LociContext
package import LociCore
import LociLearn
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
package import LociText
import LociTrace
package import LociVector
package import LociWire
package import Logging
import NIOCore

/// A Loci server put together: stores, encoder, search, services, wire.
package final class Node: Sendable {
  package struct Configuration: Sendable {
    /// Folder of the data.
    package var dataPath: String
    /// Folder of the encoder's model; `nil` serves words only, unless there is an `embedder`.
    package var modelPath: String?
    /// An encoder that is not a model of this machine; `modelPath` is not read then.
    package var embedder: (any TextEmbedder)?
    /// Requests to the `embedder` at once.
    package var embedderWidth = 4
    /// Vectors of texts encoded lately, bytes.
    package var encodingCacheBytes = 64 << 20
    /// Address to listen on. One that others reach needs `tls` and `authentication`.
    package var host = "127.0.0.1"
    /// 0: a free one.
    package var port = 7420
    /// A Unix socket to listen on as well.
    package var unixSocketPath: String?
    /// Certificates for TCP.
    package var tls: TLSFiles?
    /// How callers show who they are; `nil`: nobody has to, and everyone may do everything.
    package var authentication: Authentication?
    /// Calls a second of one tenant; 0: as many as it likes.
    package var callsPerSecondMax = 0
    /// Shards of a new data directory.
    package var shards = 4
    /// Threads for reads, searches and encoding of queries. 0: as many as there are cores, at least 2.
    package var workerThreads = 0
    /// Vectors kept in memory, bytes.
    package var vectorCacheBytes = 1 << 30
    /// When collections of vectors become segments.
    package var segments = SegmentPolicy()
    /// Collections of vectors kept open.
    package var openCollections = 1_024
    /// What the building of segments may write, bytes a second.
    package var segmentBytesPerSecond = 256 << 20
    /// Where to listen for OpenTelemetry's exporters (OTLP/HTTP): a loopback address, since it has no TLS.
    package var otlp: (host: String, port: Int)?
    /// Hosts of webhooks that are allowed though they are inside.
    package var webhookHosts: Set<String> = []
    /// Pause between looks for traces that their policy no longer keeps.
    package var traceExpiryInterval = Duration.seconds(15)
    /// Delivers alerts of audit rules; `nil` leaves them in their outbox.
    package var alertSender: (any AlertSender)?
    /// Writes summaries; `nil`: they are made of the texts' own words.
    package var summariser: (any TextSummariser)?
    /// Pause between learning cycles.
    package var learningInterval = Duration.seconds(3_600)
    /// Pause between looks for memories to consolidate by policy.
    package var consolidationInterval = Duration.seconds(5)
    /// How long running calls may go on after SIGTERM.
    package var drainGrace = Duration.seconds(20)

    package init(dataPath: String) { self.dataPath = dataPath }

    package func validate() throws(LociError) {
      guard Self.isLoopback(host) || (tls != nil && authentication != nil) else {
        throw .failedPrecondition(
          "refusing to listen on \(host): only loopback addresses are served without TLS and authentication")
      }
      guard tls.map({ $0.certificatePath != nil && $0.keyPath != nil }) ?? true else {
        throw .invalid(field: "tls", problem: "needs a certificate and its key")
      }
      try authentication?.validate()
      guard callsPerSecondMax >= 0 else {
        throw .invalid(field: "calls-per-second", problem: "is \(callsPerSecondMax), must be at least 0")
      }
      guard (0...65_535).contains(port) else {
        throw .invalid(field: "port", problem: "is \(port), must be 0 to 65535")
      }
      if let otlp {
        guard Self.isLoopback(otlp.host) else {
          throw .failedPrecondition(
            "refusing to take spans on \(otlp.host): only loopback addresses are served over plain HTTP")
        }
        guard (0...65_535).contains(otlp.port) else {
          throw .invalid(field: "otlp", problem: "has port \(otlp.port), must be 0 to 65535")
        }
      }
      guard (0...256).contains(workerThreads) else {
        throw .invalid(field: "workers", problem: "is \(workerThreads), must be 0 to 256")
      }
      guard vectorCacheBytes >= 1 << 20 else {
        throw .invalid(field: "vector-cache-bytes", problem: "must be at least 1 MiB")
      }
    }

    private static func isLoopback(_ host: String) -> Bool {
      host == "localhost" || host == "::1"
        || (host.hasPrefix("127.") && host.split(separator: ".").count == 4)
    }
  }

  package struct Authentication: Sendable {
    /// A secret that opens everything, for making the first keys.
    package var rootKey: String?
    package var tokens: TokenVerifier?

    package init() {}

    package func validate() throws(LociError) {
      guard rootKey.map({ $0.utf8.count >= 32 }) ?? true else {
        throw .invalid(field: "root-key", problem: "needs at least 32 bytes")
      }
    }
  }

  package static let version = NodeStatus.version

  private let configuration: Configuration
  private let logger: Logger
  private let parts: NodeParts
  private let collections: CollectionCatalog
  private let status = NodeStatus()
  private let directory = AccessDirectory()
  private let refusals = RefusalLog()
  private let rewriter: ShardRewriter
  private let intake: TraceIntake
  private let rules = AuditRuleBook()
  private let policies = TracePolicies()
  private let spansReceiver: OTLPReceiver
  private let signer: AuditSigner
  private let server: RPCServer
  private let stopping = AsyncStream.makeStream(of: Void.self)

  /// Opens the data and the model. Nothing listens yet.
  /// - Throws: `LociError`; what is wrong with the certificates.
  package init(_ configuration: Configuration, clock: any WallClock = SystemWallClock(), logger: Logger)
    throws
  {
    try configuration.validate()
    self.configuration = configuration
    self.logger = logger
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let width = configuration.workerThreads > 0 ? configuration.workerThreads : max(2, cores)
    let workers = WorkerPool(name: "workers", width: width, waitingMax: 1_024)
    let encoder = try Self.engine(configuration, width: width)
    let cache = VectorCache(
      encoder: encoder.map { EncoderIdentity($0.about) }, bytesMax: configuration.vectorCacheBytes)
    let pipeline = encoder.map { encoder in
      EmbeddingPipeline(encoder: encoder, sources: Self.sources, logger: logger)
    }
    let index = IndexSlice(sources: Self.sources, vectors: cache) { _ in pipeline?.wake() }
    let collections = CollectionCatalog(
      path: configuration.dataPath + "/collections", policy: configuration.segments,
      bytesPerSecond: configuration.segmentBytesPerSecond, openMax: configuration.openCollections,
      logger: logger)
    let memoryPolicies = MemoryPolicies()
    let tail = StepTail()
    let violations = ViolationWatch()
    let store = try Self.openStore(
      path: configuration.dataPath, shardsIfNew: configuration.shards, index: index,
      collections: CollectionSlice(changed: collections.apply), access: AccessSlice(directory),
      memoryPolicies: memoryPolicies, traces: TraceSlice(tail: tail, policies: policies),
      audit: AuditSlice(watch: violations, book: rules), workers: workers, clock: clock, logger: logger)
    signer = try AuditKeyFile(dataPath: configuration.dataPath).signer()
    self.collections = collections
    rewriter = ShardRewriter(store: store, logger: logger)
    parts = NodeParts(
      store: store, encoder: encoder, pipeline: pipeline,
      recall: HybridSearch(
        encoder: encoder, cache: cache, pipeline: pipeline, clock: clock),
      workers: workers, upkeep: WorkerPool(name: "upkeep", width: 1, waitingMax: 64, isBackground: true),
      clock: clock, ids: UUIDv7Generator(clock: clock), summariser: configuration.summariser,
      memoryPolicies: memoryPolicies)
    intake = TraceIntake(node: parts, policies: policies, rules: rules)
    let errors = ErrorMapper(logger: logger)
    var wire = RPCServer.Configuration()
    wire.tcp = .init(host: configuration.host, port: configuration.port)
    wire.unixSocketPath = configuration.unixSocketPath
    wire.tls = configuration.tls
    let gate = Gate(
      authenticator: configuration.authentication.map { [directory] authentication in
        Authenticator(
          directory: directory, tokens: authentication.tokens, rootKey: authentication.rootKey, clock: clock)
      }, directory: directory, refusals: refusals,
      quotas: CallQuotas(perSecond: configuration.callsPerSecondMax), clock: clock)
    spansReceiver = OTLPReceiver(intake: intake, gate: gate, errors: errors)
    server = try RPCServer(
      table: ServiceTable([
        ContextService(node: parts).serviceDescription(gate),
        MemoryService(node: parts).serviceDescription(gate),
        SessionService(node: parts).serviceDescription(gate),
        CheckpointService(node: parts).serviceDescription(gate),
        StateService(node: parts, gate: gate).serviceDescription(gate),
        EmbeddingService(node: parts, collections: collections).serviceDescription(gate),
        CompressionService(node: parts).serviceDescription(gate),
        VectorService(node: parts, collections: collections).serviceDescription(gate),
        TraceService(node: parts, tail: tail, intake: intake).serviceDescription(gate),
        AuditService(
          node: parts, watch: violations, signer: signer,
          hosts: WebhookHosts(allowed: configuration.webhookHosts)
        ).serviceDescription(gate),
        FeedbackService(node: parts).serviceDescription(gate),
        ExperienceService(node: parts).serviceDescription(gate),
        LearningService(node: parts, policies: PolicyCache()).serviceDescription(gate),
        AccessService(node: parts, gate: gate).serviceDescription(gate),
        ErasureService(node: parts, rewriter: rewriter).serviceDescription(gate),
        AdminService(node: parts, status: status).serviceDescription(gate)
      ]), configuration: wire, logger: logger, mapError: { errors.status($0) })
  }

  private static func engine(_ configuration: Configuration, width: Int) throws -> EmbeddingEngine? {
    var engine = EmbeddingEngine.Configuration()
    engine.cacheBytesMax = configuration.encodingCacheBytes
    if let embedder = configuration.embedder {
      engine.width = configuration.embedderWidth
      return EmbeddingEngine(embedder, engine)
    }
    guard let path = configuration.modelPath else { return nil }
    engine.width = width
    let encoder = try TextEncoder(modelDirectory: path)
    return EmbeddingEngine(
      LocalEmbedder(encoder, workers: WorkerPool(name: "encoder", width: width, waitingMax: width)), engine)
  }

  /// When stored vectors are another encoder's, they are made again in the background. Until then they are searched
  /// with that encoder, if its model lies beside the one of now.
  private func findEarlierEncoder() async throws {
    guard let pipeline = parts.pipeline else { return }
    var fingerprints: Set<String> = []
    for shard in parts.store.shards { fingerprints.formUnion(try await pipeline.findOutdated(in: shard)) }
    guard !fingerprints.isEmpty else { return }
    let earlier = try EarlierEncoder.find(fingerprints, besideModel: configuration.modelPath)
    logger.notice(
      "stored vectors of another encoder are made again in the background",
      metadata: [
        "encoder": "\(fingerprints.sorted().joined(separator: ", "))",
        "until-then": earlier == nil ? "found by words" : "searched with it"
      ])
    if let earlier { parts.recall.alsoSearch(vectorsOf: EmbeddingEngine(earlier)) }
  }

  /// Everything that can be searched.
  static let sources: [any ItemSource] = [MessageSource(), MemorySource(), ExperienceSource()]

  /// Opens a data folder with every slice there is.
  static func openStore(
    path: String, shardsIfNew: Int = 4, index: IndexSlice, collections: CollectionSlice, access: AccessSlice,
    memoryPolicies: MemoryPolicies = MemoryPolicies(), traces: TraceSlice = TraceSlice(),
    audit: AuditSlice = AuditSlice(), workers: WorkerPool,
    clock: any WallClock = SystemWallClock(), logger: Logger
  ) throws(LociError) -> Store {
    var configuration = Store.Configuration(path: path)
    configuration.shardsIfNew = shardsIfNew
    return try Store(
      configuration,
      slices: [
        index, SessionSlice(), CheckpointSlice(), ContextSlice(index: index),
        MemorySlice(index: index, policies: memoryPolicies), ConsolidationSlice(), LearnSlice(index: index),
        collections, access, traces, audit
      ],
      workers: workers, clock: clock, logger: logger, prepare: KeywordIndex.register)
  }

  /// Listens, and serves until `stop` is called; then answers what still runs, and closes the data.
  /// - Parameter ready: told where the server listens, the TCP address first.
  package func run(ready: @escaping @Sendable (_ addresses: [String]) throws -> Void) async throws {
    BackupScratch(dataPath: configuration.dataPath).remove()
    try await findEarlierEncoder()
    for shard in parts.store.shards {
      try await shard.read { [directory, policies, rules, parts] db in
        try AccessQueries.load(db, into: directory)
        try policies.load(db)
        try rules.load(db)
        try parts.memoryPolicies.load(db)
      }
    }
    let exporters = configuration.otlp.map { _ in OTLPListener(spansReceiver, logger: logger) }
    let addresses = try await listen(exporters)
    status.serving(server)
    logger.notice("listening", metadata: ["addresses": "\(addresses.joined(separator: ", "))"])
    let background: [Task<Void, Never>] = [
      Task(priority: .background) { [parts] in
        if let pipeline = parts.pipeline { await pipeline.run(parts.store) }
      },
      Task(priority: .background) { [parts] in await Self.forgetOldRequests(of: parts.store) },
      Task(priority: .background) { [parts] in await Self.expireSessions(of: parts) },
      Task(priority: .background) { [parts, refusals] in await Self.record(refusals, parts) },
      Task(priority: .background) { [parts, logger] in await Self.compactContexts(of: parts, logger) },
      Task(priority: .background) { [parts, configuration, signer, logger] in
        guard let sender = configuration.alertSender else { return }
        await AlertDelivery(
          store: parts.store, clock: parts.clock, sender: sender, secrets: WebhookSecrets(signer),
          logger: logger
        ).run()
      },
      Task(priority: .background) { [parts, policies, configuration] in
        while (try? await Task.sleep(for: configuration.traceExpiryInterval)) != nil {
          await parts.store.expireTraces(policies, now: parts.clock.now())
        }
      },
      Task(priority: .background) { [parts, intake, logger] in
        while (try? await Task.sleep(for: .seconds(1))) != nil { await parts.spans.flush(to: intake, logger) }
      },
      Task(priority: .background) { [parts] in await Self.expireMemories(of: parts) },
      Task(priority: .background) { [rewriter] in await rewriter.run() },
      Task(priority: .background) { [parts, configuration, logger] in
        await LearningLoop(node: parts, interval: configuration.learningInterval, logger: logger).run()
      },
      Task(priority: .background) { [parts, configuration, logger] in
        await Self.consolidateMemories(of: parts, every: configuration.consolidationInterval, logger)
      },
      Task(priority: .background) { [parts, collections] in
        await collections.run(parts.store, workers: parts.upkeep)
      }
    ]
    do { try ready(addresses) } catch {
      stop()
      logger.error("cannot announce the address", metadata: ["error": "\(error)"])
    }
    for await _ in stopping.stream { break }
    status.drain()
    logger.notice("draining")
    await exporters?.stop()
    await server.drain(grace: configuration.drainGrace)
    for task in background { task.cancel() }
    collections.stop()
    rewriter.stop()
    for task in background { await task.value }
    await parts.access.flush(to: parts.store)
    await parts.spans.flush(to: intake, logger)
    try await parts.store.close()
    logger.notice("closed")
  }

  /// The addresses bound, the RPC server's first. Nothing listens when one cannot be bound.
  private func listen(_ exporters: OTLPListener?) async throws -> [String] {
    var otlp: [String] = []
    do {
      if let exporters, let address = configuration.otlp {
        let bound = try await exporters.start(host: address.host, port: address.port)
        otlp = bound.map { ["http://\(Self.text($0))\(OTLPReceiver.path)"] } ?? []
      }
      return try await server.start().map(Self.text) + otlp
    } catch {
      await exporters?.stop()
      throw error
    }
  }

  /// Every few seconds a few of them, rather than many at once: no caller notices.
  private static func forgetOldRequests(of store: Store) async {
    while (try? await Task.sleep(for: .seconds(10))) != nil { await store.forgetOldRequests() }
  }

  /// A session ends at most a second late.
  private static func expireSessions(of parts: NodeParts) async {
    while (try? await Task.sleep(for: .seconds(1))) != nil {
      await parts.store.expireSessions(now: parts.clock.now())
    }
  }

  /// Once a second, so that a flood of refused calls is a few rows.
  private static func record(_ refusals: RefusalLog, _ parts: NodeParts) async {
    while (try? await Task.sleep(for: .seconds(1))) != nil {
      for (tenant, refused) in refusals.take() {
        _ = try? await parts.write(RecordRefusals(refused, tenant: tenant))
      }
    }
  }

  /// A context is compacted at most some seconds after it reached its threshold. Memories and snapshots, which are
  /// counted, are looked at once a minute.
  private static func compactContexts(of parts: NodeParts, _ logger: Logger) async {
    var rounds = 0
    while (try? await Task.sleep(for: .seconds(5))) != nil {
      rounds += 1
      do {
        try await parts.compactDue()
        if rounds.isMultiple(of: 12) { try await parts.keepWithinPolicies() }
      } catch is CancellationError { return } catch {
        logger.warning("nothing is compacted", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Memories are consolidated at most some seconds after their agent's policy asks for it.
  private static func consolidateMemories(
    of parts: NodeParts, every interval: Duration, _ logger: Logger
  ) async {
    while (try? await Task.sleep(for: interval)) != nil {
      do { try await parts.consolidateDue() } catch is CancellationError { return } catch {
        logger.warning("memories are not consolidated", metadata: ["error": "\(error)"])
      }
    }
  }

  /// A memory leaves the indexes at most a second late, and is not returned meanwhile. What searches found is written
  /// every five.
  private static func expireMemories(of parts: NodeParts) async {
    var seconds = 0
    while (try? await Task.sleep(for: .seconds(1))) != nil {
      await parts.store.expireMemories(now: parts.clock.now(), parts.memoryPolicies)
      seconds += 1
      if seconds.isMultiple(of: 5) { await parts.access.flush(to: parts.store) }
    }
  }

  /// HOST:PORT, or unix:PATH.
  private static func text(_ address: SocketAddress) -> String {
    switch address {
    case .v4: "\(address.ipAddress ?? ""):\(address.port ?? 0)"
    case .v6: "[\(address.ipAddress ?? "")]:\(address.port ?? 0)"
    case .unixDomainSocket: "unix:\(address.pathname ?? "")"
    }
  }

  /// Begins a graceful stop. `run` returns when it is done. Safe from any thread, any number of times.
  package func stop() { stopping.continuation.finish() }
}
