import CLociFTS

/// The stem of a word, folded to lower case, as a 64-bit FNV-1a hash: equal stems have equal keys. Two different
/// stems that collide only damp each other, which is why a hash will do.
package struct WordKey: Hashable, Sendable {
  let hash: UInt64

  /// Of a lower-case word; English words are stemmed (Porter).
  init(stemming lowered: [UInt8]) {
    guard lowered.count <= 64, lowered.allSatisfy({ (0x61...0x7A).contains($0) }) else {
      self.init(exact: lowered)
      return
    }
    var letters = lowered.map { CChar(bitPattern: $0) }
    let count = unsafe letters.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe loci_fts_stem(start, buffer.count)
    }
    self.init(exact: letters.prefix(count).map { UInt8(bitPattern: $0) })
  }

  /// Of the bytes as they are.
  init(exact bytes: [UInt8]) {
    var hash = Self.basis
    for byte in bytes { hash = Self.step(hash, byte) }
    self.hash = hash
  }

  private static let basis: UInt64 = 0xCBF2_9CE4_8422_2325
  private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }
}

/// A list of words that is looked up by exact form or by stem.
struct WordSet: Sendable {
  private let keys: Set<WordKey>

  init(exact words: String) {
    keys = Set(words.split(whereSeparator: \.isWhitespace).map { WordKey(exact: Array($0.utf8)) })
  }

  init(stems words: String) {
    keys = Set(words.split(whereSeparator: \.isWhitespace).map { WordKey(stemming: Array($0.utf8)) })
  }

  func contains(_ key: WordKey) -> Bool { keys.contains(key) }
}
