import CLociIndex

/// int8 rows, each with its own step, all of them scored: for small collections. With originals the answer is
/// exact unless the k-th neighbour lies within rounding of more than `k / 2 + 6` others.
@safe package final class ScalarQuantizedRows: VectorIndex {
  package let view: IndexView

  package init(image: UnsafeRawBufferPointer, owner: AnyObject, verify: Bool) throws(VectorIndexError) {
    view = unsafe try IndexView(image: image, owner: owner, verify: verify, kind: 2)
  }

  /// Opens what was just built.
  package convenience init(_ image: IndexImage) throws(VectorIndexError) {
    unsafe try self.init(image: image.bytes, owner: image, verify: false)
  }

  /// Makes an image of `rows`, shape (n, dimension), row-major; `dimension` rounded up to 64, and 8, bytes a row.
  /// - Throws: as ``IVFIndex/build(rows:dimension:metric:configuration:threads:isCancelled:)``.
  package static func build(
    rows: Span<Float>, dimension: Int, metric: VectorMetric, threads: Int = 1
  ) throws(VectorIndexError) -> IndexImage {
    let n = try ImageInput.check(rows, dimension, metric)
    return unsafe try rows.withUnsafeBufferPointer { rows throws(VectorIndexError) in
      var base: UnsafeMutableRawPointer?
      var bytes = 0
      let status = unsafe IndexPool.with(threads: threads) { pool in
        unsafe rows.baseAddress.map {
          unsafe loci_flat_build($0, n, dimension, metric.imported, pool, &base, &bytes)
        }
      }
      guard status == .ok, let base = unsafe base else { throw VectorIndexError(status ?? .badArgument) }
      return unsafe IndexImage(base: base, count: bytes, report: IndexBuildReport())
    }
  }
}
