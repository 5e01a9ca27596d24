import Foundation
import LociCompress
import LociText

/// What others do to make a conversation smaller: they choose turns or sentences. Each gets the same budget, counts
/// speakers and times as the compressor does, and writes what it keeps as it is.
enum Baseline: String, CaseIterable {
  case recency = "newest turns"
  case random = "random turns"
  case lead = "first sentence of each turn, then more"
  case density = "turns by rare words for a token"
  case mmr = "MMR over sentences"
  case lexRank = "LexRank over sentences"
  case stripped = "stop words out, densest turns"

  struct Piece {
    var turn: Int
    var text: String
    var tokens: Int
    var words: [String]
  }

  func measure(_ reference: TextMeasure.Reference, budget: Int, before: Int, count: (String) throws -> Int)
    throws
    -> TextMeasure
  {
    let turns = reference.conversation.turns
    var pieces = try self.pieces(turns, count)
    let order = order(&pieces)
    let sessions = Set(turns.map(\.session)).count
    // A time for each session, as the compressor writes it. Who speaks costs nothing: more than fair.
    var room = budget - 6 * sessions - 5
    var kept = [[Int]](repeating: [], count: turns.count)
    for index in order {
      let piece = pieces[index]
      let cost = piece.tokens
      guard cost <= room else {
        if self == .recency { break }
        continue
      }
      room -= cost
      kept[piece.turn].append(index)
    }
    let documents = turns.indices.map { turn in
      Stems.content(
        ([turns[turn].speaker] + kept[turn].sorted().map { pieces[$0].text }).joined(separator: " "))
    }
    return TextMeasure(documents: documents, tokens: budget - room, tokensBefore: before)
  }

  private func pieces(_ turns: [Conversation.Turn], _ count: (String) throws -> Int) throws -> [Piece] {
    var pieces: [Piece] = []
    for (index, turn) in turns.enumerated() {
      var texts = [turn.body]
      switch self {
      case .lead, .mmr, .lexRank:
        texts = SentenceSplitter.sentences(in: turn.body).map { String(turn.body[$0]) }
      case .stripped:
        texts = [Self.withoutStopWords(turn.body)]
      default: break
      }
      for text in texts where !text.isEmpty {
        pieces.append(
          Piece(turn: index, text: text, tokens: max(1, try count(text)), words: Stems.content(text)))
      }
    }
    return pieces
  }

  private static func withoutStopWords(_ text: String) -> String {
    text.split { !($0.isLetter || $0.isNumber) }.filter { !Stems.content(String($0)).isEmpty }.joined(
      separator: " ")
  }

  private func order(_ pieces: inout [Piece]) -> [Int] {
    switch self {
    case .recency: return pieces.indices.reversed()
    case .random:
      var seed = SeededGenerator(seed: 7)
      return pieces.indices.shuffled(using: &seed)
    case .lead:
      var place: [Int: Int] = [:]
      var rank: [Int] = []
      for piece in pieces {
        rank.append(place[piece.turn, default: 0])
        place[piece.turn, default: 0] += 1
      }
      return pieces.indices.sorted { (rank[$0], $0) < (rank[$1], $1) }
    case .density, .stripped:
      let idf = Vectors(pieces).idf
      let worth = pieces.map { piece in
        Set(piece.words).sorted().reduce(0) { $0 + (idf[$1] ?? 0) } / Double(piece.tokens)
      }
      return pieces.indices.sorted { (worth[$0], -$0) > (worth[$1], -$1) }
    case .mmr: return Vectors(pieces).maximalMarginalRelevance()
    case .lexRank: return Vectors(pieces).lexRank()
    }
  }
}

/// TF-IDF vectors of unit length, as maps.
private struct Vectors {
  let rows: [[String: Double]]
  let idf: [String: Double]
  private let postings: [String: [(row: Int, value: Double)]]

  init(_ pieces: [Baseline.Piece]) {
    var frequency: [String: Int] = [:]
    for piece in pieces { for word in Set(piece.words) { frequency[word, default: 0] += 1 } }
    let idf = frequency.mapValues { Foundation.log(Double(pieces.count + 1) / Double($0)) }
    self.idf = idf
    rows = pieces.map { piece in
      var row: [String: Double] = [:]
      for word in piece.words { row[word, default: 0] += idf[word] ?? 0 }
      let length = row.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
      return length == 0 ? row : row.mapValues { $0 / length }
    }
    var postings: [String: [(row: Int, value: Double)]] = [:]
    for (index, row) in rows.enumerated() {
      for (word, value) in row { postings[word, default: []].append((index, value)) }
    }
    self.postings = postings
  }

  private func similarities(_ row: [String: Double]) -> [Int: Double] {
    var sums: [Int: Double] = [:]
    for (word, value) in row.sorted(by: { $0.key < $1.key }) {
      for (other, theirs) in postings[word] ?? [] { sums[other, default: 0] += value * theirs }
    }
    return sums
  }

  /// Erkan and Radev (2004): power iteration on the cosine graph with threshold 0.1, damping 0.85.
  func lexRank() -> [Int] {
    let graph = rows.map { row in similarities(row).filter { $0.value > 0.1 }.map(\.key).sorted() }
    var rank = [Double](repeating: 1 / Double(max(1, rows.count)), count: rows.count)
    for _ in 0..<50 {
      var next = [Double](repeating: 0.15 / Double(max(1, rows.count)), count: rows.count)
      for (index, others) in graph.enumerated() {
        for other in others { next[other] += 0.85 * rank[index] / Double(others.count) }
      }
      rank = next
    }
    return rows.indices.sorted { (rank[$0], -$0) > (rank[$1], -$1) }
  }

  /// Carbonell and Goldstein (1998), lambda 0.5, against the centroid.
  func maximalMarginalRelevance() -> [Int] {
    var centroid: [String: Double] = [:]
    for row in rows { for (word, value) in row { centroid[word, default: 0] += value / Double(rows.count) } }
    let length = centroid.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
    let relevance = similarities(centroid.mapValues { $0 / max(length, 1e-12) })
    var nearest = [Double](repeating: 0, count: rows.count)
    var left = Set(rows.indices)
    var order: [Int] = []
    while !left.isEmpty {
      var best = -1
      var bestWorth = -Double.infinity
      for index in left {
        let worth = 0.5 * (relevance[index] ?? 0) - 0.5 * nearest[index]
        if worth > bestWorth || (worth == bestWorth && index < best) { (best, bestWorth) = (index, worth) }
      }
      left.remove(best)
      order.append(best)
      for (other, value) in similarities(rows[best]) { nearest[other] = max(nearest[other], value) }
    }
    return order
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
