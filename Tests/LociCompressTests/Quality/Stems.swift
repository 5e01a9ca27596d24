import CLociFTS

/// Words as the measures of text compression see them: folded, stemmed, without stop words.
enum Stems {
  private final class Collector {
    var words: [String] = []
    var stopWords = false
  }

  static func content(_ text: String) -> [String] {
    let collector = Collector()
    var text = text
    text.withUTF8 { bytes in
      let context = Unmanaged.passUnretained(collector).toOpaque()
      bytes.withMemoryRebound(to: CChar.self) { bytes in
        _ = unsafe loci_fts_split(bytes.baseAddress, bytes.count, context) { context, token in
          guard let context, unsafe token.pointee.kind == .word || token.pointee.kind == .character else {
            return 0
          }
          guard unsafe !loci_fts_is_stop_word(token) else { return 0 }
          var letters = unsafe [CChar](
            UnsafeBufferPointer(start: token.pointee.bytes, count: token.pointee.count))
          let count = letters.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { unsafe loci_fts_stem($0, buffer.count) } ?? 0
          }
          let stem = String(decoding: letters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
          unsafe Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue().words.append(stem)
          return 0
        }
      }
    }
    return collector.words
  }
}

/// Okapi BM25 over a few hundred texts, k1 = 1.2, b = 0.75.
struct BM25 {
  private let counts: [[String: Int]]
  private let lengths: [Double]
  private let frequency: [String: Int]
  private let mean: Double

  init(_ texts: [[String]]) {
    counts = texts.map { Dictionary($0.map { ($0, 1) }, uniquingKeysWith: +) }
    lengths = texts.map { Double($0.count) }
    mean = max(1, lengths.reduce(0, +) / Double(max(1, lengths.count)))
    var frequency: [String: Int] = [:]
    for text in counts { for word in text.keys { frequency[word, default: 0] += 1 } }
    self.frequency = frequency
  }

  func best(_ query: [String], _ k: Int) -> [Int] {
    var scores = [Double](repeating: 0, count: counts.count)
    for word in Set(query).sorted() {
      guard let df = frequency[word] else { continue }
      let idf = (1 + (Double(counts.count) - Double(df) + 0.5) / (Double(df) + 0.5)).logarithmValue
      for (index, text) in counts.enumerated() {
        guard let n = text[word].map(Double.init) else { continue }
        scores[index] += idf * n * 2.2 / (n + 1.2 * (0.25 + 0.75 * lengths[index] / mean))
      }
    }
    return scores.indices.sorted { (scores[$0], -$0) > (scores[$1], -$1) }.prefix(k).map { $0 }
  }
}
