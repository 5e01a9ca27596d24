/// A word of one text, with what the thinning asks about it.
struct Word: Sendable {
  /// UTF-8 offsets in the text.
  var range: Range<Int>
  var key: WordKey
  /// What to write; `nil` for the text's own bytes ("n't" is written as "not").
  var written: String?
  var sentence: Int
  var traits: Traits

  struct Traits: OptionSet, Sendable {
    let rawValue: UInt32
    static let function = Traits(rawValue: 1 << 0)
    static let filler = Traits(rawValue: 1 << 1)
    /// Has a digit.
    static let number = Traits(rawValue: 1 << 2)
    /// A capital letter where no sentence begins.
    static let name = Traits(rawValue: 1 << 3)
    static let quoted = Traits(rawValue: 1 << 4)
    /// In square brackets: a caption, an aside.
    static let aside = Traits(rawValue: 1 << 5)
    static let negation = Traits(rawValue: 1 << 6)
    static let afterDeterminer = Traits(rawValue: 1 << 7)
    static let afterPreposition = Traits(rawValue: 1 << 8)
    static let afterPronoun = Traits(rawValue: 1 << 9)
    static let afterNumber = Traits(rawValue: 1 << 10)
    static let endsInEd = Traits(rawValue: 1 << 11)
    static let endsInLy = Traits(rawValue: 1 << 12)
    /// A path, an address, an identifier, a version: letters joined by signs.
    static let compound = Traits(rawValue: 1 << 13)
    static let participant = Traits(rawValue: 1 << 14)
    static let unspaced = Traits(rawValue: 1 << 15)
  }

  /// Numbers, dates, identifiers and names: what no summary may lose.
  var isArtifact: Bool {
    !traits.isDisjoint(with: [.number, .compound])
      || (traits.contains(.name) && !traits.contains(.participant))
  }
}

struct Sentence: Sendable {
  var words: Range<Int>
  var isQuestion = false
  var isFirstPerson = false
  var isSecondPerson = false
  var isAside = false
}

/// A text as words and sentences.
struct ScannedText: Sendable {
  var words: [Word]
  var sentences: [Sentence]
  /// Share of filler among the words outside brackets, 0 to 1.
  var fillerShare: Float
  var endsWithQuestion: Bool
}
