/// Where a row lies: chunk in the upper half, position in the lower.
struct RowSlot: Equatable {
  var packed: UInt64

  init(chunk: Int, position: Int) {
    packed = UInt64(UInt32(chunk)) << 32 | UInt64(UInt32(position))
  }
  init(packed: UInt64) {
    self.packed = packed
  }

  var chunk: Int { Int(packed >> 32) }
  var position: Int { Int(packed & 0xffff_ffff) }
}

/// What a reader sees: the rows published, less those ended at `version` or before. Never changes.
struct RowSnapshot: Sendable {
  var chunks: [RowChunk] = []
  /// The chunk that is being filled; all others are full. -1 before the first row.
  var tail = -1
  var tailCount = 0
  var version: UInt64 = 0

  /// Rows to look at in a chunk, dead ones included.
  func rowCount(ofChunk index: Int) -> Int {
    index == tail ? tailCount : chunks[index].capacity
  }

  var rowCount: Int {
    chunks.indices.reduce(0) { $0 + rowCount(ofChunk: $1) }
  }
}

/// The writer's side of a collection: rows by id, appended to chunks, ended by version, compacted by chunk.
///
/// An update appends a row and ends the old one, so readers of older snapshots are never disturbed. A full
/// chunk of which a quarter is dead has its live rows appended again and leaves the list.
struct RowStore {
  private(set) var snapshot = RowSnapshot()
  private(set) var slots: [Int64: RowSlot] = [:]
  private var deadCounts: [Int] = []
  private var freeIndices: [Int] = []
  /// Chunks that this write has touched and that may have to be compacted.
  private var touched: Set<Int> = []
  private let rowBytes: Int
  private let chunkRowsMax: Int

  private static let chunkRowsMin = 16
  private static let chunkBytesMax = 8 << 20
  private static let emptyChunk = try? RowChunk(capacity: 0, rowBytes: 0)

  init(rowBytes: Int) {
    self.rowBytes = rowBytes
    chunkRowsMax = max(RowStore.chunkRowsMin, RowStore.chunkBytesMax / rowBytes)
  }

  /// Starts a write: what follows until `finishWrite` becomes visible, or invisible, all at once.
  mutating func beginWrite() {
    snapshot.version += 1
  }

  mutating func finishWrite() {
    while let index = touched.popFirst() { compactIfSparse(index) }
  }

  /// `source` holds one row in the collection's storage.
  @unsafe mutating func upsert(id: Int64, from source: UnsafeRawPointer) throws(VectorError) {
    let slot = unsafe try append(id: id, from: source)
    if let old = slots.updateValue(slot, forKey: id) { end(old) }
  }

  /// Whether there was such a row.
  mutating func remove(id: Int64) -> Bool {
    guard let old = slots.removeValue(forKey: id) else { return false }
    end(old)
    return true
  }

  private mutating func end(_ slot: RowSlot) {
    snapshot.chunks[slot.chunk].end(slot.position, at: snapshot.version)
    deadCounts[slot.chunk] += 1
    touched.insert(slot.chunk)
  }

  private mutating func append(id: Int64, from source: UnsafeRawPointer) throws(VectorError) -> RowSlot {
    if snapshot.tail < 0 || snapshot.tailCount == snapshot.chunks[snapshot.tail].capacity {
      try startChunk()
    }
    let slot = RowSlot(chunk: snapshot.tail, position: snapshot.tailCount)
    unsafe snapshot.chunks[slot.chunk].write(slot.position, id: id, from: source)
    snapshot.tailCount += 1
    return slot
  }

  /// Chunks double with the collection up to 8 MiB, so that a small one stays small.
  private mutating func startChunk() throws(VectorError) {
    let wanted = min(max(RowStore.chunkRowsMin, slots.count), chunkRowsMax)
    let chunk = try RowChunk(capacity: wanted, rowBytes: rowBytes)
    if snapshot.tail >= 0 { touched.insert(snapshot.tail) }
    if let index = freeIndices.popLast() {
      snapshot.chunks[index] = chunk
      deadCounts[index] = 0
      snapshot.tail = index
    } else {
      snapshot.chunks.append(chunk)
      deadCounts.append(0)
      snapshot.tail = snapshot.chunks.count - 1
    }
    snapshot.tailCount = 0
  }

  /// Leaves the chunk as it was, but for rows already moved, when there is no memory for the move.
  private mutating func compactIfSparse(_ index: Int) {
    let chunk = snapshot.chunks[index]
    guard index != snapshot.tail, chunk.capacity > 0, deadCounts[index] * 4 >= chunk.capacity,
      let emptyChunk = RowStore.emptyChunk
    else { return }
    for position in 0..<chunk.capacity where chunk.isVisible(position, at: snapshot.version) {
      let id = chunk.id(position)
      guard let moved = unsafe try? append(id: id, from: chunk.row(position)) else {
        for earlier in 0..<position
        where slots[chunk.id(earlier)] != RowSlot(chunk: index, position: earlier)
          && chunk.isVisible(earlier, at: snapshot.version)
        {
          chunk.end(earlier, at: snapshot.version)
          deadCounts[index] += 1
        }
        return
      }
      slots[id] = moved
    }
    snapshot.chunks[index] = emptyChunk
    freeIndices.append(index)
  }
}
