/// What a compressed text keeps of its raw one, measured by probes that are made from the raw text alone.
package struct Retention: Sendable, Equatable {
  /// Artifacts that stand in the compressed form of their own text.
  package var artifacts: Float
  /// Words that at most two texts have, each by its rarity, that stand in their own compressed text.
  package var facts: Float
  /// Probes whose text is among the first ten of a keyword search over the compressed texts, of those that a search
  /// over the raw texts finds.
  package var retrieval: Float
  /// Of all three kinds.
  package var probes: Int

  package init(artifacts: Float, facts: Float, retrieval: Float, probes: Int) {
    (self.artifacts, self.facts, self.retrieval, self.probes) = (artifacts, facts, retrieval, probes)
  }

  package var overall: Float { (artifacts + facts + retrieval) / 3 }
}

/// The probes of some texts. Made once; measures any number of compressions of them.
package struct RetentionProbe: Sendable {
  private struct Query: Sendable {
    var words: [WordKey]
    var text: Int
  }

  private let artifacts: [Set<WordKey>]
  private let facts: [[WordKey: Float]]
  private let queries: [Query]
  private let participants: Set<WordKey>

  /// Sentences that are asked.
  private static let queriesMax = 64
  private static let found = 10

  package init(_ texts: [SourceText]) {
    participants = Speakers.keys(texts)
    let scans = texts.map { [participants] in TextScanner.scan($0.text, participants: participants) }
    var counts: [WordKey: Int] = [:]
    let words = scans.map { scan in Self.substance(scan.words) }
    for text in words { for word in Set(text) { counts[word, default: 0] += 1 } }
    artifacts = scans.map { Set($0.words.filter(\.isArtifact).map(\.key)) }
    let count = texts.count
    facts = words.map { text in
      var facts: [WordKey: Float] = [:]
      for word in text {
        guard let df = counts[word], df <= 2 else { continue }
        facts[word] = logarithm(count + 1) - logarithm(df) + 0.1
      }
      return facts
    }
    queries = Self.queries(scans, counts, RankedTexts(words))
  }

  /// The sentences with the most words, evenly over the texts; each asks with every other of its words.
  private static func queries(
    _ scans: [ScannedText], _ counts: [WordKey: Int], _ raw: RankedTexts
  ) -> [Query] {
    var candidates: [Query] = []
    for (index, scan) in scans.enumerated() {
      let best = scan.sentences.filter { !$0.isQuestion }.max { $0.words.count < $1.words.count }
      guard let best else { continue }
      let words = substance(Array(scan.words[best.words]))
      guard words.count >= 4 else { continue }
      let half = words.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
      candidates.append(Query(words: half, text: index))
    }
    let step = max(1, candidates.count / queriesMax)
    return candidates.enumerated().filter { $0.offset % step == 0 }.map(\.element).prefix(queriesMax)
      .filter { raw.isFound($0.text, by: $0.words, among: found) }
  }

  private static func substance(_ words: [Word]) -> [WordKey] {
    words.filter { $0.traits.isDisjoint(with: [.function, .participant]) }.map(\.key)
  }

  /// - Parameter units: one for each of the texts, in their order.
  package func measure(_ units: [CompressedUnit]) -> Retention {
    precondition(units.count == artifacts.count)
    let scans = units.map { TextScanner.scan($0.text, participants: participants) }
    var (kept, all) = (0, 0)
    var (weight, total): (Float, Float) = (0, 0)
    var factCount = 0
    for index in units.indices {
      let there = Set(scans[index].words.map(\.key))
      all += artifacts[index].count
      kept += artifacts[index].intersection(there).count
      // In a fixed order: sums of floats depend on it.
      for (word, worth) in facts[index].sorted(by: { $0.key.hash < $1.key.hash }) {
        total += worth
        factCount += 1
        if there.contains(word) { weight += worth }
      }
    }
    let texts = RankedTexts(scans.map { Self.substance($0.words) })
    let found = queries.filter { texts.isFound($0.text, by: $0.words, among: Self.found) }.count
    return Retention(
      artifacts: all == 0 ? 1 : Float(kept) / Float(all), facts: total == 0 ? 1 : weight / total,
      retrieval: queries.isEmpty ? 1 : Float(found) / Float(queries.count),
      probes: all + factCount + queries.count)
  }
}
