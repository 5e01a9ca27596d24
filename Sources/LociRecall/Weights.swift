package import LociCore
package import LociProto

/// How much each part of a score counts.
package struct Weights: Sendable, Equatable {
  package var semantic: Float = 0
  package var exact: Float = 0
  package var recency: Float = 0
  package var importance: Float = 0
  package var access: Float = 0
  package var type: Float = 0
  package var trust: Float = 0
  /// Of what the question says beside its subject: who spoke, when, and which kind of answer is wanted.
  package var cues: Float = 0

  package init() {}

  /// The weights for a query that brought none.
  ///
  /// Turns of a conversation: fitted by a softmax over the turns of three conversations of LoCoMo (maximum likelihood of
  /// the evidence), and brought to the sum 1. Texts that stand alone: meaning 0.7; a few words name a thing more than
  /// they describe it, and a small encoder then ranks better than the words by themselves (0.9); text without spaces
  /// is looked for by characters and pairs, which are more exact than words are (0.4).
  package static func chosen(terms: Int, isUnspaced: Bool, hasPassages: Bool) -> Weights {
    var weights = Weights()
    if hasPassages {
      (weights.semantic, weights.exact, weights.cues) = (0.465, 0.535, 1)
    } else if isUnspaced {
      (weights.semantic, weights.exact) = (0.4, 0.6)
    } else if terms <= shortTerms {
      (weights.semantic, weights.exact) = (0.9, 0.1)
    } else {
      (weights.semantic, weights.exact) = (0.7, 0.3)
    }
    return weights
  }

  private static let shortTerms = 4

  package init(_ weights: V1.RankWeights) throws(LociError) {
    for (value, field) in [
      (weights.semantic, "semantic"), (weights.exact, "exact"), (weights.recency, "recency"),
      (weights.importance, "importance"), (weights.access, "access"), (weights.type, "type"),
      (weights.trust, "trust"), (weights.cues, "cues")
    ] { try Validate.unitInterval(value, field: "weights.\(field)") }
    (semantic, exact, recency, importance) = (
      weights.semantic, weights.exact, weights.recency, weights.importance
    )
    (access, type, trust, cues) = (weights.access, weights.type, weights.trust, weights.cues)
    guard !isZero else {
      throw .invalid(field: "weights", problem: "are all zero")
    }
  }

  /// Cues alone find nothing.
  var isZero: Bool { semantic + exact + recency + importance + access + type + trust <= 0 }

  /// By the name in the contract; another name changes nothing.
  mutating func set(_ name: String, to value: Float) {
    switch name {
    case "semantic": semantic = value
    case "exact": exact = value
    case "recency": recency = value
    case "importance": importance = value
    case "access": access = value
    case "type": type = value
    case "trust": trust = value
    case "cues": cues = value
    default: break
    }
  }

  package var proto: V1.RankWeights {
    V1.RankWeights(
      semantic: semantic, exact: exact, recency: recency, importance: importance, access: access, type: type,
      trust: trust, cues: cues)
  }
}
