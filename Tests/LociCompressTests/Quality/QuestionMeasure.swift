@testable import LociCompress
import LociCore
import LociRecall
import LociText

/// How much of a question's evidence is in a context that is compressed for it ("Q" in docs/compression.md): the share
/// of the evidence turns that stand there word for word, a mean over questions.
struct QuestionMeasure {
  private let conversation: Conversation
  private let sources: [SourceText]
  private let encoder: TextEncoder?
  /// Shape (turns, dimension); empty without an encoder.
  private let vectors: [Float]
  private var selection: Selection

  /// - Parameter encoder: `nil` ranks by words alone.
  init(_ conversation: Conversation, encoder: TextEncoder?, counter: @escaping (String) throws -> Int) throws
  {
    self.conversation = conversation
    self.encoder = encoder
    sources = conversation.sources
    vectors = try encoder?.encode(sources.map(\.text), kind: .document).vectors ?? []
    selection = try Selection(sources, meter: TokenMeter(counter))
  }

  struct Sums {
    /// By percent: the evidence kept, and the most tokens used for one allowed.
    var kept: [Int: Double] = [:]
    var fullest: [Int: Double] = [:]
    var count = 0

    func share(_ percent: Int) -> Double { (kept[percent] ?? 0) / Double(max(1, count)) }
  }

  mutating func add(_ percents: [Int], every step: Int, to sums: inout Sums) throws {
    let place = Dictionary(
      conversation.turns.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    for (number, question) in conversation.questions.enumerated() where number % step == 0 {
      let evidence = Set(question.evidence.compactMap { place[$0] })
      guard !evidence.isEmpty else { continue }
      let relevance = try relevance(question.question)
      sums.count += 1
      for percent in percents {
        let (text, budget) = try kept(relevance, percent)
        let found = evidence.filter { text.units[$0].isVerbatim }.count
        sums.kept[percent, default: 0] += Double(found) / Double(evidence.count)
        sums.fullest[percent] = max(
          sums.fullest[percent] ?? 0, Double(text.tokensAfter) / Double(max(1, budget)))
      }
    }
  }

  mutating func kept(for question: String, percent: Int) throws -> CompressedText {
    try kept(try relevance(question), percent).text
  }

  private mutating func kept(_ relevance: [Float], _ percent: Int) throws -> (
    text: CompressedText, budget: Int
  ) {
    let budget = selection.tokensBefore * percent / 100
    return (try selection.text(relevance: relevance, budget: budget), budget)
  }

  private func relevance(_ question: String) throws -> [Float] {
    let turns = zip(sources, conversation.turns).map { source, turn in
      Turn(
        item: 0, text: source.text, speaker: turn.speaker,
        createdAt: Timestamp(microseconds: source.createdAtUs))
    }
    let ranking = TurnRanking(turns, question: question)
    guard let encoder else { return ranking.scores(cosines: []) }
    let query = try encoder.encode([ranking.queryText], kind: .query).vectors
    return ranking.scores(
      cosines: sources.indices.map { turn in
        let row = vectors[turn * query.count..<(turn + 1) * query.count]
        let cosine: Float = zip(row, query).reduce(0) { $0 + $1.0 * $1.1 }
        return cosine
      })
  }
}
