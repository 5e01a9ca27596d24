package import GRDB
import LociCore
package import LociProto

/// A snapshot piece by piece. A snapshot does not change, so that each piece can be read on its own; the present may
/// move on between two.
package struct SnapshotExport: Sendable {
  package enum Place: Sendable {
    case beginning, variables(from: Int), messages(from: UInt64), memories(from: Int)
  }

  private static let bytesMax = 1 << 20
  private static let messagesMax = 1_000

  /// `nil` at the end.
  package var next: Place? = .beginning

  package init() {}

  package static func chunk(
    at place: Place, of view: SnapshotView, in db: Database
  ) throws -> (V1.ExportSnapshotResponse?, Place?) {
    switch place {
    case .beginning:
      var session = view.session.session
      session.state = view.state.onWire
      return (
        V1.ExportSnapshotResponse(session: session, snapshot: view.snapshot), .variables(from: 0)
      )
    case .variables(let offset):
      let all = try view.variables(in: db)
      guard let end = end(of: all, from: offset, bytes: { $0.name.utf8.count + $0.value.utf8.count + 64 })
      else {
        return (nil, .messages(from: 0))
      }
      return (V1.ExportSnapshotResponse(variables: Array(all[offset..<end])), .variables(from: end))
    case .messages(let number): return try messages(from: number, view, db)
    case .memories(let offset): return try memories(from: offset, view, db)
    }
  }

  private static func messages(
    from number: UInt64, _ view: SnapshotView, _ db: Database
  ) throws -> (V1.ExportSnapshotResponse?, Place?) {
    let cursor = try view.messages(from: number, limit: messagesMax, in: db)
    var (messages, bytes): ([V1.Message], Int) = ([], 0)
    while let message = try cursor.next() {
      bytes += message.text.utf8.count + message.data.count + 512
      if !messages.isEmpty, bytes > bytesMax { break }
      messages.append(message)
    }
    guard let last = messages.last else { return (nil, .memories(from: 0)) }
    return (V1.ExportSnapshotResponse(messages: messages), .messages(from: last.number + 1))
  }

  private static func memories(
    from offset: Int, _ view: SnapshotView, _ db: Database
  ) throws -> (V1.ExportSnapshotResponse?, Place?) {
    let all = try view.memoryList(in: db)
    guard let end = end(of: all, from: offset, bytes: { $0.text.utf8.count + 1_024 }) else {
      return (nil, nil)
    }
    return (V1.ExportSnapshotResponse(memories: Array(all[offset..<end])), .memories(from: end))
  }

  /// Where a piece that begins at `offset` ends; `nil` when nothing is left.
  private static func end<Item>(of items: [Item], from offset: Int, bytes: (Item) -> Int) -> Int? {
    guard offset < items.count else { return nil }
    var (end, sum) = (offset, 0)
    while end < items.count {
      sum += bytes(items[end])
      if end > offset, sum > bytesMax { break }
      end += 1
    }
    return end
  }
}
