import GRDB
import LociCore
import LociLog
import LociProto
import Logging

extension Shard {
  /// Writes the shard anew from its log without what was forgotten: a second database is built beside it from the
  /// redacted log, catches up with the writer, and takes the place of the first one's content in one transaction.
  /// Callers read and write meanwhile; writers wait only while it catches up and its pages are copied. Nothing of the old
  /// pages is left in the files afterwards. Killed at any point, either nothing has happened or all.
  ///
  /// Costs two replays of the shard's log, on the calling thread, and the disk space of two more copies.
  /// - Parameter isCancelled: asked between records.
  /// - Returns: whether anything was to be done.
  package func rewrite(isCancelled: () -> Bool = { false }) throws -> Bool {
    let (ids, targets) = try withDatabase(ErasureSlice.targets)
    guard !ids.isEmpty else { return false }
    try Scratch.remove(beside: path)
    defer { try? Scratch.remove(beside: path) }
    let scratch = try Scratch(beside: path, identity: identity, prepare: prepare)
    defer { scratch.close() }
    var rewriting = try Rewriting(targets, scratch: scratch, projection: projection, identity: identity)
    while try withDatabase({ try rewriting.step(from: $0) }) {
      if isCancelled() { throw CancellationError() }
    }
    try writer.withLock { state in
      if let stopped = state.stopped { throw stopped }
      while try withDatabase({ try rewriting.step(from: $0) }) {}
      let (head, counters) = try rewriting.finish(ids, at: clock.now(), after: state.head)
      let usage = try withDatabase(UsageTable.load)
      do { try ShardDatabase.replace(contentOf: database, by: scratch.rewritten) } catch {
        throw resolve(error, attempted: head, &state)
      }
      (state.head, state.counters, state.scopes, state.kept) = (head, counters, [:], [:])
      state.log = try withDatabase(LogTable.Meta.init)
      quotas.replace(usage, by: try withDatabase(UsageTable.load))
      do { try headFile.record(head) } catch {
        logger.error("head file not written", metadata: ["shard": "\(id)", "error": "\(error)"])
      }
      applied.advance(to: head.sequence)
    }
    return true
  }

  /// Cuts the write-ahead log, which may hold old pages as long as a reader needs them.
  /// - Throws: `unavailable` while one does.
  package func emptyLog() throws { try writer.withLock { _ in try ShardDatabase.emptyLog(of: database) } }
}

/// Two databases beside a shard's: its log applied as it was, which tells what rows each event took, and applied as it
/// is to be.
private struct Scratch {
  let original: DatabasePool
  let rewritten: DatabasePool

  private static let suffixes = [".replay", ".rewrite"]

  init(
    beside path: String, identity: LogIdentity, prepare: @escaping @Sendable (Database) throws -> Void
  ) throws(LociError) {
    original = try ShardDatabase.open(
      path: path + Self.suffixes[0], identity: identity, readers: 1, synchronous: .off, prepare: prepare)
    rewritten = try ShardDatabase.open(
      path: path + Self.suffixes[1], identity: identity, readers: 1, synchronous: .off, prepare: prepare)
  }

  func close() {
    for pool in [original, rewritten] { try? pool.close() }
  }

  static func remove(beside path: String) throws {
    for suffix in suffixes { try ShardDatabase.remove(path + suffix) }
  }
}

private struct Rewriting {
  private let scratch: Scratch
  private let identity: LogIdentity
  private var redactor: Redactor
  private var original: Replay
  private var rewritten: Replay
  private var redacted: [(last: LogSequence, digest: ChainHash)] = []
  private let projection: Projection
  /// Log bytes read at a time.
  private let chunkBytes = 8 << 20

  init(
    _ targets: [Redactor.Target], scratch: Scratch, projection: Projection, identity: LogIdentity
  ) throws {
    self.scratch = scratch
    self.identity = identity
    self.projection = projection
    redactor = Redactor(targets)
    original = try scratch.original.writeWithoutTransaction { db in
      try Replay(projection, shard: identity.shard, into: db)
    }
    rewritten = try scratch.rewritten.writeWithoutTransaction { db in
      try LogTable.create(in: db, identity: identity)
      try LogTable.beginRewritten(in: db)
      return try Replay(projection, shard: identity.shard, into: db)
    }
  }

  /// Takes over the next records. Returns whether there were any.
  mutating func step(from source: Database) throws -> Bool {
    let records = try LogTable.read(after: original.counters.applied, limitBytes: chunkBytes, in: source)
    for record in records { try take(record) }
    return !records.isEmpty
  }

  private mutating func take(_ record: LogRecord) throws {
    let events = try record.events.map(LogV1.Event.init(decoding:))
    var changed: [LogV1.Event] = []
    var isChanged = false
    var sequence = record.first
    try scratch.original.writeWithoutTransaction { db in
      try original.apply(
        events, in: db,
        each: { event, before, after in
          let footprint = Redactor.Footprint(
            firstItem: before.lastItem + 1, lastItem: after.lastItem,
            makesScope: after.lastScope > before.lastScope)
          let left = try redactor.redact(event, at: sequence, footprint)
          changed.append(left ?? event)
          isChanged = isChanged || left != nil
          sequence += 1
        })
    }
    let replacement = isChanged ? changed.map { $0.encoded() } : nil
    try scratch.rewritten.writeWithoutTransaction { db in
      let meta = try LogTable.Meta(db)
      var digest: ChainHash?
      try rewritten.apply(
        changed, in: db,
        besides: {
          digest = try LogTable.copy(record, replacing: replacement, meta: meta, in: db)
        })
      if let digest { redacted.append((record.last, digest)) }
    }
    guard rewritten.counters == original.counters else {
      throw LociError.internalError(
        detail: "a redacted event takes other rows than the original, at \(record.last)")
    }
  }

  /// Appends the event that vouches for what was redacted. Returns where the rewritten log ends.
  mutating func finish(
    _ ids: [String], at now: Timestamp, after head: LogHead
  ) throws -> (LogHead, ShardCounters) {
    let event = LogV1.Event(
      tenant: "loci", agent: "loci", atUs: now.microseconds,
      kind: .logRewritten(
        LogV1.LogRewritten(
          forgottenIDs: ids, records: redacted.map(\.last), digests: redacted.flatMap(\.digest.bytes))))
    return try scratch.rewritten.writeWithoutTransaction { db in
      var end = head
      try rewritten.apply(
        [event], in: db,
        besides: {
          end = try LogTable.append([event.encoded()], after: head, in: db)
        })
      return (end, rewritten.counters)
    }
  }
}
