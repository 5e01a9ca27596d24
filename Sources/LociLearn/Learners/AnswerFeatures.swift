import Foundation

/// What of an answer's form people may prefer it for, whatever it says. Of two answers the differences foretell which
/// is preferred.
package enum AnswerFeatures {
  package static let names = [
    "length", "lines", "list items", "figures", "rare words", "words of the question", "refusal",
    "repetition",
    "unfinished", "sentence length"
  ]

  private static let refusals = ["i'm sorry", "i am sorry", "as an ai", "i cannot", "i can't", "unable to"]

  /// Shape (names,), each about 0 to a few.
  package static func of(_ answer: String, to question: String) -> [Double] {
    let words = WordSet.list(answer)
    let lower = answer.lowercased()
    let lines = answer.split(whereSeparator: \.isNewline)
    let items = lines.count { line in
      let text = line.drop { $0.isWhitespace }
      return text.first == "-" || text.first == "*" || text.first == "•"
        || (text.first?.isNumber == true && text.dropFirst(1).prefix(2).contains { $0 == "." || $0 == ")" })
    }
    let count = Double(max(1, words.count))
    let asked = WordSet.of(question)
    let sentences = Double(max(1, answer.count { ".!?。！？".contains($0) }))
    let last = answer.last { !$0.isWhitespace }
    return [
      log(1 + count), log(1 + Double(lines.count)), log(1 + Double(items)),
      Double(words.count { $0.contains { $0.isNumber } }) / count * 10,
      Double(words.count { $0.count > 8 }) / count * 5,
      asked.isEmpty ? 0 : Double(asked.count { words.contains($0) }) / Double(asked.count),
      refusals.contains { lower.contains($0) } ? 1 : 0,
      1 - Double(Set(words).count) / count,
      last.map { ".!?。！？)”\"'`}]".contains($0) } ?? false ? 0 : 1, log(1 + count / sentences)
    ]
  }

  /// Of `a` less of `b`, with the difference of lengths squared by sign: too long is not better without end.
  package static func difference(_ a: String, _ b: String, question: String) -> [Double] {
    let (x, y) = (of(a, to: question), of(b, to: question))
    let differences = zip(x, y).map { $0 - $1 }
    return differences + [differences[0] * abs(differences[0])]
  }
}
