import LociCore
package import LociProto
package import LociVector

/// A collection as its table has it.
package struct CollectionInfo: Sendable {
  /// Row in the shard; never used again.
  package let id: Int64
  package let name: String
  /// With every default filled in.
  package let config: V1.CollectionConfig
  package let createdAtUs: Int64
  package let points: Int64
  package let nextRow: Int64
  package let layout: CollectionLayout

  init(
    id: Int64, name: String, config: V1.CollectionConfig, createdAtUs: Int64, points: Int64, nextRow: Int64
  ) throws(LociError) {
    self.id = id
    self.name = name
    self.config = config
    self.createdAtUs = createdAtUs
    self.points = points
    self.nextRow = nextRow
    layout = try CollectionLayout(config)
  }

  package func described(aliases: [String]) -> V1.Collection {
    V1.Collection(
      name: name, config: config, createdAtUs: createdAtUs, points: UInt64(points), aliases: aliases)
  }
}

/// Limits of collections, as the contract states them.
package enum CollectionLimits {
  package static let dimensionMax = 4_096
  package static let pointsPerUpsert = 10_000
  package static let idsPerCall = 100_000
  package static let idsPerFetch = 10_000
  package static let deletedByFilterMax = 1_000_000
  package static let resultsMax = 10_000
  package static let queriesPerBatch = 10_000
  package static let batchResultsMax = 1_000
  package static let batchResultsTotalMax = 500_000
  package static let attributesMax = 64
  package static let attributeBytesMax = 16 << 10
  package static let indexFromPointsDefault: UInt32 = 50_000
  package static let recallTargetDefault: Float = 0.95
}

extension V1.CollectionConfig {
  /// Checked, with every default filled in.
  func completed() throws(LociError) -> V1.CollectionConfig {
    guard (1...UInt32(CollectionLimits.dimensionMax)).contains(dimension) else {
      throw .invalid(
        field: "config.dimension", problem: "is \(dimension), must be 1 to \(CollectionLimits.dimensionMax)")
    }
    var config = self
    if metric == .unspecified { config.metric = .cosine }
    if idKind == .unspecified { config.idKind = .number }
    if element == .unspecified { config.element = .float32 }
    if originals == .unspecified { config.originals = .mapped }
    if indexFromPoints == 0 { config.indexFromPoints = CollectionLimits.indexFromPointsDefault }
    guard recallTarget >= 0, recallTarget <= 1 else {
      throw .invalid(field: "config.recall_target", problem: "is \(recallTarget), must be above 0 to 1")
    }
    if recallTarget == 0 { config.recallTarget = CollectionLimits.recallTargetDefault }
    _ = try CollectionLayout(config)
    return config
  }
}

extension CollectionLayout {
  /// Of a configuration whose defaults are filled in.
  init(_ config: V1.CollectionConfig) throws(LociError) {
    let metric: VectorMetric
    switch config.metric {
    case .cosine: metric = .cosine
    case .innerProduct: metric = .innerProduct
    case .euclidean: metric = .euclidean
    default: throw .invalid(field: "config.metric", problem: "is not a metric")
    }
    let element: VectorStorage
    switch config.element {
    case .float32: element = .float32
    case .float16: element = .float16
    default: throw .invalid(field: "config.element", problem: "is not an element")
    }
    let idKind: PointID.Kind
    switch config.idKind {
    case .number: idKind = .number
    case .name: idKind = .name
    default: throw .invalid(field: "config.id_kind", problem: "is not a kind of ids")
    }
    self.init(dimension: Int(config.dimension), metric: metric, element: element, idKind: idKind)
    switch config.originals {
    case .mapped: keepsOriginals = true
    case .dropped: keepsOriginals = false
    default: throw .invalid(field: "config.originals", problem: "is not a tier")
    }
    indexFromRows = Int(config.indexFromPoints)
    recallTarget = config.recallTarget
  }
}
