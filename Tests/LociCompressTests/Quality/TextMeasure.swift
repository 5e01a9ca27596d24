import Foundation

extension Double {
  var logarithmValue: Double { Foundation.log(self) }
}

/// What a question-free compression of a conversation keeps: the four figures of "T" (docs/compression.md).
struct TextMeasure {
  /// Words of each compressed turn, its speaker among them.
  var documents: [[String]]
  /// Tokens of the whole, and of the original.
  var tokens: Int
  var tokensBefore: Int

  struct Totals {
    var ratioSum = 0.0
    var ratioMax = 0.0
    var conversations = 0
    var asked = 0
    var strict = 0
    var session = 0
    var evidence = 0.0
    var evidenceTotal = 0.0
    var found = 0.0
    var foundBefore = 0.0

    var strictShare: Double { Double(strict) / Double(max(1, asked)) }
    var sessionShare: Double { Double(session) / Double(max(1, asked)) }
    var evidenceShare: Double { evidence / max(1e-9, evidenceTotal) }
    var retrieval: Double { found / max(1e-9, foundBefore) }
    var ratio: Double { ratioSum / Double(max(1, conversations)) }

    var line: String {
      String(
        format: "%5.1f %%   %.3f   %.3f   %.3f   %.3f", ratio * 100, strictShare, sessionShare, evidenceShare,
        retrieval)
    }
  }

  /// What does not depend on the compressor.
  struct Reference {
    let conversation: Conversation
    let words: [[String]]
    let place: [String: Int]
    private let sessions: [Int: [Int]]
    private let idf: [String: Double]
    private let asked: [(words: Set<String>, evidence: [Int])]
    private let queries: [(words: [String], evidence: Set<Int>)]
    private let foundBefore: Double

    init(_ conversation: Conversation) {
      self.conversation = conversation
      let words = conversation.turns.map { Stems.content($0.full) }
      self.words = words
      let place = Dictionary(uniqueKeysWithValues: conversation.turns.enumerated().map { ($1.id, $0) })
      self.place = place
      sessions = Dictionary(grouping: conversation.turns.indices) { conversation.turns[$0].session }
      var frequency: [String: Int] = [:]
      for turn in words { for word in Set(turn) { frequency[word, default: 0] += 1 } }
      idf = frequency.mapValues { (Double(words.count + 1) / Double($0)).logarithmValue }
      asked = conversation.questions.compactMap { question in
        guard question.category != "adversarial", let answer = question.answer else { return nil }
        let evidence = question.evidence.compactMap { place[$0] }
        let wanted = Set(Stems.content(answer))
        let there = Set(evidence.flatMap { words[$0] })
        guard !evidence.isEmpty, !wanted.isEmpty, wanted.isSubset(of: there) else { return nil }
        return (wanted, evidence)
      }
      queries = conversation.questions.compactMap { question in
        let evidence = Set(question.evidence.compactMap { place[$0] })
        return evidence.isEmpty ? nil : (Stems.content(question.question), evidence)
      }
      foundBefore = Self.found(queries, in: words)
    }

    private static func found(_ queries: [(words: [String], evidence: Set<Int>)], in texts: [[String]])
      -> Double
    {
      let index = BM25(texts)
      return queries.reduce(0) { sum, query in
        let hits = query.evidence.intersection(index.best(query.words, 10))
        return sum + Double(hits.count) / Double(query.evidence.count)
      }
    }

    func add(_ measure: TextMeasure, to totals: inout Totals) {
      let ratio = Double(measure.tokens) / Double(max(1, measure.tokensBefore))
      totals.ratioSum += ratio
      totals.ratioMax = max(totals.ratioMax, ratio)
      totals.conversations += 1
      for (wanted, evidence) in asked {
        totals.asked += 1
        if wanted.isSubset(of: Set(evidence.flatMap { measure.documents[$0] })) { totals.strict += 1 }
        let near = Set(evidence.map { conversation.turns[$0].session }).flatMap { sessions[$0] ?? [] }
        if wanted.isSubset(of: Set(near.flatMap { measure.documents[$0] })) { totals.session += 1 }
        for turn in Set(evidence).sorted() {
          let kept = Set(measure.documents[turn])
          for word in Set(words[turn]).sorted() {
            totals.evidenceTotal += idf[word] ?? 0
            if kept.contains(word) { totals.evidence += idf[word] ?? 0 }
          }
        }
      }
      totals.foundBefore += foundBefore
      totals.found += Self.found(queries, in: measure.documents)
    }
  }
}
