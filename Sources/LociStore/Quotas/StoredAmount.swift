/// What a tenant has stored, or may store: items, and bytes of their content.
package struct StoredAmount: Sendable, Hashable {
  package var items: Int64
  package var bytes: Int64

  package static let zero = StoredAmount(items: 0, bytes: 0)

  package init(items: Int64, bytes: Int64) {
    self.items = items
    self.bytes = bytes
  }

  package static func + (a: Self, b: Self) -> Self {
    StoredAmount(items: a.items + b.items, bytes: a.bytes + b.bytes)
  }

  package static func - (a: Self, b: Self) -> Self {
    StoredAmount(items: a.items - b.items, bytes: a.bytes - b.bytes)
  }

  package static func += (a: inout Self, b: Self) { a = a + b }
}
