/// Why a text is no condition.
struct ConditionProblem: Error {
  let problem: String
  /// Byte in the text.
  let place: Int
}

struct ConditionToken {
  enum Kind: Equatable {
    case word(String)
    case text(String)
    case number(Double)
    case sign(String)
    case end
  }

  let kind: Kind
  let place: Int

  static func tokens(of text: String) throws(ConditionProblem) -> [ConditionToken] {
    let bytes = Array(text.utf8)
    var tokens: [ConditionToken] = []
    var at = 0
    while at < bytes.count {
      let start = at
      let byte = bytes[at]
      switch byte {
      case 0x20, 0x09, 0x0a, 0x0d:
        at += 1
        continue
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        var content: [UInt8] = []
        at += 1
        while at < bytes.count, bytes[at] != byte {
          if bytes[at] == UInt8(ascii: "\\"), at + 1 < bytes.count { at += 1 }
          content.append(bytes[at])
          at += 1
        }
        guard at < bytes.count else {
          throw ConditionProblem(problem: "a text without its end", place: start)
        }
        at += 1
        tokens.append(ConditionToken(kind: .text(String(decoding: content, as: UTF8.self)), place: start))
      case UInt8(ascii: "("), UInt8(ascii: ")"):
        at += 1
        tokens.append(ConditionToken(kind: .sign(byte == 0x28 ? "(" : ")"), place: start))
      case UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"):
        at += 1
        if at < bytes.count, bytes[at] == UInt8(ascii: "=") { at += 1 }
        let sign = String(decoding: bytes[start..<at], as: UTF8.self)
        guard sign != "!" else { throw ConditionProblem(problem: "a lone '!'", place: start) }
        tokens.append(ConditionToken(kind: .sign(sign == "==" ? "=" : sign), place: start))
      default:
        guard isWord(byte) else { throw ConditionProblem(problem: "an unexpected character", place: start) }
        while at < bytes.count, isWord(bytes[at]) { at += 1 }
        let word = String(decoding: bytes[start..<at], as: UTF8.self)
        if let number = Double(word), number.isFinite, !(0x61...0x7a).contains(byte) {
          tokens.append(ConditionToken(kind: .number(number), place: start))
        } else {
          tokens.append(ConditionToken(kind: .word(word), place: start))
        }
      }
    }
    return tokens + [ConditionToken(kind: .end, place: bytes.count)]
  }

  /// Letters, digits, and what names of variables and attributes hold: `_ . - : /`, and everything beyond ASCII.
  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...: true
    case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "/"): true
    default: false
    }
  }
}

/// Recursive descent; its depth is bounded.
struct ConditionParser {
  private let tokens: [ConditionToken]
  private var at = 0
  private var depth = 0

  private let fields: Set<String>

  init(_ tokens: [ConditionToken], fields: Set<String>) {
    self.tokens = tokens
    self.fields = fields
  }

  mutating func parse() throws(ConditionProblem) -> ConditionNode {
    let node = try disjunction()
    guard tokens[at].kind == .end else { throw problem("more than a condition") }
    return node
  }

  private func problem(_ text: String) -> ConditionProblem {
    ConditionProblem(problem: text, place: tokens[at].place)
  }

  private mutating func take(_ kind: ConditionToken.Kind) -> Bool {
    guard tokens[at].kind == kind else { return false }
    at += 1
    return true
  }

  private mutating func disjunction() throws(ConditionProblem) -> ConditionNode {
    var nodes = [try conjunction()]
    while take(.word("or")) { nodes.append(try conjunction()) }
    return nodes.count == 1 ? nodes[0] : .any(nodes)
  }

  private mutating func conjunction() throws(ConditionProblem) -> ConditionNode {
    var nodes = [try negation()]
    while take(.word("and")) { nodes.append(try negation()) }
    return nodes.count == 1 ? nodes[0] : .all(nodes)
  }

  private mutating func negation() throws(ConditionProblem) -> ConditionNode {
    var isNegated = false
    while take(.word("not")) { isNegated.toggle() }
    let node = try comparison()
    return isNegated ? .not(node) : node
  }

  private mutating func comparison() throws(ConditionProblem) -> ConditionNode {
    let left = try value()
    let sign: ConditionSign?
    switch tokens[at].kind {
    case .sign(let text): sign = ConditionSign(rawValue: text)
    case .word(let word) where word == "contains" || word == "starts": sign = ConditionSign(rawValue: word)
    default: sign = nil
    }
    guard let sign else { return left }
    at += 1
    return .comparison(left, sign, try value())
  }

  private mutating func value() throws(ConditionProblem) -> ConditionNode {
    let token = tokens[at]
    switch token.kind {
    case .number(let number):
      at += 1
      return .value(.number(number))
    case .text(let text):
      at += 1
      return .value(.text(text))
    case .sign("("):
      guard depth < ConditionLimits.depthMax else {
        throw problem("more than \(ConditionLimits.depthMax) parentheses")
      }
      at += 1
      depth += 1
      let node = try disjunction()
      depth -= 1
      guard take(.sign(")")) else { throw problem("a missing ')'") }
      return node
    case .word(let word):
      guard let node = named(word) else { throw problem("'\(word)', which is no field") }
      at += 1
      return node
    case .sign, .end: throw problem("a missing value")
    }
  }

  private func named(_ word: String) -> ConditionNode? {
    if word == "true" || word == "false" { return .value(.flag(word == "true")) }
    if fields.contains(word) { return .field(word) }
    if word.hasPrefix("state."), word.utf8.count > 6 { return .state(String(word.dropFirst(6))) }
    if word.hasPrefix("attr."), word.utf8.count > 5 { return .attribute(String(word.dropFirst(5))) }
    return nil
  }
}
