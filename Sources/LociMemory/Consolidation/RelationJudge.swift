/// How two memories stand to each other.
package struct MemoryJudgement: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    case unrelated, duplicate
    /// Same subject and attribute, another value, and one of the two says so or is later.
    case update
    /// Both cannot be true.
    case contradiction
  }
  package let kind: Kind
  /// 0 to 1.
  package let confidence: Double
  package let reason: String

  static func unrelated(_ reason: String) -> MemoryJudgement {
    MemoryJudgement(kind: .unrelated, confidence: 1, reason: reason)
  }
}

/// Compares what two memories claim: by predicates where they are known, else by words, with the cosine of the
/// embeddings where there is one. It prefers to miss a relation rather than to see a wrong one: a wrong merge hides a
/// fact.
package enum RelationJudge {
  /// Texts of more clauses are compared as wholes only.
  static let clausesMax = 4
  /// Texts of more clauses tell more than one thing: their claims are not compared.
  static let claimClausesMax = 2
  /// Words that a duplicate may have beside the claim that both make.
  static let besideMax = 3

  /// - Parameter cosine: of the embeddings, -1 to 1; `nil`: there are none.
  package static func judge(_ a: String, _ b: String, cosine: Float?) -> MemoryJudgement {
    judge(Statement(a), Statement(b), cosine: cosine)
  }

  static func judge(_ a: Statement, _ b: Statement, cosine: Float?) -> MemoryJudgement {
    if a.normal == b.normal, !a.normal.isEmpty {
      return MemoryJudgement(kind: .duplicate, confidence: 1, reason: "the same words")
    }
    guard a.clauseCount <= clausesMax, b.clauseCount <= clausesMax else { return byWholeText(a, b) }
    if !a.claims.isEmpty, !b.claims.isEmpty, a.clauseCount <= claimClausesMax,
      b.clauseCount <= claimClausesMax
    {
      return byClaims(a, b, cosine)
    }
    return byWords(a, b, cosine)
  }

  // MARK: Claims

  private static func byClaims(_ a: Statement, _ b: Statement, _ cosine: Float?) -> MemoryJudgement {
    var agreeing = 0
    var verdict: MemoryJudgement?
    var sharesRelation = false
    for x in a.claims {
      for y in b.claims where !x.relations.isDisjoint(with: y.relations) {
        sharesRelation = true
        guard sameSubject(x.subject, y.subject) else { continue }
        let isSame = sameValue(x.value, y.value)
        if isSame, x.isNegative == y.isNegative {
          agreeing += 1
        } else if isSame {
          let kind: MemoryJudgement.Kind = y.isChange || x.isChange ? .update : .contradiction
          verdict = MemoryJudgement(kind: kind, confidence: 0.9, reason: "one denies what the other says")
        } else if verdict == nil, x.relations.intersection(y.relations).contains(where: \.isSingle),
          !x.isNegative, !y.isNegative
        {
          let relation = x.relations.intersection(y.relations).map(\.rawValue).sorted().first ?? ""
          verdict = MemoryJudgement(
            kind: .update, confidence: 0.9, reason: "another \(relation) of the same subject")
        }
      }
    }
    if let verdict { return verdict }
    guard sharesRelation else {
      return dice(a.content, b.content) >= 0.9 && a.isNegative == b.isNegative && a.measures == b.measures
        && a.owners == b.owners
        ? MemoryJudgement(kind: .duplicate, confidence: 0.8, reason: "nearly the same words")
        : .unrelated("they are about different things")
    }
    guard agreeing >= min(a.claims.count, b.claims.count) else {
      return .unrelated("subject or value differ")
    }
    guard a.beside.count <= besideMax, b.beside.count <= besideMax else {
      return .unrelated("one claim in common, and more beside it")
    }
    // What one has beside the claims must not be facts of its own that the other contradicts.
    guard agree(a.measures, b.measures), sameNames(a, b) else {
      return .unrelated("they name different things")
    }
    return MemoryJudgement(kind: .duplicate, confidence: 0.9, reason: "the same claim in other words")
  }

  /// The same, or one is only "I" or nothing.
  private static func sameSubject(_ a: Set<String>, _ b: Set<String>) -> Bool {
    a == b || (!a.isEmpty && !b.isEmpty && joined(a) == joined(b))
  }

  private static func joined(_ words: Set<String>) -> String { words.sorted().joined() }

  /// One holds the other.
  private static func sameValue(_ a: Set<String>, _ b: Set<String>) -> Bool {
    a.isSubset(of: b) || b.isSubset(of: a)
  }

  /// One names nothing that the other does not mention; where a name stands is nothing to go by.
  private static func sameNames(_ a: Statement, _ b: Statement) -> Bool {
    a.names.isSubset(of: b.content) || b.names.isSubset(of: a.content)
  }

  private static func agree(_ a: Set<String>, _ b: Set<String>) -> Bool {
    a.isSubset(of: b) || b.isSubset(of: a)
  }

  // MARK: Words

  private static func byWords(_ a: Statement, _ b: Statement, _ cosine: Float?) -> MemoryJudgement {
    guard a.content.count > 1, b.content.count > 1 else { return .unrelated("too short to compare") }
    let likeness = dice(a.content, b.content)
    let likeMeaning = cosine.map { $0 >= 0.85 } ?? false
    let opposed = Antonyms.opposes(a.content, b.content)
    if a.isNegative != b.isNegative || opposed {
      let isClose =
        a.content.intersection(b.content).count > 2 && (likeness >= 0.7 || (likeMeaning && likeness >= 0.6))
      return isClose && agree(a.measures, b.measures) && sameNames(a, b)
        ? MemoryJudgement(kind: .contradiction, confidence: 0.7, reason: "the same words, and a denial")
        : .unrelated("one denies something else")
    }
    let (onlyA, onlyB) = (a.measures.subtracting(b.measures), b.measures.subtracting(a.measures))
    if !onlyA.isEmpty, !onlyB.isEmpty {
      let rest = dice(a.content.subtracting(a.measures), b.content.subtracting(b.measures))
      return rest >= 0.8
        ? MemoryJudgement(kind: .update, confidence: 0.7, reason: "the same words with other figures")
        : .unrelated("figures differ")
    }
    guard agree(a.measures, b.measures), sameNames(a, b) else {
      return .unrelated("they name different things")
    }
    guard a.owners == b.owners else { return .unrelated("one is about what the other's subject has") }
    if likeness >= 0.85 || (likeMeaning && likeness >= 0.6) {
      return MemoryJudgement(kind: .duplicate, confidence: Double(likeness), reason: "nearly the same words")
    }
    return .unrelated("too few words in common")
  }

  private static func byWholeText(_ a: Statement, _ b: Statement) -> MemoryJudgement {
    let likeness = dice(a.content, b.content)
    guard likeness >= 0.9, a.measures == b.measures, a.isNegative == b.isNegative else {
      return .unrelated("long texts that differ")
    }
    return MemoryJudgement(kind: .duplicate, confidence: likeness, reason: "nearly the same long text")
  }

  static func dice(_ a: Set<String>, _ b: Set<String>) -> Double {
    guard !a.isEmpty || !b.isEmpty else { return 1 }
    return 2 * Double(a.intersection(b).count) / Double(a.count + b.count)
  }
}

/// Words of which one denies the other.
enum Antonyms {
  private static let pairs: [(String, String)] = [
    ("open", "closed"), ("on", "off"), ("alive", "dead"), ("early", "late"), ("hot", "cold"),
    ("before", "after"),
    ("enabled", "disabled"), ("allowed", "forbidden"), ("allowed", "prohibited"), ("accepted", "rejected"),
    ("approved", "rejected"), ("confirmed", "cancelled"), ("paid", "unpaid"), ("finished", "unfinished"),
    ("happy", "unhappy"), ("present", "absent"), ("true", "false"), ("available", "unavailable"),
    ("safe", "dangerous"),
    ("success", "failure"), ("succeeded", "failed"), ("passed", "failed"), ("won", "lost"),
    ("increased", "decreased"),
    ("rose", "fell"), ("cheap", "expensive"), ("public", "private"), ("always", "never"), ("full", "empty"),
    ("morning", "evening"), ("vegetarian", "meat"), ("single", "married"), ("married", "divorced"),
    ("introvert", "extrovert")
  ].map { (StatementText.stem($0.0), StatementText.stem($0.1)) }

  static func opposes(_ a: Set<String>, _ b: Set<String>) -> Bool {
    pairs.contains { x, y in
      (a.contains(x) && !b.contains(x) && b.contains(y) && !a.contains(y))
        || (a.contains(y) && !b.contains(y) && b.contains(x) && !a.contains(x))
    }
  }
}
