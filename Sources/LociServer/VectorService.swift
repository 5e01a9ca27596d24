import LociCollection
import LociCore
import LociProto
import LociRecall
import LociStore
import LociVector
import LociWire

/// Collections of callers' vectors on the wire: decode, call, encode.
struct VectorService: VectorServiceProvider {
  let node: NodeParts
  let collections: CollectionCatalog

  // MARK: Collections

  func createCollection(
    _ request: V1.CreateCollectionRequest, _ call: CallContext
  ) async throws -> V1.CreateCollectionResponse {
    let scope = try request.checkedScope()
    return try await node.write(try CreateCollection(request, scope: scope, key: request.requestKey()))
  }

  func describeCollection(
    _ request: V1.DescribeCollectionRequest, _ call: CallContext
  ) async throws -> V1.DescribeCollectionResponse {
    let scope = try request.checkedScope()
    try Validate.name(request.collection, field: "collection")
    return try await node.read(scope, request.consistency) { db, position in
      V1.DescribeCollectionResponse(
        collection: try CollectionQueries.describe(request.collection, scope: scope, in: db),
        position: position)
    }
  }

  func dropCollection(
    _ request: V1.DropCollectionRequest, _ call: CallContext
  ) async throws -> V1.DropCollectionResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DropCollection(request, scope: scope, key: request.requestKey()))
  }

  func listCollections(
    _ request: V1.ListCollectionsRequest, _ call: CallContext
  ) async throws -> V1.ListCollectionsResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    let after = try NamePage.name(request.page?.token ?? "")
    return try await node.read(scope, request.consistency) { db, position in
      var list = try CollectionQueries.list(after: after, limit: page.size + 1, scope: scope, in: db)
      var info = V1.PageInfo()
      if list.count > page.size {
        list.removeLast()
        info.nextToken = NamePage.token(list[list.count - 1].name)
      }
      return V1.ListCollectionsResponse(collections: list, page: info, position: position)
    }
  }

  func setAlias(_ request: V1.SetAliasRequest, _ call: CallContext) async throws -> V1.SetAliasResponse {
    let scope = try request.checkedScope()
    return try await node.write(try SetAlias(request, scope: scope, key: request.requestKey()))
  }

  func deleteAlias(
    _ request: V1.DeleteAliasRequest, _ call: CallContext
  ) async throws -> V1.DeleteAliasResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DeleteAlias(request, scope: scope, key: request.requestKey()))
  }

  // MARK: Points

  func upsert(_ request: V1.UpsertRequest, _ call: CallContext) async throws -> V1.UpsertResponse {
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, nil)
    guard !opened.collection.isTailFull else {
      collections.wake(opened.key)
      throw LociError.overloaded(queue: "unsealed points", limit: opened.collection.tailPointsMax)
    }
    let command = try await node.workers.run {
      try UpsertPoints(
        ids: request.ids.ids(opened.info.layout.idKind, field: "ids"),
        vectors: request.vectors.floats(
          dimension: opened.info.layout.dimension, counts: 1...CollectionLimits.pointsPerUpsert,
          field: "vectors"),
        attributes: request.attributes, into: opened.info, scope: scope, key: request.requestKey())
    }
    return try await node.write(command)
  }

  func upsertStream(
    _ requests: RequestStream<V1.UpsertStreamRequest>, _ call: CallContext
  ) async throws -> V1.UpsertStreamResponse {
    var total = V1.UpsertStreamResponse()
    for try await request in requests {
      guard let upsert = request.upsert else {
        throw LociError.invalid(field: "upsert", problem: "is missing")
      }
      let answer = try await self.upsert(upsert, call)
      total.position = answer.position
      total.points += answer.points
      total.replaced += answer.replaced
    }
    return total
  }

  func deletePoints(
    _ request: V1.DeletePointsRequest, _ call: CallContext
  ) async throws -> V1.DeletePointsResponse {
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, nil)
    let ids = try request.ids.ids(opened.info.layout.idKind, field: "ids")
    guard let filter = try request.filter.checked(opened.info.layout.idKind) else {
      return try await node.write(
        try DeletePoints(ids: ids, from: opened.info, scope: scope, key: request.requestKey()))
    }
    guard ids.count == 0 else {
      throw LociError.invalid(field: "ids", problem: "and a filter are both there")
    }
    let chosen = try await searching(opened) { view in try view.points(passing: filter) }
    return try await node.write(
      try DeletePoints(chosen: chosen, from: opened.info, scope: scope, key: request.requestKey()))
  }

  func fetchPoints(
    _ request: V1.FetchPointsRequest, _ call: CallContext
  ) async throws -> V1.FetchPointsResponse {
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, request.consistency)
    let ids = try request.ids.ids(opened.info.layout.idKind, field: "ids")
    try Validate.count(ids.count, field: "ids", in: 1...CollectionLimits.idsPerFetch)
    try PointChecks.ids(ids, opened.info, field: "ids")
    let (stored, position) = try await node.read(scope, request.consistency) { db, position in
      (try CollectionQueries.points(ids, opened.info.id, in: db), position)
    }
    let points = try await points(
      stored, opened, withAttributes: request.withAttributes, withVectors: request.withVectors)
    return V1.FetchPointsResponse(points: points, position: position)
  }

  func scrollPoints(
    _ request: V1.ScrollPointsRequest, _ call: CallContext
  ) async throws -> V1.ScrollPointsResponse {
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, request.consistency)
    let page = try PageRequest(request.page)
    let filter = try request.filter.checked(opened.info.layout.idKind)
    let after = try PointPage.id(request.page?.token ?? "", opened.info.layout.idKind)
    let (stored, hasMore, position) = try await node.read(scope, request.consistency) { db, position in
      var stored: [CollectionQueries.StoredPoint] = []
      var hasMore = false
      try CollectionQueries.scroll(after: after, opened.info.id, in: db) { point in
        try call.checkCancellation()
        guard filter?.passes(point.id, point.filterable) ?? true else { return true }
        guard stored.count < page.size else {
          hasMore = true
          return false
        }
        stored.append(point)
        return true
      }
      return (stored, hasMore, position)
    }
    let points = try await points(
      stored, opened, withAttributes: request.withAttributes, withVectors: request.withVectors)
    let info = V1.PageInfo(nextToken: hasMore ? stored.last.map { PointPage.token($0.id) } ?? "" : "")
    return V1.ScrollPointsResponse(points: points, page: info, position: position)
  }

  // MARK: Upkeep

  func optimizeCollection(
    _ request: V1.OptimizeCollectionRequest, _ call: CallContext
  ) async throws -> V1.OptimizeCollectionResponse {
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, nil)
    let source = collections.source(opened.key, opened.collection, node.store)
    let standard = collections.budget
    let budget = MaintenanceBudget(
      pace: standard.pace, isCancelled: { standard.isCancelled() || request.wait && call.isCancelled })
    let work: @Sendable () async throws -> Void = { [collections, upkeep] in
      try await collections.upkeep(opened.key, opened.collection, on: upkeep) {
        try opened.collection.optimize(source, budget: budget)
      }
    }
    if request.wait { try await work() } else { Task { try? await work() } }
    return V1.OptimizeCollectionResponse(state: V1.CollectionState(opened.collection.state))
  }

  func collectionStats(
    _ request: V1.CollectionStatsRequest, _ call: CallContext
  ) async throws -> V1.CollectionStatsResponse {
    let scope = try request.checkedScope()
    let opened = try await open(request.collection, scope, nil)
    return V1.CollectionStatsResponse(state: V1.CollectionState(opened.collection.state))
  }

  /// Where long work that a caller asked for runs, so that no search waits for it.
  private var upkeep: WorkerPool { node.upkeep }
}
