import Foundation
import LociCore
import LociProto
import LociRecall

/// What a draft says beside its text, checked, in the form that the log keeps.
enum MemoryDetails {
  static let tagsMax = 64
  /// 100 years.
  static let ttlMsMax = Int64(100 * 365) * 86_400_000

  static func validated(_ draft: V1.MemoryDraft) throws(LociError) -> LogV1.MemoryDetails {
    let confidence = draft.confidence ?? 1
    try Validate.unitInterval(confidence, field: "memories.confidence")
    try checkSource(draft.source, field: "memories.source")
    try checkTrust(draft.trust, field: "memories.trust")
    try Validate.time(draft.validFromUs, field: "memories.valid_from_us")
    try Validate.time(draft.validUntilUs, field: "memories.valid_until_us")
    guard draft.validUntilUs == 0 || draft.validFromUs < draft.validUntilUs else {
      throw .invalid(field: "memories.valid_until_us", problem: "is not after valid_from_us")
    }
    try Validate.count(draft.tags.count, field: "memories.tags", in: 0...tagsMax)
    for tag in draft.tags { try Validate.name(tag, field: "memories.tags") }
    guard !draft.tags.hasRepeats else { throw .invalid(field: "memories.tags", problem: "occurs twice") }
    try Validate.optionalName(draft.supersedesID, field: "memories.supersedes_id")
    guard (0...ttlMsMax).contains(draft.ttlMs) else {
      throw .invalid(field: "memories.ttl_ms", problem: "is \(draft.ttlMs), must be 0 to \(ttlMsMax)")
    }
    return LogV1.MemoryDetails(
      confidence: confidence, source: draft.source.rawValue, trust: draft.trust.rawValue,
      validFromUs: draft.validFromUs, validUntilUs: draft.validUntilUs, tags: draft.tags,
      supersedesID: draft.supersedesID, fingerprint: Fingerprint.of(draft.text))
  }

  static func checkSource(_ source: V1.MemorySource, field: String) throws(LociError) {
    switch source {
    case .unspecified, .user, .agent, .tool, .inferred: return
    default: throw .invalid(field: field, problem: "is not a source")
    }
  }

  static func checkTrust(_ trust: V1.TrustClass, field: String) throws(LociError) {
    switch trust {
    case .unspecified, .untrusted, .low, .medium, .high: return
    default: throw .invalid(field: field, problem: "is not a trust class")
    }
  }

  /// A memory that was stored before there were details.
  static let none = LogV1.MemoryDetails(confidence: 1)
}

/// Texts that say the same in the same words: their letters and digits, without case, spaces, punctuation and width.
package enum Fingerprint {
  /// FNV-1a, 64 bits; never 0. 0 for a text that has no letter and no digit: such texts are never duplicates.
  package static func of(_ text: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    var isEmpty = true
    for scalar in text.lowercased().unicodeScalars {
      let value = (0xFF01...0xFF5E).contains(scalar.value) ? scalar.value - 0xFEE0 : scalar.value
      guard let scalar = Unicode.Scalar(value) else { continue }
      guard scalar.properties.isAlphabetic || scalar.properties.numericType != nil else { continue }
      isEmpty = false
      for byte in UTF8.encode(scalar) ?? .init() { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    return isEmpty ? 0 : max(1, hash)
  }
}

/// Whether two texts of nearly the same meaning may stand for each other: what a cosine hardly sees, and what changes
/// what they say, has to be the same.
package enum NearDuplicate {
  package static let cosineMinDefault: Float = 0.95

  package static func mayMerge(_ a: String, _ b: String) -> Bool {
    numbers(a) == numbers(b) && isNegated(a) == isNegated(b)
  }

  private static func numbers(_ text: String) -> [String] {
    text.split { !$0.isNumber }.map(String.init).sorted()
  }

  private static func isNegated(_ text: String) -> Bool {
    let words = text.lowercased().split { !($0.isLetter || $0 == "'" || $0 == "’") }
    let negations: Set<String> = ["no", "not", "never", "none", "nobody", "without", "cannot"]
    return words.contains { negations.contains(String($0)) || $0.hasSuffix("n't") || $0.hasSuffix("n’t") }
      || text.contains { "不没没無无未别別".contains($0) }
  }
}
