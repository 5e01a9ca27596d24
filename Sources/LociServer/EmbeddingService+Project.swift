import LociCollection
import LociCore
import LociProto
import LociStore
import LociVector
import LociWire

/// Principal components over vectors of the caller's or of a collection's.
extension EmbeddingService {
  private static var dimensionMax: Int { 4_096 }
  private static var pointsMax: Int { 8_192 }
  private static var answerNumbersMax: Int { 1_000_000 }

  func project(_ request: V1.ProjectRequest, _ call: CallContext) async throws -> V1.ProjectResponse {
    let scope = try request.checkedScope()
    var response = V1.ProjectResponse()
    let (rows, dimension) = try await rows(request, scope, call, &response)
    let components = request.components == 0 ? min(2, dimension) : Int(request.components)
    guard (1...dimension).contains(components) else {
      throw LociError.invalid(field: "components", problem: "is \(components), must be 1 to \(dimension)")
    }
    let projected = request.others.isEmpty ? rows : request.others
    guard projected.count % dimension == 0 else {
      throw LociError.invalid(
        field: "others", problem: "has \(projected.count) numbers, no multiple of the dimension \(dimension)")
    }
    let numbers = (projected.count / dimension + dimension) * components
    guard numbers <= Self.answerNumbersMax else {
      throw LociError.invalid(
        field: "components", problem: "make an answer of \(numbers) numbers, at most \(Self.answerNumbersMax)"
      )
    }
    let (isCentred, whitens) = (!request.uncentred, request.whiten)
    let (axes, coordinates) = try await node.workers.run {
      var field = "vectors"
      do throws(VectorIndexError) {
        let axes = try PrincipalAxes(
          rows: rows.span, dimension: dimension, count: components, isCentred: isCentred)
        field = "others"
        guard projected.allSatisfy(\.isFinite) else { throw .notFinite(row: 0) }
        return (axes, try axes.project(projected.span, whitens: whitens))
      } catch {
        switch error {
        case .notFinite: throw LociError.invalid(field: field, problem: "has a number that is not finite")
        default: throw LociError.invalid(field: field, problem: "has no principal axes")
        }
      }
    }
    response.dimension = UInt32(dimension)
    response.components = UInt32(components)
    response.rows = UInt32(projected.count / dimension)
    response.coordinates = coordinates
    response.axes = axes.axes
    response.mean = axes.mean
    response.variances = axes.variances
    response.totalVariance = axes.totalVariance
    return response
  }

  /// Shape (n, dimension), with the dimension.
  private func rows(
    _ request: V1.ProjectRequest, _ scope: Scope, _ call: CallContext, _ response: inout V1.ProjectResponse
  ) async throws -> ([Float], Int) {
    if request.collection.isEmpty {
      let dimension = Int(request.dimension)
      guard (1...Self.dimensionMax).contains(dimension) else {
        throw LociError.invalid(
          field: "dimension", problem: "is \(dimension), must be 1 to \(Self.dimensionMax)")
      }
      guard !request.vectors.isEmpty, request.vectors.count % dimension == 0 else {
        throw LociError.invalid(
          field: "vectors",
          problem: "has \(request.vectors.count) numbers, must be a positive multiple of \(dimension)")
      }
      return (request.vectors, dimension)
    }
    guard request.vectors.isEmpty, request.dimension == 0 else {
      throw LociError.invalid(field: "collection", problem: "and vectors are both there")
    }
    let limit = request.points == 0 ? 1_024 : Int(request.points)
    guard limit <= Self.pointsMax else {
      throw LociError.invalid(field: "points", problem: "is \(limit), must be 1 to \(Self.pointsMax)")
    }
    let service = VectorService(node: node, collections: collections)
    let opened = try await service.open(request.collection, scope, request.consistency)
    let (stored, position) = try await node.read(scope, request.consistency) { db, position in
      var stored: [CollectionQueries.StoredPoint] = []
      try CollectionQueries.scroll(after: nil, opened.info.id, in: db) { point in
        try call.checkCancellation()
        stored.append(point)
        return stored.count < limit
      }
      return (stored, position)
    }
    // What was deleted meanwhile has no vector.
    let pairs = zip(stored, try await service.vectors(stored, opened)).filter { !$0.1.isEmpty }
    guard !pairs.isEmpty else { throw LociError.failedPrecondition("the collection has no points") }
    var ids = PointIDs(kind: opened.info.layout.idKind)
    for (point, _) in pairs { ids.append(point.id) }
    response.ids = V1.PointIds(ids)
    response.position = position
    return (pairs.flatMap(\.1), opened.info.layout.dimension)
  }
}
