package import LociCore
package import LociProto
package import LociStore
package import LociVector

extension V1.UpsertResponse: PositionedAnswer {}
extension V1.DeletePointsResponse: PositionedAnswer {}

/// Adds or replaces points, all or none. Everything that takes time is done before it is queued.
package struct UpsertPoints: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let collection: Int64
  private let collectionName: String
  private let ids: PointIDs
  private let vectors: [UInt8]
  private let attributes: [[UInt8]]

  /// - Parameters:
  ///   - vectors: (ids.count, dimension).
  ///   - attributes: none, or as many as ids.
  /// - Throws: `LociError.invalid` naming the field.
  package init(
    ids: PointIDs, vectors: [Float], attributes: [V1.PointAttributes], into info: CollectionInfo,
    scope: Scope,
    key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    collection = info.id
    collectionName = info.name
    try Validate.count(ids.count, field: "ids", in: 1...CollectionLimits.pointsPerUpsert)
    try PointChecks.ids(ids, info, field: "ids")
    guard vectors.count == ids.count * info.layout.dimension else {
      throw .invalid(
        field: "vectors",
        problem: "has \(vectors.count) numbers, must be \(ids.count) × \(info.layout.dimension)")
    }
    guard attributes.isEmpty || attributes.count == ids.count else {
      throw .invalid(
        field: "attributes", problem: "has \(attributes.count) items, must be \(ids.count) or none")
    }
    let encodedAttributes = try PointChecks.encode(attributes)
    let encoded: [UInt8]
    do { encoded = try StoredVectors.encode(vectors, layout: info.layout) } catch {
      throw LociError(error, field: "vectors")
    }
    let kept = ids.lastOfEach()
    if kept.count == ids.count {
      (self.ids, self.vectors, self.attributes) = (ids, encoded, encodedAttributes)
    } else {
      let rowBytes = encoded.count / ids.count
      var (keptIDs, keptVectors) = (PointIDs(kind: ids.kind), [UInt8]())
      for index in kept {
        keptIDs.append(ids[index])
        keptVectors += encoded[(index * rowBytes)..<((index + 1) * rowBytes)]
      }
      self.ids = keptIDs
      self.vectors = keptVectors
      self.attributes = encodedAttributes.isEmpty ? [] : kept.map { encodedAttributes[$0] }
    }
    costBytes = 512 + self.vectors.count + self.attributes.reduce(0) { $0 + $1.count + 32 } + ids.count * 48
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.UpsertResponse> {
    guard let state = try CollectionQueries.counters(of: collection, in: transaction.db) else {
      throw LociError.notFound(.collection, id: collectionName)
    }
    let replaced =
      state.points == 0
      ? [] : try CollectionQueries.rows(of: ids, collection, in: transaction.db).compactMap { $0 }
    var event = LogV1.PointsUpserted(
      collection: collection, firstRow: state.nextRow, vectors: vectors, attributes: attributes,
      replacedRows: replaced.sorted())
    switch ids {
    case .numbers(let numbers): event.numbers = numbers
    case .names(let names): event.names = names
    }
    return Decision(
      events: [.pointsUpserted(event)],
      answer: V1.UpsertResponse(points: UInt64(ids.count), replaced: UInt64(replaced.count)))
  }
}

/// Deletes points, all or none.
package struct DeletePoints: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let collection: Int64
  private let collectionName: String
  private let ids: PointIDs
  /// When given, a point is deleted only if it still is the version that was chosen.
  private let rows: [Int64]?

  /// By id.
  package init(ids: PointIDs, from info: CollectionInfo, scope: Scope, key: RequestKey?) throws(LociError) {
    try Validate.count(ids.count, field: "ids", in: 1...CollectionLimits.idsPerCall)
    try PointChecks.ids(ids, info, field: "ids")
    var kept = PointIDs(kind: ids.kind)
    for index in ids.lastOfEach() { kept.append(ids[index]) }
    self.init(scope, key, info, kept, rows: nil)
  }

  /// Points that a filter chose.
  package init(
    chosen: [(id: PointID, row: Int64)], from info: CollectionInfo, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    guard chosen.count <= CollectionLimits.deletedByFilterMax else {
      throw .invalid(
        field: "filter",
        problem: "matches \(chosen.count) points, at most \(CollectionLimits.deletedByFilterMax) in one call")
    }
    var ids = PointIDs(kind: info.layout.idKind)
    for point in chosen { ids.append(point.id) }
    self.init(scope, key, info, ids, rows: chosen.map(\.row))
  }

  private init(_ scope: Scope, _ key: RequestKey?, _ info: CollectionInfo, _ ids: PointIDs, rows: [Int64]?) {
    self.scope = scope
    requestKey = key
    collection = info.id
    collectionName = info.name
    self.ids = ids
    self.rows = rows
    costBytes = 512 + ids.count * 48
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.DeletePointsResponse> {
    guard try CollectionQueries.counters(of: collection, in: transaction.db) != nil else {
      throw LociError.notFound(.collection, id: collectionName)
    }
    var event = LogV1.PointsDeleted(collection: collection)
    for (index, row) in try CollectionQueries.rows(of: ids, collection, in: transaction.db).enumerated() {
      guard let row, rows.map({ $0[index] == row }) ?? true else { continue }
      event.rows.append(row)
      switch ids {
      case .numbers(let numbers): event.numbers.append(numbers[index])
      case .names(let names): event.names.append(names[index])
      }
    }
    return Decision(
      events: event.rows.isEmpty ? [] : [.pointsDeleted(event)],
      answer: V1.DeletePointsResponse(pointsDeleted: UInt64(event.rows.count)))
  }
}

extension PointIDs {
  /// Indexes of the ids, of equal ones the last, rising.
  func lastOfEach() -> [Int] {
    switch self {
    case .numbers(let numbers): Self.lastOfEach(numbers)
    case .names(let names): Self.lastOfEach(names.map { ExactText($0) })
    }
  }

  private static func lastOfEach(_ ids: [some Hashable]) -> [Int] {
    if Set(ids).count == ids.count { return Array(ids.indices) }
    return Dictionary(ids.enumerated().map { ($1, $0) }, uniquingKeysWith: { max($0, $1) }).values.sorted()
  }
}
