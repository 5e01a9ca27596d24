import Foundation
import LociCore

/// What an event of the log does to a collection's points.
package enum PointChange: Sendable {
  /// Points numbered on from `firstRow`, above every row before. `vectors` is as ``StoredVectors`` makes it;
  /// `attributes` is empty or has an element for each point. `replaced` are rows these points had before.
  case upsert(
    firstRow: Int64, ids: PointIDs, attributes: [[PointAttribute]], vectors: [UInt8], replaced: [Int64])
  case delete(rows: [Int64])
}

/// A collection of points that outgrows memory: a mutable tail, and immutable segments on disk.
///
/// All of it is derived from the log. Changes come in the log's order, each with its sequence; one that was applied
/// already is ignored, so the log can be read again from any place at or before what the files cover. Safe from any
/// thread: searches work on a view they take in O(1), changes wait for each other, and the building of segments holds
/// neither up.
package final class SegmentedCollection: Sendable {
  package let layout: CollectionLayout
  let identity: CollectionIdentity
  /// Folder of the files.
  package let folder: String
  let policy: SegmentPolicy

  struct Writer {
    var view: CollectionView
    var covered: UInt64
    var stamp: [UInt8]
    var nextSegment: UInt64
    /// Changes beyond `covered`.
    var changes = 0
    /// Rows that died in a segment that could not be read, by its id.
    var unplaced: [UInt64: [Int64]] = [:]
    /// Sequence at which the oldest of two tails was closed.
    var frozenAt: UInt64?
  }

  /// Locked before `published`, never the other way round.
  let writer: Locked<Writer>
  private let published: Locked<CollectionView>
  /// Held by whoever builds segments.
  let maintenance = Locked(())
  let counts = Locked(Counts())

  struct Counts {
    var built: UInt64 = 0
    var rebuilt: UInt64 = 0
    var isRunning = false
    var problem: String?
  }

  /// Opens the files in `folder`, or begins anew. Maps the segments; what they hold is checked when it is first used.
  /// - Parameter isCovered: whether the log has the given sequence, with the given stamp. If not, the files are of
  ///   another history and are dropped.
  package init(
    layout: CollectionLayout, identity: CollectionIdentity, folder: String, policy: SegmentPolicy = .init(),
    isCovered: (_ sequence: UInt64, _ stamp: [UInt8]) throws -> Bool = { _, _ in true }
  ) throws {
    self.layout = layout
    self.identity = identity
    self.folder = folder
    self.policy = policy
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var view = CollectionView(layout: layout)
    var state: CollectionManifest?
    if let manifest = try? CollectionManifest.read(Self.manifestPath(folder)), manifest.identity == identity,
      try isCovered(manifest.covered, manifest.stamp)
    {
      state = manifest
      view.sequence = manifest.covered
      view.parts = manifest.entries.map { entry in
        CollectionView.Part(
          segment: Segment(
            entry, path: Self.segmentPath(folder, entry.segment), layout: layout, identity: identity),
          dead: entry.dead, deadCount: entry.dead?.cardinality ?? 0)
      }
    }
    let tail = try Tail(layout)
    view.tails = [TailView(tail: tail, snapshot: RowSnapshot())]
    writer = Locked(
      Writer(
        view: view, covered: state?.covered ?? 0, stamp: state?.stamp ?? [],
        nextSegment: state?.nextSegment ?? 1))
    published = Locked(view)
    Self.removeStrangers(folder, keeping: Set(view.parts.map { Self.segmentPath(folder, $0.segment.id) }))
  }

  static func manifestPath(_ folder: String) -> String { folder + "/manifest" }
  static func segmentPath(_ folder: String, _ segment: UInt64) -> String { "\(folder)/segment-\(segment)" }

  /// Files that a crash left behind, and those of a dropped history.
  private static func removeStrangers(_ folder: String, keeping kept: Set<String>) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      let path = folder + "/" + name
      if path != manifestPath(folder), !kept.contains(path) {
        try? FileManager.default.removeItem(atPath: path)
      }
    }
  }

  // MARK: Reading

  /// The collection as it is now.
  package var view: CollectionView { published.withLock { $0 } }

  /// The log sequence up to which changes were applied, and the one that survives a restart.
  package var sequence: UInt64 { view.sequence }
  package var covered: UInt64 { writer.withLock { $0.covered } }

  /// Whether so much waits in memory that writes have to.
  package var isTailFull: Bool {
    let view = view
    return view.tailCount >= policy.tailRowsMax || tailBytes(view) >= policy.tailBytesMax
  }

  package var tailPointsMax: Int { policy.tailRowsMax }

  func tailBytes(_ view: CollectionView) -> Int { view.tails.reduce(0) { $0 + $1.tail.bytes } }

  // MARK: Changes

  /// Applies a change, unless one of this sequence or a later one was applied. Searches that begin after the return
  /// see it, entirely.
  package func apply(_ change: PointChange, sequence: UInt64) throws(VectorError) {
    try writer.withLock { (writer: inout Writer) throws(VectorError) in
      guard sequence > writer.view.sequence else { return }
      switch change {
      case .upsert(let firstRow, let ids, let attributes, let vectors, let replaced):
        guard vectors.count == ids.count * layout.rowBytes,
          attributes.isEmpty || attributes.count == ids.count
        else {
          throw .shapeMismatch(
            values: vectors.count / layout.element.bytesPerElement, rows: ids.count,
            dimension: layout.dimension)
        }
        kill(replaced, &writer)
        if let tail = writer.view.tails.last?.tail {
          try tail.add(
            firstRow: firstRow, ids: ids, attributes: attributes,
            values: StoredVectors.decode(vectors, element: layout.element))
        }
      case .delete(let rows): kill(rows, &writer)
      }
      writer.view.sequence = sequence
      writer.changes += 1
      publish(&writer)
    }
  }

  /// Notes that nothing up to `sequence` concerns this collection.
  package func skip(to sequence: UInt64) {
    writer.withLock { writer in
      guard sequence > writer.view.sequence else { return }
      writer.view.sequence = sequence
      publish(&writer)
    }
  }

  func publish(_ writer: inout Writer) {
    writer.view.tails = writer.view.tails.map { TailView(tail: $0.tail, snapshot: $0.tail.vectors.snapshot) }
    let view = writer.view
    published.withLock { $0 = view }
  }

  private func kill(_ rows: [Int64], _ writer: inout Writer) {
    var rest = rows
    for view in writer.view.tails.reversed() where !rest.isEmpty {
      rest = rest.filter { !view.tail.vectors.contains($0) }
      if rest.count < rows.count { view.tail.remove(rows) }
    }
    for row in rest {
      let parts = writer.view.parts
      guard
        let index = parts.firstIndex(where: {
          ($0.segment.header.firstRow...$0.segment.header.lastRow).contains(row)
        })
      else { continue }
      guard let content = try? parts[index].segment.verified() else {
        writer.unplaced[parts[index].segment.id, default: []].append(row)
        continue
      }
      if let local = content.local(of: row) { writer.view.parts[index].kill(local) }
    }
  }
}

extension CollectionView.Part {
  mutating func kill(_ local: Int) {
    var dead = self.dead ?? RowBitmap(count: segment.rowCount)
    self.dead = nil
    if dead.insert(local) { deadCount += 1 }
    self.dead = dead
  }
}
