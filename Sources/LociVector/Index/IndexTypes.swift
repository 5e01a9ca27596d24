import CLociIndex

/// How an IVF image is built. What is `nil` is chosen from the number of rows and their dimension.
package struct IVFConfiguration: Sendable {
  /// Inverted lists, at most one a row. By default a power of two that gives lists of some 75 to 150 rows.
  package var lists: Int?
  /// Lists that each row is in: 1, or 2, the second one by SOAR (Sun et al., NeurIPS 2023), which about halves
  /// the rows to be scanned at equal recall and doubles the codes.
  package var assignments = 2
  /// Weight of the part of the second residual that is parallel to the first. At least 0.
  package var soarLambda: Float = 1
  /// Dimensions of a subspace with its 4-bit code, 1...64. By default 2 up to 192 dimensions, 4, and more beyond 768.
  package var subspaceWidth: Int?
  /// Leading principal axes that lists are chosen by, a multiple of 16. By default all up to 192 dimensions, beyond
  /// that those with 86 % of the variance.
  package var headDimensions: Int?
  /// Keeps int8 codes of the leading axes for each entry. Batches are searched by them, up to twice as fast; costs
  /// `assignments × headDimensions` bytes a row.
  package var batchPlane = true
  package var kMeansIterations = 10
  /// The same rows, configuration and seed give the same image on the same processor.
  package var seed: UInt64 = 1
  /// Rows that the tuner searches for, to measure recall. 0 leaves the image without a curve.
  package var tuningQueries = 256

  package init() {}
}

/// What a build measured. Errors are mean squared, relative to the mean squared length of the rows.
package struct IndexBuildReport: Sendable {
  package var lists = 0
  /// Share of the second moment in the leading axes.
  package var headEnergy = 1.0
  /// The same share of the rows less the mean of their list. Below 0.65 the image has no batch plane.
  package var residualHeadEnergy = 1.0
  /// Rows against the mean of their list.
  package var residualError = 0.0
  /// Rows against what list and 4-bit code give back.
  package var codeError = 0.0
  /// Rows against their int8 codes.
  package var int8Error = 0.0
}

/// How thorough a search is.
package enum SearchEffort: Sendable, Equatable {
  /// The cheapest setting that reached this recall@10 on the tuner's sample, in 0..<1.
  case recall(Float)
  /// Lists to scan, and candidates of the scan that are scored again by int8 rows.
  case explicit(probes: Int, candidates: Int)
}

/// Rows that a search may return, a bit each: those neither deleted nor filtered out. Lent for the duration of a
/// call.
@safe package struct LiveRows {
  let words: UnsafePointer<UInt64>
  let rows: Int

  /// `words` holds `rows` bits, row 0 the lowest of the first word, in whole words.
  @unsafe package init(words: UnsafePointer<UInt64>, rows: Int) {
    unsafe (self.words, self.rows) = (words, rows)
  }
}

/// The rows in full, for scoring the best candidates once more. Lent for the duration of a call; as they were
/// given to the build, for cosine of unit length.
@safe package struct OriginalRows {
  let base: UnsafeRawPointer
  let storage: VectorStorage
  let strideBytes: Int
  let rows: Int
  /// Candidates scored by them. 0: k + k / 2 + 6.
  package var ranked: Int

  /// Row i lies at `base + i * strideBytes`.
  @unsafe package init(
    base: UnsafeRawPointer, rows: Int, storage: VectorStorage, strideBytes: Int, ranked: Int = 0
  ) {
    unsafe (self.base, self.rows, self.storage, self.strideBytes) = (base, rows, storage, strideBytes)
    self.ranked = ranked
  }
}

/// What a search did, over all its queries.
package struct SearchStatistics: Sendable, Equatable {
  package var listsProbed = 0
  package var codesScanned = 0
  /// Rows scored by their int8 codes.
  package var rowsRanked = 0
  package var originalsRead = 0
  /// The setting used, for each query.
  package var probes = 0
  package var candidates = 0
  /// recall@10 that the tuner measured for the setting; 1 when every live row was scored; 0 when unknown.
  package var expectedRecall: Float = 0
}

/// Results of `count` queries, `k` places each.
package struct IndexResults: Sendable {
  package let k: Int
  /// Shape (queries, k); of each row the first `counts` are valid, best first, equal scores by lower row.
  package let rows: [UInt32]
  package let scores: [Float]
  package let counts: [Int]
  package let statistics: SearchStatistics

  /// The hits of one query.
  package func hits(_ query: Int) -> [(row: Int, score: Float)] {
    (0..<counts[query]).map { (Int(rows[query * k + $0]), scores[query * k + $0]) }
  }
}

package enum VectorIndexError: Error, Sendable, Equatable {
  /// Dimensions lie in 1...4,096.
  case dimensionUnsupported(Int)
  /// A build needs 1 ..< 2^31 rows.
  case rowsUnsupported(Int)
  case configuration(String)
  case shapeMismatch(values: Int, dimension: Int)
  /// A bitmap or originals of another number of rows than the image has.
  case rowCountMismatch(got: Int, want: Int)
  case notFinite(row: Int)
  case zeroVector(row: Int)
  case outOfMemory
  case cancelled
  /// The bytes are no image, or not aligned to 64 bytes.
  case notAnImage
  case wrongKind
  case newerVersion
  /// A count, section, list or row lies outside of the image.
  case outOfBounds
  case badChecksum
  case factorisationFailed

  init(_ status: loci_index_status) {
    switch status {
    case .ok, .badArgument: self = .configuration("refused")
    case .outOfMemory: self = .outOfMemory
    case .cancelled: self = .cancelled
    case .notAnImage: self = .notAnImage
    case .newerVersion: self = .newerVersion
    case .outOfBounds: self = .outOfBounds
    case .badChecksum: self = .badChecksum
    case .lapackFailed: self = .factorisationFailed
    }
  }
}
