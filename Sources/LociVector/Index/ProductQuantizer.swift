import CLociIndex

/// Product quantisation (Jégou et al., PAMI 2011): each row is cut into subspaces, and each part replaced by the
/// number of the nearest of 16 or 256 codewords. With OPQ (Ge et al., CVPR 2013) a rotation comes first.
package struct ProductQuantizer: Sendable {
  package struct Configuration: Sendable {
    /// Divides the dimension.
    package var subspaces: Int
    /// Of a code: 4 or 8.
    package var bits: Int
    /// Rounds in which rotation and codebook are fitted in turn. 0: no rotation.
    package var rotations = 0
    package var iterations = 16
    /// The same rows, configuration and seed give the same codebook.
    package var seed: UInt64 = 1

    package init(subspaces: Int, bits: Int) {
      (self.subspaces, self.bits) = (subspaces, bits)
    }
  }

  package let configuration: Configuration
  package let dimension: Int
  /// Shape (subspaces, dimension / subspaces, 2^bits).
  package let codebook: [Float]
  /// Shape (dimension, dimension), orthogonal, or `nil`. Rows are multiplied by it from the right.
  package let rotation: [Float]?
  /// Mean squared error on the training rows, relative to their mean squared length.
  package let trainingError: Double
  private let options: loci_pq_options

  /// Trains on `rows`, shape (n, dimension), row-major; some 256 rows for each codeword are enough.
  /// - Throws: `dimensionUnsupported`, `rowsUnsupported`, `shapeMismatch`, `notFinite`, `configuration`,
  ///   `outOfMemory`, `factorisationFailed`.
  package init(
    rows: Span<Float>, dimension: Int, configuration: Configuration, threads: Int = 1
  ) throws(VectorIndexError) {
    let n = try ImageInput.check(rows, dimension, .innerProduct)
    let (subspaces, bits) = (configuration.subspaces, configuration.bits)
    guard subspaces > 0, dimension % subspaces == 0 else {
      throw .configuration("subspaces divides the dimension")
    }
    guard bits == 4 || bits == 8 else { throw .configuration("bits is 4 or 8") }
    guard configuration.iterations >= 1, configuration.rotations >= 0 else {
      throw .configuration("iterations is at least 1, rotations at least 0")
    }
    let options = loci_pq_options(
      subspaces: UInt32(subspaces), bits: UInt32(bits),
      iterations: UInt32(clamping: configuration.iterations),
      rotations: UInt32(clamping: configuration.rotations), seed: configuration.seed)
    var codebook = [Float](repeating: 0, count: dimension << bits)
    var rotation = [Float](repeating: 0, count: configuration.rotations > 0 ? dimension * dimension : 1)
    var error = 0.0
    let status = unsafe rows.withUnsafeBufferPointer { rows in
      unsafe withUnsafePointer(to: options) { options in
        unsafe IndexPool.with(threads: threads) { pool in
          unsafe rows.baseAddress.map {
            unsafe loci_pq_train($0, n, dimension, options, pool, &codebook, &rotation, &error)
          }
        }
      }
    }
    guard status == .ok else { throw VectorIndexError(status ?? .badArgument) }
    (self.configuration, self.dimension, self.codebook) = (configuration, dimension, codebook)
    self.rotation = configuration.rotations > 0 ? rotation : nil
    (trainingError, self.options) = (error, options)
  }

  /// Shape (n, subspaces), a byte for each code.
  package func encode(_ rows: Span<Float>) throws(VectorIndexError) -> [UInt8] {
    let (n, rest) = rows.count.quotientAndRemainder(dividingBy: dimension)
    guard rest == 0 else { throw .shapeMismatch(values: rows.count, dimension: dimension) }
    var codes = [UInt8](repeating: 0, count: n * configuration.subspaces)
    let status = unsafe rows.withUnsafeBufferPointer { rows in
      unsafe withRotation { rotation in
        unsafe withUnsafePointer(to: options) { options in
          unsafe rows.baseAddress.map {
            unsafe loci_pq_encode($0, n, dimension, options, codebook, rotation, &codes)
          }
        }
      }
    }
    guard (status ?? .ok) == .ok else { throw VectorIndexError(status ?? .badArgument) }
    return codes
  }

  /// Shape (n, dimension): what the codes stand for.
  package func decode(_ codes: [UInt8]) throws(VectorIndexError) -> [Float] {
    let (n, rest) = codes.count.quotientAndRemainder(dividingBy: configuration.subspaces)
    guard rest == 0 else { throw .shapeMismatch(values: codes.count, dimension: configuration.subspaces) }
    var rows = [Float](repeating: 0, count: n * dimension)
    let status = unsafe withRotation { rotation in
      unsafe withUnsafePointer(to: options) { options in
        unsafe loci_pq_decode(codes, n, dimension, options, codebook, rotation, &rows)
      }
    }
    guard status == .ok else { throw VectorIndexError(status) }
    return rows
  }

  @unsafe private func withRotation<T>(_ body: (UnsafePointer<Float>?) -> T) -> T {
    guard let rotation else { return body(nil) }
    return unsafe rotation.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }
}
