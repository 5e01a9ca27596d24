import GRDB
import LociCore
import LociVector

/// One search on one snapshot.
struct SearchRun {
  /// One wording of what is looked for.
  struct Query {
    let reading: QueryReading
    let vector: [Float]?
    /// Vectors that another encoder made and that are not made again yet.
    var earlier: EarlierVectors?
  }

  let request: SearchRequest
  let bucket: Bucket
  let source: any ItemSource
  let db: Database
  let now: Timestamp
  let allowed: Set<Int64>?
  let deadline: ContinuousClock.Instant?
  let checkCancellation: @Sendable () throws -> Void
  var vectors: IndexedCollection?
  var tuning = SearchTuning()
  var vectorsScanned = 0
  var keywordMatches: UInt64 = 0
  var stages: [String] = []
  var isPartial = false

  init(
    request: SearchRequest, bucket: Bucket, source: any ItemSource, db: Database, now: Timestamp,
    allowed: Set<Int64>?, deadline: ContinuousClock.Instant?,
    checkCancellation: @escaping @Sendable () throws -> Void
  ) {
    (self.request, self.bucket, self.source, self.db, self.now) = (request, bucket, source, db, now)
    (self.allowed, self.deadline, self.checkCancellation) = (allowed, deadline, checkCancellation)
  }

  private var candidatesPerSide: Int { request.candidatesPerSide }
  /// Turns that are drawn in on each side of a candidate.
  private static let reach = 5
  /// Of a long turn, how much the windows see.
  private static let windowBytesMax = 8 << 10

  mutating func rank(_ queries: [Query]) throws -> [RankedItem] {
    let limit = queries.count > 1 || request.diversity > 0 ? request.limit * 3 : request.limit
    var rankings: [[RankedItem]] = []
    for query in queries {
      if !rankings.isEmpty, isLate() { break }
      rankings.append(try rank(query, limit: limit))
    }
    var ranked = rankings.count == 1 ? rankings[0] : Self.best(of: rankings)
    if request.diversity > 0, let vectors, !isLate() {
      note("diversity")
      ranked = Diversity.select(ranked, limit: request.limit, weight: request.diversity, vectors)
    }
    return Array(ranked.prefix(request.limit))
  }

  private mutating func rank(_ query: Query, limit: Int) throws -> [RankedItem] {
    var query = query
    var candidates: [Int64: Candidate] = [:]
    if query.vector != nil { try addByMeaning(&query, &candidates) }
    try checkCancellation()
    var (termCount, hasPassages) = (0, false)
    if request.mode != .semantic, let terms = QueryTerms(query.reading.text, bucket) {
      termCount = terms.count
      let weights = try addByWords(terms, &candidates)
      try checkCancellation()
      hasPassages = try addPassages(query, weights, &candidates) { text in
        terms.occurrences(in: text, bytesMax: Self.windowBytesMax)
      }
    } else {
      hasPassages = try addPassages(query, nil, &candidates) { _ in ([], 1) }
    }
    if !hasPassages { try completeByMeaning(query, &candidates) }
    try checkCancellation()
    try addFacts(&candidates)
    note("rank")
    let weights = effectiveWeights(query, terms: termCount, hasPassages: hasPassages)
    return Fusion.rank(Array(candidates.values), weights: weights, limit: limit)
  }

  // MARK: Stages

  private mutating func addByMeaning(_ query: inout Query, _ candidates: inout [Int64: Candidate]) throws {
    guard let vector = query.vector, let vectors else { return }
    note("semantic")
    let filter = allowed.map { VectorFilter.ids($0) } ?? .all
    // Asked first: what is made again meanwhile appears among the new before it goes from here.
    let former = try query.earlier?.nearest(candidatesPerSide, filter: filter) ?? []
    let found = try vectors.search(vector, k: candidatesPerSide, filter: filter)
    vectorsScanned = vectors.count + (query.earlier?.collection.count ?? 0)
    let hits = query.earlier?.merged(former, with: found) ?? found.map { (id: $0.id, cosine: $0.score) }
    for (index, hit) in hits.enumerated() {
      candidates[hit.id] = Candidate(item: hit.id, cosine: hit.cosine, semanticRank: index + 1)
    }
  }

  private mutating func addByWords(
    _ terms: borrowing QueryTerms, _ candidates: inout [Int64: Candidate]
  ) throws -> TermWeights? {
    note("keyword")
    // Those found by meaning may hold words of the query far down the list: their scores are wanted too.
    let found = try KeywordIndex.search(
      terms, bucket: bucket, source: source, limit: candidatesPerSide, wanted: Set(candidates.keys),
      allowed: allowed, in: db, checkCancellation: checkCancellation)
    keywordMatches = max(keywordMatches, found.count)
    for (item, bm25) in found.scores { candidates[item]?.bm25 = bm25 }
    for (index, hit) in found.best.enumerated() {
      candidates[hit.item, default: Candidate(item: hit.item)].bm25 = hit.bm25
      candidates[hit.item]?.exactRank = index + 1
    }
    return found.weights
  }

  /// Draws in the turns around the candidates, which become candidates themselves, and scores all of them within
  /// their conversations. Returns whether there are conversations.
  private mutating func addPassages(
    _ query: Query, _ weights: TermWeights?, _ candidates: inout [Int64: Candidate],
    occurrences: (String) -> (counts: [UInt32], size: Int)
  ) throws -> Bool {
    guard request.granularity == .passage, !isLate() else { return false }
    let passages = try source.passages(around: Array(candidates.keys), reach: Self.reach, in: db)
    guard !passages.isEmpty else { return false }
    note("passages")
    let scorer = PassageScorer(weights ?? .none)
    // Where words are all there is, an item without one is no match, unless turns around were asked for.
    let drawsIn = request.wantsAllTurns || (query.vector != nil && vectors != nil)
    for passage in passages {
      try checkCancellation()
      let items = passage.map(\.item)
      let cosines = try cosines(of: items, query, candidates)
      var counts: [UInt32] = []
      var sizes: [Int] = []
      for turn in passage {
        let found = weights == nil ? ([], 1) : occurrences(turn.text)
        counts += found.0
        sizes.append(found.1)
      }
      let scores = scorer.scores(counts: counts, sizes: sizes, cosines: cosines)
      for (index, turn) in passage.enumerated() {
        if let allowed, !allowed.contains(turn.item) { continue }
        if turn.text.isEmpty { continue }
        if candidates[turn.item] == nil, !drawsIn { continue }
        var candidate = candidates[turn.item] ?? Candidate(item: turn.item)
        candidate.cosine = cosines[index]
        candidate.passage = scores[index]
        candidate.cues = CueScores(turn, query.reading)
        candidates[turn.item] = candidate
      }
    }
    return true
  }

  private func cosines(
    of items: [Int64], _ query: Query, _ candidates: [Int64: Candidate]
  ) throws -> [Float?] {
    var cosines = items.map { candidates[$0]?.cosine }
    guard let vector = query.vector, let vectors else { return cosines }
    let unknown = items.indices.filter { cosines[$0] == nil }
    for (index, cosine) in zip(unknown, try vectors.scores(of: unknown.map { items[$0] }, query: vector)) {
      cosines[index] = cosine
    }
    guard let earlier = query.earlier, earlier.collection.count > 0 else { return cosines }
    let stillUnknown = items.indices.filter { cosines[$0] == nil }
    for (index, cosine) in zip(stillUnknown, try earlier.scores(of: stillUnknown.map { items[$0] })) {
      cosines[index] = cosine
    }
    return cosines
  }

  /// Cosines of those found by words only.
  private func completeByMeaning(_ query: Query, _ candidates: inout [Int64: Candidate]) throws {
    let unknown = candidates.values.filter { $0.cosine == nil }.map(\.item)
    guard !unknown.isEmpty else { return }
    for (item, cosine) in zip(unknown, try cosines(of: unknown, query, candidates)) {
      candidates[item]?.cosine = cosine
    }
  }

  /// A part that was not asked for, or cannot be computed, does not count.
  private func effectiveWeights(_ query: Query, terms: Int, hasPassages: Bool) -> Weights {
    let hasVectors = query.vector != nil && vectors != nil
    var weights =
      request.weights
      ?? tuning.applied(
        to: .chosen(
          terms: terms, isUnspaced: query.reading.text.contains(where: \.isUnspaced), hasPassages: hasPassages
        ))
    if request.mode == .keyword || !hasVectors { weights.semantic = 0 }
    if !hasVectors, request.weights == nil { weights.cues *= 0.5 }
    if request.mode == .semantic { weights.exact = 0 }
    if request.mode == .keyword, weights.exact == 0 { weights.exact = 1 }
    if request.mode == .semantic, weights.semantic == 0 { weights.semantic = 1 }
    if !hasVectors, weights.exact == 0 { weights.exact = 1 }
    return weights
  }

  private func addFacts(_ candidates: inout [Int64: Candidate]) throws {
    let known = try source.facts(of: Array(candidates.keys), in: db)
    // The cached vectors may be ahead of the snapshot, or a commit behind: what it does not show takes no place.
    candidates = candidates.filter { known[$0.key] != nil }
    for (item, facts) in known {
      candidates[item]?.recency = Recency.value(of: facts.createdAt, now: now)
      candidates[item]?.importance = facts.importance
      candidates[item]?.access = facts.access
      candidates[item]?.type = facts.type
      candidates[item]?.trust = facts.trust
    }
    for (item, favour) in tuning.favour { candidates[item]?.learned = favour }
  }

  func pending() throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(sql: "SELECT count(*) FROM pending WHERE bucket = ?"),
      arguments: [bucket.rawValue]) ?? 0
  }

  // MARK: Time and several wordings

  private mutating func isLate() -> Bool {
    guard let deadline, ContinuousClock.now >= deadline else { return false }
    isPartial = true
    return true
  }

  private mutating func note(_ stage: String) {
    if !stages.contains(stage) { stages.append(stage) }
  }

  /// Each item as its best wording finds it. Scores of two wordings have different spreads: each is standardised first.
  private static func best(of rankings: [[RankedItem]]) -> [RankedItem] {
    var best: [Int64: RankedItem] = [:]
    for ranking in rankings {
      let standardiser = Standardiser(ranking.lazy.map(\.score))
      for var item in ranking {
        item.score = standardiser.standardise(item.score)
        if let known = best[item.item], known.score >= item.score { continue }
        best[item.item] = item
      }
    }
    return best.values.sorted { ($0.score, $0.item) > ($1.score, $1.item) }
  }
}
