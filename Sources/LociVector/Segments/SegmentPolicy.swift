/// When the tail becomes a segment, when segments are merged, and when writes have to wait for it.
package struct SegmentPolicy: Sendable {
  /// Rows and bytes at which the tail is sealed.
  package var sealRows = 16_384
  package var sealBytes = 32 << 20
  /// Changes beyond what the segments cover at which it is sealed however small: they are read again on opening.
  package var sealChanges = 4_096
  /// Rows and bytes that may wait in memory. Writes are refused beyond.
  package var tailRowsMax = 1 << 18
  package var tailBytesMax = 512 << 20
  /// Neighbours of about one size that are merged into one.
  package var fanout = 4
  /// Share of dead rows at which a segment is written anew.
  package var deadFraction = 0.25
  /// Segments are not merged beyond so many rows.
  package var rowsMax = 1 << 24

  package init() {}

  /// Which neighbours to merge next, the smallest first; nil when all is well.
  func merge(_ parts: [CollectionView.Part]) -> Range<Int>? {
    if let sparse = parts.indices.first(where: {
      Double(parts[$0].deadCount) > deadFraction * Double(parts[$0].segment.rowCount)
    }) {
      return sparse..<(sparse + 1)
    }
    // Runs of equal tier. A tier spans a factor of `fanout`.
    var run = 0..<0
    var best: Range<Int>?
    for index in parts.indices {
      let tier = tier(of: parts[index].liveCount)
      if !run.isEmpty, self.tier(of: parts[run.lowerBound].liveCount) == tier {
        run = run.lowerBound..<(index + 1)
      } else {
        run = index..<(index + 1)
      }
      let rows = parts[run].reduce(0) { $0 + $1.liveCount }
      if run.count >= fanout, rows <= rowsMax,
        best.map({ tier < self.tier(of: parts[$0.lowerBound].liveCount) }) ?? true
      {
        best = run
      }
    }
    return best ?? smallBetweenLarge(parts)
  }

  /// Many small segments between larger ones would never find neighbours of their size.
  private func smallBetweenLarge(_ parts: [CollectionView.Part]) -> Range<Int>? {
    guard parts.count >= fanout * 4 else { return nil }
    let pairs = (0..<(parts.count - 1)).map { ($0, parts[$0].liveCount + parts[$0 + 1].liveCount) }
    guard let (index, rows) = pairs.min(by: { $0.1 < $1.1 }), rows <= rowsMax else { return nil }
    return index..<(index + 2)
  }

  private func tier(of rows: Int) -> Int {
    var (tier, size) = (0, sealRows)
    while size < rows {
      size *= fanout
      tier += 1
    }
    return tier
  }
}
