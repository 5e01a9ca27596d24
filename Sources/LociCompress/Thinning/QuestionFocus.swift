/// How much each text has to do with a question: words alone, no encoder.
///
/// BM25 over the texts and over windows of three and six neighbours, a text taking the best of its windows; each part
/// standardised over the texts, then added. Names of those who speak are cut out of the question, since every other text
/// has them; where it names exactly one of them, that one's texts are better by half a standard deviation.
struct QuestionFocus {
  private static let windows: [(length: Int, step: Int, weight: Float)] = [(1, 1, 0.5), (3, 1, 1), (6, 2, 1)]

  /// One score for each of `texts`.
  static func scores(_ texts: [SourceText], question: String) -> [Float] {
    let participants = Speakers.keys(texts)
    let asked = TextScanner.scan(question, participants: participants).words
    let query = asked.filter { $0.traits.isDisjoint(with: [.function, .participant]) }.map(\.key)
    let words = texts.map { text in
      TextScanner.scan(text.text, participants: participants).words
        .filter { !$0.traits.contains(.function) }.map(\.key)
    }
    var sums = [Float](repeating: 0, count: texts.count)
    for window in windows {
      let starts = Array(
        stride(from: 0, to: max(1, texts.count - window.length + window.step), by: window.step))
      let ranked = RankedTexts(
        starts.map { start in words[start..<min(texts.count, start + window.length)].flatMap { $0 } })
      var best = [Float](repeating: 0, count: texts.count)
      for (start, score) in zip(starts, ranked.scores(query)) {
        for index in start..<min(texts.count, start + window.length) { best[index] = max(best[index], score) }
      }
      for (index, value) in standardised(best).enumerated() { sums[index] += window.weight * value }
    }
    let named = Set(asked.filter { $0.traits.contains(.participant) }.map(\.key))
    let speakers = Set(texts.map(\.name)).filter { name in
      TextScanner.scan(name).words.contains { named.contains($0.key) }
    }
    if speakers.count == 1, let speaker = speakers.first {
      for index in texts.indices where texts[index].name == speaker { sums[index] += 0.5 }
    }
    return sums
  }

  private static func standardised(_ values: [Float]) -> [Float] {
    guard !values.isEmpty else { return [] }
    let mean = values.reduce(0, +) / Float(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)
    guard variance > 0 else { return values.map { _ in 0 } }
    let deviation = variance.squareRoot()
    return values.map { ($0 - mean) / deviation }
  }
}
