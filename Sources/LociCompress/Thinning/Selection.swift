/// Keeps of some texts what has to do with a question: whole texts, the best first, until the budget is spent; of the
/// best that have no room any more, words of substance. The times of sessions that nothing is kept of are left out. Made
/// once, for any number of questions and budgets.
struct Selection {
  private var draft: ThinningDraft
  private var meter: TokenMeter
  private let choosable: [Int]

  /// Texts without room that may still give words.
  private static let thinnedMost = 4

  /// - Parameter texts: in the order of time.
  init(_ texts: [SourceText], meter: TokenMeter) throws {
    var meter = meter
    let draft = try ThinningDraft(texts, cuts: [:], meter: &meter)
    self.meter = meter
    self.draft = draft
    choosable = texts.indices.filter { !draft.isSettled($0) }
  }

  /// With speakers and times of sessions written out.
  var tokensBefore: Int { draft.totalBefore }

  /// - Parameters:
  ///   - relevance: one number for each text, the higher the better.
  ///   - budget: tokens of the result. What is pinned is kept even when that is more.
  mutating func text(relevance: [Float], budget: Int) throws -> CompressedText {
    precondition(relevance.count == draft.scans.count)
    let order = choosable.sorted { (relevance[$0], -$0) > (relevance[$1], -$1) }
    var reserve = 0
    while true {
      draft.beginSelection(room: budget - reserve)
      var left: [Int] = []
      for index in order where !draft.takeWhole(index) { left.append(index) }
      for index in left.prefix(Self.thinnedMost) { try takeSubstance(of: index) }
      let text = try draft.finish(meter: meter)
      let excess = text.tokensAfter - budget
      if excess <= 0 || reserve >= budget { return text }
      reserve += excess
    }
  }

  private mutating func takeSubstance(of index: Int) throws {
    guard draft.openLine(index) else { return }
    var seen: Set<WordKey> = []
    for (number, word) in draft.scans[index].words.enumerated() {
      let isNegation = word.traits.contains(.negation)
      guard isNegation || (!word.traits.contains(.function) && seen.insert(word.key).inserted) else {
        continue
      }
      _ = draft.take(number, of: index, tokens: try meter.countWord(draft.written(word, of: index)))
    }
  }
}
