/// The best rows of one query over all parts of a collection.
final class RankedRows {
  struct Ranked {
    let id: Int64
    let score: Float
    let place: RowSlot
  }

  private var top: TopK
  private let scoreMin: Float

  init(capacity: Int, scoreMin: Float?) {
    top = TopK(capacity: capacity)
    self.scoreMin = scoreMin ?? -.infinity
  }

  /// Scores below this cannot enter any more.
  var threshold: Float { max(top.threshold, scoreMin) }

  func push(row: Int64, score: Float, place: RowSlot) {
    guard score >= scoreMin else { return }
    top.push(score: score, id: row, slot: place)
  }

  /// Best first. Nothing can be pushed afterwards.
  func sorted() -> [Ranked] { top.sortedPlaces().map { Ranked(id: $0.id, score: $0.score, place: $0.slot) } }
}

extension VectorCollection {
  /// Scores every row of `snapshot` for each query, a block of rows at a time while it is in the cache.
  /// - Parameter passes: asked for rows that could enter a result.
  func scan(
    _ queries: borrowing FloatBuffer, count: Int, _ snapshot: RowSnapshot, place: Int,
    into best: [RankedRows],
    _ isCancelled: () -> Bool, passes: (Int64) -> Bool
  ) throws(VectorError) {
    let blockRows = 256
    let scratch = ScanScratch(count: blockRows)
    for (index, chunk) in snapshot.chunks.enumerated() {
      let rows = snapshot.rowCount(ofChunk: index)
      for start in stride(from: 0, to: rows, by: blockRows) {
        if isCancelled() { throw .cancelled }
        let size = min(blockRows, rows - start)
        for query in 0..<count {
          let ranked = best[query]
          unsafe kernels.score(
            queries.base + query * dimension, rows: chunk.row(start), count: size, dimension: dimension,
            metric: metric, storage: storage, into: scratch.scores.base)
          scratch.select(size, atLeast: ranked.threshold, kernels: kernels) { offset, score in
            guard score >= ranked.threshold, chunk.isVisible(start + offset, at: snapshot.version) else {
              return
            }
            let row = chunk.id(start + offset)
            guard passes(row) else { return }
            ranked.push(row: row, score: score, place: RowSlot(chunk: place, position: 0))
          }
        }
      }
    }
  }
}
