/// How likely it is that somebody later asks for a word: a logistic model over what stands around it.
///
/// The weights were fitted to words of questions, answers and facts about three conversations of LoCoMo (conv-26, -41
/// and -43), and those of padding were then softened by the measure on the same three; every other figure is measured on
/// the rest. They are twenty-four numbers about English dialogue, not words of it. Chinese has the same weights, with its own lists.
package struct WordLikelihood: Sendable {
  package init() {}

  /// What a word is among, besides its own traits.
  struct Surroundings {
    /// Texts of the whole input with this word, at least 1.
    var textCount: Int
    var isInSessionBefore: Bool
    var isRepeatedInText: Bool
    var fillerShare: Float
    var followsQuestion: Bool
  }

  /// Log odds.
  func logit(_ word: Word, _ sentence: Sentence, _ around: Surroundings) -> Float {
    let traits = word.traits
    let isAside = traits.contains(.aside)
    var sum: Float = -2.15 - 0.79 * around.fillerShare
    sum -= 0.14 * logarithm(around.textCount) / 5
    sum += 0.081 * Float(min(20, traits.contains(.unspaced) ? word.range.count / 2 : word.range.count))
    sum += 1.57 * logarithm(1 + sentence.words.count) / 3
    if around.isInSessionBefore { sum -= 0.15 }
    if around.isRepeatedInText { sum += 0.86 }
    if around.followsQuestion { sum += 0.80 }
    if sentence.isQuestion { sum -= 0.96 }
    if sentence.isFirstPerson { sum += 0.83 } else if sentence.isSecondPerson { sum -= 0.54 }
    if sentence.words.count <= 4, !isAside { sum -= 0.32 }
    for (trait, weight) in Self.weights where traits.contains(trait) { sum += weight }
    return sum
  }

  private static let weights: [(Word.Traits, Float)] = [
    (.filler, -0.74), (.number, 1.80), (.name, 1.67), (.quoted, 1.72), (.aside, -0.86), (.endsInEd, 0.22),
    (.endsInLy, -0.65), (.afterDeterminer, 0.14), (.afterPreposition, 0.18), (.afterPronoun, -0.34),
    (.afterNumber, 1.41), (.participant, -1.46), (.compound, 1.5)
  ]
}

/// Natural logarithm of a small count, from a table: the same on every machine.
func logarithm(_ count: Int) -> Float { logarithms[min(max(count, 1), logarithms.count - 1)] }

private let logarithms: [Float] = {
  // ln(n) = ln(n - 1) + 2 artanh(1 / (2n - 1)): additions and divisions only.
  var table: [Float] = [0, 0]
  var value = 0.0
  for n in 2...1_024 {
    let x = 1 / Double(2 * n - 1)
    var (term, sum, power) = (x, 0.0, 1.0)
    while term / power > 1e-18 {
      sum += term / power
      term *= x * x
      power += 2
    }
    value += 2 * sum
    table.append(Float(value))
  }
  return table
}()
