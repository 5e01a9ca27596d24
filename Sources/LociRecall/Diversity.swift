import LociVector

/// Maximal marginal relevance (Carbonell & Goldstein 1998): a hit loses what it shares with a better one.
enum Diversity {
  /// - Parameter weight: 0 keeps the order, 1 looks at novelty only. In (0, 1].
  static func select(
    _ ranked: [RankedItem], limit: Int, weight: Float, _ vectors: IndexedCollection
  ) -> [RankedItem] {
    guard ranked.count > 1, let best = ranked.first?.score, let worst = ranked.last?.score else {
      return ranked
    }
    // Relevance on the scale of a cosine: the best is 1, the worst 0.
    let spread = max(best - worst, 1e-6)
    var rest = ranked.map {
      (item: $0, relevance: ($0.score - worst) / spread, vector: vectors.vector(of: $0.item))
    }
    var likeness = [Float](repeating: 0, count: rest.count)
    var selected: [RankedItem] = []
    while selected.count < limit, !rest.isEmpty {
      var next = 0
      var nextValue = -Float.infinity
      for index in rest.indices {
        let value = (1 - weight) * rest[index].relevance - weight * likeness[index]
        if value > nextValue { (next, nextValue) = (index, value) }
      }
      let chosen = rest.remove(at: next)
      likeness.remove(at: next)
      selected.append(chosen.item)
      guard let vector = chosen.vector else { continue }
      for index in rest.indices {
        guard let other = rest[index].vector else { continue }
        likeness[index] = max(likeness[index], zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 })
      }
    }
    return selected
  }
}
