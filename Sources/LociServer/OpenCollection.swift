import LociCollection
import LociCore
import LociProto
import LociStore
import LociVector

/// A collection that a call works with.
struct OpenCollection: Sendable {
  let info: CollectionInfo
  let key: CollectionKey
  let shard: Shard
  let collection: SegmentedCollection
}

extension VectorService {
  /// Finds a collection by its name or alias, and opens it.
  func open(
    _ name: String, _ scope: Scope, _ consistency: V1.Consistency?
  ) async throws -> OpenCollection {
    try Validate.name(name, field: "collection")
    let shard = node.store.shard(of: scope)
    let (info, loaded) = try await node.read(scope, consistency) { [collections] db, _ in
      let info = try CollectionQueries.resolve(name, scope: scope, in: db)
      return (info, collections.loaded(CollectionKey(shard: shard.id, collection: info.id)))
    }
    let key = CollectionKey(shard: shard.id, collection: info.id)
    if let loaded { return OpenCollection(info: info, key: key, shard: shard, collection: loaded) }
    let collection = try await node.workers.run { [collections] in try collections.open(info, in: shard) }
    return OpenCollection(info: info, key: key, shard: shard, collection: collection)
  }

  /// Runs `body` on the collection as it is now. A damaged segment is built anew from the log first.
  func searching<T: Sendable>(
    _ opened: OpenCollection, _ body: @escaping @Sendable (CollectionView) throws -> T
  ) async throws -> T {
    for _ in 0..<Self.repairsMax {
      do { return try await node.workers.run { try body(opened.collection.view) } } catch is SegmentDamaged {
        let source = collections.source(opened.key, opened.collection, node.store)
        try await collections.upkeep(opened.key, opened.collection, on: node.upkeep) {
          try opened.collection.repair(source)
        }
      } catch let error as VectorError {
        throw LociError(error, field: "query")
      }
    }
    throw LociError.unavailable(
      "segments of collection '\(opened.info.name)' are damaged, one after the other")
  }

  private static var repairsMax: Int { 8 }

  func position(_ sequence: UInt64, _ opened: OpenCollection) -> V1.Position {
    V1.Position(shard: opened.shard.id.rawValue, sequence: sequence)
  }

  /// Points as they go out.
  func points(
    _ stored: [CollectionQueries.StoredPoint], _ opened: OpenCollection, withAttributes: Bool,
    withVectors: Bool
  ) async throws -> [V1.Point] {
    var points = stored.map { point in
      var answer = V1.Point(point.id)
      if withAttributes { answer.attributes = point.attributes }
      return answer
    }
    if withVectors {
      for (index, vector) in try await vectors(stored, opened).enumerated() { points[index].vector = vector }
    }
    return points
  }

  /// The vectors of points as they are kept: from memory or a segment, otherwise from the log.
  func vectors(
    _ stored: [CollectionQueries.StoredPoint], _ opened: OpenCollection
  ) async throws -> [[Float]] {
    let source = collections.source(opened.key, opened.collection, node.store)
    let element = opened.info.layout.element
    return try await searching(opened) { view in
      var vectors = try view.vectors(ofRows: stored.map(\.row))
      let missing = vectors.indices.filter { vectors[$0] == nil }.sorted { stored[$0].row < stored[$1].row }
      try source.forEachVector(rows: missing.map { stored[$0].row }) { index, bytes in
        vectors[missing[index]] = StoredVectors.decode(bytes, element: element)
      }
      return vectors.map { $0 ?? [] }
    }
  }
}

extension CollectionQueries.StoredPoint {
  /// Attributes as filters see them.
  var filterable: [PointAttribute] {
    attributes.compactMap { attribute in
      attribute.value.map { PointAttribute(key: attribute.key, value: AttributeValue($0)) }
    }
  }
}

/// Tokens of pages that are ordered by name: "1." and the last name's bytes in hexadecimal.
enum NamePage {
  static func token(_ name: String) -> String {
    "1." + name.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// Empty for the first page.
  static func name(_ token: String) throws(LociError) -> String {
    if token.isEmpty { return "" }
    let digits = Array(token.utf8.dropFirst(2))
    let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { index in
      UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16)
    }
    guard token.hasPrefix("1."), digits.count % 2 == 0, bytes.count * 2 == digits.count,
      let name = String(validating: bytes, as: UTF8.self)
    else { throw .invalid(field: "page.token", problem: "is not a token of this list") }
    return name
  }
}

/// Tokens of pages that are ordered by the ids of points.
enum PointPage {
  static func token(_ id: PointID) -> String {
    switch id {
    case .number(let number): "1.\(number)"
    case .name(let name): NamePage.token(name)
    }
  }

  /// `nil` for the first page.
  static func id(_ token: String, _ kind: PointID.Kind) throws(LociError) -> PointID? {
    if token.isEmpty { return nil }
    switch kind {
    case .name: return .name(try NamePage.name(token))
    case .number:
      guard token.hasPrefix("1."), let number = Int64(token.dropFirst(2)) else {
        throw .invalid(field: "page.token", problem: "is not a token of this list")
      }
      return .number(number)
    }
  }
}
