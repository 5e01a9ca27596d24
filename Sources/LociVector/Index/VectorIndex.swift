import CLociIndex

/// Nearest neighbours over an immutable image of rows 0..<count. Safe to share; searches run on the calling thread
/// and up to `threads - 1` others.
package protocol VectorIndex: AnyObject, Sendable {
  /// Opens an image in place: checks the header and the bounds of every section, and with `verify` every checksum
  /// (which reads all of it). Hostile bytes give an error or wrong results, never a crash.
  /// - Parameters:
  ///   - image: at an address that is a multiple of 64, unchanged as long as the index lives.
  ///   - owner: kept alive with the index: whatever holds the memory.
  init(image: UnsafeRawBufferPointer, owner: AnyObject, verify: Bool) throws(VectorIndexError)

  var view: IndexView { get }
}

/// The C view of an image and what keeps its memory alive.
@safe package final class IndexView: Sendable {
  nonisolated(unsafe) let handle: OpaquePointer  // immutable after open
  private nonisolated(unsafe) let owner: AnyObject  // only kept alive
  let facts: loci_index_facts

  init(image: UnsafeRawBufferPointer, owner: AnyObject, verify: Bool, kind: UInt32) throws(VectorIndexError) {
    guard let base = image.baseAddress else { throw .notAnImage }
    var opened: OpaquePointer?
    let status = unsafe loci_index_open(base, image.count, verify, &opened)
    guard status == .ok, let opened = unsafe opened else { throw VectorIndexError(status) }
    let facts = unsafe loci_index_describe(opened)
    guard facts.kind == kind else {
      unsafe loci_index_close(opened)
      throw .wrongKind
    }
    unsafe (handle, self.owner, self.facts) = (opened, owner, facts)
  }

  deinit { unsafe loci_index_close(handle) }
}

extension VectorIndex {
  package var count: Int { view.facts.rows }
  package var dimension: Int { view.facts.dimension }
  package var metric: VectorMetric {
    VectorMetric(rawValue: UInt8(truncatingIfNeeded: view.facts.metric.rawValue)) ?? .cosine
  }
  /// Bytes of the image.
  package var imageBytes: Int { view.facts.bytes }

  /// The row as its int8 code gives it back; for cosine of unit length up to rounding.
  package func reconstruct(_ row: Int) -> [Float] {
    precondition(row >= 0 && row < count)
    return unsafe [Float](unsafeUninitializedCapacity: dimension) { buffer, count in
      if let base = buffer.baseAddress { unsafe loci_index_reconstruct(view.handle, row, base) }
      count = dimension
    }
  }

  /// The k best rows for each of `queries`, shape (m, dimension).
  ///
  /// Many queries in one call are searched list by list, which is up to five times as fast for each.
  /// - Parameters:
  ///   - live: a bit for each row, in whole words; rows without are not returned (deleted, or filtered out). As
  ///     many results are given as there are live rows, up to k, however few they are.
  ///   - originals: see ``OriginalRows``. Without them, scores are those of int8 rows.
  /// - Throws: `shapeMismatch`, `rowCountMismatch`, `notFinite`, `zeroVector` (cosine), `outOfMemory`.
  package func search(
    _ queries: Span<Float>, k: Int, effort: SearchEffort = .recall(0.95), live: LiveRows? = nil,
    originals: OriginalRows? = nil, threads: Int = 1
  ) throws(VectorIndexError) -> IndexResults {
    let m = try check(queries)
    var parameters = unsafe loci_index_parameters()
    unsafe parameters.k = max(0, k)
    switch effort {
    case .recall(let target): unsafe parameters.recall = target
    case .explicit(let probes, let candidates):
      unsafe parameters.probes = UInt32(clamping: max(1, probes))
      unsafe parameters.candidates = UInt32(clamping: max(1, candidates))
    }
    if let live {
      guard live.rows == count else { throw .rowCountMismatch(got: live.rows, want: count) }
      unsafe parameters.live = live.words
    }
    if let originals {
      guard originals.rows == count else { throw .rowCountMismatch(got: originals.rows, want: count) }
      unsafe parameters.originals = originals.base
      unsafe parameters.originals_type = originals.storage == .float32 ? LOCI_INDEX_F32 : LOCI_INDEX_F16
      unsafe parameters.originals_stride = originals.strideBytes
      unsafe parameters.originals_ranked = UInt32(clamping: originals.ranked)
    }
    return unsafe try run(queries, m, max(0, k), parameters, threads)
  }

  private func run(
    _ queries: Span<Float>, _ m: Int, _ k: Int, _ parameters: loci_index_parameters, _ threads: Int
  ) throws(VectorIndexError) -> IndexResults {
    var rows = [UInt32](repeating: .max, count: m * k)
    var scores = [Float](repeating: -.infinity, count: m * k)
    var counts = [UInt32](repeating: 0, count: m)
    var statistics = loci_index_statistics()
    let status = unsafe queries.withUnsafeBufferPointer { queries in
      guard let base = queries.baseAddress else { return loci_index_status.ok }
      return unsafe withUnsafePointer(to: parameters) { parameters in
        unsafe IndexPool.with(threads: threads) { pool in
          unsafe loci_index_search(
            view.handle, base, m, parameters, pool, &rows, &scores, &counts, &statistics)
        }
      }
    }
    guard status == .ok else { throw VectorIndexError(status) }
    return IndexResults(
      k: k, rows: rows, scores: scores, counts: counts.map(Int.init), statistics: SearchStatistics(statistics)
    )
  }

  private func check(_ queries: Span<Float>) throws(VectorIndexError) -> Int {
    let (m, rest) = queries.count.quotientAndRemainder(dividingBy: dimension)
    guard rest == 0 else { throw .shapeMismatch(values: queries.count, dimension: dimension) }
    if let problem = unsafe queries.withUnsafeBufferPointer({
      unsafe RowCheck.firstBad($0, dimension, metric)
    }) {
      throw problem
    }
    return m
  }

  /// Every row whose score is at least `radius` (for Euclidean: whose distance is at most √-radius), best first.
  /// Approximate as a search of the same effort is.
  package func rangeSearch(
    _ query: Span<Float>, radius: Float, limit: Int = .max, effort: SearchEffort = .recall(0.95),
    live: LiveRows? = nil, originals: OriginalRows? = nil
  ) throws(VectorIndexError) -> [(row: Int, score: Float)] {
    guard query.count == dimension else { throw .shapeMismatch(values: query.count, dimension: dimension) }
    // Searches with a growing k, until the last hit is out of range.
    var k = min(64, count, limit)
    while true {
      let results = try search(query, k: k, effort: effort, live: live, originals: originals)
      let hits = results.hits(0)
      if hits.count < k || k >= min(count, limit) || (hits.last?.score ?? -.infinity) < radius {
        return hits.filter { $0.score >= radius }
      }
      k = min(k * 4, count, limit)
    }
  }
}

extension SearchStatistics {
  init(_ from: loci_index_statistics) {
    self.init(
      listsProbed: Int(from.lists_probed), codesScanned: Int(from.codes_scanned),
      rowsRanked: Int(from.rows_ranked), originalsRead: Int(from.originals_read), probes: Int(from.probes),
      candidates: Int(from.candidates), expectedRecall: from.expected_recall)
  }
}
