import CLociMath

/// A fixed number of rows with their ids, in memory that never moves.
///
/// Rows are written once, by the collection's one writer, at positions that no reader has been told of yet;
/// the lock under which the count is published orders the two. Only `died` changes afterwards, atomically.
@safe final class RowChunk: @unchecked Sendable {  // by the rule above
  /// A row that is alive carries this in place of the version that ended it.
  static let alive = UInt64.max

  let capacity: Int
  let rowBytes: Int
  /// Row-major (capacity, dimension), in the collection's storage.
  private let rows: UnsafeMutableRawPointer
  private let ids: UnsafeMutablePointer<Int64>
  private let died: UnsafeMutablePointer<UInt64>

  init(capacity: Int, rowBytes: Int) throws(VectorError) {
    guard let rows = unsafe loci_rows_alloc(capacity * rowBytes) else {
      throw .outOfMemory(bytes: capacity * rowBytes)
    }
    (self.capacity, self.rowBytes) = (capacity, rowBytes)
    unsafe self.rows = rows
    unsafe ids = .allocate(capacity: capacity)
    unsafe ids.initialize(repeating: 0, count: capacity)
    unsafe died = .allocate(capacity: capacity)
    unsafe died.initialize(repeating: RowChunk.alive, count: capacity)
  }

  deinit {
    unsafe loci_rows_free(rows, capacity * rowBytes)
    unsafe ids.deallocate()
    unsafe died.deallocate()
  }

  @unsafe func row(_ position: Int) -> UnsafeRawPointer {
    precondition(position >= 0 && position < capacity)
    return unsafe UnsafeRawPointer(rows + position * rowBytes)
  }

  func id(_ position: Int) -> Int64 {
    precondition(position >= 0 && position < capacity)
    return unsafe ids[position]
  }

  func isVisible(_ position: Int, at version: UInt64) -> Bool {
    precondition(position >= 0 && position < capacity)
    return unsafe loci_atomic_load(died + position) > version
  }

  /// Writer only, at a position not yet published. `source` holds `rowBytes` bytes.
  @unsafe func write(_ position: Int, id: Int64, from source: UnsafeRawPointer) {
    precondition(position >= 0 && position < capacity)
    unsafe (rows + position * rowBytes).copyMemory(from: source, byteCount: rowBytes)
    unsafe ids[position] = id
  }

  /// Writer only. Readers of `version` and later no longer see the row.
  func end(_ position: Int, at version: UInt64) {
    precondition(position >= 0 && position < capacity)
    unsafe loci_atomic_store(died + position, version)
  }
}
