import CLociMath

/// Vectors that were checked, with unit length where the metric is cosine.
@safe struct PreparedVectors: ~Copyable {
  let buffer: FloatBuffer
  let count: Int

  /// - Parameters:
  ///   - vectors: (n, dimension).
  ///   - isQuery: a query's elements need not fit the collection's.
  init(_ vectors: borrowing FloatBuffer, count: Int, layout: CollectionLayout, isQuery: Bool)
    throws(VectorError)
  {
    let buffer = FloatBuffer(count: vectors.count)
    unsafe buffer.base.update(from: vectors.base, count: vectors.count)
    try Self.check(buffer, count: count, layout, isQuery)
    self.buffer = buffer
    self.count = count
  }

  init(_ vectors: [Float], layout: CollectionLayout, isQuery: Bool) throws(VectorError) {
    let (count, rest) = vectors.count.quotientAndRemainder(dividingBy: layout.dimension)
    guard rest == 0 else {
      throw .shapeMismatch(values: vectors.count, rows: count, dimension: layout.dimension)
    }
    let buffer = FloatBuffer(count: vectors.count)
    unsafe vectors.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { unsafe buffer.base.update(from: start, count: source.count) }
    }
    try Self.check(buffer, count: count, layout, isQuery)
    self.buffer = buffer
    self.count = count
  }

  /// Lends some of them, shape (rows.count, dimension).
  func withRows<R>(_ rows: Range<Int>, dimension: Int, _ body: (Span<Float>) throws -> R) rethrows -> R {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= count)
    let part = unsafe UnsafeBufferPointer(
      start: buffer.base + rows.lowerBound * dimension, count: rows.count * dimension)
    return try body(unsafe Span(_unsafeElements: part))
  }

  private static func check(
    _ buffer: borrowing FloatBuffer, count: Int, _ layout: CollectionLayout, _ isQuery: Bool
  ) throws(VectorError) {
    let table = unsafe VectorKernels.best.table
    let dimension = layout.dimension
    let limit: Float = layout.element == .float16 && !isQuery ? 65_504 : 9e18
    for row in 0..<count {
      let start = unsafe buffer.base + row * dimension
      guard unsafe table.pointee.all_finite(start, dimension) else { throw .notFinite(row: row) }
      if layout.metric == .cosine {
        guard unsafe loci_normalise(table, start, start, dimension) > 0 else { throw .zeroVector(row: row) }
      } else {
        let norm = unsafe table.pointee.dot(start, start, dimension).squareRoot()
        guard norm <= limit else { throw .tooLong(row: row, norm: norm, limit: limit) }
      }
    }
  }
}

/// Vectors in the form that the log, the tail and segments keep them in: checked, of unit length for cosine,
/// little-endian in the collection's element.
package enum StoredVectors {
  /// - Parameter vectors: (n, dimension), finite.
  package static func encode(_ vectors: [Float], layout: CollectionLayout) throws(VectorError) -> [UInt8] {
    let prepared = try PreparedVectors(vectors, layout: layout, isQuery: false)
    let count = vectors.count
    return unsafe [UInt8](unsafeUninitializedCapacity: count * layout.element.bytesPerElement) {
      bytes, used in
      used = count * layout.element.bytesPerElement
      guard let target = bytes.baseAddress, count > 0 else { return }
      switch layout.element {
      case .float32:
        unsafe UnsafeMutableRawPointer(target).copyMemory(from: prepared.buffer.base, byteCount: used)
      case .float16:
        let halves = UnsafeMutablePointer<UInt16>.allocate(capacity: count)
        defer { unsafe halves.deallocate() }
        unsafe VectorKernels.best.table.pointee.f16_from_f32(prepared.buffer.base, halves, count)
        unsafe UnsafeMutableRawPointer(target).copyMemory(from: halves, byteCount: used)
      }
    }
  }

  package static func decode(_ bytes: [UInt8], element: VectorStorage) -> [Float] {
    let count = bytes.count / element.bytesPerElement
    return unsafe bytes.withUnsafeBytes { source in
      unsafe [Float](unsafeUninitializedCapacity: count) { floats, used in
        used = count
        guard let target = floats.baseAddress, let start = source.baseAddress, count > 0 else { return }
        switch element {
        case .float32:
          unsafe UnsafeMutableRawPointer(target).copyMemory(from: start, byteCount: count * 4)
        case .float16:
          let halves = UnsafeMutablePointer<UInt16>.allocate(capacity: count)
          defer { unsafe halves.deallocate() }
          unsafe UnsafeMutableRawPointer(halves).copyMemory(from: start, byteCount: count * 2)
          unsafe VectorKernels.best.table.pointee.f32_from_f16(halves, target, count)
        }
      }
    }
  }
}
