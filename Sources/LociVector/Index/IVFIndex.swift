import CLociIndex
import Synchronization

/// Inverted lists with two assignments a row (SOAR), 4-bit product codes scanned in registers, and int8 rows for
/// ranking the candidates. For collections from some ten thousand rows on.
@safe package final class IVFIndex: VectorIndex {
  package let view: IndexView

  package init(image: UnsafeRawBufferPointer, owner: AnyObject, verify: Bool) throws(VectorIndexError) {
    view = unsafe try IndexView(image: image, owner: owner, verify: verify, kind: 1)
  }

  /// Opens what was just built.
  package convenience init(_ image: IndexImage) throws(VectorIndexError) {
    unsafe try self.init(image: image.bytes, owner: image, verify: false)
  }

  package var lists: Int { view.facts.lists }

  /// Makes an image of `rows`, shape (rows.count / dimension, dimension), row-major. They need not be normalised.
  ///
  /// About 5 µs of one core for each row of 384 dimensions; memory for the image and some 40 bytes a row.
  /// - Parameter isCancelled: asked every few milliseconds, on any of the threads.
  /// - Throws: `dimensionUnsupported`, `rowsUnsupported`, `configuration`, `notFinite`, `zeroVector` (cosine),
  ///   `outOfMemory`, `cancelled`, `factorisationFailed`.
  package static func build(
    rows: Span<Float>, dimension: Int, metric: VectorMetric, configuration: IVFConfiguration = .init(),
    threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(VectorIndexError) -> IndexImage {
    let n = try ImageInput.check(rows, dimension, metric)
    var options = unsafe try configuration.options(metric: metric, rows: n, dimension: dimension)
    let cancel = CancelFlag(isCancelled)
    return unsafe try rows.withUnsafeBufferPointer { rows throws(VectorIndexError) in
      unsafe options.cancel_context = Unmanaged.passUnretained(cancel).toOpaque()
      unsafe options.is_cancelled = { context in
        guard let context = unsafe context else { return false }
        return unsafe Unmanaged<CancelFlag>.fromOpaque(context).takeUnretainedValue().isSet()
      }
      var base: UnsafeMutableRawPointer?
      var bytes = 0
      var report = loci_index_build_report()
      let status = withExtendedLifetime(cancel) {
        unsafe IndexPool.with(threads: threads) { pool in
          unsafe rows.baseAddress.map {
            unsafe loci_ivf_build($0, n, dimension, &options, pool, &base, &bytes, &report)
          }
        }
      }
      guard status == .ok, let base = unsafe base else { throw VectorIndexError(status ?? .badArgument) }
      return unsafe IndexImage(base: base, count: bytes, report: IndexBuildReport(report))
    }
  }
}

/// The caller's closure behind a C pointer.
private final class CancelFlag: Sendable {
  let isSet: @Sendable () -> Bool

  init(_ isSet: @escaping @Sendable () -> Bool) { self.isSet = isSet }
}

enum ImageInput {
  static let dimensionMax = 4096

  /// The number of rows.
  static func check(
    _ rows: Span<Float>, _ dimension: Int, _ metric: VectorMetric
  ) throws(VectorIndexError) -> Int {
    guard (1...dimensionMax).contains(dimension) else { throw .dimensionUnsupported(dimension) }
    let (n, rest) = rows.count.quotientAndRemainder(dividingBy: dimension)
    guard rest == 0 else { throw .shapeMismatch(values: rows.count, dimension: dimension) }
    guard n > 0, n < 1 << 31 else { throw .rowsUnsupported(n) }
    if let problem = unsafe rows.withUnsafeBufferPointer({ unsafe RowCheck.firstBad($0, dimension, metric) })
    {
      throw problem
    }
    return n
  }
}

extension IVFConfiguration {
  @unsafe fileprivate func options(
    metric: VectorMetric, rows: Int, dimension: Int
  ) throws(VectorIndexError) -> loci_index_build_options {
    guard (1...2).contains(assignments) else { throw .configuration("assignments is 1 or 2") }
    guard (lists ?? 1) >= 1 else { throw .configuration("lists is at least 1") }
    guard soarLambda >= 0 else { throw .configuration("soarLambda is at least 0") }
    guard (1...64).contains(subspaceWidth ?? 1) else { throw .configuration("subspaceWidth is in 1...64") }
    guard (headDimensions ?? 16) >= 16, (headDimensions ?? 16) % 16 == 0 else {
      throw .configuration("headDimensions is a multiple of 16")
    }
    guard kMeansIterations >= 1 else { throw .configuration("kMeansIterations is at least 1") }
    guard tuningQueries >= 0 else { throw .configuration("tuningQueries is at least 0") }
    var options = unsafe loci_index_build_options()
    unsafe options.metric = metric.imported
    unsafe options.lists = UInt32(clamping: min(lists ?? 0, rows))
    unsafe options.assignments = UInt32(assignments)
    unsafe options.soar_lambda = soarLambda
    unsafe options.subspace_width = UInt32(subspaceWidth ?? 0)
    unsafe options.head = UInt32(clamping: headDimensions ?? 0)
    unsafe options.batch_plane = batchPlane
    unsafe options.iterations = UInt32(clamping: kMeansIterations)
    unsafe options.seed = seed
    unsafe options.tuning_queries = UInt32(clamping: tuningQueries)
    return unsafe options
  }
}

extension VectorMetric {
  var imported: loci_index_metric {
    switch self {
    case .cosine: .cosine
    case .innerProduct: .innerProduct
    case .euclidean: .euclidean
    }
  }
}

extension IndexBuildReport {
  init(_ from: loci_index_build_report) {
    self.init(
      lists: Int(from.lists), headEnergy: from.head_energy, residualHeadEnergy: from.residual_head_energy,
      residualError: from.residual_error,
      codeError: from.code_error, int8Error: from.int8_error)
  }
}
