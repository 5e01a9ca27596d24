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
  /// The conversations around these items: up to `reach` turns to each side, in order; each turn once. None where
  /// items stand alone.
  func passages(around items: [Int64], reach: Int, in db: Database) throws -> [[Turn]]
  /// Those of `names` under which somebody speaks in the agent's items, or that begin such a name.
  func speakers(among names: [String], scopeRow: Int64, in db: Database) throws -> [String]
}

extension ItemSource {
  package func passages(around items: [Int64], reach: Int, in db: Database) throws -> [[Turn]] { [] }
  package func speakers(among names: [String], scopeRow: Int64, in db: Database) throws -> [String] { [] }
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
  /// How often it was used, on a scale of 0 to 1.
  package let access: Float
  /// How much its source is trusted, and how sure it was: 0 to 1.
  package let trust: Float
  /// How lasting its kind is: 0 to 1.
  package let type: Float

  package init(
    createdAt: Timestamp, importance: Float, access: Float = 0, trust: Float = 0, type: Float = 0
  ) {
    self.createdAt = createdAt
    self.importance = importance
    self.access = access
    self.trust = trust
    self.type = type
  }
}
