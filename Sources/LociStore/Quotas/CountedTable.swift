/// A table whose rows count against their tenant's quota. Temporary triggers of the writer's connection tell the tally
/// of every row that comes, goes or changes, whatever changes it.
package struct CountedTable: Sendable {
  let name: String
  let scope: String
  let items: String
  let bytes: [String]
  let number: String
  let watched: [String]

  /// - Parameters:
  ///   - scope: the row in `scopes`, an expression in which `@` stands for the row.
  ///   - items: how many items the row is, likewise.
  ///   - bytes: columns of text or blobs.
  ///   - number: further bytes, an expression likewise.
  ///   - watched: columns other than those of `bytes` whose change matters.
  package init(
    _ name: String, scope: String = "@.scope", items: String = "0", bytes: [String] = [],
    number: String = "0",
    watched: [String] = []
  ) {
    self.name = name
    self.scope = scope
    self.items = items
    self.bytes = bytes
    self.number = number
    self.watched = watched + bytes
  }

  private func count(_ row: String, sign: Int) -> String {
    let values = [scope, "\(sign)", items, number] + bytes.map { "@.\($0)" }
    return "\(UsageTally.function)(\(values.joined(separator: ", ")))".replacing("@", with: row)
  }

  /// A row of columns that are mostly NULL is not worth a call.
  private func guarded(_ rows: String...) -> String {
    guard bytes.count == 1, items == "0", number == "0", let column = bytes.first else { return "" }
    return "WHEN " + rows.map { "\($0).\(column) IS NOT NULL" }.joined(separator: " OR ")
  }

  var triggers: [String] {
    [
      """
      CREATE TEMP TRIGGER count_\(name)_added AFTER INSERT ON main.\(name) \(guarded("NEW"))
      BEGIN SELECT \(count("NEW", sign: 1)); END
      """,
      """
      CREATE TEMP TRIGGER count_\(name)_removed AFTER DELETE ON main.\(name) \(guarded("OLD"))
      BEGIN SELECT \(count("OLD", sign: -1)); END
      """,
      """
      CREATE TEMP TRIGGER count_\(name)_changed AFTER UPDATE OF \(watched.joined(separator: ", ")) ON main.\(name)
      \(guarded("OLD", "NEW")) BEGIN SELECT \(count("OLD", sign: -1)), \(count("NEW", sign: 1)); END
      """
    ]
  }

  /// Counts every row there is.
  var recount: String { "SELECT count(\(count("t", sign: 1))) FROM main.\(name) t" }
}
