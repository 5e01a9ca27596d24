package import GRDB

/// Conditions of a WHERE clause that all must hold, with their arguments.
package struct SQLConditions {
  package private(set) var text: String
  package private(set) var arguments: StatementArguments

  package init(_ condition: String, _ values: (any DatabaseValueConvertible)?...) {
    text = condition
    arguments = StatementArguments(values)
  }

  package mutating func and(_ condition: String, _ values: (any DatabaseValueConvertible)?...) {
    text += " AND " + condition
    arguments += StatementArguments(values)
  }

  package mutating func and(_ others: [SQLConditions]) {
    for other in others {
      text += " AND " + other.text
      arguments += other.arguments
    }
  }

  /// All of them, or any of them, as one; `nil` when there are none.
  package static func joined(_ conditions: [SQLConditions], by operation: String) -> SQLConditions? {
    guard var all = conditions.first else { return nil }
    for other in conditions.dropFirst() {
      all.text += " \(operation) \(other.text)"
      all.arguments += other.arguments
    }
    all.text = "(\(all.text))"
    return all
  }

  package mutating func wrap(_ around: (String) -> String) { text = around(text) }

  /// `column IN (?, …)`.
  package static func among(
    _ column: String, _ values: [any DatabaseValueConvertible & Sendable]
  ) -> SQLConditions {
    var conditions = SQLConditions(
      "\(column) IN (\(Array(repeating: "?", count: values.count).joined(separator: ", ")))")
    conditions.arguments = StatementArguments(values)
    return conditions
  }
}
