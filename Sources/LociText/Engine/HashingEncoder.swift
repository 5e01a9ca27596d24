import CLociUnicode

/// The last resort where no model is to be had: words and parts of words hashed to signed places (Weinberger et al.
/// 2009, "Feature Hashing for Large Scale Multitask Learning"). It finds texts that share words or spellings, in any
/// script; it knows nothing of meaning, and says so by its kind.
package struct HashingEncoder: TextEmbedder {
  package static let dimension = 512
  /// Letters of a part of a word.
  private static let partLengths = 3...4
  private static let bytesMax = 1 << 20

  package let batchTextsMax = 256

  package init() {}

  package var about: EncoderDescription {
    EncoderDescription(
      kind: .hashing, name: "hashing-\(Self.dimension)",
      fingerprint: EncoderFingerprint(description: "hashing-\(Self.dimension)-v1"), dimension: Self.dimension,
      maxTokens: 0)
  }

  package func encode(
    _ texts: [String], kind: TextEncoder.Kind, longTexts: LongTexts,
    isCancelled: @escaping @Sendable () -> Bool
  ) async throws -> EncodedBatch {
    var batch = (vectors: [Float](), counts: [Int]())
    for text in texts {
      if isCancelled() { throw CancellationError() }
      let (vector, count) = Self.vector(of: text)
      batch.vectors += vector
      batch.counts.append(count)
    }
    return EncodedBatch(
      vectors: batch.vectors, tokenCounts: batch.counts,
      truncated: texts.map { $0.utf8.count > Self.bytesMax })
  }

  /// The vector at unit length, and how many words the text has.
  static func vector(of text: String) -> (vector: [Float], words: Int) {
    var counts: [Int: Float] = [:]
    var words = 0
    for word in self.words(of: text) {
      words += 1
      add([0x20] + word, 1, to: &counts)
      for length in partLengths where word.count > length {
        for start in 0...word.count - length { add(Array(word[start..<start + length]), 0.3, to: &counts) }
      }
    }
    var vector = [Float](repeating: 0, count: dimension)
    // A word that comes often counts less than in proportion.
    for (place, count) in counts {
      vector[place / 2] += (place & 1 == 0 ? 1 : -1) * count.squareRoot()
    }
    // A text without words has a vector too; it is alike to nothing but its own kind.
    if words == 0 { vector[0] = 1 }
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return (length > 0 ? vector.map { $0 / length } : vector, words)
  }

  private static func add(_ codes: [UInt32], _ weight: Float, to counts: inout [Int: Float]) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for code in codes { hash = (hash ^ UInt64(code)) &* 0x0000_0100_0000_01B3 }
    hash ^= hash >> 32
    counts[Int(hash % UInt64(2 * dimension)), default: 0] += weight
  }

  /// Folded words; text written without spaces as overlapping pairs of characters.
  private static func words(of text: String) -> [[UInt32]] {
    var words: [[UInt32]] = []
    var word: [UInt32] = []
    var before: UInt32?
    var folded = [UInt32](repeating: 0, count: Int(LOCI_UNICODE_FOLDED_MAX))
    func end() {
      if !word.isEmpty { words.append(word) }
      word.removeAll(keepingCapacity: true)
    }
    for scalar in text.unicodeScalars.prefix(bytesMax) {
      let count = unsafe loci_unicode_fold(scalar.value, &folded)
      for code in folded.prefix(count) {
        guard loci_unicode_is_alnum(code) else {
          end()
          before = nil
          continue
        }
        guard loci_unicode_is_cjk(code) else {
          word.append(code)
          before = nil
          continue
        }
        end()
        words.append([code])
        if let before { words.append([before, code]) }
        before = code
      }
    }
    end()
    return words
  }
}
