/// How much each message matters, by its age, by what it says and by what was made of it. Every part is visible.
package struct ImportanceEvaluator: Sendable {
  package struct Weights: Sendable, Equatable {
    package var time: Float = 0.3
    package var content: Float = 0.4
    package var interaction: Float = 0.3
    /// After how many hours the part of the age halves.
    package var halfLifeHours: Float = 168
    package init() {}
  }

  /// Each part 0 to 1.
  package struct Score: Sendable, Equatable {
    package var total: Float
    package var time: Float
    package var content: Float
    package var interaction: Float
    /// Share of its words of substance that no earlier text has.
    package var novelty: Float
    /// Expected number of words that somebody asks for, saturating: n / (n + 3).
    package var density: Float
    /// Rare words of it that one of the next `reach` texts uses, as a share.
    package var use: Float
  }

  private let weights: Weights
  private let likelihood = WordLikelihood()
  /// How far a later text may be to count as a use.
  private static let reach = 20

  package init(weights: Weights = Weights()) { self.weights = weights }

  /// - Parameters:
  ///   - texts: in the order of time.
  ///   - nowUs: ages count from here, microseconds since the Unix epoch; 0: from the newest text.
  /// - Returns: one score for each text, in their order. O(words).
  package func scores(_ texts: [SourceText], nowUs: Int64 = 0) -> [Score] {
    let participants = Speakers.keys(texts)
    let scans = texts.map { TextScanner.scan($0.text, participants: participants) }
    let now = nowUs > 0 ? nowUs : texts.map(\.createdAtUs).max() ?? 0
    let words = scans.map { Set($0.words.filter { !$0.traits.contains(.function) }.map(\.key)) }
    var counts: [WordKey: Int] = [:]
    for text in words { for word in text { counts[word, default: 0] += 1 } }
    let uses = self.uses(words, counts)
    var seen: Set<WordKey> = []
    var scores: [Score] = []
    for (index, text) in texts.enumerated() {
      let fresh = words[index].filter { !seen.contains($0) }.count
      let novelty = words[index].isEmpty ? 0 : Float(fresh) / Float(words[index].count)
      let density = density(
        scans[index], counts, followsQuestion: index > 0 && scans[index - 1].endsWithQuestion)
      let time = text.createdAtUs == 0 ? 0.5 : decay(now - text.createdAtUs)
      let content = 0.3 * novelty + 0.7 * density
      let interaction = text.isPinned ? 1 : min(1, 0.6 * uses[index] + Self.roleWorth(text.role))
      let sum = max(1e-9, weights.time + weights.content + weights.interaction)
      let total =
        (weights.time * time + weights.content * content + weights.interaction * interaction) / sum
      scores.append(
        Score(
          total: total, time: time, content: content, interaction: interaction, novelty: novelty,
          density: density, use: uses[index]))
      seen.formUnion(words[index])
    }
    return scores
  }

  private static func roleWorth(_ role: SourceText.Role) -> Float {
    switch role {
    case .system: 0.4
    case .user: 0.3
    case .assistant, .unknown: 0.2
    case .tool: 0.1
    }
  }

  /// 2^(-age / half-life).
  private func decay(_ ageUs: Int64) -> Float {
    let hours = Float(max(0, ageUs)) / 3.6e9
    return exponential(-0.693147 * hours / max(0.01, weights.halfLifeHours))
  }

  private func density(_ scan: ScannedText, _ counts: [WordKey: Int], followsQuestion: Bool) -> Float {
    var expected: Float = 0
    var seen: Set<WordKey> = []
    for word in scan.words where !word.traits.contains(.function) && seen.insert(word.key).inserted {
      let around = WordLikelihood.Surroundings(
        textCount: counts[word.key] ?? 1, isInSessionBefore: false, isRepeatedInText: false,
        fillerShare: scan.fillerShare, followsQuestion: followsQuestion)
      expected += probability(likelihood.logit(word, scan.sentences[word.sentence], around))
    }
    return expected / (expected + 3)
  }

  /// Of the words that at most a twentieth of the texts have: the share that comes back soon after.
  private func uses(_ words: [Set<WordKey>], _ counts: [WordKey: Int]) -> [Float] {
    let common = max(2, words.count / 20)
    var next: [WordKey: Int] = [:]
    var uses = [Float](repeating: 0, count: words.count)
    for index in words.indices.reversed() {
      let rare = words[index].filter { (counts[$0] ?? 0) <= common }
      let used = rare.filter { next[$0].map { $0 - index <= Self.reach } ?? false }.count
      uses[index] = rare.isEmpty ? 0 : Float(used) / Float(rare.count)
      for word in words[index] { next[word] = index }
    }
    return uses
  }
}
