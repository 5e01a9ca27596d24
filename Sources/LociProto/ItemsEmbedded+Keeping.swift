extension LogV1.ItemsEmbedded {
  /// The event with the items at `places` only, ascending.
  package func keeping(_ places: [Int]) -> Self {
    guard places.count < items.count else { return self }
    let bytes = Int(dimension) * 2
    var kept = self
    kept.items = places.map { items[$0] }
    kept.versions = places.map { versions[$0] }
    kept.vectors = places.flatMap { vectors[$0 * bytes..<($0 + 1) * bytes] }
    return kept
  }
}
