import LociCore

/// A collection that is searched through an inverted index once it is large. The index covers the rows that were there
/// when it was built; its hits are scored again by the rows as they are now, and rows written since are scored in full,
/// so what is returned always carries its exact score and is never a row that is gone. Only which rows are looked at is
/// approximate. A filtered search looks at all.
package final class IndexedCollection: Sendable {
  /// Rows from which on an index pays: below, a scan takes less than a millisecond.
  package static let indexFrom = 16_384
  /// Rows in one index: what is copied at a time for building.
  private static let sliceRows = 1 << 18
  private static let recall: Float = 0.99

  private struct Slice: Sendable {
    let index: IVFIndex
    /// Id of each row of the index.
    let ids: [Int64]
  }

  private struct State {
    var slices: [Slice] = []
    /// Written since the index was begun.
    var fresh: Set<Int64> = []
    var isBuilding = false
  }

  package let rows: VectorCollection
  private let state = Locked(State())

  package init(_ rows: VectorCollection) { self.rows = rows }

  package var count: Int { rows.count }
  package var allocatedBytes: Int {
    rows.allocatedBytes
      + state.withLock { state in
        state.slices.reduce(0) { $0 + $1.index.imageBytes + $1.ids.count * 8 } + state.fresh.count * 16
      }
  }

  package func upsert(ids: [Int64], vectors: [Float]) throws(VectorError) {
    // Before the rows, so that a search which sees them knows of them.
    state.withLock { state in
      if !state.slices.isEmpty || state.isBuilding { state.fresh.formUnion(ids) }
    }
    try rows.upsert(ids: ids, vectors: vectors)
  }

  package func remove(ids: [Int64]) {
    rows.remove(ids: ids)
    state.withLock { state in
      if !state.fresh.isEmpty { state.fresh.subtract(ids) }
    }
  }

  package func vector(of id: Int64) -> [Float]? { rows.vector(of: id) }

  package func scores(of ids: [Int64], query: [Float]) throws(VectorError) -> [Float?] {
    try rows.scores(of: ids, query: query)
  }

  // MARK: Searching

  /// As `VectorCollection.search`.
  package func search(
    _ query: [Float], k: Int, filter: VectorFilter = .all, isCancelled: () -> Bool = { false }
  ) throws(VectorError) -> [VectorHit] {
    let (slices, fresh) = state.withLock { ($0.slices, $0.fresh) }
    guard case .all = filter, !slices.isEmpty, k > 0 else {
      return try rows.search(query, k: k, filter: filter, isCancelled: isCancelled)
    }
    var found = fresh
    for slice in slices {
      if isCancelled() { throw .cancelled }
      // The query was not checked yet: what the index refuses, the rows refuse with the right reason.
      guard let results = try? slice.index.search(query.span, k: k, effort: .recall(Self.recall)) else {
        return try rows.search(query, k: k, filter: filter, isCancelled: isCancelled)
      }
      for hit in results.hits(0) { found.insert(slice.ids[hit.row]) }
    }
    let ids = Array(found)
    var hits: [VectorHit] = []
    for (id, score) in zip(ids, try rows.scores(of: ids, query: query)) {
      if let score { hits.append(VectorHit(id: id, score: score)) }
    }
    if hits.count < min(k, rows.count) {
      return try rows.search(query, k: k, filter: filter, isCancelled: isCancelled)
    }
    hits.sort { ($0.score, $1.id) > ($1.score, $0.id) }
    return Array(hits.prefix(k))
  }

  // MARK: Building

  /// Whether an index, or a newer one, would pay now. True for one caller at a time: who gets it is to call `build`.
  package func claimBuild() -> Bool {
    let count = rows.count
    return state.withLock { state in
      guard !state.isBuilding, count >= Self.indexFrom else { return false }
      let covered = state.slices.reduce(0) { $0 + $1.ids.count }
      guard state.slices.isEmpty || state.fresh.count > max(4_096, covered / 16) || covered > count * 2 else {
        return false
      }
      state.isBuilding = true
      return true
    }
  }

  /// Builds the index over the rows of now, on the calling thread: about 5 µs a row of 384 dimensions, and memory for a
  /// copy of a slice in float32. Searches and writes go on. Without memory it stays as it was.
  package func build(isCancelled: @escaping @Sendable () -> Bool = { false }) {
    let before = state.withLock { state in
      defer { state.fresh = [] }
      return state.fresh
    }
    let slices = try? makeSlices(isCancelled)
    state.withLock { state in
      if let slices { state.slices = slices } else { state.fresh.formUnion(before) }
      state.isBuilding = false
    }
  }

  private func makeSlices(_ isCancelled: @escaping @Sendable () -> Bool) throws -> [Slice] {
    let ids = rows.ids.sorted()
    // As even as they can be.
    let size = (ids.count - 1) / ((ids.count - 1) / Self.sliceRows + 1) + 1
    return try stride(from: 0, to: ids.count, by: size).map { start in
      var present: [Int64] = []
      var vectors: [Float] = []
      vectors.reserveCapacity(size * rows.dimension)
      for id in ids[start..<min(start + size, ids.count)] {
        guard let vector = rows.vector(of: id) else { continue }
        present.append(id)
        vectors += vector
      }
      var configuration = IVFConfiguration()
      configuration.batchPlane = false
      let image = try IVFIndex.build(
        rows: vectors.span, dimension: rows.dimension, metric: rows.metric, configuration: configuration,
        isCancelled: isCancelled)
      return Slice(index: try IVFIndex(image), ids: present)
    }
  }
}
