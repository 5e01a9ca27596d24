import LociCore

extension SegmentedCollection {
  package struct State: Sendable {
    package struct Segment: Sendable {
      package let id: UInt64
      package let isInverted: Bool
      package let rows, liveRows, fileBytes: Int
    }
    package let points, tailPoints, tailBytes: Int
    package let segments: [Segment]
    package let covered: UInt64
    package let isRunning: Bool
    package let built, rebuilt: UInt64
    package let problem: String?
  }

  /// What the collection is made of at the moment.
  package var state: State {
    let (view, covered) = writer.withLock { ($0.view, $0.covered) }
    let counts = counts.withLock { $0 }
    return State(
      points: view.count, tailPoints: view.tailCount, tailBytes: tailBytes(view),
      segments: view.parts.map { part in
        State.Segment(
          id: part.segment.id, isInverted: part.segment.header.index == .ivf, rows: part.segment.rowCount,
          liveRows: part.liveCount, fileBytes: part.segment.fileBytes)
      },
      covered: covered, isRunning: counts.isRunning, built: counts.built, rebuilt: counts.rebuilt,
      problem: counts.problem)
  }
}
