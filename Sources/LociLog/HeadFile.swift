import Foundation
package import GRDB
package import LociCore

/// Remembers, outside the database, how far a log was acknowledged.
///
/// SQLite cannot tell a write-ahead log that lost its end from one that never had it: a flipped bit in a frame, a
/// log cut short or deleted, and an older copy of the database all recover without an error to an earlier state,
/// and the acknowledged events after it are gone in silence. This file is written after each commit and before
/// its answer; when the database then ends earlier, or with another history, opening the shard fails.
///
/// Two slots of 512 bytes, 4096 bytes apart so that no sector or page holds both, are written in turn; the one
/// with the higher sequence counts. They are not synced at each commit: after a power failure the file may be
/// older than the database, which is harmless, and never newer, since the commit was synced before.
package final class HeadFile: Sendable {
  private static let slotOffsets = [0, 4096]

  /// What was put right when the shard was opened. Worth a line in the server's log.
  package enum Warning: Sendable, Equatable, CustomStringConvertible {
    case slotDamaged(Int)
    /// The file was missing or damaged, and the caller asked to go on.
    case rewrittenOnRequest

    package var description: String {
      switch self {
      case .slotDamaged(let slot): "slot \(slot) was damaged and has been rewritten"
      case .rewrittenOnRequest: "the file was unusable and has been rewritten as asked"
      }
    }
  }

  private struct State: ~Copyable {
    let file: PlainFile
    var nextSlot = 0
    var slots: [HeadSlot.Content]
    let isEmpty: Bool
  }

  package let path: String
  private let identity: LogIdentity
  private let repairing: Bool
  private let state: Locked<State>

  /// Opens the file, making it when it is absent. `check` comes next, before the first append.
  /// - Parameter repairing: accept a file that is missing or damaged beyond use, and make it anew.
  package init(path: String, identity: LogIdentity, repairing: Bool = false) throws(LociError) {
    self.path = path
    self.identity = identity
    self.repairing = repairing
    let file = try PlainFile(path: path, create: true)
    let isEmpty = try file.byteCount() == 0
    let slots = try Self.readSlots(file)
    state = Locked(State(file: file, slots: slots, isEmpty: isEmpty))
  }

  /// Compares with the log that was found in the database, and brings the file up to date.
  /// - Throws: `dataLoss` when acknowledged events are missing, when the history is another one, or when the file
  ///   itself is unusable; `failedPrecondition` when it belongs to another log or a newer format.
  package func check(against head: LogHead, in database: some DatabaseReader) throws(LociError) -> Warning? {
    do {
      return try database.unsafeRead { db in try check(against: head, in: db) }
    } catch {
      throw LociError(error, file: path)
    }
  }

  package func check(against head: LogHead, in db: Database) throws -> Warning? {
    try state.withLock { state in
      let known = try Self.acknowledged(state.slots, path: path, identity: identity)
      let current = HeadSlot(identity: identity, head: head)
      var warning = state.slots.firstIndex(of: .damaged).map(Warning.slotDamaged)
      if let known {
        try compare(known, with: head, in: db)
        // A slot of a file that has been in use is never blank.
        warning = warning ?? state.slots.firstIndex(of: .blank).map(Warning.slotDamaged)
      } else if repairing {
        warning = .rewrittenOnRequest
      } else if head.sequence == 0, state.slots.contains(.blank) {
        // Making the file was interrupted: both slots are written before the first event.
        warning = nil
      } else {
        let problem = state.isEmpty ? "missing" : "both slots are damaged"
        throw LociError.dataLoss(
          file: path, problem: "\(problem); whether acknowledged events are lost cannot be told")
      }
      if warning != nil || state.slots != [.valid(current), .valid(current)] { try rewrite(current, &state) }
      return warning
    }
  }

  /// To be called after each commit, before it is acknowledged. Costs one small write, no sync.
  package func record(_ head: LogHead) throws(LociError) {
    let failure = state.withLock { state -> LociError? in
      let slot = state.nextSlot
      let bytes = HeadSlot(identity: identity, head: head).encoded(slot: slot)
      do throws(LociError) { try state.file.write(bytes, at: Self.slotOffsets[slot]) } catch { return error }
      state.nextSlot = 1 - slot
      return nil
    }
    if let failure { throw failure }
  }

  /// Makes what was recorded durable. Not needed for safety; it narrows what a later fault can hide.
  package func synchronize() throws(LociError) {
    let failure = state.withLock { state -> LociError? in
      do throws(LociError) { try state.file.synchronize() } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }

  /// How far the file at `path` says the log was acknowledged; `nil` when there is no file or no slot can be read,
  /// which `check` judges. Changes nothing.
  /// - Throws: `failedPrecondition` when it belongs to another log.
  static func acknowledged(path: String, identity: LogIdentity) throws(LociError) -> LogHead? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try PlainFile(path: path, create: false)
    return try acknowledged(try readSlots(file), path: path, identity: identity)
  }

  private static func readSlots(_ file: borrowing PlainFile) throws(LociError) -> [HeadSlot.Content] {
    var slots: [HeadSlot.Content] = []
    for (slot, offset) in slotOffsets.enumerated() {
      slots.append(HeadSlot.decode(try file.read(HeadSlot.byteCount, at: offset), slot: slot))
    }
    return slots
  }

  private static func acknowledged(
    _ slots: [HeadSlot.Content], path: String, identity: LogIdentity
  ) throws(LociError) -> LogHead? {
    var newest: LogHead?
    for slot in slots {
      switch slot {
      case .blank, .damaged: continue
      case .newer(let format): throw .failedPrecondition("\(path) has the newer format \(format)")
      case .valid(let slot):
        guard slot.identity == identity else {
          throw .failedPrecondition("\(path) belongs to \(slot.identity.summary), not \(identity.summary)")
        }
        if slot.head.sequence >= newest?.sequence ?? 0 { newest = slot.head }
      }
    }
    return newest
  }

  private func compare(_ known: LogHead, with head: LogHead, in db: Database) throws {
    guard known.sequence <= head.sequence else {
      throw Self.missing(after: head.sequence, known, file: path)
    }
    let base = try LogTable.Meta(db).base
    guard known.sequence >= base.sequence else { return }
    let found = known.sequence == base.sequence ? base : try LogTable.boundary(at: known.sequence, in: db)
    guard found == known else {
      throw LociError.dataLoss(
        file: path, problem: "the log has another history than was acknowledged at sequence \(known.sequence)"
      )
    }
  }

  static func missing(after sequence: LogSequence, _ known: LogHead, file: String) -> LociError {
    .dataLoss(
      file: file,
      problem: """
        events \(sequence + 1)...\(known.sequence) were acknowledged and are missing: the database or its \
        write-ahead log was cut short, deleted, damaged or replaced by an older copy
        """)
  }

  private func rewrite(_ content: HeadSlot, _ state: inout State) throws(LociError) {
    for (slot, offset) in Self.slotOffsets.enumerated() {
      try state.file.write(content.encoded(slot: slot), at: offset)
      state.slots[slot] = .valid(content)
    }
    try state.file.synchronize()
    state.nextSlot = 0
  }
}
