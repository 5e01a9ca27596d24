package import LociCore
package import LociProto

/// What a bandit sees of a task: a leading 1, then its features hashed into a few signed places (Weinberger et al.
/// 2009). A feature whose value is a number has one place for its key, and the number squashed to -1…1 there; any
/// other has a place for key and value together. Depends on the features alone, in any order.
package enum TaskContext {
  /// Numbers of a context.
  package static let dimension = 24
  /// Names this encoding in logged decisions.
  package static let encoding = "features-24.1"

  /// Shape (dimension,): 1, then features of unit length together, or zeros when there are none.
  package static func encode(_ task: V1.Task) -> [Float] {
    var places = [Double](repeating: 0, count: dimension - 1)
    for feature in task.features.sorted(by: { ($0.key, $0.value) < ($1.key, $1.value) }) {
      let number = Double(feature.value).flatMap { $0.isFinite ? $0 : nil }
      let hash = number == nil ? StableHash.of(feature.key, feature.value) : StableHash.of(feature.key)
      let place = Int(hash % UInt64(dimension - 1))
      let sign: Double = hash >> 63 == 0 ? 1 : -1
      places[place] += sign * (number.map { $0 / (1 + abs($0)) } ?? 1)
    }
    let length = places.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let scale = length > 0 ? 1 / max(1, length) : 0
    return [1] + places.map { Float($0 * scale) }
  }
}

extension StableHash {
  /// In [0, 1).
  package static func unit(_ first: String, _ second: String) -> Double {
    Double(of(first, second) >> 11) * 0x1p-53
  }
}
