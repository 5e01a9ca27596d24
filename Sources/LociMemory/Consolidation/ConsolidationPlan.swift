import LociCore
package import LociProto
import LociVector

/// What a consolidation would do to some memories: found by comparing those that are likely to be related. Changes
/// nothing.
package struct ConsolidationPlan: Sendable {
  package struct Options: Sendable {
    /// Cosine from which two memories are compared in full.
    package var candidateSimilarity: Float = 0.6
    /// 0: no digests.
    package var digestClusterMin = 0
    package init() {}
  }

  /// Memories compared with one at most, the most alike.
  static let candidatesPerMemory = 48
  /// Memories of one subject and relation that are all compared with each other.
  static let bucketMax = 200

  package private(set) var links: [V1.MemoryLink] = []
  /// Groups for digests, as places in the memories.
  package private(set) var clusters: [[Int]] = []
  package private(set) var pairsCompared = 0
  private let memories: [V1.Memory]

  /// - Parameters:
  ///   - memories: oldest first.
  ///   - vectors: shape (memories, dimension), unit length, zeros where there is none; `nil`: none at all.
  package init(_ memories: [V1.Memory], vectors: [Float]?, dimension: Int, options: Options) {
    self.memories = memories
    let statements = memories.map { Statement($0.text) }
    let near = Self.nearPairs(
      memories.count, vectors, dimension, least: options.candidateSimilarity)
    let pairs = near.merging(Self.claimPairs(statements)) { cosine, _ in cosine }
      .merging(Self.wordPairs(statements)) { cosine, _ in cosine }
    pairsCompared = pairs.count
    let hasVectors = vectors != nil
    var judged: [Pair: MemoryJudgement] = [:]
    for (pair, cosine) in pairs {
      let known = cosine ?? (hasVectors ? Self.cosine(pair, vectors, dimension) : nil)
      let judgement = RelationJudge.judge(statements[pair.a], statements[pair.b], cosine: known)
      if judgement.kind != .unrelated { judged[pair] = judgement }
    }
    let merged = mergeDuplicates(judged, statements)
    linkConflicts(judged, merged)
    if options.digestClusterMin > 1 {
      clusters = Self.digestClusters(near, merged, memories.count, least: options.digestClusterMin)
    }
  }

  /// Places, a before b.
  struct Pair: Hashable, Comparable {
    let a, b: Int
    static func < (x: Pair, y: Pair) -> Bool { (x.a, x.b) < (y.a, y.b) }
  }

  // MARK: Candidates

  private static func nearPairs(
    _ count: Int, _ vectors: [Float]?, _ dimension: Int, least: Float
  ) -> [Pair: Float?] {
    guard let vectors, count > 1 else { return [:] }
    var pairs: [Pair: Float?] = [:]
    let block = 256
    for start in stride(from: 0, to: count, by: block) {
      let end = min(count, start + block)
      let rows = Array(vectors[start * dimension..<end * dimension])
      let cosines = SimilarityMatrix.products(rows, vectors, dimension: dimension)
      for row in start..<end {
        var hits: [(cosine: Float, other: Int)] = []
        for other in 0..<count where other != row {
          let cosine = cosines[(row - start) * count + other]
          if cosine >= least { hits.append((cosine, other)) }
        }
        hits.sort { $0.cosine != $1.cosine ? $0.cosine > $1.cosine : $0.other < $1.other }
        for hit in hits.prefix(candidatesPerMemory) {
          pairs[Pair(a: min(row, hit.other), b: max(row, hit.other))] = hit.cosine
        }
      }
    }
    return pairs
  }

  /// All that claim something about the same subject.
  private static func claimPairs(_ statements: [Statement]) -> [Pair: Float?] {
    var buckets: [String: [Int]] = [:]
    for (place, statement) in statements.enumerated() {
      for claim in statement.claims {
        let subject = claim.subject.sorted().joined(separator: " ")
        for relation in claim.relations {
          buckets["\(relation.rawValue)\u{1F}\(subject)", default: []].append(place)
        }
      }
    }
    return pairs(of: buckets.values.map { Array($0.suffix(bucketMax)) })
  }

  /// Those that share two of their rarest words.
  private static func wordPairs(_ statements: [Statement]) -> [Pair: Float?] {
    var frequencies: [String: Int] = [:]
    for statement in statements { for word in statement.content { frequencies[word, default: 0] += 1 } }
    var buckets: [String: [Int]] = [:]
    for (place, statement) in statements.enumerated() {
      let rare = statement.content.sorted {
        let (x, y) = (frequencies[$0] ?? 0, frequencies[$1] ?? 0)
        return x != y ? x < y : $0 < $1
      }.prefix(5)
      for (number, first) in rare.enumerated() {
        for second in rare.dropFirst(number + 1) {
          buckets[min(first, second) + "\u{1F}" + max(first, second), default: []].append(place)
        }
      }
    }
    return pairs(of: buckets.values.filter { $0.count <= 40 })
  }

  private static func pairs(of groups: [[Int]]) -> [Pair: Float?] {
    var pairs: [Pair: Float?] = [:]
    for group in groups {
      for (number, a) in group.enumerated() {
        for b in group.dropFirst(number + 1) where a != b {
          pairs.updateValue(nil, forKey: Pair(a: min(a, b), b: max(a, b)))
        }
      }
    }
    return pairs
  }

  private static func cosine(_ pair: Pair, _ vectors: [Float]?, _ dimension: Int) -> Float? {
    guard let vectors else { return nil }
    let (x, y) = (
      vectors[pair.a * dimension..<(pair.a + 1) * dimension],
      vectors[pair.b * dimension..<(pair.b + 1) * dimension]
    )
    return zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
  }

  // MARK: Links

  /// Every duplicate goes into one memory that it was compared with itself: chains do not carry. The one that says
  /// most is kept, of equals the first.
  private mutating func mergeDuplicates(
    _ judged: [Pair: MemoryJudgement], _ statements: [Statement]
  ) -> Set<Int> {
    var partners: [Int: [(other: Int, judgement: MemoryJudgement)]] = [:]
    for (pair, judgement) in judged where judgement.kind == .duplicate {
      partners[pair.a, default: []].append((pair.b, judgement))
      partners[pair.b, default: []].append((pair.a, judgement))
    }
    let order = partners.keys.sorted {
      let (x, y) = (statements[$0].content.count, statements[$1].content.count)
      return x != y ? x > y : $0 < $1
    }
    var merged: Set<Int> = []
    var keepers: Set<Int> = []
    for keeper in order where !merged.contains(keeper) {
      for partner in (partners[keeper] ?? []).sorted(by: { $0.other < $1.other })
      where !merged.contains(partner.other) && !keepers.contains(partner.other) {
        // What conflicts with the keeper's meaning for somebody else is not merged away.
        merged.insert(partner.other)
        keepers.insert(keeper)
        links.append(
          link(.duplicate, from: partner.other, to: keeper, partner.judgement))
      }
    }
    return merged
  }

  private mutating func linkConflicts(_ judged: [Pair: MemoryJudgement], _ merged: Set<Int>) {
    for (pair, judgement) in judged.sorted(by: { $0.key < $1.key })
    where !merged.contains(pair.a) && !merged.contains(pair.b) {
      switch judgement.kind {
      case .contradiction: links.append(link(.contradiction, from: pair.a, to: pair.b, judgement))
      case .update:
        // The later one wins, unless the earlier one is trusted clearly more.
        let trustsEarlier = trust(pair.a) > trust(pair.b) + 0.2
        links.append(
          trustsEarlier
            ? link(.superseded, from: pair.b, to: pair.a, judgement)
            : link(.superseded, from: pair.a, to: pair.b, judgement))
      case .duplicate, .unrelated: break
      }
    }
  }

  /// The attribute "trust", 0 to 1; else by the class of trust.
  private func trust(_ place: Int) -> Double {
    let given = memories[place].attributes.first { $0.key == "trust" }.flatMap { Double($0.value) }
    if let given, (0...1).contains(given) { return given }
    return switch memories[place].trust {
    case .untrusted: 0.1
    case .low: 0.25
    case .high: 0.75
    default: 0.5
    }
  }

  private func link(
    _ relation: V1.MemoryRelation, from: Int, to: Int, _ judgement: MemoryJudgement
  ) -> V1.MemoryLink {
    V1.MemoryLink(
      relation: relation, fromID: memories[from].id, toID: memories[to].id,
      confidence: judgement.confidence, reason: judgement.reason)
  }

  // MARK: Digests

  /// Memories around one that has enough neighbours; each in one cluster.
  private static func digestClusters(
    _ near: [Pair: Float?], _ merged: Set<Int>, _ count: Int, least: Int
  ) -> [[Int]] {
    var neighbours = [[Int]](repeating: [], count: count)
    for pair in near.keys.sorted() where !merged.contains(pair.a) && !merged.contains(pair.b) {
      neighbours[pair.a].append(pair.b)
      neighbours[pair.b].append(pair.a)
    }
    var taken: Set<Int> = []
    var clusters: [[Int]] = []
    let order = neighbours.indices.sorted {
      neighbours[$0].count != neighbours[$1].count ? neighbours[$0].count > neighbours[$1].count : $0 < $1
    }
    for centre in order where !taken.contains(centre) {
      let members = ([centre] + neighbours[centre].filter { !taken.contains($0) }).sorted()
      guard members.count >= least else { continue }
      taken.formUnion(members)
      clusters.append(members)
    }
    return clusters.sorted { $0[0] < $1[0] }
  }
}
