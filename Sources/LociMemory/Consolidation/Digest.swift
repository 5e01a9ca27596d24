/// Makes one text of several: the summariser to use, extractive unless another is given.
package struct Digester: Sendable {
  /// From texts, oldest first, at most so many bytes.
  package let digest: @Sendable (_ texts: [String], _ bytesMax: Int) -> String

  package init(digest: @escaping @Sendable (_ texts: [String], _ bytesMax: Int) -> String) {
    self.digest = digest
  }

  /// Takes whole texts, each time the one that adds most new words for its length, and gives them in their order.
  package static let extractive = Digester { texts, bytesMax in
    let statements = texts.map { Statement($0).content }
    var frequencies: [String: Int] = [:]
    for words in statements { for word in words { frequencies[word, default: 0] += 1 } }
    var (taken, covered, bytes): ([Int], Set<String>, Int) = ([], [], 0)
    while true {
      var best: (gain: Double, place: Int)?
      for place in texts.indices where !taken.contains(place) {
        let size = texts[place].utf8.count
        guard bytes + size + 1 <= bytesMax else { continue }
        let gain =
          statements[place].subtracting(covered).reduce(0.0) { $0 + Double(frequencies[$1] ?? 0) }
          / Double(size + 20)
        if gain > 0, gain > best?.gain ?? 0 { best = (gain, place) }
      }
      guard let best else { break }
      taken.append(best.place)
      covered.formUnion(statements[best.place])
      bytes += texts[best.place].utf8.count + 1
    }
    return taken.sorted().map { texts[$0] }.joined(separator: "\n")
  }
}
