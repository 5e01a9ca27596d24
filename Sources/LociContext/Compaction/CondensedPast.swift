import LociProto

/// What compactions left of older messages, as far as there is room for it in an assembled context: the newest
/// compactions whole, of the next one its newest lines.
struct CondensedPast {
  struct Piece {
    let compaction: V1.Compaction
    let text: String
    let tokens: Int
    let isCut: Bool

    var bytes: Int { text.utf8.count + 512 }
  }

  /// Oldest first.
  private(set) var pieces: [Piece] = []
  /// What had no room, newest first.
  private(set) var leftOut: [V1.LeftOut] = []

  /// Compactions that are looked at.
  static let most = 64

  /// - Parameters:
  ///   - compactions: newest first.
  ///   - count: tokens of a compaction's text; tokens of any other.
  init(
    _ compactions: [CompactionQueries.Stored], room: Int, bytesRoom: Int, overhead: Int,
    count: (whole: (CompactionQueries.Stored) throws -> Int, part: (String) throws -> Int)
  ) throws {
    var (room, bytesRoom) = (room, bytesRoom)
    var isFull = false
    for stored in compactions where !stored.text.isEmpty {
      let tokens = try count.whole(stored) + overhead
      var piece: Piece?
      if !isFull, tokens <= room, stored.text.utf8.count + 512 <= bytesRoom {
        piece = Piece(compaction: stored.compaction, text: stored.text, tokens: tokens, isCut: false)
      } else if !isFull {
        isFull = true
        piece = try Self.newestLines(of: stored, room: room, bytesRoom: bytesRoom, overhead, count.part)
      }
      guard let piece else {
        leftOut.append(
          V1.LeftOut(
            kind: .past, reason: .budget, firstNumber: stored.compaction.fromNumber,
            lastNumber: stored.compaction.untilNumber, id: stored.compaction.id,
            count: stored.compaction.figures?.items ?? 0, tokenCount: UInt64(tokens)))
        continue
      }
      room -= piece.tokens
      bytesRoom -= piece.bytes
      pieces.append(piece)
    }
    pieces.reverse()
  }

  /// The first line says who the speakers are, and stays.
  private static func newestLines(
    of stored: CompactionQueries.Stored, room: Int, bytesRoom: Int, _ overhead: Int,
    _ count: (String) throws -> Int
  ) throws -> Piece? {
    let lines = stored.text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count > 2, let legend = lines.first else { return nil }
    let legendTokens = try count("\(legend)\n")
    var left = room - overhead - legendTokens
    var bytesLeft = bytesRoom - 512 - legend.utf8.count
    var first = lines.count
    while first > 1 {
      let line = lines[first - 1]
      let tokens = try count("\(line)\n")
      guard tokens <= left, line.utf8.count + 1 <= bytesLeft else { break }
      left -= tokens
      bytesLeft -= line.utf8.count + 1
      first -= 1
    }
    guard first < lines.count else { return nil }
    let text = ([legend] + lines[first...]).joined(separator: "\n")
    let tokens = try count(text) + overhead
    // Never for a counter by which a text costs no more than its lines.
    guard tokens <= room else { return nil }
    return Piece(compaction: stored.compaction, text: text, tokens: tokens, isCut: true)
  }

  /// Takes out what is among the recent messages as it was said, and returns what it took.
  mutating func drop(from number: UInt64) -> [Piece] {
    let dropped = pieces.filter { $0.compaction.fromNumber >= number }
    pieces.removeAll { $0.compaction.fromNumber >= number }
    return dropped
  }
}
