import Foundation
package import GRDB
package import LociCore
package import LociStore
package import LociText
import LociVector

/// Finds items of one bucket by meaning and by words on one snapshot, and ranks them together.
package final class HybridSearch: Sendable {
  private let encoder: EmbeddingEngine?
  private let earlier = Locked<EmbeddingEngine?>(nil)
  private let cache: VectorCache
  private let pipeline: EmbeddingPipeline?
  private let clock: any WallClock

  package init(
    encoder: EmbeddingEngine?, cache: VectorCache, pipeline: EmbeddingPipeline?, clock: any WallClock
  ) {
    self.encoder = encoder
    self.cache = cache
    self.pipeline = pipeline
    self.clock = clock
  }

  /// Searches the vectors of an encoder of before as well, until the pipeline has made all of them again.
  package func alsoSearch(vectorsOf earlier: EmbeddingEngine) {
    self.earlier.withLock { $0 = earlier }
  }

  /// - Parameters:
  ///   - tuning: what was learned about the agent's searches.
  ///   - allowed: items that pass the filter; `nil` when all do.
  ///   - fetch: turns the ranked items into what the caller answers with, on the same snapshot.
  package func search<Items: Sendable>(
    _ request: SearchRequest, scope: Scope, source: any ItemSource, shard: Shard, consistency: Consistency,
    tuning: @escaping @Sendable (_ scopeRow: Int64, _ db: Database) throws -> SearchTuning = { _, _ in
      SearchTuning()
    },
    checkCancellation: @escaping @Sendable () throws -> Void,
    allowed: @escaping @Sendable (_ scopeRow: Int64, _ db: Database) throws -> Set<Int64>?,
    fetch: @escaping @Sendable (_ items: [Int64], _ db: Database) throws -> Items
  ) async throws -> SearchOutcome<Items> {
    let deadline = request.deadline.map { ContinuousClock.now + $0 }
    let start = try await shard.read(consistency) { db in try Self.start(request, scope, source, db) }
    // Before anything else is known of the agent: a query that cannot be encoded is refused all the same.
    let readings = start?.readings ?? [QueryReading(request.text, speakers: [])]
    let queries = try await queryVectors(request, readings)
    try checkCancellation()
    guard let start else {
      return try await shard.read { db in
        SearchOutcome(
          items: try fetch([], db), position: try ScopeQueries.position(shard: shard.id, in: db))
      }
    }
    let earlierQueries = queries.isEmpty ? nil : try await earlierQueryVectors(request, readings)
    let bucket = Bucket(scopeRow: start.scopeRow, kind: source.kind)
    if request.waitForIndex {
      guard let pipeline else { throw Self.noEncoder }
      try await pipeline.waitUntilIndexed(bucket, in: shard)
    }
    let key = VectorCache.Key(shard: shard.id, bucket: bucket)
    let open = queries.isEmpty ? nil : cache.open(key)
    let openEarlier = earlierQueries.flatMap { cache.open(key, of: $0.encoder) }
    let now = clock.now()
    return try await shard.read { db in
      var run = SearchRun(
        request: request, bucket: bucket, source: source, db: db, now: now,
        allowed: try allowed(start.scopeRow, db), deadline: deadline, checkCancellation: checkCancellation)
      if start.hasNames { run.stages.append("names") }
      if !queries.isEmpty { run.stages.append("encode") }
      run.tuning = try tuning(start.scopeRow, db)
      run.vectors = try open?.collection(db)
      let earlierCollection = try openEarlier?.collection(db)
      let ranked = try run.rank(
        zip(readings.indices, readings).map { index, reading in
          SearchRun.Query(
            reading: reading, vector: queries.isEmpty ? nil : queries[index],
            earlier: earlierCollection.flatMap { collection in
              earlierQueries.map { EarlierVectors(query: $0.vectors[index], collection: collection) }
            })
        })
      let items = try fetch(ranked.map(\.item), db)
      run.stages.append("fetch")
      return SearchOutcome(
        items: items, ranked: ranked, vectorsScanned: run.vectorsScanned, keywordMatches: run.keywordMatches,
        pendingEmbeddings: try run.pending(), stages: run.stages,
        position: try ScopeQueries.position(shard: shard.id, in: db), isPartial: run.isPartial,
        timeRange: request.timeRange, weights: ranked.first?.parts.weights,
        adjustmentIDs: run.tuning.adjustmentIDs(hasOwnWeights: request.weights != nil))
    }
  }

  /// What is known before the query is encoded.
  private struct Start: Sendable {
    let scopeRow: Int64
    let readings: [QueryReading]
    let hasNames: Bool
  }

  private static func start(
    _ request: SearchRequest, _ scope: Scope, _ source: any ItemSource, _ db: Database
  ) throws -> Start? {
    guard let row = try ScopeQueries.row(scope, in: db) else { return nil }
    var hasNames = false
    let readings = try ([request.text] + request.otherTexts).map { text in
      guard request.granularity == .passage else { return QueryReading(text, speakers: []) }
      let speakers = try source.speakers(among: QueryReading.nameCandidates(text), scopeRow: row, in: db)
      hasNames = hasNames || !speakers.isEmpty
      return QueryReading(text, speakers: speakers)
    }
    return Start(scopeRow: row, readings: readings, hasNames: hasNames)
  }

  /// The queries for vectors that the encoder of before made; `nil` when there are none left.
  private func earlierQueryVectors(
    _ request: SearchRequest, _ readings: [QueryReading]
  ) async throws -> (vectors: [[Float]], encoder: EncoderIdentity)? {
    guard request.embedding == nil, pipeline?.isReembedding == true, let earlier = earlier.withLock({ $0 })
    else {
      return nil
    }
    return (try await Self.encode(readings, by: earlier), EncoderIdentity(earlier.about))
  }

  private static let noEncoder = LociError.failedPrecondition(
    "no encoder is loaded: search by keyword, or start the server with a model")

  /// The queries' vectors; none when only words are asked for, or when words are all there is.
  private func queryVectors(_ request: SearchRequest, _ readings: [QueryReading]) async throws -> [[Float]] {
    if request.mode == .keyword { return [] }
    if let embedding = request.embedding {
      guard readings.count > 1 else { return [embedding] }
      guard let encoder else { throw Self.noEncoder }
      return [embedding] + (try await Self.encode(Array(readings.dropFirst()), by: encoder))
    }
    guard let encoder else {
      if request.mode == .semantic { throw Self.noEncoder }
      return []
    }
    return try await Self.encode(readings, by: encoder)
  }

  private static func encode(
    _ readings: [QueryReading], by encoder: EmbeddingEngine
  ) async throws -> [[Float]] {
    let vectors = try await encoder.encode(readings.map(\.text), kind: .query, priority: .query).batch.vectors
    let dimension = vectors.count / readings.count
    return readings.indices.map { Array(vectors[$0 * dimension..<($0 + 1) * dimension]) }
  }

  /// For each text the nearest item of the agent, where its cosine is at least `cosineMin`, and the texts' vectors, of
  /// shape (texts, dimension). What has no vector yet is not found.
  package func nearest(
    _ texts: [String], vectors given: [[Float]], cosineMin: Float, scope: Scope, kind: Bucket.Kind,
    shard: Shard
  ) async throws -> (vectors: [[Float]], items: [Int: Int64]) {
    guard let encoder else { throw Self.noEncoder }
    var vectors = given
    let missing = texts.indices.filter { given[$0].isEmpty }
    if !missing.isEmpty {
      let encoded = try await encoder.encode(
        missing.map { texts[$0] }, kind: .document, longTexts: .windows(most: 16), priority: .document
      ).batch.vectors
      let dimension = encoded.count / missing.count
      for (index, place) in missing.enumerated() {
        vectors[place] = Array(encoded[index * dimension..<(index + 1) * dimension])
      }
    }
    let row = try await shard.read { db in try ScopeQueries.row(scope, in: db) }
    guard let row,
      let open = cache.open(VectorCache.Key(shard: shard.id, bucket: Bucket(scopeRow: row, kind: kind)))
    else { return (vectors, [:]) }
    let queries = vectors
    let items = try await shard.read { db in
      let collection = try open.collection(db)
      var items: [Int: Int64] = [:]
      for (place, vector) in queries.enumerated() {
        guard let hit = try collection.search(vector, k: 1, filter: .all).first else { continue }
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if hit.score >= cosineMin * length { items[place] = hit.id }
      }
      return items
    }
    return (vectors, items)
  }
}
