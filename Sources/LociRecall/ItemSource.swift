package import GRDB
package import LociCore

/// Where the index finds what it indexes: implemented by the slices that own messages and memories.
package protocol ItemSource: Sendable {
  var kind: Bucket.Kind { get }
  /// Texts of the items that still exist, in any order.
  func texts(of items: [Int64], in db: Database) throws -> [ItemText]
  /// Items that have a text, above the item `after`: of one agent, or of all.
  func texts(after: Int64, scopeRow: Int64?, in db: Database) throws -> [(scopeRow: Int64, text: ItemText)]
  /// What ranking needs beside likeness, for the items that still exist.
  func facts(of items: [Int64], in db: Database) throws -> [Int64: ItemFacts]
}

package struct ItemText: Sendable {
  package let item: Int64
  /// Counts up when the text changes.
  package let version: Int64
  package let text: String

  package init(item: Int64, version: Int64, text: String) {
    self.item = item
    self.version = version
    self.text = text
  }
}

package struct ItemFacts: Sendable {
  package let createdAt: Timestamp
  /// 0 to 1.
  package let importance: Float

  package init(createdAt: Timestamp, importance: Float) {
    self.createdAt = createdAt
    self.importance = importance
  }
}
