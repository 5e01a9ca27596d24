import LociCollection
import LociCore
import LociProto
import LociStore
import LociVector
import LociWire

extension VectorService {
  func searchVectors(
    _ request: V1.SearchVectorsRequest, _ call: CallContext
  ) async throws -> V1.SearchVectorsResponse {
    let started = ContinuousClock.now
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, request.consistency)
    let query = try request.query.floats(
      dimension: opened.info.layout.dimension, counts: 1...1, field: "query")
    let limit = try checkedLimit(request.limit, default: 10, max: CollectionLimits.resultsMax)
    let filter = try request.filter.checked(opened.info.layout.idKind)
    let parameters = try request.parameters.checked()
    let found = try await search(opened) { view in
      try view.search(
        query, k: limit, filter: filter, parameters: parameters, isCancelled: { call.isCancelled })
    }
    let hits = try await hits(
      found.result.hits[0], opened, scope, withAttributes: request.withAttributes,
      withVectors: request.withVectors)
    return V1.SearchVectorsResponse(
      hits: hits,
      report: report(found, since: started, opened))
  }

  func searchBatch(
    _ request: V1.SearchBatchRequest, _ call: CallContext
  ) async throws -> V1.SearchBatchResponse {
    let started = ContinuousClock.now
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, request.consistency)
    let dimension = opened.info.layout.dimension
    let queries = try request.queries.floats(
      dimension: dimension, counts: 1...CollectionLimits.queriesPerBatch, field: "queries")
    let limit = try checkedLimit(request.limit, default: 10, max: CollectionLimits.batchResultsMax)
    let count = queries.count / dimension
    guard count * limit <= CollectionLimits.batchResultsTotalMax else {
      throw LociError.invalid(
        field: "limit",
        problem: "asks for \(count * limit) results, at most \(CollectionLimits.batchResultsTotalMax)")
    }
    let filter = try request.filter.checked(opened.info.layout.idKind)
    var checked = try request.parameters.checked()
    checked.threads = node.workers.width
    let parameters = checked
    let found = try await search(opened) { view in
      try view.search(
        queries, k: limit, filter: filter, parameters: parameters, isCancelled: { call.isCancelled })
    }
    var response = V1.SearchBatchResponse(
      report: report(found, since: started, opened))
    response.counts = found.result.hits.map { UInt32($0.count) }
    response.ids = V1.PointIds(PointIDs(of: found.result.hits, kind: opened.info.layout.idKind))
    response.scores = found.result.hits.flatMap { hits in hits.lazy.map(\.score) }
    return response
  }

  func searchRange(
    _ request: V1.SearchRangeRequest, _ call: CallContext
  ) async throws -> V1.SearchRangeResponse {
    let started = ContinuousClock.now
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, request.consistency)
    let query = try request.query.floats(
      dimension: opened.info.layout.dimension, counts: 1...1, field: "query")
    let limit = try checkedLimit(request.limit, default: 1_000, max: CollectionLimits.resultsMax)
    guard !request.scoreMin.isNaN else {
      throw LociError.invalid(field: "score_min", problem: "is not a number")
    }
    let filter = try request.filter.checked(opened.info.layout.idKind)
    let found = try await search(opened) { view in
      try view.search(
        query, k: limit + 1, filter: filter, scoreMin: request.scoreMin, isCancelled: { call.isCancelled })
    }
    let hits = try await hits(
      Array(found.result.hits[0].prefix(limit)), opened, scope, withAttributes: request.withAttributes,
      withVectors: request.withVectors)
    return V1.SearchRangeResponse(
      hits: hits, truncated: found.result.hits[0].count > limit,
      report: report(found, since: started, opened))
  }

  func recommend(_ request: V1.RecommendRequest, _ call: CallContext) async throws -> V1.RecommendResponse {
    let started = ContinuousClock.now
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, request.consistency)
    let layout = opened.info.layout
    let positive = try request.positive.ids(layout.idKind, field: "positive")
    let negative = try request.negative.ids(layout.idKind, field: "negative")
    try Validate.count(positive.count, field: "positive", in: 1...256)
    try Validate.count(negative.count, field: "negative", in: 0...256)
    try PointChecks.ids(positive, opened.info, field: "positive")
    if negative.count > 0 { try PointChecks.ids(negative, opened.info, field: "negative") }
    let limit = try checkedLimit(request.limit, default: 10, max: CollectionLimits.resultsMax)
    let filter = try request.filter.checked(layout.idKind)
    let parameters = try request.parameters.checked()
    let like = try await mean(positive, opened, scope)
    var query = like
    if negative.count > 0 {
      let unlike = try await mean(negative, opened, scope)
      query = zip(like, unlike).map { 2 * $0 - $1 }
    }
    let named = Set((0..<positive.count).map { positive[$0] } + (0..<negative.count).map { negative[$0] })
    let others = PointFilter.all([.not(.ids(named))] + (filter.map { [$0] } ?? []))
    let found = try await search(opened) { [query] view in
      try view.search(
        query, k: limit, filter: others, parameters: parameters, isCancelled: { call.isCancelled })
    }
    let hits = try await hits(
      found.result.hits[0], opened, scope, withAttributes: request.withAttributes,
      withVectors: request.withVectors)
    return V1.RecommendResponse(
      hits: hits,
      report: report(found, since: started, opened))
  }

  /// What a search of the collection as it is now finds, and what it took.
  private struct Found: Sendable {
    var result: CollectionView.Result
    var sequence: UInt64
    var took: Duration
  }

  private func search(
    _ opened: OpenCollection, _ body: @escaping @Sendable (CollectionView) throws -> CollectionView.Result
  ) async throws -> Found {
    try await searching(opened) { view in
      let started = ContinuousClock.now
      let result = try body(view)
      return Found(result: result, sequence: view.sequence, took: ContinuousClock.now - started)
    }
  }

  private func report(
    _ found: Found, since started: ContinuousClock.Instant, _ opened: OpenCollection
  ) -> V1.VectorSearchReport {
    var report = V1.VectorSearchReport(
      found.result.statistics, since: started, position: position(found.sequence, opened))
    report.searchUs = Int64(found.took / .microseconds(1))
    return report
  }

  /// The mean of points' vectors.
  /// - Throws: `notFound` when one is absent.
  private func mean(_ ids: PointIDs, _ opened: OpenCollection, _ scope: Scope) async throws -> [Float] {
    let stored = try await node.read(scope, nil) { db, _ in
      try CollectionQueries.points(ids, opened.info.id, in: db)
    }
    let found = Set(stored.map(\.id))
    for index in 0..<ids.count where !found.contains(ids[index]) {
      throw LociError.notFound(.point, id: "\(ids[index])")
    }
    var sum = [Float](repeating: 0, count: opened.info.layout.dimension)
    for vector in try await vectors(stored, opened) {
      for (index, value) in vector.enumerated() { sum[index] += value }
    }
    return sum.map { $0 / Float(stored.count) }
  }

  private func hits(
    _ found: [PointHit], _ opened: OpenCollection, _ scope: Scope, withAttributes: Bool, withVectors: Bool
  ) async throws -> [V1.VectorHit] {
    guard withAttributes || withVectors else {
      return found.map { V1.VectorHit(point: V1.Point($0.id), score: $0.score) }
    }
    var ids = PointIDs(kind: opened.info.layout.idKind)
    for hit in found { ids.append(hit.id) }
    let stored = try await node.read(scope, nil) { [ids] db, _ in
      try CollectionQueries.points(ids, opened.info.id, in: db)
    }
    let points = try await points(stored, opened, withAttributes: withAttributes, withVectors: withVectors)
    let byID = Dictionary(zip(stored.map(\.id), points), uniquingKeysWith: { first, _ in first })
    // What was deleted since the search began is left out.
    return found.compactMap { hit in byID[hit.id].map { V1.VectorHit(point: $0, score: hit.score) } }
  }
}
