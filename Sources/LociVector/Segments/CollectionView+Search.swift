extension CollectionView {
  package struct Result: Sendable {
    /// Best first, for each query.
    package var hits: [[PointHit]]
    package var statistics: SegmentSearchStatistics
  }

  /// The k nearest of each of `queries`, shape (n, dimension), among the points that pass `filter`: fewer than k only
  /// when fewer pass. On the calling thread.
  /// - Parameter scoreMin: only points that score at least so much. Compares with every vector.
  /// - Throws: `VectorError` for queries that are none, `SegmentDamaged`.
  package func search(
    _ queries: [Float], k: Int, filter: PointFilter? = nil, parameters: SegmentSearchParameters = .init(),
    scoreMin: Float? = nil, isCancelled: () -> Bool = { false }
  ) throws -> Result {
    let (count, rest) = queries.count.quotientAndRemainder(dividingBy: layout.dimension)
    guard rest == 0 else {
      throw VectorError.shapeMismatch(values: queries.count, rows: count, dimension: layout.dimension)
    }
    let prepared = try PreparedVectors(queries, layout: layout, isQuery: true)
    var statistics = SegmentSearchStatistics(segments: parts.count, tailRows: tailCount)
    let capacity = min(
      k, parts.reduce(0) { $0 + $1.segment.rowCount } + tails.reduce(0) { $0 + $1.snapshot.rowCount })
    let best = (0..<count).map { _ in RankedRows(capacity: capacity, scoreMin: scoreMin) }
    for (index, part) in parts.enumerated() {
      try SegmentScan(part: part, place: index, layout: layout).search(
        prepared, k: k, filter: filter, parameters: parameters, everything: scoreMin != nil, into: best,
        &statistics,
        isCancelled: isCancelled)
    }
    for (index, view) in tails.enumerated() {
      statistics.rowsScanned += count * view.snapshot.rowCount
      try view.tail.vectors.scan(
        prepared.buffer, count: count, view.snapshot, place: parts.count + index, into: best, isCancelled
      ) { row in
        guard let filter else { return true }
        guard let entry = view.tail.entry(row) else { return false }
        return filter.passes(entry.id, entry.attributes)
      }
    }
    let contents = try parts.map { try $0.segment.verified() }
    let hits = try best.map { ranked in
      try ranked.sorted().map { found in
        PointHit(id: try id(found.id, found.place, contents), row: found.id, score: found.score)
      }
    }
    return Result(hits: hits, statistics: statistics)
  }

  private func id(_ row: Int64, _ place: RowSlot, _ contents: [Segment.Content]) throws -> PointID {
    if place.chunk < contents.count { return contents[place.chunk].ids[place.position] }
    guard let entry = tails[place.chunk - parts.count].tail.entry(row) else {
      throw SegmentError.malformed("a row of the tail without its id")
    }
    return entry.id
  }

  /// Vectors as they are kept, by row; nil for rows that are not here, or here only as codes.
  package func vectors(ofRows rows: [Int64]) throws -> [[Float]?] {
    try rows.map { row in
      for view in tails { if let vector = view.tail.vectors.vector(of: row) { return vector } }
      for part in parts where (part.segment.header.firstRow...part.segment.header.lastRow).contains(row) {
        let content = try part.segment.verified()
        guard let local = content.local(of: row), let originals = content.originals else { return nil }
        return try part.segment.reading { () throws(SegmentError) in
          let start = unsafe try originals.row(local)
          let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: originals.rowBytes))
          return StoredVectors.decode(bytes, element: layout.element)
        }
      }
      return nil
    }
  }

  /// The points that pass `filter`, with their rows, in no order.
  package func points(passing filter: PointFilter) throws -> [(id: PointID, row: Int64)] {
    var points: [(PointID, Int64)] = []
    for part in parts {
      let content = try part.segment.verified()
      var passing = content.rows(passing: filter)
      passing.formIntersection(part.live())
      passing.forEach { points.append((content.ids[$0], content.rows[$0])) }
    }
    for view in tails {
      for (index, chunk) in view.snapshot.chunks.enumerated() {
        for position in 0..<view.snapshot.rowCount(ofChunk: index)
        where chunk.isVisible(position, at: view.snapshot.version) {
          let row = chunk.id(position)
          guard let entry = view.tail.entry(row), filter.passes(entry.id, entry.attributes) else { continue }
          points.append((entry.id, row))
        }
      }
    }
    return points
  }
}
