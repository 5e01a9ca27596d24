import CLociMath

/// Refuses what no score can be computed from.
enum RowCheck {
  /// The first row of (n, dimension) with a NaN or infinity, or for cosine without a direction.
  @unsafe static func firstBad(
    _ rows: UnsafeBufferPointer<Float>, _ dimension: Int, _ metric: VectorMetric
  ) -> VectorIndexError? {
    guard let base = rows.baseAddress, dimension > 0 else { return nil }
    let kernels = unsafe VectorKernels.best.table.pointee
    for row in 0..<(rows.count / dimension) {
      let start = unsafe base + row * dimension
      guard unsafe kernels.all_finite(start, dimension) else { return .notFinite(row: row) }
      if metric == .cosine, !(0..<dimension).contains(where: { unsafe start[$0] != 0 }) {
        return .zeroVector(row: row)
      }
    }
    return nil
  }
}
