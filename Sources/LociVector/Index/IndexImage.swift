import CLociMath

/// A built image: one block of bytes, 64-byte aligned, without pointers, to be written to a file and used from
/// there as it is.
@safe package final class IndexImage: Sendable {
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer  // owned and never changed
  package let count: Int
  package let report: IndexBuildReport

  /// Takes over memory from `loci_rows_alloc`.
  @unsafe init(base: UnsafeMutableRawPointer, count: Int, report: IndexBuildReport) {
    unsafe (self.base, self.count, self.report) = (base, count, report)
  }

  deinit { unsafe loci_rows_free(base, count) }

  /// The bytes, valid as long as the image lives.
  @unsafe package var bytes: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base, count: count)
  }
}
