/// A collection as one search sees it: what was applied up to `sequence`, and nothing later.
package struct CollectionView: Sendable {
  struct Part: Sendable {
    let segment: Segment
    /// Rows deleted or replaced since the segment was built; nil when there are none.
    var dead: RowBitmap?
    var deadCount = 0

    var liveCount: Int { segment.rowCount - deadCount }

    func live() -> RowBitmap {
      var live = dead ?? RowBitmap(count: segment.rowCount)
      live.invert()
      return live
    }
  }

  let layout: CollectionLayout
  /// In the order of their rows, which do not overlap.
  var parts: [Part] = []
  /// Older first.
  var tails: [TailView] = []
  package var sequence: UInt64 = 0

  package var tailCount: Int { tails.reduce(0) { $0 + $1.tail.vectors.count } }
  package var count: Int { parts.reduce(tailCount) { $0 + $1.liveCount } }
}

package struct PointHit: Sendable, Equatable {
  package let id: PointID
  /// In the collection's numbering: of equal scores the lower one, written earlier, comes first.
  package let row: Int64
  /// See ``VectorMetric``.
  package let score: Float
}

/// How hard a search looks.
package struct SegmentSearchParameters: Sendable, Equatable {
  /// In (0, 1]; nil: the collection's.
  package var recallTarget: Float?
  /// Instead of a target: inverted lists to look into, and candidates to rank again.
  package var lists: Int?
  package var candidates: Int?
  /// Compare with every vector.
  package var isExact = false
  /// Threads that many queries are shared among.
  package var threads = 1

  package init() {}
}

package struct SegmentSearchStatistics: Sendable, Equatable {
  /// Vectors or codes compared, all queries together.
  package var rowsScanned = 0
  package var segments = 0
  package var tailRows = 0
  /// 1 when everything was compared, 0 when it is not known.
  package var expectedRecall: Float = 1
}
