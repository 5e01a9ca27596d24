import CLociMath
import LociCore

/// Vectors of one dimension and metric by id, searched exactly.
///
/// Safe to use from many threads. A search works on a snapshot that it takes in O(1): it sees each write that
/// returned before it began, entirely, and writes that end meanwhile not at all. Searches never wait for a
/// write; writes wait for each other, and look-ups by id for the write in progress. Memory: dimension × (4 or
/// 2) + about 60 bytes a row, plus at most a quarter of dead rows in full chunks.
package final class VectorCollection: Sendable {
  package static let dimensionMax = 65_536

  package let dimension: Int
  package let metric: VectorMetric
  package let storage: VectorStorage
  let kernels: VectorKernels

  /// Locked before `published`, never the other way round.
  let store: Locked<RowStore>
  let published = Locked(RowSnapshot())

  /// `kernels` is for tests that compare instruction levels.
  package init(
    dimension: Int, metric: VectorMetric = .cosine, storage: VectorStorage = .float32,
    kernels: VectorKernels = .best
  ) throws(VectorError) {
    guard (1...VectorCollection.dimensionMax).contains(dimension) else {
      throw .dimensionUnsupported(dimension)
    }
    self.dimension = dimension
    self.metric = metric
    self.storage = storage
    self.kernels = kernels
    store = Locked(RowStore(rowBytes: dimension * storage.bytesPerElement))
  }

  /// What a search that begins now would see.
  var snapshot: RowSnapshot { published.withLock { $0 } }

  /// Live rows.
  package var count: Int { store.withLock { $0.slots.count } }

  /// Bytes of row memory in use or reserved, ids and versions included.
  package var allocatedBytes: Int {
    published.withLock { $0 }.chunks.reduce(0) { $0 + $1.capacity * ($1.rowBytes + 16) }
  }

  package func contains(_ id: Int64) -> Bool {
    store.withLock { $0.slots[id] != nil }
  }

  /// All live ids, in no order.
  package var ids: [Int64] { store.withLock { Array($0.slots.keys) } }

  /// The vector as it is kept: normalised for cosine, rounded to half precision if stored so.
  package func vector(of id: Int64) -> [Float]? {
    store.withLock { store in
      store.slots[id].map { slot in
        let row = unsafe store.snapshot.chunks[slot.chunk].row(slot.position)
        return unsafe [Float](unsafeUninitializedCapacity: dimension) { buffer, count in
          if let base = buffer.baseAddress { unsafe widen(row, rows: 1, into: base) }
          count = dimension
        }
      }
    }
  }

  /// Adds or replaces rows: `vectors` holds (ids.count, dimension), row-major, finite. The last of equal ids
  /// wins.
  ///
  /// Nothing changes when a row is refused; all rows become visible at once. O(ids.count × dimension).
  package func upsert(ids: [Int64], vectors: Span<Float>) throws(VectorError) {
    guard vectors.count == ids.count * dimension else {
      throw .shapeMismatch(values: vectors.count, rows: ids.count, dimension: dimension)
    }
    guard !ids.isEmpty else { return }
    let rows = try prepare(vectors, rows: ids.count)
    let narrow = storage == .float16
    let halves = UnsafeMutablePointer<UInt16>.allocate(capacity: narrow ? rows.count : 1)
    defer { unsafe halves.deallocate() }
    if narrow { unsafe kernels.table.pointee.f16_from_f32(rows.base, halves, rows.count) }
    let source = unsafe narrow ? UnsafeRawPointer(halves) : UnsafeRawPointer(rows.base)
    let rowBytes = dimension * storage.bytesPerElement
    try write { (store: inout RowStore) throws(VectorError) in
      for (index, id) in ids.enumerated() {
        unsafe try store.upsert(id: id, from: source + index * rowBytes)
      }
    }
  }

  package func upsert(ids: [Int64], vectors: [Float]) throws(VectorError) {
    try upsert(ids: ids, vectors: vectors.span)
  }

  package func upsert(id: Int64, vector: [Float]) throws(VectorError) {
    try upsert(ids: [id], vectors: vector.span)
  }

  /// Removes rows and returns how many there were. Searches that begin after the return do not see them.
  @discardableResult
  package func remove(ids: some Sequence<Int64>) -> Int {
    var removed = 0
    do throws(VectorError) {
      try write { (store: inout RowStore) throws(VectorError) in
        for id in ids where store.remove(id: id) { removed += 1 }
      }
    } catch {
      // `body` throws nothing.
    }
    return removed
  }

  /// Publishes what `body` did in one step. After an error (only memory can run out) the rows before it stay.
  private func write(_ body: (inout RowStore) throws(VectorError) -> Void) throws(VectorError) {
    try store.withLock { (store: inout RowStore) throws(VectorError) in
      store.beginWrite()
      defer {
        store.finishWrite()
        published.withLock { $0 = store.snapshot }
      }
      try body(&store)
    }
  }
}

extension VectorCollection {
  /// A checked copy of `rows` vectors, normalised for cosine.
  func prepare(_ vectors: Span<Float>, rows: Int) throws(VectorError) -> FloatBuffer {
    let buffer = FloatBuffer(count: vectors.count)
    unsafe vectors.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { unsafe buffer.base.update(from: start, count: source.count) }
    }
    let table = unsafe kernels.table
    let limit = normLimit
    for row in 0..<rows {
      let start = unsafe buffer.base + row * dimension
      guard unsafe table.pointee.all_finite(start, dimension) else { throw .notFinite(row: row) }
      if metric == .cosine {
        guard unsafe loci_normalise(table, start, start, dimension) > 0 else { throw .zeroVector(row: row) }
      } else {
        let norm = unsafe table.pointee.dot(start, start, dimension).squareRoot()
        guard norm <= limit else { throw .tooLong(row: row, norm: norm, limit: limit) }
      }
    }
    return buffer
  }

  /// Below this no product or distance of two vectors overflows, and no element overflows half precision.
  private var normLimit: Float { storage == .float32 ? 9e18 : 65_504 }

  /// `rows` stored rows as float32.
  @unsafe func widen(_ source: UnsafeRawPointer, rows: Int, into target: UnsafeMutablePointer<Float>) {
    let count = rows * dimension
    switch storage {
    case .float32: unsafe target.update(from: source.assumingMemoryBound(to: Float.self), count: count)
    case .float16:
      unsafe kernels.table.pointee.f32_from_f16(source.assumingMemoryBound(to: UInt16.self), target, count)
    }
  }
}
