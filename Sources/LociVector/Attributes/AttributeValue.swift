/// The value of an attribute that filters can ask for.
package enum AttributeValue: Sendable, Hashable {
  case text(String)
  case integer(Int64)
  /// Finite.
  case number(Double)
  case flag(Bool)
  case texts([String])
}

package struct PointAttribute: Sendable, Hashable {
  package var key: String
  package var value: AttributeValue

  package init(key: String, value: AttributeValue) {
    (self.key, self.value) = (key, value)
  }
}
