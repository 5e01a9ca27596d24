import LociCore
import LociProto

/// Where the values of a filter's subject are.
enum FilterColumn {
  case text(String)
  case number(String)
  /// Kept as float32: bounds are rounded as the values were.
  case fraction(String)
  case attribute(String)
  case tags

  init?(ofMessages subject: V1.FilterSubject) {
    switch subject.field {
    case .attribute: self = .attribute(subject.attribute)
    case .createdAt: self = .number("m.created_at_us")
    case .contextID: self = .text("(SELECT id FROM contexts WHERE row = m.context)")
    case .traceID: self = .text("m.trace_id")
    case .role: self = .number("m.role")
    case .name: self = .text("m.name")
    default: return nil
    }
  }

  init?(ofMemories subject: V1.FilterSubject) {
    switch subject.field {
    case .attribute: self = .attribute(subject.attribute)
    case .tag: self = .tags
    case .text: self = .text("m.text")
    case .type: self = .number("m.type")
    case .source: self = .number("m.source")
    case .trust: self = .number("CASE m.trust WHEN 0 THEN \(V1.TrustClass.medium.rawValue) ELSE m.trust END")
    case .importance: self = .fraction("m.importance")
    case .confidence: self = .fraction("m.confidence")
    case .createdAt: self = .number("m.created_at_us")
    case .updatedAt: self = .number("m.updated_at_us")
    case .expiresAt: self = .number("m.expires_at_us")
    case .validFrom: self = .number("m.valid_from_us")
    case .validUntil: self = .number("m.valid_until_us")
    case .lastAccessAt: self = .number("m.last_access_at_us")
    case .accessCount: self = .number("m.access_count")
    case .saidCount: self = .number("m.said_count")
    case .contextID: self = .text("m.context_id")
    case .traceID: self = .text("m.trace_id")
    default: return nil
    }
  }

  /// A text that is written as a JSON number, as one; else NULL.
  private static let number =
    """
    CASE WHEN json_valid(value) THEN CASE WHEN json_type(value) IN ('integer', 'real') \
    THEN CAST(value AS REAL) END END
    """

  private static func among(_ key: String, _ condition: SQLConditions) -> SQLConditions {
    var all = SQLConditions("key = ?", key)
    all.and([condition])
    all.wrap { "EXISTS (SELECT 1 FROM json_each(m.attributes) WHERE \($0))" }
    return all
  }

  func oneOf(texts: [String], numbers: [Double]) throws(LociError) -> SQLConditions {
    switch self {
    case .text(let column):
      guard numbers.isEmpty else { throw Self.mistyped("numbers", "texts") }
      return .among(column, texts)
    case .number(let column):
      guard texts.isEmpty else { throw Self.mistyped("texts", "numbers") }
      return .among("(\(column))", numbers)
    case .fraction(let column):
      guard texts.isEmpty else { throw Self.mistyped("texts", "numbers") }
      return .among(column, numbers.map { Double(Float($0)) })
    case .tags:
      guard numbers.isEmpty else { throw Self.mistyped("numbers", "texts") }
      var inner = SQLConditions.among("value", texts)
      inner.wrap { "EXISTS (SELECT 1 FROM json_each(m.tags) WHERE \($0))" }
      return inner
    case .attribute(let key):
      var either: [SQLConditions] = []
      if !texts.isEmpty { either.append(.among("value", texts)) }
      if !numbers.isEmpty { either.append(.among("ifnull(\(Self.number), '')", numbers)) }
      return Self.among(key, SQLConditions.joined(either, by: "OR") ?? SQLConditions("0"))
    }
  }

  func range(from: Double?, until: Double?) throws(LociError) -> SQLConditions {
    func bounds(_ column: String, _ rounded: (Double) -> Double) -> SQLConditions {
      var all: [SQLConditions] = []
      if let from { all.append(SQLConditions("\(column) >= ?", rounded(from))) }
      if let until { all.append(SQLConditions("\(column) < ?", rounded(until))) }
      return SQLConditions.joined(all, by: "AND") ?? SQLConditions("1")
    }
    switch self {
    case .number(let column): return bounds("(\(column))") { $0 }
    case .fraction(let column): return bounds(column) { Double(Float($0)) }
    case .attribute(let key):
      // Without a bound: any number. A text compares above every number, so NULL stays out by itself.
      var inner = SQLConditions("\(Self.number) IS NOT NULL")
      inner.and([bounds("\(Self.number)") { $0 }])
      return Self.among(key, inner)
    case .text, .tags: throw .invalid(field: "filter.terms.range", problem: "is of a field with texts")
    }
  }

  func contains(_ text: String) throws(LociError) -> SQLConditions {
    switch self {
    case .text(let column): return SQLConditions("instr(\(column), ?) > 0", text)
    case .tags:
      return SQLConditions("EXISTS (SELECT 1 FROM json_each(m.tags) WHERE instr(value, ?) > 0)", text)
    case .attribute(let key): return Self.among(key, SQLConditions("instr(value, ?) > 0", text))
    case .number, .fraction:
      throw .invalid(field: "filter.terms.contains", problem: "is of a field with numbers")
    }
  }

  var exists: SQLConditions {
    switch self {
    case .text(let column): SQLConditions("\(column) <> ''")
    case .number(let column): SQLConditions("(\(column)) > 0")
    case .fraction: SQLConditions("1")
    case .tags: SQLConditions("m.tags IS NOT NULL")
    case .attribute(let key): Self.among(key, SQLConditions("1"))
    }
  }

  private static func mistyped(_ given: String, _ wanted: String) -> LociError {
    .invalid(field: "filter.terms.one_of", problem: "has \(given) for a field with \(wanted)")
  }
}
