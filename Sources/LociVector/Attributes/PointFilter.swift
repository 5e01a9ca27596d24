/// Which points a search may return.
package indirect enum PointFilter: Sendable, Hashable {
  /// The attribute is one of these; of a list of texts, one member is.
  case oneOf(key: String, texts: [String] = [], integers: [Int64] = [], flags: [Bool] = [])
  /// The attribute is an integer, from inclusive, until exclusive; nil is no bound.
  case integers(key: String, from: Int64? = nil, until: Int64? = nil)
  /// The attribute is a number or an integer.
  case numbers(key: String, from: Double? = nil, until: Double? = nil)
  case exists(key: String)
  case ids(Set<PointID>)
  /// Empty: every point.
  case all([PointFilter])
  /// Empty: none.
  case any([PointFilter])
  case not(PointFilter)

  /// Whether a point passes, decided from its own values: the tail's way, and what an index must agree with.
  package func passes(_ id: PointID, _ attributes: [PointAttribute]) -> Bool {
    switch self {
    case .oneOf(let key, let texts, let integers, let flags):
      switch attributes.value(of: key) {
      case .text(let text): texts.contains { $0.sameBytes(as: text) }
      case .texts(let members):
        members.contains { member in texts.contains { $0.sameBytes(as: member) } }
      case .integer(let integer): integers.contains(integer)
      case .flag(let flag): flags.contains(flag)
      case .number, nil: false
      }
    case .integers(let key, let from, let until):
      if case .integer(let integer) = attributes.value(of: key) {
        (from.map { integer >= $0 } ?? true) && (until.map { integer < $0 } ?? true)
      } else {
        false
      }
    case .numbers(let key, let from, let until):
      switch attributes.value(of: key) {
      case .number(let number): Self.isWithin(number, from, until)
      case .integer(let integer): Self.isWithin(Double(integer), from, until)
      default: false
      }
    case .exists(let key): attributes.value(of: key) != nil
    case .ids(let ids): ids.contains(id)
    case .all(let filters): filters.allSatisfy { $0.passes(id, attributes) }
    case .any(let filters): filters.contains { $0.passes(id, attributes) }
    case .not(let filter): !filter.passes(id, attributes)
    }
  }

  private static func isWithin(_ number: Double, _ from: Double?, _ until: Double?) -> Bool {
    (from.map { number >= $0 } ?? true) && (until.map { number < $0 } ?? true)
  }
}

extension [PointAttribute] {
  func value(of key: String) -> AttributeValue? {
    first { $0.key.sameBytes(as: key) }?.value
  }
}

extension String {
  func sameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
