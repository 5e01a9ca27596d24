import LociVector

/// A bucket's vectors that the encoder of before made, while they are made again: nothing drops out of a search
/// meanwhile. Cosines of two encoders are not comparable as they are (an e5 gives 0.7 to 1, another 0 to 1), so the
/// best of each side are brought to the same mean and spread.
struct EarlierVectors {
  let query: [Float]
  let collection: IndexedCollection
  private var scale: Float = 1
  private var shift: Float = 0

  /// Fewer hits than this say nothing about a side's spread.
  private static let hitsMin = 5

  init(query: [Float], collection: IndexedCollection) {
    self.query = query
    self.collection = collection
  }

  func nearest(_ k: Int, filter: VectorFilter) throws -> [VectorHit] {
    try collection.search(query, k: k, filter: filter)
  }

  /// `own` after `hits`, those of the encoder of now, all on the scale of `hits`, best first. What both have counts as
  /// the encoder of now sees it.
  mutating func merged(_ own: [VectorHit], with hits: [VectorHit]) -> [(id: Int64, cosine: Float)] {
    calibrate(own.map(\.score), to: hits.map(\.score))
    let known = Set(hits.map(\.id))
    let added = own.filter { !known.contains($0.id) }.map { (id: $0.id, cosine: scale * $0.score + shift) }
    return (hits.map { (id: $0.id, cosine: $0.score) } + added).sorted { $0.cosine > $1.cosine }
  }

  func scores(of items: [Int64]) throws -> [Float?] {
    try collection.scores(of: items, query: query).map { cosine in cosine.map { scale * $0 + shift } }
  }

  private mutating func calibrate(_ own: [Float], to wanted: [Float]) {
    guard own.count >= Self.hitsMin, wanted.count >= Self.hitsMin else { return }
    let count = min(own.count, wanted.count)
    let (from, to) = (Self.spread(own.prefix(count)), Self.spread(wanted.prefix(count)))
    guard from.deviation > 1e-5, to.deviation > 1e-5 else { return }
    scale = to.deviation / from.deviation
    shift = to.mean - scale * from.mean
  }

  private static func spread(_ values: ArraySlice<Float>) -> (mean: Float, deviation: Float) {
    let mean = values.reduce(0, +) / Float(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)
    return (mean, variance.squareRoot())
  }
}
