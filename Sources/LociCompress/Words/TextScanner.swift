/// Splits a text into words and sentences and notes what stands around each word. Reads English, Chinese, and the
/// names, numbers, paths and addresses of either; other scripts with spaces are read as words without lists.
struct TextScanner {
  private let scalars: Scalars
  private let participants: Set<WordKey>
  private var words: [Word] = []
  private var sentences: [Sentence] = []
  private var sentenceStart = 0
  private var isQuestion = false
  private var before = Before()
  private var isInQuotes = false
  private var asideDepth = 0

  /// The word before, as far as a word asks about it.
  private struct Before {
    var traits: Word.Traits = []
    var isFirst = true
  }

  static func scan(_ text: String, participants: Set<WordKey> = []) -> ScannedText {
    var scanner = TextScanner(scalars: Scalars(text), participants: participants)
    scanner.run()
    return scanner.finish()
  }

  private init(scalars: Scalars, participants: Set<WordKey>) {
    self.scalars = scalars
    self.participants = participants
  }

  private mutating func run() {
    var at = 0
    while at < scalars.count {
      let value = scalars.values[at]
      if ScalarClass.isUnspaced(value) {
        at = unspacedRun(from: at)
      } else if beginsChunk(at) {
        at = chunk(from: at)
      } else {
        sign(value, at: at)
        at += 1
      }
    }
    endSentence()
  }

  private func finish() -> ScannedText {
    var fillers = 0
    var all = 0
    for word in words where !word.traits.contains(.aside) {
      all += 1
      if word.traits.contains(.filler) { fillers += 1 }
    }
    let last = sentences.last { !$0.isAside }
    return ScannedText(
      words: words, sentences: sentences, fillerShare: all == 0 ? 0 : Float(fillers) / Float(all),
      endsWithQuestion: last?.isQuestion ?? false)
  }

  // MARK: Sentences

  private mutating func endSentence() {
    defer {
      sentenceStart = words.count
      isQuestion = false
      before = Before()
    }
    guard words.count > sentenceStart else { return }
    var sentence = Sentence(words: sentenceStart..<words.count, isQuestion: isQuestion)
    for word in words[sentence.words] {
      if EnglishWords.firstPerson.contains(word.key) || Self.chineseFirst.contains(word.key) {
        sentence.isFirstPerson = true
      }
      if EnglishWords.secondPerson.contains(word.key) || Self.chineseSecond.contains(word.key) {
        sentence.isSecondPerson = true
      }
    }
    sentence.isAside = words[sentenceStart].traits.contains(.aside)
    sentences.append(sentence)
  }

  private static let chineseFirst: Set<WordKey> = [
    WordKey(exact: Array("我".utf8)), WordKey(exact: Array("我们".utf8))
  ]
  private static let chineseSecond: Set<WordKey> = [
    WordKey(exact: Array("你".utf8)), WordKey(exact: Array("您".utf8))
  ]

  private mutating func sign(_ value: UInt32, at: Int) {
    switch value {
    case 0x0A, 0x0D, 0x2028, 0x2029: endSentence()
    case 0x22: isInQuotes.toggle()
    case 0x201C, 0x300A, 0x300C, 0x300E: isInQuotes = true
    case 0x201D, 0x300B, 0x300D, 0x300F: isInQuotes = false
    case 0x5B:
      endSentence()
      asideDepth += 1
    case 0x5D:
      endSentence()
      asideDepth = max(0, asideDepth - 1)
    default:
      guard ScalarClass.isTerminator(value) else { return }
      if ScalarClass.isQuestionMark(value) { isQuestion = true }
      let isWide = value >= 0x80
      let next = at + 1 < scalars.count ? scalars.values[at + 1] : 0x20
      if isWide || ScalarClass.isSpace(next) || ScalarClass.isUnspaced(next) { endSentence() }
    }
  }

  // MARK: Words with spaces between

  private func beginsChunk(_ at: Int) -> Bool {
    let value = scalars.values[at]
    if ScalarClass.isWord(value) { return true }
    // $5, #12, /etc, -v: the sign belongs to the word.
    guard [0x24, 0x23, 0x2F, 0x7E, 0x20AC, 0xA3, 0xA5].contains(value), at + 1 < scalars.count else {
      return false
    }
    return ScalarClass.isWord(scalars.values[at + 1])
  }

  private static let wordBytesMax = 200

  /// Reads what stands between spaces: one word when it is a number, a path or an identifier, else its runs of letters.
  private mutating func chunk(from start: Int) -> Int {
    var end = start
    var lastWord = start
    while end < scalars.count, end - start < Self.wordBytesMax {
      let value = scalars.values[end]
      if ScalarClass.isSpace(value) || ScalarClass.isUnspaced(value) || isBracket(value) { break }
      if ScalarClass.isWord(value) || value == 0x25 { lastWord = end }
      end += 1
    }
    let range = start..<(lastWord + 1)
    if isCompound(range) {
      append(range, traits: traits(ofCompound: range))
      return range.upperBound
    }
    return letters(from: start)
  }

  private func isBracket(_ value: UInt32) -> Bool {
    switch value {
    case 0x22, 0x28, 0x29, 0x3C, 0x3E, 0x5B, 0x5D, 0x7B, 0x7D, 0x60, 0x2014, 0x201C, 0x201D, 0x3001...0x303F,
      0xFF00...0xFF0F, 0xFF1A...0xFF1F:
      true
    default: false
    }
  }

  private func isCompound(_ range: Range<Int>) -> Bool {
    var slashes = 0
    var dots = 0
    for at in range {
      let value = scalars.values[at]
      if ScalarClass.isDigit(value) { return true }
      switch value {
      case 0x5F, 0x5C, 0x40: return true
      case 0x2F: slashes += 1
      case 0x2E where at + 1 < range.upperBound && ScalarClass.isWord(scalars.values[at + 1]): dots += 1
      default: break
      }
    }
    return slashes >= 2 || (slashes == 1 && scalars.values[range.lowerBound] == 0x2F) || (slashes + dots >= 2)
      || (dots == 1 && range.count > 4)
  }

  private func traits(ofCompound range: Range<Int>) -> Word.Traits {
    var traits: Word.Traits = []
    for at in range {
      let value = scalars.values[at]
      if ScalarClass.isDigit(value) { traits.insert(.number) }
      if !ScalarClass.isWord(value) { traits.insert(.compound) }
    }
    return traits
  }

  private mutating func letters(from start: Int) -> Int {
    var end = start
    while end < scalars.count, ScalarClass.isLetter(scalars.values[end]) { end += 1 }
    guard end > start else { return start + 1 }
    let apostrophe = end < scalars.count && (scalars.values[end] == 0x27 || scalars.values[end] == 0x2019)
    guard apostrophe else {
      append(start..<end, traits: [])
      return end
    }
    var suffixEnd = end + 1
    while suffixEnd < scalars.count, ScalarClass.isLetter(scalars.values[suffixEnd]) { suffixEnd += 1 }
    let suffix = scalars.lowered((end + 1)..<suffixEnd)
    if suffix == Array("t".utf8), scalars.values[end - 1] | 0x20 == 0x6E {
      append(start..<suffixEnd, traits: [.negation, .function], written: "not")
    } else {
      append(start..<end, traits: [])
    }
    return suffixEnd
  }

  private mutating func append(_ range: Range<Int>, traits given: Word.Traits, written: String? = nil) {
    let lowered = scalars.lowered(range)
    let exact = WordKey(exact: lowered)
    var traits = given
    if EnglishWords.function.contains(exact) { traits.insert(.function) }
    if EnglishWords.negation.contains(exact) { traits.insert(.negation) }
    let key = traits.contains(.function) ? exact : WordKey(stemming: lowered)
    if EnglishWords.filler.contains(key) { traits.insert(.filler) }
    if participants.contains(key) { traits.insert(.participant) }
    if ScalarClass.isUpper(scalars.values[range.lowerBound]), !before.isFirst, !traits.contains(.function) {
      traits.insert(.name)
    }
    if isInQuotes { traits.insert(.quoted) }
    if asideDepth > 0 {
      traits.insert(.aside)
      if EnglishWords.picture.contains(exact) { traits.insert([.filler, .function]) }
    }
    if lowered.suffix(2) == Array("ed".utf8) { traits.insert(.endsInEd) }
    if lowered.suffix(2) == Array("ly".utf8) { traits.insert(.endsInLy) }
    traits.formUnion(before.traits)
    add(
      Word(
        range: scalars.offsets[range.lowerBound]..<scalars.offsets[range.upperBound], key: key,
        written: written,
        sentence: sentences.count, traits: traits))
    before = Before(traits: following(exact, traits), isFirst: false)
  }

  /// What a word says about the one after it.
  private func following(_ exact: WordKey, _ traits: Word.Traits) -> Word.Traits {
    var next: Word.Traits = []
    if EnglishWords.determiner.contains(exact) { next.insert(.afterDeterminer) }
    if EnglishWords.preposition.contains(exact) { next.insert(.afterPreposition) }
    if EnglishWords.pronoun.contains(exact) { next.insert(.afterPronoun) }
    if traits.contains(.number) { next.insert(.afterNumber) }
    return next
  }

  private mutating func add(_ word: Word) { words.append(word) }

  // MARK: Words without spaces between

  private static let unspacedWordMax = 6

  private mutating func unspacedRun(from start: Int) -> Int {
    var end = start
    while end < scalars.count, ScalarClass.isUnspaced(scalars.values[end]) { end += 1 }
    var at = start
    var wordStart = start
    func isCut(_ length: Int) -> Bool { length > 0 }
    while at < end {
      let length = functionLength(at: at, until: end)
      let isNegation = length == 0 && isNegation(at)
      if isCut(length) || isNegation || at - wordStart == Self.unspacedWordMax {
        if at > wordStart { appendUnspaced(wordStart..<at, []) }
        wordStart = at
      }
      if length > 0 {
        appendUnspaced(at..<(at + length), .function)
        at += length
        wordStart = at
      } else if isNegation {
        appendUnspaced(at..<(at + 1), [.function, .negation])
        at += 1
        wordStart = at
      } else {
        at += 1
      }
    }
    if end > wordStart { appendUnspaced(wordStart..<end, []) }
    return end
  }

  private static let phrases: [(first: UInt32, scalars: [UInt32])] = ChineseWords.phrases
    .map { phrase in phrase.unicodeScalars.map(\.value) }
    .sorted { $0.count > $1.count }
    .compactMap { scalars in scalars.first.map { ($0, scalars) } }
  private static let functionScalars = Set(
    ChineseWords.functionCharacters.flatMap { $0.unicodeScalars.map(\.value) })
  private static let negationScalars = Set(ChineseWords.negations.flatMap { $0.unicodeScalars.map(\.value) })

  private func functionLength(at: Int, until end: Int) -> Int {
    let first = scalars.values[at]
    for phrase in Self.phrases where phrase.first == first && at + phrase.scalars.count <= end {
      if scalars.values[at..<(at + phrase.scalars.count)].elementsEqual(phrase.scalars) {
        return phrase.scalars.count
      }
    }
    return Self.functionScalars.contains(first) ? 1 : 0
  }

  private func isNegation(_ at: Int) -> Bool { Self.negationScalars.contains(scalars.values[at]) }

  private mutating func appendUnspaced(_ range: Range<Int>, _ given: Word.Traits) {
    var traits = given.union(.unspaced)
    if isInQuotes { traits.insert(.quoted) }
    if asideDepth > 0 { traits.insert(.aside) }
    let key = WordKey(exact: scalars.lowered(range))
    if participants.contains(key) { traits.insert(.participant) }
    add(
      Word(
        range: scalars.offsets[range.lowerBound]..<scalars.offsets[range.upperBound], key: key,
        sentence: sentences.count, traits: traits))
    before = Before(traits: [], isFirst: false)
  }
}
