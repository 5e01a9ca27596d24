import Foundation
import LociCore

@testable import LociVector

/// A log of changes and the points that are alive after it, in memory: what segments are built again from.
final class History: PointSource {
  struct Point: Equatable {
    var row: Int64
    var vector: [Float]
    var attributes: [PointAttribute]
  }

  struct State {
    var changes: [PointChange] = []
    var live: [PointID: Point] = [:]
    var vectors: [Int64: [UInt8]] = [:]
    var nextRow: Int64 = 1
  }

  let layout: CollectionLayout
  let state = Locked(State())

  init(_ layout: CollectionLayout) { self.layout = layout }

  /// Appends an upsert and returns it with its sequence. Vectors are stored as the collection keeps them.
  func upsert(_ points: [(PointID, [Float], [PointAttribute])]) throws -> (PointChange, UInt64) {
    var ids = PointIDs(kind: layout.idKind)
    for (id, _, _) in points { ids.append(id) }
    let encoded = try StoredVectors.encode(points.flatMap(\.1), layout: layout)
    return state.withLock { state in
      let first = state.nextRow
      var replaced: [Int64] = []
      let rowBytes = layout.rowBytes
      for (index, (id, _, attributes)) in points.enumerated() {
        let bytes = Array(encoded[(index * rowBytes)..<((index + 1) * rowBytes)])
        let row = first + Int64(index)
        state.vectors[row] = bytes
        let point = Point(
          row: row, vector: StoredVectors.decode(bytes, element: layout.element), attributes: attributes)
        if let old = state.live.updateValue(point, forKey: id) { replaced.append(old.row) }
      }
      state.nextRow += Int64(points.count)
      let change = PointChange.upsert(
        firstRow: first, ids: ids, attributes: points.map(\.2), vectors: encoded, replaced: replaced.sorted())
      state.changes.append(change)
      return (change, UInt64(state.changes.count))
    }
  }

  func delete(_ ids: [PointID]) -> (PointChange, UInt64) {
    state.withLock { state in
      let rows = ids.compactMap { state.live.removeValue(forKey: $0)?.row }
      let change = PointChange.delete(rows: rows)
      state.changes.append(change)
      return (change, UInt64(state.changes.count))
    }
  }

  /// Applies what `collection` has not seen.
  func replay(into collection: SegmentedCollection) throws {
    let changes = state.withLock { $0.changes }
    for sequence in (collection.sequence + 1)..<UInt64(changes.count + 1) {
      try collection.apply(changes[Int(sequence) - 1], sequence: sequence)
    }
  }

  var live: [PointID: Point] { state.withLock { $0.live } }

  func forEachLivePoint(
    rows: ClosedRange<Int64>, _ body: (Int64, PointID, [PointAttribute], [UInt8]) throws -> Void
  ) throws {
    let (live, vectors) = state.withLock { ($0.live, $0.vectors) }
    for (id, point) in live.filter({ rows.contains($0.value.row) }).sorted(by: { $0.value.row < $1.value.row }
    ) {
      try body(point.row, id, point.attributes, vectors[point.row] ?? [])
    }
  }

  func forEachVector(rows: [Int64], _ body: (Int, [UInt8]) throws -> Void) throws {
    let vectors = state.withLock { $0.vectors }
    for (index, row) in rows.enumerated() { try body(index, vectors[row] ?? []) }
  }

  func stamp(covering sequence: UInt64) throws -> [UInt8] { [UInt8(truncatingIfNeeded: sequence)] }
}

extension CollectionLayout {
  /// The score of a stored vector, in double precision.
  func score(_ query: [Float], _ vector: [Float]) -> Double {
    let pairs = zip(query, vector)
    switch metric {
    case .euclidean:
      return -pairs.reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
    case .innerProduct: return pairs.reduce(0) { $0 + Double($1.0) * Double($1.1) }
    case .cosine:
      let norm = query.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      return pairs.reduce(0) { $0 + Double($1.0) * Double($1.1) } / norm
    }
  }
}

/// A folder that is removed with the object.
final class ScratchFolder {
  let path = NSTemporaryDirectory() + "loci-segments-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
