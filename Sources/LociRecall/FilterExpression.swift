package import LociCore
package import LociProto

/// Conditions joined by and, or and not, checked, and as one condition on the tables of messages and memories (alias
/// `m`).
package struct FilterExpression: Sendable {
  package enum Table: Sendable { case messages, memories }

  private indirect enum Node: Sendable {
    case oneOf(V1.FilterSubject, texts: [String], numbers: [Double])
    case range(V1.FilterSubject, from: Double?, until: Double?)
    case contains(V1.FilterSubject, String)
    case exists(V1.FilterSubject)
    case all([Node])
    case any([Node])
    case not(Node)
  }

  private static let termsMax = 64
  private static let valuesMax = 256
  private static let textBytesMax = 4_096

  private let root: Node

  /// The expression that the terms spell in postfix order; `nil` when there are none.
  /// - Throws: `LociError.invalid` naming the field.
  package init?(_ terms: [V1.FilterTerm]) throws(LociError) {
    guard !terms.isEmpty else { return nil }
    try Validate.count(terms.count, field: "filter.terms", in: 0...Self.termsMax)
    var stack: [Node] = []
    for term in terms {
      switch term.term {
      case .oneOf(let values): stack.append(try Self.oneOf(values))
      case .range(let bounds): stack.append(try Self.range(bounds))
      case .contains(let text):
        try Validate.text(
          text.text, field: "filter.terms.contains.text", bytesMin: 1, bytesMax: Self.textBytesMax)
        stack.append(.contains(try Self.checked(text.subject), text.text))
      case .exists(let subject): stack.append(.exists(try Self.checked(subject)))
      case .join(let join): try Self.join(join, &stack)
      case nil: throw .invalid(field: "filter.terms", problem: "has an empty term")
      }
    }
    root = stack.count == 1 ? stack[0] : .all(stack)
  }

  private static func checked(_ subject: V1.FilterSubject?) throws(LociError) -> V1.FilterSubject {
    guard let subject else { throw .invalid(field: "filter.terms.subject", problem: "is missing") }
    if subject.field == .attribute {
      try Validate.name(subject.attribute, field: "filter.terms.subject.attribute")
    } else if !subject.attribute.isEmpty {
      throw .invalid(field: "filter.terms.subject.attribute", problem: "goes with ATTRIBUTE only")
    }
    return subject
  }

  private static func oneOf(_ values: V1.FilterValues) throws(LociError) -> Node {
    let count = values.texts.count + values.numbers.count
    try Validate.count(count, field: "filter.terms.one_of", in: 1...valuesMax)
    for text in values.texts {
      try Validate.text(text, field: "filter.terms.one_of.texts", bytesMax: textBytesMax)
    }
    for number in values.numbers where !number.isFinite {
      throw .invalid(field: "filter.terms.one_of.numbers", problem: "is not a number")
    }
    return .oneOf(try checked(values.subject), texts: values.texts, numbers: values.numbers)
  }

  private static func range(_ bounds: V1.FilterBounds) throws(LociError) -> Node {
    for bound in [bounds.from, bounds.until] where bound?.isNaN ?? false {
      throw .invalid(field: "filter.terms.range", problem: "is not a number")
    }
    return .range(try checked(bounds.subject), from: bounds.from, until: bounds.until)
  }

  private static func join(_ join: V1.FilterJoin, _ stack: inout [Node]) throws(LociError) {
    let isNot = join.kind == .not
    let count = join.operands == 0 ? (isNot ? 1 : 2) : Int(join.operands)
    guard count <= stack.count, !isNot || count == 1 else {
      throw .invalid(
        field: "filter.terms.join", problem: "takes \(count) outcomes where there are \(stack.count)")
    }
    let operands = Array(stack.suffix(count))
    stack.removeLast(count)
    switch join.kind {
    case .and: stack.append(.all(operands))
    case .or: stack.append(.any(operands))
    case .not: stack.append(.not(operands[0]))
    default: throw .invalid(field: "filter.terms.join.kind", problem: "is not an operator")
    }
  }

  // MARK: As SQL. Nothing here is ever NULL, so that NOT is the opposite.

  /// - Throws: `LociError.invalid` for a field that the table does not have, or that has no such values.
  package func condition(in table: Table) throws(LociError) -> SQLConditions {
    try Self.condition(root, table)
  }

  private static func condition(_ node: Node, _ table: Table) throws(LociError) -> SQLConditions {
    switch node {
    case .all(let nodes): return try joined(nodes, by: "AND", table)
    case .any(let nodes): return try joined(nodes, by: "OR", table)
    case .not(let node):
      var inner = try condition(node, table)
      inner.wrap { "NOT (\($0))" }
      return inner
    case .oneOf(let subject, let texts, let numbers):
      return try column(subject, table).oneOf(texts: texts, numbers: numbers)
    case .range(let subject, let from, let until):
      return try column(subject, table).range(from: from, until: until)
    case .contains(let subject, let text): return try column(subject, table).contains(text)
    case .exists(let subject): return try column(subject, table).exists
    }
  }

  private static func joined(
    _ nodes: [Node], by operation: String, _ table: Table
  ) throws(LociError) -> SQLConditions {
    var conditions: [SQLConditions] = []
    for node in nodes { conditions.append(try condition(node, table)) }
    return SQLConditions.joined(conditions, by: operation) ?? SQLConditions("1")
  }

  private static func column(_ subject: V1.FilterSubject, _ table: Table) throws(LociError) -> FilterColumn {
    let column: FilterColumn? =
      switch table {
      case .messages: FilterColumn(ofMessages: subject)
      case .memories: FilterColumn(ofMemories: subject)
      }
    guard let column else {
      throw .invalid(
        field: "filter.terms.subject.field",
        problem: "\(subject.field) is nothing that \(table == .messages ? "messages" : "memories") have")
    }
    return column
  }
}
