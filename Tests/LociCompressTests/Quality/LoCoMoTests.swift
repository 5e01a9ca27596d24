import Foundation
import LociCompress
import LociText
import Testing

/// Question-free compression of LoCoMo. The weights were fitted on three of the conversations; bars are for the others
/// and for all.
@Suite struct LoCoMoTests {
  static let fitted: Set<String> = ["conv-26", "conv-41", "conv-43"]

  static func measure(_ text: CompressedText, _ turns: [Conversation.Turn]) -> TextMeasure {
    TextMeasure(
      documents: zip(text.units, turns).map { Stems.content("\($1.speaker) \($0.text)") },
      tokens: text.tokensAfter, tokensBefore: text.tokensBefore)
  }

  @Test func thirtyPercentOfTheTokensKeepWhatIsAsked() throws {
    guard Corpus.exists("locomo"), Tokens.exists else { return }
    let counter = try Tokens.counter()
    var all = TextMeasure.Totals()
    var rest = TextMeasure.Totals()
    for conversation in try Conversation.all() {
      let reference = TextMeasure.Reference(conversation)
      let sources = conversation.sources
      var thinner = Thinner(meter: TokenMeter(counter))
      let whole = try thinner.thin(sources, budget: .max / 2)
      let text = try thinner.thin(sources, budget: whole.tokensBefore * 3 / 10)
      var own = TextMeasure.Totals()
      reference.add(Self.measure(text, conversation.turns), to: &own)
      print(conversation.id, own.line, own.asked)
      reference.add(Self.measure(text, conversation.turns), to: &all)
      if !Self.fitted.contains(conversation.id) {
        reference.add(Self.measure(text, conversation.turns), to: &rest)
      }
    }
    print("all ", all.line, all.asked)
    print("rest", rest.line, rest.asked)
    #expect(all.ratioMax <= 0.30)
    #expect(all.strictShare >= 0.90)
    #expect(all.sessionShare >= 0.96)
    #expect(all.retrieval >= 0.90)
    #expect(rest.strictShare >= 0.90)
    #expect(rest.retrieval >= 0.90)
  }

  /// For a question that is known, on a conversation that neither the ranking nor the thinning was fitted on.
  @Test func aTenthOfTheTokensHoldsTheEvidenceOfAQuestion() throws {
    guard Corpus.exists("locomo"), Tokens.exists else { return }
    let counter = try Tokens.counter()
    let encoder = try TextEncoder(modelDirectory: Tokens.folder)
    let conversation = try #require(try Conversation.all().first { $0.id == "conv-48" })
    var (words, both) = (QuestionMeasure.Sums(), QuestionMeasure.Sums())
    var byWords = try QuestionMeasure(conversation, encoder: nil, counter: counter)
    try byWords.add([10], every: 4, to: &words)
    var byBoth = try QuestionMeasure(conversation, encoder: encoder, counter: counter)
    try byBoth.add([10, 30], every: 4, to: &both)
    print("words", words.share(10), "words and meaning", both.share(10), both.share(30))
    #expect(both.share(10) >= 0.9)
    #expect(both.share(30) >= 0.95)
    #expect(both.share(10) >= words.share(10) - 0.02)
    #expect(both.fullest.values.allSatisfy { $0 <= 1 })
  }
}
