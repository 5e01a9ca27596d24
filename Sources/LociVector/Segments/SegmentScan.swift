/// One search of one segment: by its index, the best candidates ranked again by the full vectors.
struct SegmentScan {
  let part: CollectionView.Part
  /// Of the part in its view.
  let place: Int
  let layout: CollectionLayout

  private static let blockRows = 256
  /// Queries between two looks at cancellation.
  private static let blockQueries = 1_024
  /// Fewer queries are not worth a second thread.
  private static let sharedFrom = 64

  /// - Parameter everything: compares the full vectors of all rows that pass.
  func search(
    _ queries: borrowing PreparedVectors, k: Int, filter: PointFilter?, parameters: SegmentSearchParameters,
    everything: Bool, into best: [RankedRows], _ statistics: inout SegmentSearchStatistics,
    isCancelled: () -> Bool
  ) throws {
    let content = try part.segment.verified()
    var live: RowBitmap?
    if let filter {
      var passing = part.segment.rows(passing: filter, content)
      if part.dead != nil { passing.formIntersection(part.live()) }
      if passing.isEmpty { return }
      live = passing
    } else if part.dead != nil {
      live = part.live()
    }
    if everything || parameters.isExact, let originals = content.originals {
      try scan(content, originals, queries, live, into: best, &statistics, isCancelled)
    } else {
      try lookUp(content, queries, k: k, live, parameters, into: best, &statistics, isCancelled)
    }
  }

  // MARK: By the index

  private func lookUp(
    _ content: Segment.Content, _ queries: borrowing PreparedVectors, k: Int, _ live: RowBitmap?,
    _ parameters: SegmentSearchParameters, into best: [RankedRows],
    _ statistics: inout SegmentSearchStatistics, _ isCancelled: () -> Bool
  ) throws {
    // Beyond k, since codes and full vectors do not rank alike.
    let wanted = content.originals == nil ? k : k + k / 2 + 6
    let effort = effort(parameters, wanted: wanted)
    for first in stride(from: 0, to: queries.count, by: Self.blockQueries) {
      if isCancelled() { throw VectorError.cancelled }
      let count = min(Self.blockQueries, queries.count - first)
      let results = try queries.withRows(first..<(first + count), dimension: layout.dimension) { span in
        try run(
          content.index, span, k: wanted, effort, live,
          threads: count >= Self.sharedFrom ? parameters.threads : 1)
      }
      statistics.rowsScanned += results.statistics.codesScanned
      statistics.expectedRecall = min(statistics.expectedRecall, results.statistics.expectedRecall)
      for query in 0..<count {
        try rank(results, query, of: first + query, queries, content, into: best[first + query])
      }
    }
  }

  private func effort(_ parameters: SegmentSearchParameters, wanted: Int) -> SearchEffort {
    if parameters.isExact {
      return .explicit(probes: Int(UInt32.max), candidates: part.segment.rowCount)
    }
    if let lists = parameters.lists {
      return .explicit(probes: lists, candidates: parameters.candidates ?? max(wanted * 4, 100))
    }
    return .recall(min(parameters.recallTarget ?? layout.recallTarget, 0.999_9))
  }

  private func run(
    _ index: any VectorIndex, _ queries: Span<Float>, k: Int, _ effort: SearchEffort, _ live: RowBitmap?,
    threads: Int
  ) throws -> IndexResults {
    guard let live else { return try index.search(queries, k: k, effort: effort, threads: threads) }
    return unsafe try live.words.withUnsafeBufferPointer { words in
      guard let base = words.baseAddress else {
        return try index.search(queries, k: k, effort: effort, threads: threads)
      }
      return unsafe try index.search(
        queries, k: k, effort: effort, live: LiveRows(words: base, rows: part.segment.rowCount),
        threads: threads)
    }
  }

  private func rank(
    _ results: IndexResults, _ query: Int, of number: Int, _ queries: borrowing PreparedVectors,
    _ content: Segment.Content, into ranked: RankedRows
  ) throws {
    for candidate in 0..<results.counts[query] {
      let local = Int(results.rows[query * results.k + candidate])
      var score = results.scores[query * results.k + candidate]
      if let originals = content.originals {
        score = try exactScore(local, of: number, queries, originals)
      }
      if score >= ranked.threshold {
        ranked.push(row: content.rows[local], score: score, place: RowSlot(chunk: place, position: local))
      }
    }
  }

  private func exactScore(
    _ local: Int, of query: Int, _ queries: borrowing PreparedVectors, _ originals: SegmentOriginals
  ) throws(SegmentDamaged) -> Float {
    let row = unsafe try part.segment.reading { () throws(SegmentError) in unsafe try originals.row(local) }
    var score: Float = 0
    unsafe VectorKernels.best.score(
      queries.buffer.base + query * layout.dimension, rows: row, count: 1, dimension: layout.dimension,
      metric: layout.storedMetric, storage: layout.element, into: &score)
    return score
  }

  // MARK: By all full vectors

  private func scan(
    _ content: Segment.Content, _ originals: SegmentOriginals, _ queries: borrowing PreparedVectors,
    _ live: RowBitmap?, into best: [RankedRows], _ statistics: inout SegmentSearchStatistics,
    _ isCancelled: () -> Bool
  ) throws {
    try part.segment.reading { () throws(SegmentError) in try originals.verifyAll() }
    statistics.rowsScanned += part.segment.rowCount * queries.count
    let dimension = layout.dimension
    let scratch = ScanScratch(count: Self.blockRows)
    for start in stride(from: 0, to: part.segment.rowCount, by: Self.blockRows) {
      if isCancelled() { throw VectorError.cancelled }
      let size = min(Self.blockRows, part.segment.rowCount - start)
      if let live, live.isEmpty(start..<(start + size)) { continue }
      for query in 0..<queries.count {
        let ranked = best[query]
        unsafe VectorKernels.best.score(
          queries.buffer.base + query * dimension, rows: originals.base + start * originals.rowBytes,
          count: size,
          dimension: dimension, metric: layout.storedMetric, storage: layout.element,
          into: scratch.scores.base)
        scratch.select(size, atLeast: ranked.threshold, kernels: .best) { offset, score in
          let local = start + offset
          guard score >= ranked.threshold, live?[local] ?? true else { return }
          ranked.push(row: content.rows[local], score: score, place: RowSlot(chunk: place, position: local))
        }
      }
    }
  }
}
