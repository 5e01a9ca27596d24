import CLociMath

/// The index of a segment: an image over its rows.
enum SegmentImages {
  /// - Parameter rows: every row of the segment, in its element.
  @unsafe static func build(
    rows: UnsafeRawPointer, count: Int, layout: CollectionLayout, threads: Int,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws(SegmentError) -> (IndexImage, SegmentHeader.IndexKind) {
    switch layout.element {
    case .float32:
      let floats = unsafe UnsafeBufferPointer(
        start: rows.assumingMemoryBound(to: Float.self), count: count * layout.dimension)
      return unsafe try build(floats, count: count, layout, threads, isCancelled)
    case .float16:
      let widened = try MemoryBlock(count: count * layout.dimension * 4)
      let target = unsafe widened.base.assumingMemoryBound(to: Float.self)
      unsafe VectorKernels.best.table.pointee.f32_from_f16(
        rows.assumingMemoryBound(to: UInt16.self), target, count * layout.dimension)
      let floats = unsafe UnsafeBufferPointer(start: UnsafePointer(target), count: count * layout.dimension)
      defer { withExtendedLifetime(widened) {} }
      return unsafe try build(floats, count: count, layout, threads, isCancelled)
    }
  }

  private static func build(
    _ rows: UnsafeBufferPointer<Float>, count: Int, _ layout: CollectionLayout, _ threads: Int,
    _ isCancelled: @escaping @Sendable () -> Bool
  ) throws(SegmentError) -> (IndexImage, SegmentHeader.IndexKind) {
    let span = unsafe Span(_unsafeElements: rows)
    do throws(VectorIndexError) {
      if count >= layout.indexFromRows {
        return (
          try IVFIndex.build(
            rows: span, dimension: layout.dimension, metric: layout.storedMetric, threads: threads,
            isCancelled: isCancelled), .ivf
        )
      }
      return (
        try ScalarQuantizedRows.build(
          rows: span, dimension: layout.dimension, metric: layout.storedMetric, threads: threads), .flat
      )
    } catch { throw SegmentError(error) }
  }

  /// Opens an image whose bytes were checked.
  static func open(
    _ bytes: MappedBytes, kind: SegmentHeader.IndexKind, rowCount: Int, layout dimension: Int
  ) throws(SegmentError) -> any VectorIndex {
    do throws(VectorIndexError) {
      let index: any VectorIndex
      switch kind {
      case .scan: throw VectorIndexError.wrongKind
      case .flat:
        index = unsafe try ScalarQuantizedRows(
          image: UnsafeRawBufferPointer(start: bytes.pointer, count: bytes.count), owner: bytes.owner,
          verify: false)
      case .ivf:
        index = unsafe try IVFIndex(
          image: UnsafeRawBufferPointer(start: bytes.pointer, count: bytes.count), owner: bytes.owner,
          verify: false)
      }
      guard index.count == rowCount, index.dimension == dimension else { throw VectorIndexError.outOfBounds }
      return index
    } catch { throw SegmentError(error) }
  }
}

extension SegmentError {
  init(_ error: VectorIndexError) {
    switch error {
    case .cancelled: self = .cancelled
    case .outOfMemory: self = .outOfMemory(bytes: 0)
    case .badChecksum: self = .checksum(section: "image")
    default: self = .malformed("index image: \(error)")
    }
  }
}
