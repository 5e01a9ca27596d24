import Testing

@testable import LociCompress

/// What thinning promises whatever the text.
@Suite struct ThinnerTests {
  static let dialogue = [
    SourceText(
      id: "1", name: "Anna", text: "Hey Ben! How are you doing today?", createdAtUs: 1_683_554_160_000_000),
    SourceText(
      id: "2", name: "Ben",
      text: "Great, thanks! I moved to Lisbon on 12 March 2023 and I don't work for Acme_Corp any more.",
      createdAtUs: 1_683_554_220_000_000),
    SourceText(
      id: "3", name: "Anna",
      text: "Wow, that's awesome! The invoice INV-2041 over $5,000 is in /srv/bills/may.pdf.",
      createdAtUs: 1_683_554_280_000_000),
    SourceText(id: "4", name: "Ben", text: "I'll pay it on Friday.", createdAtUs: 1_683_640_680_000_000)
  ]

  static func thin(_ texts: [SourceText], ratio: Double) throws -> CompressedText {
    var thinner = Thinner(meter: .estimated())
    let whole = try thinner.thin(texts, budget: 0).tokensBefore
    return try thinner.thin(texts, budget: Int(Double(whole) * ratio))
  }

  @Test func numbersNamesIdentifiersAndNegationsComeFirst() throws {
    let text = try Self.thin(Self.dialogue, ratio: 0.7)
    for word in [
      "Lisbon", "12", "March", "2023", "not", "Acme_Corp", "INV-2041", "$5,000", "/srv/bills/may.pdf"
    ] {
      #expect(text.text.contains(word), "\(word) in \(text.text)")
    }
    #expect(!text.text.contains("awesome"))
  }

  @Test(arguments: [0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 1, 2])
  func theBudgetHoldsWhereThereIsRoomForMoreThanTheFrame(ratio: Double) throws {
    let frame = try Self.thin(Self.dialogue, ratio: 0).tokensAfter
    let text = try Self.thin(Self.dialogue, ratio: ratio)
    #expect(text.tokensAfter <= max(frame, Int(Double(text.tokensBefore) * ratio)))
    #expect(text.units.map(\.id) == ["1", "2", "3", "4"])
  }

  @Test func everythingFitsIsEverythingAsItWas() throws {
    let text = try Self.thin(Self.dialogue, ratio: 2)
    #expect(text.units.map(\.text) == Self.dialogue.map(\.text))
    #expect(!text.units.contains { !$0.isVerbatim })
  }

  /// What is kept is where the unit says it is, in order; the words of the text are those of the ranges.
  @Test(arguments: UInt64(1)...20) func unitsPointBackAtTheirText(seed: UInt64) throws {
    let texts = RandomText.texts(seed: seed, count: 30)
    for ratio in [0.2, 0.5, 0.9] {
      for (unit, source) in zip(try Self.thin(texts, ratio: ratio).units, texts) {
        let utf8 = Array(source.text.utf8)
        var end = 0
        var words: [String] = []
        for range in unit.kept {
          #expect(range.lowerBound >= end && range.upperBound <= utf8.count)
          end = range.upperBound
          let word = String(validating: utf8[range], as: UTF8.self)
          #expect(word != nil)
          words.append(word?.hasSuffix("n't") == true ? "not" : word ?? "")
        }
        #expect(unit.isVerbatim || unit.text.filter { $0 != " " } == words.joined().filter { $0 != " " })
      }
    }
  }

  @Test(arguments: UInt64(1)...5) func theSameTwice(seed: UInt64) throws {
    let texts = RandomText.texts(seed: seed, count: 50)
    let (one, other) = (try Self.thin(texts, ratio: 0.3), try Self.thin(texts, ratio: 0.3))
    #expect(one == other)
  }

  @Test func whatIsRelevantStaysWholeAndItsSessionAlone() throws {
    var selection = try Selection(Self.dialogue, meter: .estimated())
    let whole = selection.tokensBefore
    let text = try selection.text(relevance: [5, 1, 0, 9], budget: whole / 2)
    #expect(text.units.map(\.isVerbatim) == [true, false, false, true])
    #expect(text.tokensAfter <= whole / 2)
    // Both sessions are there with their times; of one text alone, its own.
    #expect(text.text.contains("8 May 2023") && text.text.contains("9 May 2023"))
    let last = try selection.text(relevance: [0, 0, 0, 1], budget: 22)
    #expect(last.units[3].isVerbatim && !last.text.contains("8 May 2023"))
  }

  @Test(arguments: UInt64(1)...10) func aSelectionHoldsItsBudgetAndWhatIsPinned(seed: UInt64) throws {
    let texts = RandomText.texts(seed: seed, count: 40)
    let relevance = texts.indices.map { Float(($0 * 7_919) % 41) }
    var selection = try Selection(texts, meter: .estimated())
    let whole = selection.tokensBefore
    let pinned = try selection.text(relevance: relevance, budget: 0).tokensAfter
    for percent in [5, 10, 30, 60, 100] {
      let text = try selection.text(relevance: relevance, budget: whole * percent / 100)
      #expect(text.tokensAfter <= max(pinned, whole * percent / 100), "\(percent) %")
      #expect(zip(text.units, texts).allSatisfy { !$1.isPinned || $0.text == $1.text })
      let again = try selection.text(relevance: relevance, budget: whole * percent / 100)
      #expect(again == text, "what was asked before leaves nothing behind")
    }
  }

  @Test func whatIsPinnedStays() throws {
    var texts = Self.dialogue
    texts[0].isPinned = true
    let text = try Self.thin(texts, ratio: 0.05)
    #expect(text.units[0].text == texts[0].text)
    #expect(text.text.contains(texts[0].text))
  }

  @Test func speakersByTurnsAreMarkedWhereTheyDoNotAlternate() throws {
    var texts = Self.dialogue
    texts.append(
      SourceText(id: "5", name: "Ben", text: "Zurich tomorrow", createdAtUs: 1_683_640_690_000_000))
    let lines = try Self.thin(texts, ratio: 2).text.split(separator: "\n")
    #expect(lines[0] == "Anna A, Ben B, by turns")
    #expect(lines[1] == "8 May 2023 13:56")
    #expect(lines[2].hasPrefix("A Hey Ben!"))
    #expect(lines[3].hasPrefix("Great, thanks!"))
    #expect(lines.last == "B Zurich tomorrow")
  }

  @Test func chineseKeepsNumbersNamesInQuotesAndNegations() throws {
    let texts = [
      SourceText(id: "1", text: "你好，我叫张曼婷，很高兴认识你。"),
      SourceText(id: "2", text: "我在2023年4月27日去了上海，没有看《三体》，花了300元。")
    ]
    let text = try Self.thin(texts, ratio: 0.75)
    for word in ["2023", "27", "300", "没", "三体", "上海"] {
      #expect(text.text.contains(word), "\(word): \(text.text)")
    }
  }

  @Test func nothingIsNothing() throws {
    #expect(try Self.thin([], ratio: 0.3).text.isEmpty)
    #expect(try Self.thin([SourceText(id: "1", text: "")], ratio: 0.3).units.map(\.text) == [""])
  }
}
