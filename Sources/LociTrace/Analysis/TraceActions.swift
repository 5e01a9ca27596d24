package import GRDB
package import LociCore
import LociProto

/// What a run did, in order: the tools that it called, or all its named steps where it called none.
package struct TraceActions: Sendable {
  package let names: [String]
  /// 0 while it has not ended.
  package let durationMs: Int64

  /// `nil`: there is no such trace.
  /// - Parameters:
  ///   - most: names; of a longer run the first.
  ///   - bytesMax: of a name; a longer one is cut.
  package init?(_ id: String, most: Int, bytesMax: Int, scope: Scope, in db: Database) throws {
    guard let stored = try TraceQueries.find(id, scope: scope, in: db) else { return nil }
    let table = try StepTable(stored, in: db)
    let named = (0..<table.count).filter { !table.name($0).isEmpty }
    let tools = named.filter { table.kinds[$0] == UInt8(V1.StepKind.tool.rawValue) }
    names = (tools.isEmpty ? named : tools).prefix(most).map { Self.cut(table.name($0), bytesMax) }
    durationMs = max(0, (stored.trace.endedAtUs - stored.trace.startedAtUs) / 1_000)
  }

  private static func cut(_ name: String, _ bytesMax: Int) -> String {
    var (short, bytes) = ("", 0)
    for character in name {
      bytes += character.utf8.count
      if bytes > bytesMax { return short.isEmpty ? "?" : short }
      short.append(character)
    }
    return name
  }
}
