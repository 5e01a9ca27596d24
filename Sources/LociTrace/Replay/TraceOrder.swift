package import GRDB
package import LociCore
package import LociProto

/// The steps of a trace in the order in which they began: replay, fork and the debugger count places in it, from 1.
package struct TraceOrder: Sendable {
  package let stored: TraceQueries.Stored
  package let table: StepTable
  package let children: StepChildren
  private let scope: Scope

  package init(_ id: String, scope: Scope, in db: Database) throws {
    try self.init(TraceQueries.get(id, scope: scope, in: db), scope: scope, in: db)
  }

  fileprivate init(_ stored: TraceQueries.Stored, scope: Scope, in db: Database) throws {
    self.stored = stored
    table = try StepTable(stored, in: db)
    children = table.children()
    self.scope = scope
  }

  package var count: Int { table.count }

  /// Whole steps in order of their starts, at most `max` of them: all, or the first, the last and those around errors.
  package func stepsForAnalysis(max: Int, in db: Database) throws -> [V1.Step] {
    let reader = StepReader(self, in: db)
    if count <= max { return try (0..<count).map { try reader.step($0 + 1) } }
    var wanted: Set<Int> = Set(0..<max / 4).union((count - max / 4)..<count)
    for place in 0..<count where table.failed[place] && wanted.count < max {
      wanted.formUnion(Swift.max(0, place - 8)..<Swift.min(count, place + 2))
    }
    return try wanted.sorted().prefix(max).map { try reader.step($0 + 1) }
  }

  package func reader(in db: Database) -> StepReader { StepReader(self, in: db) }

  var owner: Scope { scope }
}

/// Orders of the traces that were asked for lately: a debugger and an agent that replays ask once for each step, and
/// an order costs as much as the trace is long.
package final class TraceOrderCache: Sendable {
  private struct Entry {
    let scope: Scope
    let order: TraceOrder
  }

  /// Steps that all orders kept have together; one is kept whatever its size.
  private static let stepsMax = 2_000_000
  private let entries = Locked<[Entry]>([])

  package init() {}

  package func order(_ id: String, scope: Scope, in db: Database) throws -> TraceOrder {
    let stored = try TraceQueries.get(id, scope: scope, in: db)
    let known = entries.withLock { entries in
      entries.first {
        $0.scope == scope && $0.order.stored.row == stored.row && $0.order.stored.version == stored.version
      }
    }
    if let known { return known.order }
    let order = try TraceOrder(stored, scope: scope, in: db)
    entries.withLock { entries in
      entries.removeAll { $0.scope == scope && $0.order.stored.row == stored.row }
      entries.insert(Entry(scope: scope, order: order), at: 0)
      var steps = 0
      entries = entries.enumerated().filter { place, entry in
        steps += entry.order.count
        return place == 0 || steps <= Self.stepsMax
      }.map(\.element)
    }
    return order
  }
}

/// Reads whole steps of a trace one after the other, a block at a time. Belongs to one read of the database.
package final class StepReader {
  private let order: TraceOrder
  private let db: Database
  private let zstd = Zstd()
  private var blocks: [(block: StepColumns, offsets: [Int])] = []
  private let hasCompleted: Bool

  /// Blocks kept: steps that overlap in time may lie in several.
  private static let blocksMax = 16

  init(_ order: TraceOrder, in db: Database) {
    self.order = order
    self.db = db
    hasCompleted =
      (try? Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM trace_completed WHERE trace = ?)",
        arguments: [order.stored.row])) ?? true
  }

  /// - Parameters:
  ///   - place: 1 to the order's count.
  ///   - filled: with blobs in their places.
  package func step(_ place: Int, filled: Bool = false) throws -> V1.Step {
    let number = order.table.numbers[place - 1]
    var step = try completed(number) ?? written(number)
    step.traceID = order.stored.key.text
    return filled ? try TraceQueries.filled(step, scope: order.owner, in: db) : step
  }

  private func completed(_ number: UInt32) throws -> V1.Step? {
    hasCompleted ? try TraceQueries.completed(number, trace: order.stored.row, in: db) : nil
  }

  private func written(_ number: UInt32) throws -> V1.Step {
    func holds(_ block: StepColumns) -> Bool {
      number >= block.first && number < block.first + UInt32(block.count)
    }
    if !blocks.contains(where: { holds($0.block) }) {
      let block = try TraceQueries.block(holding: number, trace: order.stored.row, zstd: zstd, in: db)
      guard holds(block) else { throw ByteColumnReader.damaged }
      blocks.insert((block, block.offsets()), at: 0)
      if blocks.count > Self.blocksMax { blocks.removeLast() }
    }
    guard let (block, offsets) = blocks.first(where: { holds($0.block) }) else {
      throw ByteColumnReader.damaged
    }
    let index = Int(number - block.first)
    return try block.step(index, start: offsets[index], trace: order.stored.key.text)
  }
}

/// State variables as steps change them.
package struct StateVariables: Sendable, Equatable {
  private var values: [String: String] = [:]

  package init() {}

  package mutating func apply(_ changes: [V1.StepStateChange]) {
    for change in changes { values[change.name] = change.removed ? nil : change.value }
  }

  package subscript(name: String) -> String? { values[name] }

  /// By name.
  package var all: [V1.StepStateChange] {
    values.sorted { $0.key < $1.key }.map { V1.StepStateChange(name: $0.key, value: $0.value) }
  }
}
