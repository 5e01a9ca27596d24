/// Words of a statement, and what a comparison of two statements asks of them.
enum StatementText {
  /// One word, or one CJK character.
  struct Token: Equatable {
    /// Lower case, stemmed for English.
    let stem: String
    /// As written.
    let surface: String
    let isCJK: Bool
  }

  /// Clauses, each a list of tokens: split at sentence ends, semicolons and, in Chinese, commas.
  static func clauses(_ text: String) -> [[Token]] {
    var clauses: [[Token]] = []
    var tokens: [Token] = []
    var word = ""
    func endWord() {
      defer { word = "" }
      guard !word.isEmpty else { return }
      for part in expand(word) {
        tokens.append(Token(stem: stem(part.lowercased()), surface: part, isCJK: false))
      }
    }
    func endClause() {
      endWord()
      if !tokens.isEmpty { clauses.append(tokens) }
      tokens = []
    }
    let characters = Array(text)
    for (index, character) in characters.enumerated() {
      if isCJK(character) {
        endWord()
        tokens.append(Token(stem: String(character), surface: String(character), isCJK: true))
      } else if character.isLetter || character.isNumber || character == "@" || character == "_" {
        word.append(character)
      } else if isInner(character), !word.isEmpty, index + 1 < characters.count,
        characters[index + 1].isLetter || characters[index + 1].isNumber,
        !isCJK(characters[index + 1])
      {
        word.append(character == "’" ? "'" : character)
      } else if "。！？；，!?;\n".contains(character) || (character == "." && !word.isEmpty) {
        endClause()
      } else {
        endWord()
      }
    }
    endClause()
    return clauses
  }

  /// Marks inside a word: don't, 3.5, 10:30, a-b, name@mail.com.
  private static func isInner(_ character: Character) -> Bool { "'’.:-@/+".contains(character) }

  static func isCJK(_ character: Character) -> Bool {
    guard let scalar = character.unicodeScalars.first else { return false }
    return switch scalar.value {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x323AF: true
    default: false
    }
  }

  /// Contractions: doesn't → does not, Anna's → Anna 's.
  private static func expand(_ word: String) -> [String] {
    let lower = word.lowercased()
    if lower == "can't" || lower == "cannot" { return ["can", "not"] }
    if lower == "won't" { return ["will", "not"] }
    if lower.hasSuffix("n't") { return [String(word.dropLast(3)), "not"] }
    for (ending, full) in [("'s", "'s"), ("'m", "am"), ("'re", "are"), ("'ve", "have"), ("'ll", "will")]
    where lower.hasSuffix(ending) && lower.count > ending.count {
      return [String(word.dropLast(ending.count)), full]
    }
    return [word]
  }

  /// A light stemmer: what inflection changes, and no more.
  static func stem(_ word: String) -> String {
    guard word.count > 3, word.allSatisfy({ $0.isLetter }) else { return word }
    var stem = Substring(word)
    if stem.count > 5, stem.hasSuffix("ing") {
      stem = stem.dropLast(3)
    } else if stem.count > 4, stem.hasSuffix("ies") || stem.hasSuffix("ied") {
      return stem.dropLast(3) + "y"
    } else if stem.count > 4, stem.hasSuffix("ed") {
      stem = stem.dropLast(2)
    } else if stem.hasSuffix("s"), !stem.hasSuffix("ss"), !stem.hasSuffix("us"), !stem.hasSuffix("is") {
      stem = stem.dropLast(1)
    }
    if stem.count > 3, stem.hasSuffix("e") { stem = stem.dropLast(1) }
    if stem.count > 3, let last = stem.last, stem.dropLast(1).last == last, !"aeiousl".contains(last) {
      stem = stem.dropLast(1)
    }
    return String(stem)
  }

  /// Words that carry no fact by themselves.
  static let stopWords: Set<String> = Set(
    """
    a an the this that these those of in on at to for with by from as and or but so also too very really quite just \
    is are was were be been being am do does did have has had will would shall should can could may might must it its \
    he she they him her them his their i me my we our us you your there here now currently nowadays today these days \
    still already recently since 's who whom which where when what how about than then if because while into up out \
    who's something someone person people one lot much more most please note remember says said told mentioned \
    actually indeed certainly any some all day time
    """.split(separator: " ").map { stem(String($0)) })

  static let stopCharacters: Set<String> = Set(
    "的了着过也就都很还又已经在是和与跟把被给对从到向于之其而且或等吧呢吗啊呀哦嗯现今目前正真特别挺非常有个这那她他它们我你您位名种将".map(String.init))

  static func isStop(_ token: Token) -> Bool {
    // The month is written like the verb.
    if token.surface == "May" { return false }
    return token.isCJK ? stopCharacters.contains(token.stem) : stopWords.contains(token.stem)
  }

  /// Negations; two of them cancel.
  static let negations: Set<String> = [
    "not", "no", "never", "without", "neither", "nobody", "nothing", "hardly"
  ]
  static let negationCharacters: Set<String> = ["不", "没", "未", "无", "别"]

  static func isNumber(_ token: Token) -> Bool {
    token.surface.contains { $0.isNumber } || numberWords.contains(token.stem)
      || (token.isCJK && "零一二三四五六七八九十百千万亿两半".contains(token.stem))
  }

  private static let numberWords: Set<String> = Set(
    """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen \
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand
    """.split(separator: " ").map { stem(String($0)) })

  /// Months, weekdays and times of day: values that exclude each other.
  static let calendar: Set<String> = Set(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august \
    september october november december morning noon afternoon evening midnight tomorrow yesterday
    """.split(separator: " ").map { stem(String($0)) })

  static func isName(_ token: Token, first: Bool) -> Bool {
    !token.isCJK && !first && token.surface.first?.isUppercase == true && token.surface != "I"
  }
}
