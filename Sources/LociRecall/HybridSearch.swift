import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociStore
package import LociText
import LociVector

/// What to look for, checked.
package struct SearchRequest: Sendable {
  package enum Mode: Sendable { case semantic, keyword, hybrid }

  package let text: String
  /// Unit length, when the caller brought it.
  package let embedding: [Float]?
  package let limit: Int
  package let mode: Mode
  package let weights: Weights
  package let filter: ItemFilter
  package let waitForIndex: Bool

  package static let limitDefault = 10
  package static let limitMax = 1_000
  package static let queryBytesMax = 64 << 10

  /// - Throws: `LociError.invalid` naming the field.
  package init(
    text: String, embedding: [Float], limit: Int32, mode: V1.SearchMode, weights: V1.RankWeights?,
    filter: V1.Filter?, waitForIndex: Bool, encoder: EncoderIdentity?
  ) throws(LociError) {
    switch mode {
    case .unspecified, .hybrid: self.mode = .hybrid
    case .semantic: self.mode = .semantic
    case .keyword: self.mode = .keyword
    default: throw .invalid(field: "mode", problem: "is not a search mode")
    }
    let needsText = !(self.mode == .semantic && !embedding.isEmpty)
    try Validate.text(text, field: "query", bytesMin: needsText ? 1 : 0, bytesMax: Self.queryBytesMax)
    guard (0...Self.limitMax).contains(Int(limit)) else {
      throw .invalid(field: "limit", problem: "is \(limit), must be 1 to \(Self.limitMax)")
    }
    self.text = text
    self.embedding =
      embedding.isEmpty
      ? nil : try EncodedVectors.checked(embedding, encoder: encoder, field: "embedding")
    self.limit = limit == 0 ? Self.limitDefault : Int(limit)
    self.weights = try Weights(weights)
    self.filter = try ItemFilter(filter)
    self.waitForIndex = waitForIndex
  }
}

extension Weights {
  init(_ weights: V1.RankWeights?) throws(LociError) {
    self.init()
    guard let weights else { return }
    try Validate.unitInterval(weights.semantic, field: "weights.semantic")
    try Validate.unitInterval(weights.exact, field: "weights.exact")
    try Validate.unitInterval(weights.recency, field: "weights.recency")
    try Validate.unitInterval(weights.importance, field: "weights.importance")
    (semantic, exact) = (weights.semantic, weights.exact)
    (recency, importance) = (weights.recency, weights.importance)
    guard semantic + exact + recency + importance > 0 else {
      throw .invalid(field: "weights", problem: "are all zero")
    }
  }
}

/// What a search found and did.
package struct SearchOutcome<Items: Sendable>: Sendable {
  package var items: Items
  package var ranked: [RankedItem] = []
  package var vectorsScanned = 0
  package var keywordMatches: UInt64 = 0
  package var pendingEmbeddings = 0
  package var stages: [String] = []
  package var position: Position
}

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
  ///   - allowed: items that pass the filter; `nil` when all do.
  ///   - fetch: turns the ranked items into what the caller answers with, on the same snapshot.
  package func search<Items: Sendable>(
    _ request: SearchRequest, scope: Scope, source: any ItemSource, shard: Shard, consistency: Consistency,
    checkCancellation: @escaping @Sendable () throws -> Void,
    allowed: @escaping @Sendable (_ scopeRow: Int64, _ db: Database) throws -> Set<Int64>?,
    fetch: @escaping @Sendable (_ items: [Int64], _ db: Database) throws -> Items
  ) async throws -> SearchOutcome<Items> {
    let query = try await queryVector(request)
    let earlierQuery = query == nil ? nil : try await earlierQueryVector(request)
    try checkCancellation()
    let scopeRow = try await shard.read(consistency) { db in try ScopeQueries.row(scope, in: db) }
    guard let scopeRow else {
      return try await shard.read { db in
        SearchOutcome(
          items: try fetch([], db), position: try ScopeQueries.position(shard: shard.id, in: db))
      }
    }
    let bucket = Bucket(scopeRow: scopeRow, kind: source.kind)
    if request.waitForIndex {
      guard let pipeline else { throw Self.noEncoder }
      try await pipeline.waitUntilIndexed(bucket, in: shard)
    }
    let open = query == nil ? nil : cache.open(VectorCache.Key(shard: shard.id, bucket: bucket))
    let openEarlier = earlierQuery.flatMap { query in
      cache.open(VectorCache.Key(shard: shard.id, bucket: bucket), of: query.encoder)
    }
    let now = clock.now()
    return try await shard.read { db in
      var run = SearchRun(
        request: request, bucket: bucket, db: db, allowed: try allowed(scopeRow, db),
        checkCancellation: checkCancellation)
      if query != nil { run.stages.append("encode") }
      if let earlierQuery, let openEarlier {
        run.earlier = EarlierVectors(query: earlierQuery.vector, collection: try openEarlier.collection(db))
      }
      let ranked = try run.rank(query: query, vectors: try open?.collection(db), source: source, now: now)
      let items = try fetch(ranked.map(\.item), db)
      run.stages.append("fetch")
      return SearchOutcome(
        items: items, ranked: ranked, vectorsScanned: run.vectorsScanned, keywordMatches: run.keywordMatches,
        pendingEmbeddings: try run.pending(), stages: run.stages,
        position: try ScopeQueries.position(shard: shard.id, in: db))
    }
  }

  /// The query for vectors that the encoder of before made; `nil` when there are none left.
  private func earlierQueryVector(
    _ request: SearchRequest
  ) async throws -> (vector: [Float], encoder: EncoderIdentity)? {
    guard request.embedding == nil, pipeline?.isReembedding == true, let earlier = earlier.withLock({ $0 })
    else {
      return nil
    }
    let vector = try await earlier.encode([request.text], kind: .query, priority: .query).batch.vectors
    return (vector, EncoderIdentity(earlier.about))
  }

  private static let noEncoder = LociError.failedPrecondition(
    "no encoder is loaded: search by keyword, or start the server with a model")

  /// The query's vector; `nil` when only words are asked for, or when words are all there is.
  private func queryVector(_ request: SearchRequest) async throws -> [Float]? {
    if request.mode == .keyword { return nil }
    if let embedding = request.embedding { return embedding }
    guard let encoder else {
      if request.mode == .semantic { throw Self.noEncoder }
      return nil
    }
    return try await encoder.encode([request.text], kind: .query, priority: .query).batch.vectors
  }
}

/// One search on one snapshot.
private struct SearchRun {
  let request: SearchRequest
  let bucket: Bucket
  let db: Database
  let allowed: Set<Int64>?
  let checkCancellation: @Sendable () throws -> Void
  /// Vectors that another encoder made and that are not made again yet.
  var earlier: EarlierVectors?
  var vectorsScanned = 0
  var keywordMatches: UInt64 = 0
  var stages: [String] = []

  /// Each side proposes this many, so that the other's favourites can be overtaken but not lost.
  private var candidatesPerSide: Int { max(100, request.limit * 4) }

  mutating func rank(
    query: [Float]?, vectors: VectorCollection?, source: any ItemSource, now: Timestamp
  ) throws -> [RankedItem] {
    var candidates: [Int64: Candidate] = [:]
    if let query, let vectors { try addByMeaning(query, vectors, &candidates) }
    try checkCancellation()
    if request.mode != .semantic, !request.text.isEmpty { try addByWords(source, &candidates) }
    if let query, let vectors { try completeByMeaning(query, vectors, &candidates) }
    try checkCancellation()
    let weights = effectiveWeights(hasVectors: query != nil && vectors != nil)
    try addFacts(source, now, &candidates)
    stages.append("rank")
    return Fusion.rank(Array(candidates.values), weights: weights, limit: request.limit)
  }

  private mutating func addByMeaning(
    _ query: [Float], _ vectors: VectorCollection, _ candidates: inout [Int64: Candidate]
  ) throws {
    stages.append("semantic")
    let filter = allowed.map { VectorFilter.ids($0) } ?? .all
    // Asked first: what is made again meanwhile appears among the new before it goes from here.
    let former = try earlier?.nearest(candidatesPerSide, filter: filter) ?? []
    let found = try vectors.search(query, k: candidatesPerSide, filter: filter)
    vectorsScanned = vectors.count + (earlier?.collection.count ?? 0)
    let hits = earlier?.merged(former, with: found) ?? found.map { (id: $0.id, cosine: $0.score) }
    for (index, hit) in hits.enumerated() {
      candidates[hit.id] = Candidate(item: hit.id, cosine: hit.cosine, semanticRank: index + 1)
    }
  }

  private mutating func addByWords(
    _ source: any ItemSource, _ candidates: inout [Int64: Candidate]
  ) throws {
    stages.append("keyword")
    // Those found by meaning may hold words of the query far down the list: their scores are wanted too.
    let found = try KeywordIndex.search(
      request.text, bucket: bucket, source: source, limit: candidatesPerSide, wanted: Set(candidates.keys),
      allowed: allowed, in: db, checkCancellation: checkCancellation)
    keywordMatches = found.count
    for (item, bm25) in found.scores { candidates[item]?.bm25 = bm25 }
    for (index, hit) in found.best.enumerated() {
      candidates[hit.item, default: Candidate(item: hit.item)].bm25 = hit.bm25
      candidates[hit.item]?.exactRank = index + 1
    }
  }

  /// Cosines of those found by words only.
  private func completeByMeaning(
    _ query: [Float], _ vectors: VectorCollection, _ candidates: inout [Int64: Candidate]
  ) throws {
    let unknown = candidates.values.filter { $0.cosine == nil }.map(\.item)
    guard !unknown.isEmpty else { return }
    for (item, cosine) in zip(unknown, try vectors.scores(of: unknown, query: query)) {
      candidates[item]?.cosine = cosine
    }
    guard let earlier, earlier.collection.count > 0 else { return }
    let stillUnknown = unknown.filter { candidates[$0]?.cosine == nil }
    for (item, cosine) in zip(stillUnknown, try earlier.scores(of: stillUnknown)) {
      candidates[item]?.cosine = cosine
    }
  }

  /// A part that was not asked for, or cannot be computed, does not count.
  private func effectiveWeights(hasVectors: Bool) -> Weights {
    var weights = request.weights
    if request.mode == .keyword || !hasVectors { weights.semantic = 0 }
    if request.mode == .semantic { weights.exact = 0 }
    if request.mode == .keyword, weights.exact == 0 { weights.exact = 1 }
    if request.mode == .semantic, weights.semantic == 0 { weights.semantic = 1 }
    if !hasVectors, weights.exact == 0 { weights.exact = 1 }
    return weights
  }

  private func addFacts(
    _ source: any ItemSource, _ now: Timestamp, _ candidates: inout [Int64: Candidate]
  ) throws {
    let known = try source.facts(of: Array(candidates.keys), in: db)
    // The cached vectors may be ahead of the snapshot, or a commit behind: what it does not show takes no place.
    candidates = candidates.filter { known[$0.key] != nil }
    for (item, facts) in known {
      candidates[item]?.recency = Recency.value(of: facts.createdAt, now: now)
      candidates[item]?.importance = facts.importance
    }
  }

  func pending() throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(sql: "SELECT count(*) FROM pending WHERE bucket = ?"),
      arguments: [bucket.rawValue]) ?? 0
  }
}

/// How new something is: 1 now, halved every 30 days.
enum Recency {
  static let halfLifeMicroseconds = 30.0 * 86_400 * 1e6

  static func value(of createdAt: Timestamp, now: Timestamp) -> Float {
    let age = Double(max(0, now.microseconds - createdAt.microseconds))
    return Float(exp2(-age / halfLifeMicroseconds))
  }
}
