import Foundation
package import LociProto
import LociVector

/// Comments that say the same, found by their embeddings or, without an encoder, by their words.
package enum IssueClusters {
  /// Cosine from which two comments are neighbours, by embedding and by words weighted by rarity.
  static let cosineMin: Float = 0.55
  static let wordCosineMin: Float = 0.22
  static let commentsMax = 2_000

  /// - Parameters:
  ///   - comments: with a text, oldest first; the newest 2,000 count.
  ///   - vectors: shape (comments, dimension), unit length; `nil`: compare words.
  /// - Returns: largest first; comments that stand alone make no cluster.
  package static func find(
    _ comments: [V1.Feedback], vectors: [Float]?, dimension: Int
  ) -> [V1.IssueCluster] {
    let kept = Array(comments.suffix(commentsMax))
    guard kept.count > 1 else { return [] }
    let words = kept.map { WordSet.list($0.text) }
    let idf = inverseFrequencies(words)
    let cosines: [Float]
    let least: Float
    if let vectors, dimension > 0 {
      let rows = Array(vectors.suffix(kept.count * dimension))
      cosines = SimilarityMatrix.products(rows, rows, dimension: dimension)
      least = cosineMin
    } else {
      cosines = wordCosines(words, idf)
      least = wordCosineMin
    }
    let groups = leaders(cosines, count: kept.count, least: least).filter { $0.count > 1 }
    return groups.map { group in
      cluster(group, kept, words, idf, cosines)
    }.sorted {
      $0.count != $1.count ? $0.count > $1.count : $0.firstAtUs < $1.firstAtUs
    }
  }

  /// Average-link agglomeration, best pair first: what joins is alike on average to all that it joins.
  static func leaders(_ cosines: [Float], count: Int, least: Float) -> [[Int]] {
    var groups: [Int: [Int]] = [:]
    for index in 0..<count { groups[index] = [index] }
    var pairs: [(cosine: Float, a: Int, b: Int)] = []
    for a in 0..<count {
      for b in a + 1..<count where cosines[a * count + b] >= least {
        pairs.append((cosines[a * count + b], a, b))
      }
    }
    pairs.sort { $0.cosine != $1.cosine ? $0.cosine > $1.cosine : ($0.a, $0.b) < ($1.a, $1.b) }
    var owner = Array(0..<count)
    for pair in pairs {
      let (x, y) = (owner[pair.a], owner[pair.b])
      guard x != y, let left = groups[x], let right = groups[y] else { continue }
      // Chains of neighbours join only while the average holds.
      var sum: Float = 0
      for i in left { for j in right { sum += cosines[i * count + j] } }
      guard sum / Float(left.count * right.count) >= 0.8 * least else { continue }
      for j in right { owner[j] = x }
      groups[x] = left + right
      groups[y] = nil
    }
    return groups.values.map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }

  private static func cluster(
    _ group: [Int], _ comments: [V1.Feedback], _ words: [[String]], _ idf: [String: Double],
    _ cosines: [Float]
  ) -> V1.IssueCluster {
    let count = comments.count
    let centre =
      group.max { a, b in
        let (x, y) = (
          group.reduce(Float(0)) { $0 + cosines[a * count + $1] },
          group.reduce(Float(0)) { $0 + cosines[b * count + $1] }
        )
        return x != y ? x < y : a > b
      } ?? group[0]
    var weights: [String: Double] = [:]
    for index in group {
      for word in Set(words[index]) { weights[word, default: 0] += idf[word] ?? 0 }
    }
    let terms = weights.filter { weights in group.count { words[$0].contains(weights.key) } > 1 }
      .sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.prefix(8).map(\.key)
    let times = group.map { comments[$0].createdAtUs }
    return V1.IssueCluster(
      count: UInt64(group.count), representative: comments[centre].text, terms: Array(terms),
      feedbackIDs: group.map { comments[$0].id }, firstAtUs: times.min() ?? 0, lastAtUs: times.max() ?? 0)
  }

  /// ln(n / documents with the word), so that words of every comment weigh nothing.
  private static func inverseFrequencies(_ words: [[String]]) -> [String: Double] {
    var documents: [String: Int] = [:]
    for list in words { for word in Set(list) { documents[word, default: 0] += 1 } }
    return documents.mapValues { log(Double(words.count + 1) / Double($0)) }
  }

  private static func wordCosines(_ words: [[String]], _ idf: [String: Double]) -> [Float] {
    let vectors = words.map { list -> [String: Double] in
      let weights = Dictionary(Set(list).map { ($0, idf[$0] ?? 0) }, uniquingKeysWith: { a, _ in a })
      let length = weights.values.sorted().reduce(0) { $0 + $1 * $1 }.squareRoot()
      return length > 0 ? weights.mapValues { $0 / length } : weights
    }
    let count = words.count
    var cosines = [Float](repeating: 0, count: count * count)
    var postings: [String: [(Int, Double)]] = [:]
    for (index, vector) in vectors.enumerated() {
      for (word, weight) in vector { postings[word, default: []].append((index, weight)) }
    }
    for word in postings.keys.sorted() {
      guard let list = postings[word] else { continue }
      for (a, x) in list { for (b, y) in list { cosines[a * count + b] += Float(x * y) } }
    }
    return cosines
  }
}
