import Testing

@testable import LociCompress

/// Strategies, the floor, importance, artifacts.
@Suite struct CompressorTests {
  private static func compress(
    _ texts: [SourceText], _ change: (inout Compressor.Target) -> Void = { _ in }
  ) throws -> Compressor.Result {
    var target = Compressor.Target()
    change(&target)
    return try Compressor(meter: .estimated()).compress(texts, target)
  }

  @Test(arguments: Compressor.Strategy.allCases) func everyStrategyAnswersForEveryText(
    strategy: Compressor.Strategy
  ) throws {
    for seed in UInt64(1)...6 {
      let texts = RandomText.texts(seed: seed, count: 60)
      let result = try Self.compress(texts) { $0.strategy = strategy }
      #expect(result.text.units.map(\.id) == texts.map(\.id))
      for (unit, text) in zip(result.text.units, texts) where text.isPinned {
        #expect(unit.text == text.text)
      }
      for value in [result.retention.artifacts, result.retention.facts, result.retention.retrieval] {
        #expect((0...1).contains(value))
      }
      let again = try Self.compress(texts) { $0.strategy = strategy }
      #expect(again.text == result.text && again.retention == result.retention)
    }
  }

  @Test func theFloorIsNotBroken() throws {
    let texts = RandomText.texts(seed: 9, count: 80)
    let low = try Self.compress(texts) { $0.ratio = 0.1 }
    for floor: Float in [0.5, 0.8, 0.95, 1] {
      let result = try Self.compress(texts) {
        $0.ratio = 0.1
        $0.retentionFloor = floor
      }
      #expect(
        result.retention.overall >= floor || result.text.tokensAfter >= result.text.tokensBefore * 9 / 10)
      #expect(result.isFloorRaised == (low.retention.overall < floor))
    }
  }

  @Test func hierarchyKeepsTheNewestAsTheyAre() throws {
    let texts = (0..<60).map {
      SourceText(id: "\($0)", text: "On day \($0) the team visited station number \($0 * 3).")
    }
    let result = try Self.compress(texts) { $0.strategy = .hierarchical }
    #expect(result.text.units.last?.isVerbatim == true)
    #expect(result.text.units.first?.isVerbatim == false)
  }

  @Test func aRepetitionIsThinnedMoreThanWhatItRepeats() throws {
    let once = "The quarterly report about turbines was approved by the committee in Geneva."
    var texts = (0..<20).map {
      SourceText(id: "\($0)", text: "Different sentence about topic number \($0) and others.")
    }
    texts.insert(SourceText(id: "first", text: once), at: 3)
    texts.append(SourceText(id: "second", text: once))
    let result = try Self.compress(texts) { $0.ratio = 0.4 }
    let kept = Dictionary(uniqueKeysWithValues: result.text.units.map { ($0.id, $0.kept.count) })
    #expect((kept["second"] ?? 0) <= (kept["first"] ?? 0))
  }

  @Test func importanceShowsItsParts() {
    let texts = ThinnerTests.dialogue
    let scores = ImportanceEvaluator().scores(texts)
    for score in scores {
      let sum = 0.3 * score.time + 0.4 * score.content + 0.3 * score.interaction
      #expect(abs(score.total - sum) < 1e-5)
    }
    // A greeting says less than facts.
    #expect(scores[0].content < scores[1].content)
    var weights = ImportanceEvaluator.Weights()
    (weights.time, weights.content, weights.interaction) = (1, 0, 0)
    let aged = ImportanceEvaluator(weights: weights).scores(texts)
    #expect(aged[3].total > aged[0].total)
    #expect(abs(aged[3].total - 1) < 1e-5)
  }

  @Test func artifactsAreFoundWithTheirTexts() {
    let texts = [
      SourceText(
        id: "1", text: "See https://example.org/a and mail bob@example.org about INV-2041 on 2023-05-08."),
      SourceText(
        id: "2", text: "The file /etc/hosts raised a ValueError in Bobs Burgers; INV-2041 costs $5,000.")
    ]
    let found = ArtifactIndex(texts).artifacts
    func one(_ value: String) -> ArtifactIndex.Artifact? { found.first { $0.value == value } }
    #expect(one("https://example.org/a")?.kind == .url)
    #expect(one("bob@example.org")?.kind == .email)
    #expect(one("INV-2041")?.kind == .identifier)
    #expect(one("INV-2041")?.texts == [0, 1])
    #expect(one("2023-05-08")?.kind == .date)
    #expect(one("/etc/hosts")?.kind == .path)
    #expect(one("ValueError")?.kind == .error)
    #expect(one("Bobs Burgers")?.kind == .name)
    #expect(one("$5,000")?.kind == .number)
  }

  @Test func logarithmsAndExponentialsAreTrueEnough() {
    for (count, value): (Int, Float) in [(1, 0), (2, 0.693147), (10, 2.302585), (1_000, 6.907755)] {
      #expect(abs(logarithm(count) - value) < 1e-5)
    }
    for (x, value): (Float, Float) in [(0, 1), (1, 2.718282), (-2, 0.135335), (3, 20.08554)] {
      #expect(abs(exponential(x) - value) < 0.005 * value)
    }
  }
}
