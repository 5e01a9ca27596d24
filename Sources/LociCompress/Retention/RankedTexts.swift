/// A keyword search over a few thousand texts in memory: Okapi BM25, k1 = 1.2, b = 0.75.
struct RankedTexts: Sendable {
  private let postings: [WordKey: [(text: Int32, count: Float)]]
  private let lengths: [Float]
  private let mean: Float

  init(_ texts: [[WordKey]]) {
    var postings: [WordKey: [(text: Int32, count: Float)]] = [:]
    for (index, text) in texts.enumerated() {
      var counts: [WordKey: Float] = [:]
      for word in text { counts[word, default: 0] += 1 }
      for (word, count) in counts { postings[word, default: []].append((Int32(index), count)) }
    }
    self.postings = postings
    lengths = texts.map { Float($0.count) }
    mean = max(1, lengths.reduce(0, +) / Float(max(1, lengths.count)))
  }

  /// Of every text, 0 where it has none of the words.
  func scores(_ query: [WordKey]) -> [Float] {
    var scores = [Float](repeating: 0, count: lengths.count)
    for (text, score) in found(query) { scores[Int(text)] = score }
    return scores
  }

  /// Whether `text` is among the best `limit`; of equals the earlier is better.
  func isFound(_ text: Int, by query: [WordKey], among limit: Int) -> Bool {
    let scores = found(query)
    guard let own = scores[Int32(text)] else { return false }
    return scores.count { ($0.value, -$0.key) > (own, -Int32(text)) } < limit
  }

  private func found(_ query: [WordKey]) -> [Int32: Float] {
    var scores: [Int32: Float] = [:]
    var asked: Set<WordKey> = []
    for word in query where asked.insert(word).inserted {
      guard let texts = postings[word] else { continue }
      let idf = logarithm(1 + lengths.count / texts.count)
      for (text, count) in texts {
        let length = 0.25 + 0.75 * lengths[Int(text)] / mean
        scores[text, default: 0] += idf * count * 2.2 / (count + 1.2 * length)
      }
    }
    return scores
  }
}
