import CLociMath

/// Products of every row of one matrix with every row of another, by one matrix product.
package enum SimilarityMatrix {
  /// - Parameters:
  ///   - rows: shape (m, dimension), row-major.
  ///   - columns: shape (n, dimension), row-major.
  /// - Returns: shape (m, n): inner products, cosines where both have unit length.
  package static func products(_ rows: [Float], _ columns: [Float], dimension: Int) -> [Float] {
    precondition(dimension > 0 && rows.count % dimension == 0 && columns.count % dimension == 0)
    let (m, n) = (rows.count / dimension, columns.count / dimension)
    var scores = [Float](repeating: 0, count: m * n)
    if m > 0, n > 0 { unsafe loci_scores_matrix(rows, m, columns, n, dimension, &scores, n) }
    return scores
  }
}
