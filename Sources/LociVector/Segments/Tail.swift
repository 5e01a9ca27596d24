import LociCore

/// The mutable end of a collection: points in memory that are in no segment yet, scanned exactly.
final class Tail: Sendable {
  struct Entry: Sendable {
    let id: PointID
    let attributes: [PointAttribute]
  }

  /// Vectors by the collection's row numbers.
  let vectors: VectorCollection
  private let entries = Locked<[Int64: Entry]>([:])
  private let attributeBytes = Locked(0)

  init(_ layout: CollectionLayout) throws(VectorError) {
    vectors = try VectorCollection(
      dimension: layout.dimension, metric: layout.storedMetric, storage: layout.element)
  }

  /// - Parameter values: (ids.count, dimension).
  func add(
    firstRow: Int64, ids: PointIDs, attributes: [[PointAttribute]], values: [Float]
  ) throws(VectorError) {
    var bytes = 0
    entries.withLock { entries in
      for index in 0..<ids.count {
        let entry = Entry(id: ids[index], attributes: attributes.isEmpty ? [] : attributes[index])
        entries[firstRow + Int64(index)] = entry
        bytes += 64 + entry.attributes.count * 96
      }
    }
    attributeBytes.withLock { $0 += bytes }
    try vectors.upsert(ids: (0..<ids.count).map { firstRow + Int64($0) }, vectors: values)
  }

  /// Rows that are deleted stay readable for searches that began before.
  @discardableResult
  func remove(_ rows: [Int64]) -> Int { vectors.remove(ids: rows) }

  func entry(_ row: Int64) -> Entry? { entries.withLock { $0[row] } }

  var bytes: Int { vectors.allocatedBytes + attributeBytes.withLock { $0 } }
}

/// A tail as one search sees it.
struct TailView: Sendable {
  let tail: Tail
  let snapshot: RowSnapshot
}
