import CLociMath
import LociCore

extension VectorCollection {
  /// Queries that share one pass over the rows.
  private static let tileQueries = 64
  /// Rows of one matrix product: with 384 float32 dimensions 384 KiB, which stays in the second-level cache.
  private static let tileRows = 256
  /// Candidates kept beyond k, because the matrix product rounds in another order than the scan.
  private static let margin = 16

  /// ``search(_:k:filter:isCancelled:)`` for `queries` of shape (n, dimension), in one pass over the rows.
  ///
  /// With an optimised BLAS, inner products go through sgemm and the k + 16 best are scored again as a search
  /// does, so scores are the same bits, and the order is the same unless more than 16 rows tie with the k-th
  /// within rounding. Otherwise each block of rows is scored for all queries while it is in the cache.
  /// O(n × rows × dimension), bound by arithmetic; on the calling thread.
  package func searchBatch(
    _ queries: Span<Float>, k: Int, filter: VectorFilter = .all, isCancelled: () -> Bool = { false }
  ) throws(VectorError) -> [[VectorHit]] {
    let (count, rest) = queries.count.quotientAndRemainder(dividingBy: dimension)
    guard rest == 0 else {
      throw .shapeMismatch(values: queries.count, rows: count, dimension: dimension)
    }
    let prepared = try prepare(queries, rows: count)
    guard k > 0 else { return Array(repeating: [], count: count) }
    let snapshot = published.withLock { $0 }
    var results: [[VectorHit]] = []
    results.reserveCapacity(count)
    for first in stride(from: 0, to: count, by: VectorCollection.tileQueries) {
      let tile = first..<min(first + VectorCollection.tileQueries, count)
      results += try searchTile(prepared, tile, snapshot, k: k, filter, isCancelled)
    }
    return results
  }

  package func searchBatch(
    _ queries: [Float], k: Int, filter: VectorFilter = .all, isCancelled: () -> Bool = { false }
  ) throws(VectorError) -> [[VectorHit]] {
    try searchBatch(queries.span, k: k, filter: filter, isCancelled: isCancelled)
  }

  private func searchTile(
    _ queries: borrowing FloatBuffer, _ tile: Range<Int>, _ snapshot: RowSnapshot, k: Int,
    _ filter: VectorFilter, _ isCancelled: () -> Bool
  ) throws(VectorError) -> [[VectorHit]] {
    let rowCount = snapshot.rowCount
    let kept = min(k, rowCount)
    let candidates = min(kept + VectorCollection.margin, rowCount)
    let best = tile.map { _ in Candidates(capacity: candidates) }
    let tileRows = VectorCollection.tileRows
    let scratch = ScanScratch(count: tile.count * tileRows)
    let widened = FloatBuffer(count: storage == .float16 ? tileRows * dimension : 0)
    for (index, chunk) in snapshot.chunks.enumerated() {
      let rows = snapshot.rowCount(ofChunk: index)
      for start in stride(from: 0, to: rows, by: tileRows) {
        if isCancelled() { throw .cancelled }
        let count = min(tileRows, rows - start)
        unsafe scoreTile(queries, tile, chunk.row(start), count, widened, into: scratch.scores.base)
        for (number, heap) in best.enumerated() {
          let threshold = heap.top.threshold
          scratch.select(count, offset: number * tileRows, atLeast: threshold, kernels: kernels) {
            offset, score in
            let position = start + offset
            guard score >= heap.top.threshold, chunk.isVisible(position, at: snapshot.version) else { return }
            let id = chunk.id(position)
            guard filter.passes(id) else { return }
            heap.top.push(score: score, id: id, slot: RowSlot(chunk: index, position: position))
          }
        }
      }
    }
    return zip(tile, best).map { query, heap in
      var exact = TopK(capacity: kept)
      for (id, slot) in heap.top.kept {
        let score = score(queries, offset: query * dimension, snapshot.chunks[slot.chunk], slot.position)
        exact.push(score: score, id: id, slot: slot)
      }
      return exact.sorted()
    }
  }

  /// scores (tile.count, tileRows), the first `count` of each row written.
  @unsafe private func scoreTile(
    _ queries: borrowing FloatBuffer, _ tile: Range<Int>, _ rows: UnsafeRawPointer, _ count: Int,
    _ widened: borrowing FloatBuffer, into scores: UnsafeMutablePointer<Float>
  ) {
    let first = unsafe queries.base + tile.lowerBound * dimension
    // A product |q|² + |r|² - 2qr would cancel: distances are summed directly, the block of rows in the
    // cache.
    guard metric != .euclidean, kernels.usesBLAS else {
      for query in 0..<tile.count {
        unsafe kernels.score(
          first + query * dimension, rows: rows, count: count, dimension: dimension, metric: metric,
          storage: storage, into: scores + query * VectorCollection.tileRows)
      }
      return
    }
    var matrix = unsafe rows.assumingMemoryBound(to: Float.self)
    if storage == .float16 {
      unsafe widen(rows, rows: count, into: widened.base)
      unsafe matrix = UnsafePointer(widened.base)
    }
    unsafe loci_scores_matrix(first, tile.count, matrix, count, dimension, scores, VectorCollection.tileRows)
  }
}

/// A heap that a loop over many can change in place.
private final class Candidates {
  var top: TopK

  init(capacity: Int) {
    top = TopK(capacity: capacity)
  }
}
