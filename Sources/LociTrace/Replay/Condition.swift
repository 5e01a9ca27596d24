package import LociCore

/// A condition over a step and the state variables after it, or over an audit entry. The language is total: there are no
/// loops and no calls, a value that cannot be compared is not equal, and evaluation takes as long as the condition.
///
///     condition = and { "or" and }         and = not { "and" not }        not = ["not"] comparison
///     comparison = value [("=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "starts") value]
///     value = number | "text" | 'text' | true | false | field | state.NAME | attr.NAME | "(" condition ")"
///
/// Which fields there are is the subject's to say.
package struct Condition<Subject: ConditionSubject>: Sendable {
  private let root: ConditionNode

  /// - Throws: `invalid` that names the place of what is no condition.
  package init(_ text: String, field: String) throws(LociError) {
    guard text.utf8.count <= ConditionLimits.bytesMax else {
      throw .invalid(
        field: field, problem: "has \(text.utf8.count) bytes, at most \(ConditionLimits.bytesMax)")
    }
    do {
      var parser = ConditionParser(try ConditionToken.tokens(of: text), fields: Subject.fields)
      root = try parser.parse()
    } catch {
      throw .invalid(field: field, problem: "is no condition: \(error.problem) at byte \(error.place)")
    }
  }

  package func holds(_ subject: Subject) -> Bool { root.value(subject).isTrue }

  /// The value as a watch shows it.
  package func text(_ subject: Subject) -> String { root.value(subject).text }
}

package enum ConditionLimits {
  package static let bytesMax = 1_024
  /// Parentheses inside each other.
  static let depthMax = 64
}

/// What a condition is asked about.
package protocol ConditionSubject {
  static var fields: Set<String> { get }
  func field(_ name: String) -> ConditionValue
  func state(_ name: String) -> ConditionValue
  func attribute(_ name: String) -> ConditionValue
}

package enum ConditionValue: Sendable {
  case number(Double)
  case text(String)
  case flag(Bool)
  /// A variable or attribute that is not there.
  case absent

  var isTrue: Bool {
    switch self {
    case .flag(let flag): flag
    case .number(let number): number != 0
    case .text(let text): !text.isEmpty
    case .absent: false
    }
  }

  var text: String {
    switch self {
    case .flag(let flag): flag ? "true" : "false"
    case .number(let number):
      number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
    case .text(let text): text
    case .absent: ""
    }
  }

  /// A text that is a number compares as one with a number.
  private var number: Double? {
    switch self {
    case .number(let number): number
    case .text(let text): Double(text)
    case .flag, .absent: nil
    }
  }

  func compare(_ sign: ConditionSign, _ other: ConditionValue) -> Bool {
    switch sign {
    case .contains: return StepWords.count(other.text, in: Array(text.utf8), max: 1) > 0
    case .starts: return Array(text.utf8).starts(with: other.text.utf8)
    case .equal: return isEqual(other)
    case .unequal: return !isEqual(other)
    case .less, .lessOrEqual, .greater, .greaterOrEqual:
      if let a = number, let b = other.number { return sign.holds(a, b) }
      guard case .text(let a) = self, case .text(let b) = other else { return false }
      return sign.holds(Array(a.utf8), Array(b.utf8))
    }
  }

  private func isEqual(_ other: ConditionValue) -> Bool {
    switch (self, other) {
    case (.absent, .absent): true
    case (.absent, _), (_, .absent): false
    case (.flag(let a), .flag(let b)): a == b
    case (.text(let a), .text(let b)): ExactText(a) == ExactText(b)
    default: number != nil && number == other.number
    }
  }
}

enum ConditionSign: String, Sendable {
  case equal = "="
  case unequal = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case contains
  case starts

  /// By bytes.
  func holds(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    switch self {
    case .less: a.lexicographicallyPrecedes(b)
    case .lessOrEqual: !b.lexicographicallyPrecedes(a)
    case .greater: b.lexicographicallyPrecedes(a)
    case .greaterOrEqual: !a.lexicographicallyPrecedes(b)
    default: false
    }
  }

  func holds(_ a: Double, _ b: Double) -> Bool {
    switch self {
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    default: false
    }
  }
}

indirect enum ConditionNode: Sendable {
  case value(ConditionValue)
  case field(String)
  case state(String)
  case attribute(String)
  case not(ConditionNode)
  case all([ConditionNode])
  case any([ConditionNode])
  case comparison(ConditionNode, ConditionSign, ConditionNode)

  func value(_ subject: some ConditionSubject) -> ConditionValue {
    switch self {
    case .value(let value): value
    case .field(let name): subject.field(name)
    case .state(let name): subject.state(name)
    case .attribute(let name): subject.attribute(name)
    case .not(let node): .flag(!node.value(subject).isTrue)
    case .all(let nodes): .flag(nodes.allSatisfy { $0.value(subject).isTrue })
    case .any(let nodes): .flag(nodes.contains { $0.value(subject).isTrue })
    case .comparison(let a, let sign, let b): .flag(a.value(subject).compare(sign, b.value(subject)))
    }
  }
}
