/// How two vectors are compared. A score is greater when they are nearer, whatever the metric.
package enum VectorMetric: UInt8, Sendable, CaseIterable {
  /// Cosine of the angle, in [-1, 1] up to rounding. Rows and queries are normalised on entry; zero is
  /// refused.
  case cosine = 1
  case innerProduct = 2
  /// The negative squared Euclidean distance, at most 0.
  case euclidean = 3
}

/// How the elements of rows are kept. Sums are float32 either way.
package enum VectorStorage: UInt8, Sendable, CaseIterable {
  case float32 = 1
  /// IEEE half precision: half the memory and, where memory bandwidth is the limit, half the time. Unit
  /// vectors move by at most 2^-12 of each element; elements beyond 65504 are refused.
  case float16 = 2

  package var bytesPerElement: Int { self == .float32 ? 4 : 2 }
}

/// One result of a search.
package struct VectorHit: Sendable, Equatable {
  package var id: Int64
  /// See ``VectorMetric``.
  package var score: Float

  package init(id: Int64, score: Float) {
    (self.id, self.score) = (id, score)
  }
}

/// Which ids a search may return. Filtered searches give k hits whenever so many rows match.
package enum VectorFilter: Sendable {
  case all
  /// Only these. A set much smaller than the collection is scored by itself, without a scan.
  case ids(Set<Int64>)
  /// Called, on the searching thread, for rows that could enter the result; has to be quick.
  case matching(@Sendable (Int64) -> Bool)
}

package enum VectorError: Error, Sendable, Equatable {
  /// Dimensions lie in 1...65,536.
  case dimensionUnsupported(Int)
  case dimensionMismatch(got: Int, want: Int)
  /// A matrix whose length is not rows × dimension.
  case shapeMismatch(values: Int, rows: Int, dimension: Int)
  /// NaN or infinity in the given row; row 0 for a query.
  case notFinite(row: Int)
  /// A zero vector has no direction, hence no cosine.
  case zeroVector(row: Int)
  /// So long that scores would overflow.
  case tooLong(row: Int, norm: Float, limit: Float)
  case cancelled
  case outOfMemory(bytes: Int)
}
