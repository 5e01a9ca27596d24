/// One agent's messages, memories or experiences: what a search ranges over. A search in one bucket never touches
/// the postings or the vectors of another.
package struct Bucket: Hashable, Sendable {
  package enum Kind: Int32, Sendable, CaseIterable { case messages = 0, memories = 1, experiences = 2 }

  /// Number of the bucket in its shard.
  package let rawValue: Int64

  /// Experiences came later and have the numbers below zero: those of the others are in every data folder.
  package init(scopeRow: Int64, kind: Kind) {
    rawValue = kind == .experiences ? -scopeRow : scopeRow * 2 + Int64(kind.rawValue)
  }
  package init(rawValue: Int64) { self.rawValue = rawValue }

  package var kind: Kind { rawValue < 0 ? .experiences : rawValue & 1 == 0 ? .messages : .memories }
  package var scopeRow: Int64 { rawValue < 0 ? -rawValue : rawValue >> 1 }

  /// Prefix of the bucket's words in the keyword index.
  var keywordScope: String { String(rawValue, radix: 36) }
}
