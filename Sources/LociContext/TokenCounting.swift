import LociCore
package import LociText

/// Counts the tokens of a text, without what a model puts around it.
package protocol TokenCounting: Sendable {
  var name: String { get }
  func count(_ text: String) throws -> Int
}

/// The encoder's own tokenizer.
package struct EncoderTokenCounter: TokenCounting {
  private let encoder: TextEncoder

  package init(_ encoder: TextEncoder) { self.encoder = encoder }

  package var name: String { encoder.name }

  /// Without the two special tokens at the ends.
  package func count(_ text: String) throws -> Int { max(0, try encoder.countTokens(text) - 2) }
}

/// A token for each four bytes of ASCII and one for each other character, rounded up: a little more than what
/// byte-pair vocabularies make of English and Chinese.
package struct EstimatedTokenCounter: TokenCounting {
  package init() {}

  package let name = "estimate"

  package func count(_ text: String) -> Int {
    var (ascii, others) = (0, 0)
    for scalar in text.unicodeScalars {
      if scalar.isASCII { ascii += 1 } else { others += 1 }
    }
    return (ascii + 3) / 4 + others
  }
}

/// Counts of messages that were made before. A message's text never changes and its item is never another's, so an
/// entry is never wrong; when there are too many, all go.
package final class TokenCountCache: Sendable {
  private struct Key: Hashable {
    let counter: String
    let shard: UInt32
    let item: Int64
  }

  private let counts = Locked<[Key: Int]>([:])
  private let countMax: Int

  package init(countMax: Int = 200_000) { self.countMax = countMax }

  func count(_ text: String, item: Int64, shard: ShardID, with counter: any TokenCounting) throws -> Int {
    let key = Key(counter: counter.name, shard: shard.rawValue, item: item)
    if let known = counts.withLock({ $0[key] }) { return known }
    let count = try counter.count(text)
    counts.withLock { counts in
      if counts.count >= countMax { counts.removeAll(keepingCapacity: true) }
      counts[key] = count
    }
    return count
  }
}
