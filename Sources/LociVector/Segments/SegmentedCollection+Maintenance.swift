import Foundation
import LociCore

/// Where points can be read again from: the log and its projection.
package protocol PointSource: Sendable {
  /// Calls `body` with every live point whose row lies in `rows`, in rising order of rows, as of now or later.
  /// `vector` is as ``StoredVectors`` makes it.
  func forEachLivePoint(
    rows: ClosedRange<Int64>,
    _ body: (_ row: Int64, _ id: PointID, _ attributes: [PointAttribute], _ vector: [UInt8]) throws -> Void)
    throws

  /// Calls `body` with the index and the vector of each of `rows`, which rise; of deleted ones too.
  func forEachVector(rows: [Int64], _ body: (_ index: Int, _ vector: [UInt8]) throws -> Void) throws

  /// Proof that the log has `sequence`; see `SegmentedCollection.init`.
  func stamp(covering sequence: UInt64) throws -> [UInt8]
}

/// What building segments may take.
package struct MaintenanceBudget: Sendable {
  /// Called with the bytes of each write; may sleep.
  package var pace: @Sendable (Int) -> Void
  package var isCancelled: @Sendable () -> Bool

  package init(
    pace: @escaping @Sendable (Int) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.pace = pace
    self.isCancelled = isCancelled
  }
}

extension SegmentedCollection {
  /// Whether `maintain` would do something.
  package var needsMaintenance: Bool {
    let (view, changes, unplaced) = writer.withLock { ($0.view, $0.changes, !$0.unplaced.isEmpty) }
    return unplaced || shouldSeal(view, changes) || policy.merge(view.parts) != nil
      || view.parts.contains { $0.segment.problem != nil }
  }

  private func shouldSeal(_ view: CollectionView, _ changes: Int) -> Bool {
    view.tails.count > 1 || view.tailCount >= policy.sealRows || tailBytes(view) >= policy.sealBytes
      || changes >= policy.sealChanges
  }

  /// Builds damaged segments anew, seals the tail when it is large enough, and merges segments until all is well. One
  /// at a time; another caller waits.
  package func maintain(_ source: any PointSource, budget: MaintenanceBudget = .init()) throws {
    try running {
      try repairAll(source, budget)
      let (view, changes) = writer.withLock { ($0.view, $0.changes) }
      if shouldSeal(view, changes) { try seal(source, budget) }
      while let range = policy.merge(self.view.parts) {
        try merge(Array(self.view.parts[range]), source, budget)
      }
    }
  }

  /// Seals the tail however small.
  package func sealTail(_ source: any PointSource, budget: MaintenanceBudget = .init()) throws {
    try running {
      try repairAll(source, budget)
      try seal(source, budget)
    }
  }

  /// Seals the tail and merges everything into as few segments as the policy allows.
  package func optimize(_ source: any PointSource, budget: MaintenanceBudget = .init()) throws {
    try running {
      try repairAll(source, budget)
      try seal(source, budget)
      while true {
        let parts = view.parts
        var (rows, count) = (0, 0)
        for part in parts {
          guard count == 0 || rows + part.liveCount <= policy.rowsMax else { break }
          rows += part.liveCount
          count += 1
        }
        guard count > 1 || parts.first.map({ $0.deadCount > 0 }) ?? false else { break }
        try merge(Array(parts[..<count]), source, budget)
        if count < parts.count { break }
      }
    }
  }

  /// Builds a segment anew whose damage a search met.
  package func repair(_ source: any PointSource, budget: MaintenanceBudget = .init()) throws {
    try running { try repairAll(source, budget) }
  }

  private func running(_ body: () throws -> Void) throws {
    try maintenance.withLock { _ in
      counts.withLock { $0.isRunning = true }
      defer { counts.withLock { $0.isRunning = false } }
      do {
        try body()
        counts.withLock { $0.problem = nil }
      } catch {
        counts.withLock { $0.problem = "\(error)" }
        throw error
      }
    }
  }

  // MARK: Sealing

  private func seal(_ source: any PointSource, _ budget: MaintenanceBudget) throws {
    // A tail that an earlier attempt froze comes first.
    while let (tail, covered) = try freeze() { try seal(tail, covered: covered, source, budget) }
  }

  /// Begins a new tail, and returns the oldest full one with the sequence it ends at; nil when all are empty.
  private func freeze() throws -> (Tail, covered: UInt64)? {
    try writer.withLock { writer in
      let tails = writer.view.tails
      if tails.count > 1 { return (tails[0].tail, writer.frozenAt ?? writer.view.sequence) }
      guard writer.changes > 0 else { return nil }
      writer.view.tails.append(TailView(tail: try Tail(layout), snapshot: RowSnapshot()))
      writer.frozenAt = writer.view.sequence
      writer.changes = 0
      publish(&writer)
      return (tails[0].tail, writer.view.sequence)
    }
  }

  private func seal(
    _ tail: Tail, covered: UInt64, _ source: any PointSource, _ budget: MaintenanceBudget
  ) throws {
    let stamp = try source.stamp(covering: covered)
    let rows = tail.vectors.snapshot.sortedRows()
    var segment: Segment?
    if !rows.isEmpty {
      let builder = try newBuilder(covered: covered, budget)
      for (row, chunk, position) in rows {
        guard let entry = tail.entry(row) else {
          throw SegmentError.malformed("a row of the tail without its id")
        }
        unsafe try builder.add(
          row: row, id: entry.id, attributes: entry.attributes, vector: chunk.row(position))
      }
      segment = try finish(builder)
    }
    try writer.withLock { writer in
      writer.view.tails.removeFirst()
      writer.frozenAt = nil
      (writer.covered, writer.stamp) = (covered, stamp)
      if let segment {
        var part = CollectionView.Part(segment: segment)
        let content = try segment.verified()
        for local in 0..<segment.rowCount where !tail.vectors.contains(content.rows[local]) {
          part.kill(local)
        }
        writer.view.parts.append(part)
      }
      publish(&writer)
    }
    try saveManifest()
  }

  private func newBuilder(covered: UInt64, _ budget: MaintenanceBudget) throws -> SegmentBuilder {
    let id = writer.withLock { writer in
      defer { writer.nextSegment += 1 }
      return writer.nextSegment
    }
    return try SegmentBuilder(
      path: Self.segmentPath(folder, id), layout: layout, identity: identity, segment: id, covered: covered,
      pace: budget.pace, isCancelled: budget.isCancelled)
  }

  private func finish(_ builder: SegmentBuilder) throws -> Segment {
    let path = try builder.finish()
    let segment = try Segment(path: path, layout: layout, identity: identity)
    // What was just written is checked while it is in memory: no search has to.
    _ = try segment.verified()
    counts.withLock { $0.built += 1 }
    return segment
  }

  // MARK: Merging

  private func merge(
    _ inputs: [CollectionView.Part], _ source: any PointSource, _ budget: MaintenanceBudget
  ) throws {
    let covered = writer.withLock { $0.covered }
    let lives = inputs.map { $0.live() }
    var segment: Segment?
    if lives.contains(where: { !$0.isEmpty }) {
      let builder = try newBuilder(covered: covered, budget)
      for (input, live) in zip(inputs, lives) {
        try builder.add(input.segment, live: live, source)
      }
      segment = try finish(builder)
    }
    try writer.withLock { writer in
      let ids = Set(inputs.map(\.segment.id))
      guard let first = writer.view.parts.firstIndex(where: { ids.contains($0.segment.id) }) else { return }
      var merged: CollectionView.Part?
      if let segment {
        var part = CollectionView.Part(segment: segment)
        let content = try segment.verified()
        // What died while the segment was built.
        var place = 0
        for (input, live) in zip(writer.view.parts[first..<(first + inputs.count)], lives) {
          live.forEach { local in
            if input.dead?[local] ?? false { part.kill(place) }
            place += 1
          }
        }
        precondition(place == content.rows.count)
        merged = part
      }
      writer.view.parts.replaceSubrange(first..<(first + inputs.count), with: merged.map { [$0] } ?? [])
      publish(&writer)
    }
    try saveManifest()
    for input in inputs { try? FileManager.default.removeItem(atPath: input.segment.path) }
  }

  // MARK: Repair

  private func repairAll(_ source: any PointSource, _ budget: MaintenanceBudget) throws {
    for part in view.parts where part.segment.problem != nil {
      try repair(part.segment, source, budget)
    }
  }

  /// Reads the points of a damaged segment from the projection. Rows that die meanwhile are noted in `unplaced`, since
  /// a damaged segment cannot place them.
  private func repair(_ damaged: Segment, _ source: any PointSource, _ budget: MaintenanceBudget) throws {
    let covered = writer.withLock { $0.covered }
    let range = damaged.header.firstRow...damaged.header.lastRow
    let builder = try newBuilder(covered: covered, budget)
    try source.forEachLivePoint(rows: range) { row, id, attributes, vector in
      guard vector.count == layout.rowBytes else { throw SegmentError.malformed("a vector of another size") }
      try unsafe vector.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        unsafe try builder.add(row: row, id: id, attributes: attributes, vector: base)
      }
    }
    let segment = builder.rowCount > 0 ? try finish(builder) : nil
    try writer.withLock { writer in
      guard let index = writer.view.parts.firstIndex(where: { $0.segment.id == damaged.id }) else { return }
      let died = writer.unplaced.removeValue(forKey: damaged.id) ?? []
      var replacement: [CollectionView.Part] = []
      if let segment {
        var part = CollectionView.Part(segment: segment)
        let content = try segment.verified()
        for row in died { if let local = content.local(of: row) { part.kill(local) } }
        replacement = [part]
      }
      writer.view.parts.replaceSubrange(index...index, with: replacement)
      publish(&writer)
    }
    counts.withLock { $0.rebuilt += 1 }
    try saveManifest()
    try? FileManager.default.removeItem(atPath: damaged.path)
  }

  /// Writes down what the files cover. Bitmaps may be newer than `covered`: what is read again from the log kills the
  /// same rows once more.
  private func saveManifest() throws {
    let manifest = writer.withLock { writer -> CollectionManifest? in
      // A row that died in a damaged segment is in no bitmap yet.
      guard writer.unplaced.isEmpty else { return nil }
      return CollectionManifest(
        identity: identity, covered: writer.covered, nextSegment: writer.nextSegment, stamp: writer.stamp,
        entries: writer.view.parts.map { part in
          .init(
            segment: part.segment.id, rowCount: part.segment.rowCount, firstRow: part.segment.header.firstRow,
            lastRow: part.segment.header.lastRow, dead: part.deadCount > 0 ? part.dead : nil)
        })
    }
    try manifest?.write(Self.manifestPath(folder))
  }
}

extension RowSnapshot {
  /// What is visible, by id.
  func sortedRows() -> [(id: Int64, chunk: RowChunk, position: Int)] {
    var rows: [(id: Int64, chunk: RowChunk, position: Int)] = []
    for (index, chunk) in chunks.enumerated() {
      for position in 0..<rowCount(ofChunk: index) where chunk.isVisible(position, at: version) {
        rows.append((chunk.id(position), chunk, position))
      }
    }
    return rows.sorted { $0.id < $1.id }
  }
}
