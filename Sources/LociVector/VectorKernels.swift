import CLociMath

/// Instruction levels of ``VectorKernels``, in rising order.
package enum InstructionLevel: Int32, Sendable, CaseIterable {
  case scalar = 0
  case neon = 1
  case avx2 = 2
  case avx512 = 3

  var imported: loci_isa {
    switch self {
    case .scalar: .scalar
    case .neon: .neon
    case .avx2: .avx2
    case .avx512: .avx512
    }
  }
}

/// The SIMD routines in use: a constant table in C, chosen by what this processor has.
@safe package struct VectorKernels: Sendable {
  nonisolated(unsafe) let table: UnsafePointer<loci_kernels>  // static const in C

  /// Whether batches of inner products go through BLAS.
  let usesBLAS: Bool

  package static let best = VectorKernels()

  /// The best set this processor has, no newer than `cap` (tests lower it to compare every level). BLAS is
  /// used when it is an optimised one, unless said otherwise.
  package init(cap: InstructionLevel = .avx512, usesBLAS: Bool? = nil) {
    unsafe table = loci_kernels_get(cap.imported)
    self.usesBLAS = usesBLAS ?? loci_blas_is_fast()
  }

  package var level: InstructionLevel {
    switch unsafe table.pointee.isa {
    case .scalar: .scalar
    case .neon: .neon
    case .avx2: .avx2
    case .avx512: .avx512
    }
  }

  /// Which library answers for BLAS, such as "OpenBLAS 0.3.21 …", or "unknown".
  package static var blasName: String { unsafe String(cString: loci_blas_name()) }

  /// scores[i] = score of rows[i]; `rows` holds (count, dimension) in `storage`.
  @unsafe func score(
    _ query: UnsafePointer<Float>, rows: UnsafeRawPointer, count: Int, dimension: Int, metric: VectorMetric,
    storage: VectorStorage, into scores: UnsafeMutablePointer<Float>
  ) {
    let kernels = unsafe table.pointee
    switch storage {
    case .float32:
      let rows = unsafe rows.assumingMemoryBound(to: Float.self)
      let kernel = unsafe metric == .euclidean ? kernels.negative_l2_rows : kernels.dot_rows
      unsafe kernel(query, rows, count, dimension, scores)
    case .float16:
      let rows = unsafe rows.assumingMemoryBound(to: UInt16.self)
      let kernel = unsafe metric == .euclidean ? kernels.negative_l2_rows_f16 : kernels.dot_rows_f16
      unsafe kernel(query, rows, count, dimension, scores)
    }
  }
}
