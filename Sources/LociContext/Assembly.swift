package import GRDB
package import LociCore
package import LociProto
import LociRecall

/// Builds what an agent sends to its model. What changes least comes first, so that a model's cache of the prefix
/// holds from one call to the next: the system's messages, the pinned ones, what compactions left of older messages,
/// memories by age, the recent messages.
///
/// The system's and the pinned parts are served first; the condensed past and memories may take a share each of what is
/// left, the newest and the best first; the newest messages take the rest, without a gap. What they leave goes to further
/// memories.
package struct Assembly {
  private let request: AssemblyRequest
  private let counter: any TokenCounting
  private let cache: TokenCountCache
  private let shard: ShardID
  private var left: Int
  /// Of an answer, well below a frame.
  private var bytesLeft = 3 << 20
  private var leftOut: [V1.LeftOut] = []
  /// Texts of messages that are in, to tell a memory that says the same.
  private var said: Set<ExactText> = []

  /// Leading messages of role system that are the context's own instructions.
  private static let systemMessagesMax = 16

  package init(
    _ request: AssemblyRequest, counter: any TokenCounting, cache: TokenCountCache, shard: ShardID
  ) {
    self.request = request
    self.counter = counter
    self.cache = cache
    self.shard = shard
    left = request.budget
  }

  private struct Counted {
    let message: V1.Message
    let tokens: Int

    var bytes: Int { message.text.utf8.count + message.data.count + 512 }
  }

  package mutating func run(
    scope: Scope, memories: [RankedMemory], in db: Database
  ) throws -> V1.AssembleContextResponse {
    let path = try MessagePath(request.contextID, scope: scope, in: db)
    var taken: Set<UInt64> = []
    let system = try take(leadingSystem(path, db), .system, &taken)
    let pinned = try take(pinned(path, except: taken, db), .pinned, &taken)
    let candidates = memories.sorted { $0.score > $1.score }
    let share = Int(Float(left) * request.memoryShare)
    var past = try reservePast(path, db)
    var chosen = try choose(candidates, room: share)
    let recent = try recent(path, except: taken, db)
    if let first = recent.parts.first { giveBack(past.drop(from: first.number)) }
    leftOut += past.leftOut
    // What the history left over goes to memories that did not fit their share.
    let room = left
    chosen += try choose(
      candidates.filter { one in !chosen.contains { $0.0.memory.id == one.memory.id } }, room: room)
    let memoryParts = try finish(candidates, chosen)
    let parts = system + pinned + past.pieces.map(Self.part) + memoryParts + recent.parts
    return V1.AssembleContextResponse(
      parts: parts, tokenCount: UInt32(request.budget - left), leftOut: leftOut,
      notConsidered: try notConsidered(path, below: recent.oldest, except: taken, db), counter: counter.name)
  }

  // MARK: System and pinned parts

  private func leadingSystem(_ path: MessagePath, _ db: Database) throws -> [Counted] {
    let rows = try path.rows(
      MessagePath.Range(newestFirst: false), conditions: [], limit: Self.systemMessagesMax, in: db)
    var found: [Counted] = []
    while let row = try rows.next() {
      let message = try ContextQueries.message(row)
      guard message.role == .system else { break }
      found.append(try counted(message, item: row[0]))
    }
    return found
  }

  private func pinned(_ path: MessagePath, except taken: Set<UInt64>, _ db: Database) throws -> [Counted] {
    var found: [Counted] = []
    for number in try path.pins(in: db) where !taken.contains(UInt64(number)) {
      var range = MessagePath.Range(newestFirst: false)
      (range.from, range.until) = (number, number + 1)
      let rows = try path.rows(range, conditions: [], limit: 1, in: db)
      while let row = try rows.next() {
        found.append(try counted(ContextQueries.message(row), item: row[0]))
      }
    }
    return found
  }

  /// Those that fit, in order.
  private mutating func take(
    _ messages: [Counted], _ kind: V1.AssembledKind, _ taken: inout Set<UInt64>
  ) throws -> [V1.AssembledPart] {
    var parts: [V1.AssembledPart] = []
    for entry in messages {
      taken.insert(entry.message.number)
      guard entry.tokens <= left, entry.bytes <= bytesLeft else {
        leaveOut(entry, kind, .budget)
        continue
      }
      parts.append(part(entry, kind))
    }
    return parts
  }

  // MARK: Recent messages

  private mutating func recent(
    _ path: MessagePath, except taken: Set<UInt64>, _ db: Database
  ) throws -> (parts: [V1.AssembledPart], oldest: UInt64?) {
    let maxHistory = path.context.context.maxHistory
    let rows = try path.rows(
      MessagePath.Range(newestFirst: true), conditions: [], limit: request.historyLimit, in: db)
    var newest: [Counted] = []
    var (room, bytesRoom) = (left, bytesLeft)
    var oldest: UInt64?
    var seen: UInt32 = 0
    while let row = try rows.next() {
      let number = UInt64(row[3] as Int64)
      oldest = number
      seen += 1
      if taken.contains(number) { continue }
      if maxHistory > 0, seen > maxHistory {
        leaveOut(first: number, .maxHistory)
        continue
      }
      let entry = try counted(ContextQueries.message(row), item: row[0])
      guard entry.tokens <= room, entry.bytes <= bytesRoom else {
        leaveOut(entry, .recent, .budget)
        // Older ones are not read: nothing of them can be part.
        break
      }
      room -= entry.tokens
      bytesRoom -= entry.bytes
      newest.append(entry)
    }
    // An answer of a tool whose call is not part would be refused by the model.
    while let entry = newest.last, entry.message.role == .tool {
      leaveOut(entry, .recent, .toolPair)
      newest.removeLast()
    }
    return (newest.reversed().map { part($0, .recent) }, oldest)
  }

  private func notConsidered(
    _ path: MessagePath, below oldest: UInt64?, except taken: Set<UInt64>, _ db: Database
  ) throws -> UInt64 {
    guard let oldest else { return 0 }
    let older = Int(try path.count(below: Int64(oldest), in: db))
    return UInt64(max(0, older - taken.count { $0 < oldest }))
  }

  // MARK: Condensed past

  private mutating func reservePast(_ path: MessagePath, _ db: Database) throws -> CondensedPast {
    let room = Int(Float(left) * request.pastShare)
    let compactions = room > 0 ? try path.compactions(limit: CondensedPast.most, in: db) : []
    let past = try CondensedPast(
      compactions, room: room, bytesRoom: bytesLeft / 2, overhead: request.overhead,
      count: (
        { [cache, shard, counter] in
          // A row is never another's, as items of messages.
          try cache.count($0.text, item: $0.row, shard: shard, with: counter)
        }, counter.count
      ))
    for piece in past.pieces {
      left -= piece.tokens
      bytesLeft -= piece.bytes
    }
    return past
  }

  private mutating func giveBack(_ pieces: [CondensedPast.Piece]) {
    for piece in pieces {
      left += piece.tokens
      bytesLeft += piece.bytes
    }
  }

  private static func part(_ piece: CondensedPast.Piece) -> V1.AssembledPart {
    V1.AssembledPart(
      kind: .past, role: .system, text: piece.text, tokenCount: UInt32(piece.tokens), id: piece.compaction.id,
      number: piece.compaction.fromNumber, untilNumber: piece.compaction.untilNumber, cut: piece.isCut)
  }

  // MARK: Memories

  private mutating func choose(
    _ memories: [RankedMemory], room: Int
  ) throws -> [(RankedMemory, Int)] {
    var room = min(room, left)
    var chosen: [(RankedMemory, Int)] = []
    for entry in memories where !said.contains(ExactText(entry.memory.text)) {
      let tokens = try counter.count(entry.memory.text) + request.overhead
      let bytes = entry.memory.text.utf8.count + 128
      guard tokens <= room, bytes <= bytesLeft else { continue }
      bytesLeft -= bytes
      room -= tokens
      left -= tokens
      chosen.append((entry, tokens))
    }
    return chosen
  }

  /// In order of their age, which does not change from call to call as their scores do.
  private mutating func finish(
    _ candidates: [RankedMemory], _ chosen: [(RankedMemory, Int)]
  ) throws -> [V1.AssembledPart] {
    var parts: [(RankedMemory, Int)] = []
    for entry in chosen {
      // A message that came in after the memory was chosen says it already.
      if said.contains(ExactText(entry.0.memory.text)) {
        left += entry.1
      } else {
        parts.append(entry)
      }
    }
    for entry in candidates where !parts.contains(where: { $0.0.memory.id == entry.memory.id }) {
      let isSaid = said.contains(ExactText(entry.memory.text))
      leftOut.append(
        V1.LeftOut(
          kind: .memory, reason: isSaid ? .duplicate : .budget, id: entry.memory.id, count: 1,
          tokenCount: UInt64(try counter.count(entry.memory.text) + request.overhead)))
    }
    return parts.sorted {
      ($0.0.memory.createdAtUs, $0.0.memory.id) < ($1.0.memory.createdAtUs, $1.0.memory.id)
    }.map { entry, tokens in
      V1.AssembledPart(
        kind: .memory, role: .system, text: entry.memory.text, tokenCount: UInt32(tokens),
        id: entry.memory.id, score: entry.score)
    }
  }

  // MARK: Account

  private func counted(_ message: V1.Message, item: Int64) throws -> Counted {
    let tokens =
      message.tokenCount > 0
      ? Int(message.tokenCount) : try cache.count(message.text, item: item, shard: shard, with: counter)
    return Counted(message: message, tokens: tokens + request.overhead)
  }

  private mutating func part(_ entry: Counted, _ kind: V1.AssembledKind) -> V1.AssembledPart {
    left -= entry.tokens
    bytesLeft -= entry.bytes
    said.insert(ExactText(entry.message.text))
    return V1.AssembledPart(
      kind: kind, role: entry.message.role, text: entry.message.text, tokenCount: UInt32(entry.tokens),
      id: entry.message.id, number: entry.message.number, name: entry.message.name,
      toolCallID: entry.message.toolCallID, data: entry.message.data)
  }

  private mutating func leaveOut(_ entry: Counted, _ kind: V1.AssembledKind, _ reason: V1.LeftOutReason) {
    leftOut.append(
      V1.LeftOut(
        kind: kind, reason: reason, firstNumber: entry.message.number, lastNumber: entry.message.number,
        count: 1, tokenCount: UInt64(entry.tokens)))
  }

  /// Joins the one before when that is its neighbour; messages come newest first here.
  private mutating func leaveOut(first number: UInt64, _ reason: V1.LeftOutReason) {
    if let last = leftOut.last, last.reason == reason, last.kind == .recent, last.firstNumber == number + 1 {
      leftOut[leftOut.count - 1].firstNumber = number
      leftOut[leftOut.count - 1].count += 1
      return
    }
    leftOut.append(
      V1.LeftOut(kind: .recent, reason: reason, firstNumber: number, lastNumber: number, count: 1))
  }
}
