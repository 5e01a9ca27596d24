import GRDB
import LociCore

/// Which spans the traces that were written lately hold, and under which number. Found again from the blocks when a
/// trace is not in memory.
///
/// The writer's queue alone touches it, from one transaction to the next; that makes it safe to send there.
final class SpanIndex: @unchecked Sendable {
  /// Spans kept in memory over all traces of a shard. The trace at hand is kept whatever its size.
  private static let spansMax = 1 << 20
  /// What a trace takes beside its spans, in spans.
  private static let overhead = 16

  struct Key: Hashable {
    let scope: Int64
    let trace: TraceKey
  }

  final class Trace {
    let row: Int64
    var spans = SpanMap()
    fileprivate var used: UInt64 = 0

    init(row: Int64) { self.row = row }

    /// Steps written so far: the number of the last one.
    var count: UInt32 { UInt32(spans.count) }
  }

  let zstd = Zstd()
  private var traces: [Key: Trace] = [:]
  private var total = 0
  private var clock: UInt64 = 0

  /// A trace that exists; `nil` when it does not.
  func trace(_ key: TraceKey, scope: Int64, in db: Database) throws -> Trace? {
    clock += 1
    if let known = traces[Key(scope: scope, trace: key)] {
      known.used = clock
      return known
    }
    guard let row = try TraceQueries.row(key, scope: scope, in: db) else { return nil }
    let trace = Trace(row: row)
    let blocks = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT first, spans FROM trace_blocks WHERE trace = ? ORDER BY first"),
      arguments: [row])
    while let block = try blocks.next() {
      var number = UInt32(block[0] as Int64)
      for span in try TraceQueries.spans(block[1]) {
        trace.spans.insert(span, number)
        number += 1
      }
    }
    insert(trace, Key(scope: scope, trace: key))
    return trace
  }

  func insert(_ trace: Trace, _ key: Key) {
    trace.used = clock
    traces[key] = trace
    total += trace.spans.count + Self.overhead
    makeRoom()
  }

  /// Numbers new spans of a trace that is known here.
  func add(_ spans: [UInt64], first: UInt32, to trace: Trace) {
    for (index, span) in spans.enumerated() { trace.spans.insert(span, first + UInt32(index)) }
    total += spans.count
    makeRoom()
  }

  private func makeRoom() {
    guard total > Self.spansMax, traces.count > 1 else { return }
    for (key, trace) in traces.sorted(by: { $0.value.used < $1.value.used }).dropLast()
    where total > Self.spansMax / 2 {
      total -= trace.spans.count + Self.overhead
      traces[key] = nil
    }
  }

  func forget(_ key: TraceKey, scope: Int64) {
    guard let old = traces.removeValue(forKey: Key(scope: scope, trace: key)) else { return }
    total -= old.spans.count + Self.overhead
  }
}

/// Span ids to numbers: open addressing over two flat arrays. Span 0 is no span.
struct SpanMap {
  private var keys: [UInt64] = []
  private var values: [UInt32] = []
  private(set) var count = 0

  private func place(_ key: UInt64) -> Int {
    var at = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 20) & (keys.count - 1)
    while keys[at] != 0, keys[at] != key { at = (at + 1) & (keys.count - 1) }
    return at
  }

  subscript(key: UInt64) -> UInt32? {
    guard count > 0 else { return nil }
    let at = place(key)
    return keys[at] == key ? values[at] : nil
  }

  mutating func insert(_ key: UInt64, _ value: UInt32) {
    if 8 * count >= 5 * keys.count { grow() }
    let at = place(key)
    if keys[at] == 0 { count += 1 }
    keys[at] = key
    values[at] = value
  }

  private mutating func grow() {
    let old = (keys, values)
    let capacity = max(16, 2 * keys.count)
    keys = Array(repeating: 0, count: capacity)
    values = Array(repeating: 0, count: capacity)
    for (key, value) in zip(old.0, old.1) where key != 0 {
      let at = place(key)
      keys[at] = key
      values[at] = value
    }
  }
}
