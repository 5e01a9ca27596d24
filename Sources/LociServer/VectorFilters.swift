import LociCollection
import LociCore
import LociProto
import LociVector

extension Optional<V1.VectorFilter> {
  private static var stepsMax: Int { 256 }
  private static var valuesMax: Int { 1_024 }

  /// The expression that the steps spell in postfix order; nil when there are none.
  /// - Throws: `LociError.invalid` naming the field.
  func checked(_ kind: PointID.Kind) throws(LociError) -> PointFilter? {
    guard let steps = self?.steps, !steps.isEmpty else { return nil }
    try Validate.count(steps.count, field: "filter.steps", in: 0...Self.stepsMax)
    var stack: [PointFilter] = []
    var ids = 0
    for step in steps {
      switch step.step {
      case .oneOf(let set): stack.append(try Self.oneOf(set))
      case .integerRange(let range):
        try Validate.name(range.key, field: "filter.integer_range.key")
        stack.append(.integers(key: range.key, from: range.from, until: range.until))
      case .numberRange(let range):
        try Validate.name(range.key, field: "filter.number_range.key")
        for bound in [range.from, range.until] where bound?.isNaN ?? false {
          throw .invalid(field: "filter.number_range", problem: "is not a number")
        }
        stack.append(.numbers(key: range.key, from: range.from, until: range.until))
      case .exists(let key):
        try Validate.name(key, field: "filter.exists")
        stack.append(.exists(key: key))
      case .ids(let some):
        let some = try Optional<V1.PointIds>.some(some).ids(kind, field: "filter.ids")
        guard some.kind == kind else { throw .invalid(field: "filter.ids", problem: "are of another kind") }
        ids += some.count
        stack.append(.ids(Set((0..<some.count).map { some[$0] })))
      case .combination(let combination): try Self.combine(combination, &stack)
      case nil: throw .invalid(field: "filter.steps", problem: "has an empty step")
      }
    }
    try Validate.count(ids, field: "filter.ids", in: 0...CollectionLimits.idsPerCall)
    return stack.count == 1 ? stack[0] : .all(stack)
  }

  private static func oneOf(_ set: V1.ValueSet) throws(LociError) -> PointFilter {
    try Validate.name(set.key, field: "filter.one_of.key")
    let count = set.texts.count + set.integers.count + set.flags.count
    try Validate.count(count, field: "filter.one_of", in: 1...valuesMax)
    return .oneOf(key: set.key, texts: set.texts, integers: set.integers, flags: set.flags)
  }

  private static func combine(
    _ combination: V1.FilterCombination, _ stack: inout [PointFilter]
  ) throws(LociError) {
    let isNot = combination.kind == .not
    let count = combination.operands == 0 ? (isNot ? 1 : 2) : Int(combination.operands)
    guard count <= stack.count, !isNot || count == 1 else {
      throw .invalid(
        field: "filter.combination", problem: "takes \(count) operands where there are \(stack.count)")
    }
    let operands = Array(stack.suffix(count))
    stack.removeLast(count)
    switch combination.kind {
    case .all: stack.append(.all(operands))
    case .any: stack.append(.any(operands))
    case .not: stack.append(.not(operands[0]))
    default: throw .invalid(field: "filter.combination.kind", problem: "is not an operator")
    }
  }
}
