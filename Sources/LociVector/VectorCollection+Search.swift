import LociCore

extension VectorCollection {
  /// Rows scored between two looks at the threshold and at cancellation.
  private static let blockRows = 256
  /// Larger id sets are filtered inside a scan, so that looking them up holds no writer up for long.
  private static let lookUpsMax = 4096

  /// The k nearest rows that pass `filter`, best first; equal scores by lower id. Fewer than k only when
  /// fewer rows match. O(rows × dimension), bound by memory bandwidth; on the calling thread.
  package func search(
    _ query: Span<Float>, k: Int, filter: VectorFilter = .all, isCancelled: () -> Bool = { false }
  ) throws(VectorError) -> [VectorHit] {
    let query = try prepareQuery(query)
    guard k > 0 else { return [] }
    if case .ids(let wanted) = filter, wanted.count <= min(count / 8, VectorCollection.lookUpsMax) {
      return try searchOnly(wanted, query, k: k, isCancelled)
    }
    let snapshot = published.withLock { $0 }
    var best = TopK(capacity: min(k, snapshot.rowCount))
    let scratch = ScanScratch(count: VectorCollection.blockRows)
    for (index, chunk) in snapshot.chunks.enumerated() {
      let rows = snapshot.rowCount(ofChunk: index)
      for start in stride(from: 0, to: rows, by: VectorCollection.blockRows) {
        if isCancelled() { throw .cancelled }
        let count = min(VectorCollection.blockRows, rows - start)
        unsafe kernels.score(
          query.base, rows: chunk.row(start), count: count, dimension: dimension, metric: metric,
          storage: storage, into: scratch.scores.base)
        scratch.select(count, atLeast: best.threshold, kernels: kernels) { offset, score in
          let position = start + offset
          guard score >= best.threshold, chunk.isVisible(position, at: snapshot.version) else { return }
          let id = chunk.id(position)
          guard filter.passes(id) else { return }
          best.push(score: score, id: id, slot: RowSlot(chunk: index, position: position))
        }
      }
    }
    return best.sorted()
  }

  package func search(
    _ query: [Float], k: Int, filter: VectorFilter = .all, isCancelled: () -> Bool = { false }
  ) throws(VectorError) -> [VectorHit] {
    try search(query.span, k: k, filter: filter, isCancelled: isCancelled)
  }

  /// The score of each of `ids` in their order, nil where there is no such row: the same bits as in a search.
  package func scores(of ids: [Int64], query: Span<Float>) throws(VectorError) -> [Float?] {
    let query = try prepareQuery(query)
    let (slots, chunks) = store.withLock { store in
      (ids.map { store.slots[$0] }, store.snapshot.chunks)
    }
    return slots.map { slot in
      slot.map { score(query, chunks[$0.chunk], $0.position) }
    }
  }

  package func scores(of ids: [Int64], query: [Float]) throws(VectorError) -> [Float?] {
    try scores(of: ids, query: query.span)
  }

  private func searchOnly(
    _ ids: Set<Int64>, _ query: borrowing FloatBuffer, k: Int, _ isCancelled: () -> Bool
  ) throws(VectorError) -> [VectorHit] {
    let (rows, chunks) = store.withLock { store in
      (ids.compactMap { id in store.slots[id].map { (id, $0) } }, store.snapshot.chunks)
    }
    var best = TopK(capacity: min(k, rows.count))
    for (index, row) in rows.enumerated() {
      if index % VectorCollection.blockRows == 0 && isCancelled() { throw .cancelled }
      best.push(score: score(query, chunks[row.1.chunk], row.1.position), id: row.0, slot: row.1)
    }
    return best.sorted()
  }

  /// The score of one row, the same bits as in a block.
  func score(_ query: borrowing FloatBuffer, offset: Int = 0, _ chunk: RowChunk, _ position: Int) -> Float {
    precondition(offset >= 0 && offset + dimension <= query.count)
    var result: Float = 0
    unsafe kernels.score(
      query.base + offset, rows: chunk.row(position), count: 1, dimension: dimension, metric: metric,
      storage: storage, into: &result)
    return result
  }

  private func prepareQuery(_ query: Span<Float>) throws(VectorError) -> FloatBuffer {
    guard query.count == dimension else { throw .dimensionMismatch(got: query.count, want: dimension) }
    return try prepare(query, rows: 1)
  }
}

extension VectorFilter {
  func passes(_ id: Int64) -> Bool {
    switch self {
    case .all: true
    case .ids(let wanted): wanted.contains(id)
    case .matching(let matches): matches(id)
    }
  }
}
