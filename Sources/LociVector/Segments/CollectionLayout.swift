/// What is fixed when a collection is made.
package struct CollectionLayout: Sendable, Equatable {
  package var dimension: Int
  /// For cosine, vectors come with unit length.
  package var metric: VectorMetric
  package var element: VectorStorage
  package var idKind: PointID.Kind
  /// Whether segments keep the full vectors. Without, scores come from codes.
  package var keepsOriginals = true
  /// Segments of at least so many rows get an inverted index.
  package var indexFromRows = 50_000
  /// Recall that a search aims at when it does not say.
  package var recallTarget: Float = 0.95

  package init(
    dimension: Int, metric: VectorMetric, element: VectorStorage = .float32, idKind: PointID.Kind = .number
  ) {
    self.dimension = dimension
    self.metric = metric
    self.element = element
    self.idKind = idKind
  }

  package var rowBytes: Int { dimension * element.bytesPerElement }

  /// How rows of unit length are compared: their cosine is their product.
  var storedMetric: VectorMetric { metric == .cosine ? .innerProduct : metric }
}

/// Whose files these are, so that another collection's are never taken for them.
package struct CollectionIdentity: Sendable, Equatable {
  package var high, low: UInt64

  package init(high: UInt64, low: UInt64) {
    (self.high, self.low) = (high, low)
  }
}
