import GRDB
import LociCore
import LociProto
package import LociStore
package import LociText
package import Logging
import Synchronization

/// Computes the vectors of new items in the background, in batches, and appends them to the log. What is still to
/// do is a table of the projection, so a restart resumes where it stopped.
package final class EmbeddingPipeline: Sendable {
  private let encoder: EmbeddingEngine
  private let sources: [Bucket.Kind: any ItemSource]
  private let logger: Logger
  private let signal = WakeSignal()
  private let reembedding = Atomic(false)
  /// Buckets that someone waits for: these go first.
  private let wanted = Locked<[VectorCache.Key: Int]>([:])

  /// Items encoded together.
  private static let batchItems = 32
  /// Windows of a long item that count: what lies beyond is found by words only.
  private static let windowsMax = 16
  /// Pause after a failure.
  private static let retryPause = Duration.seconds(1)

  package init(encoder: EmbeddingEngine, sources: [any ItemSource], logger: Logger) {
    self.encoder = encoder
    self.sources = Dictionary(sources.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
    self.logger = logger
  }

  /// Whether vectors of another encoder may still be there.
  package var isReembedding: Bool { reembedding.load(ordering: .relaxed) }

  /// Fingerprints of other encoders whose vectors a shard holds. Some found: they will be made again. Reads every
  /// vector when there was another encoder once; call it when the server starts.
  package func findOutdated(in shard: Shard) async throws -> [String] {
    let fingerprint = encoder.about.fingerprint.description
    let found = try await shard.read { db in
      try String.fetchAll(
        db,
        sql: """
          SELECT fingerprint FROM encoders
          WHERE fingerprint <> ? AND EXISTS (SELECT 1 FROM vectors WHERE encoder = encoders.row)
          """, arguments: [fingerprint])
    }
    if !found.isEmpty { reembedding.store(true, ordering: .relaxed) }
    return found
  }

  /// New items are waiting. Never blocks.
  package func wake() { signal.wake() }

  /// Works until the task is cancelled.
  package func run(_ store: Store) async {
    do {
      while true {
        try Task.checkCancellation()
        // One batch of each shard in turn, so that no backlog keeps another waiting; while somebody waits for some
        // shards, only those.
        let awaited = wanted.withLock { Set($0.keys.map(\.shard)) }
        if try await encodeBatches(of: store.shards.filter { awaited.contains($0.id) }) == .some { continue }
        switch try await encodeBatches(of: store.shards) {
        case .some: continue
        case .none:
          if reembedding.exchange(false, ordering: .relaxed) {
            logger.notice("every vector is made by the encoder of now")
          }
          try await signal.wait()
        case .failed: try await Task.sleep(for: Self.retryPause)
        }
      }
    } catch {
      return  // cancelled: nothing else comes this far
    }
  }

  private enum Progress { case some, none, failed }

  /// A shard that fails keeps no other waiting.
  private func encodeBatches(of shards: [Shard]) async throws(CancellationError) -> Progress {
    var progress = Progress.none
    for shard in shards {
      do {
        if try await encodeBatch(of: shard) { progress = .some }
      } catch let error as CancellationError {
        throw error
      } catch {
        logger.warning(
          "embedding failed, will retry", metadata: ["shard": "\(shard.id)", "error": "\(error)"])
        if progress == .none { progress = .failed }
      }
    }
    return progress
  }

  /// Returns when no item of the bucket waits for its vector.
  /// - Throws: `CancellationError` when the deadline passes first.
  package func waitUntilIndexed(_ bucket: Bucket, in shard: Shard) async throws {
    let key = VectorCache.Key(shard: shard.id, bucket: bucket)
    wanted.withLock { $0[key, default: 0] += 1 }
    defer {
      wanted.withLock { wanted in
        wanted[key] = wanted[key].flatMap { $0 > 1 ? $0 - 1 : nil }
      }
    }
    while true {
      let seen = shard.position.sequence
      let isPending = try await shard.read { db in
        try Int64.fetchOne(
          db.cachedStatement(sql: "SELECT item FROM pending WHERE bucket = ? LIMIT 1"),
          arguments: [bucket.rawValue]) != nil
      }
      if !isPending { return }
      wake()
      try await shard.wait(for: seen + 1)
    }
  }

  /// What is still to do in a shard: items without a vector, and items whose vector another encoder made.
  package func backlog(of shard: Shard) async throws -> (pending: Int, outdated: Int) {
    let fingerprint = encoder.about.fingerprint.description
    return try await shard.read { db in
      let pending = try Int.fetchOne(db, sql: "SELECT count(*) FROM pending") ?? 0
      let outdated = try Int.fetchOne(
        db,
        sql: """
          SELECT count(*) FROM vectors
          WHERE encoder <> ifnull((SELECT row FROM encoders WHERE fingerprint = ?), 0)
          """, arguments: [fingerprint])
      return (pending, outdated ?? 0)
    }
  }

  // MARK: One batch

  private struct Batch: Sendable {
    let bucket: Bucket
    let scope: Scope
    let items: [ItemText]
  }

  /// Encodes and stores one batch of one bucket. Returns whether there was one.
  private func encodeBatch(of shard: Shard) async throws -> Bool {
    guard let batch = try await nextBatch(of: shard) else { return false }
    let isAwaited = wanted.withLock { !$0.isEmpty }
    let encoded = try await encoder.encode(
      batch.items.map(\.text), kind: .document, longTexts: .windows(most: Self.windowsMax),
      priority: isAwaited ? .document : .background)
    let vectors = EncodedVectors(rows: encoded.batch.vectors, encoder: EncoderIdentity(encoder.about))
    _ = try await shard.submit(
      StoreEmbeddings(batch.items, vectors, scope: batch.scope, kind: batch.bucket.kind))
    return true
  }

  /// The oldest waiting items of a wanted bucket, of any bucket, or items whose vector another encoder made.
  private func nextBatch(of shard: Shard) async throws -> Batch? {
    let first = wanted.withLock { wanted in
      wanted.keys.lazy.filter { $0.shard == shard.id }.map(\.bucket.rawValue).min()
    }
    let fingerprint = encoder.about.fingerprint.description
    let (sources, isReembedding) = (sources, isReembedding)
    return try await shard.read { db in
      var start: Int64?
      if let first {
        start = try Int64.fetchOne(
          db.cachedStatement(sql: "SELECT bucket FROM pending WHERE bucket = ? LIMIT 1"), arguments: [first])
      }
      let bucketNumber =
        try start
        ?? Int64.fetchOne(
          db.cachedStatement(sql: "SELECT bucket FROM pending LIMIT 1"))
      if let bucketNumber {
        let items = try Int64.fetchAll(
          db.cachedStatement(sql: "SELECT item FROM pending WHERE bucket = ? LIMIT ?"),
          arguments: [bucketNumber, Self.batchItems])
        return try Self.batch(Bucket(rawValue: bucketNumber), items, sources, db)
      }
      return isReembedding ? try Self.staleBatch(fingerprint, sources, db) : nil
    }
  }

  private static func staleBatch(
    _ fingerprint: String, _ sources: [Bucket.Kind: any ItemSource], _ db: Database
  ) throws -> Batch? {
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT bucket, item FROM vectors
          WHERE (SELECT count(*) FROM encoders WHERE fingerprint <> ?1) > 0
            AND encoder <> ifnull((SELECT row FROM encoders WHERE fingerprint = ?1), 0)
          LIMIT ?2
          """), arguments: [fingerprint, batchItems])
    guard let bucketNumber: Int64 = rows.first?[0] else { return nil }
    let items = rows.filter { ($0[0] as Int64) == bucketNumber }.map { $0[1] as Int64 }
    return try batch(Bucket(rawValue: bucketNumber), items, sources, db)
  }

  private static func batch(
    _ bucket: Bucket, _ items: [Int64], _ sources: [Bucket.Kind: any ItemSource], _ db: Database
  ) throws -> Batch? {
    guard let source = sources[bucket.kind],
      let row = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT tenant, agent FROM scopes WHERE row = ?"),
        arguments: [bucket.scopeRow])
    else { return nil }
    let texts = try source.texts(of: items, in: db)
    guard !texts.isEmpty else { return nil }
    return Batch(bucket: bucket, scope: try Scope(tenant: row[0], agent: row[1]), items: texts)
  }
}

/// Appends vectors to the log, of those items that still have the text they were made of.
private struct StoreEmbeddings: Command {
  let scope: Scope
  let requestKey: RequestKey? = nil
  let costBytes: Int
  private let event: LogV1.ItemsEmbedded

  init(_ items: [ItemText], _ vectors: EncodedVectors, scope: Scope, kind: Bucket.Kind) {
    self.scope = scope
    event = vectors.event(items: items.map(\.item), versions: items.map(\.version), kind: kind)
    costBytes = 512 + event.vectors.count
  }

  func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    guard let row = try transaction.scopeRow(scope), let kind = Bucket.Kind(rawValue: event.collection) else {
      return Decision(events: [], answer: Written())
    }
    let bucket = Bucket(scopeRow: row, kind: kind).rawValue
    let current = try IndexSlice.currentVersion(transaction.db)
    let places = try event.items.indices.filter { place in
      try Int64.fetchOne(current, arguments: [bucket, event.items[place]])
        == Int64(bitPattern: event.versions[place])
    }
    if places.isEmpty { return Decision(events: [], answer: Written()) }
    return Decision(events: [.itemsEmbedded(event.keeping(places))], answer: Written())
  }
}
