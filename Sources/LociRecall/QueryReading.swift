import LociCore

/// What a question says beside its subject: whom it names, which kind of answer it wants, and of what date.
///
/// The names of those who speak are cut out before the question is encoded. What one person said rarely holds that
/// person's name, so it draws a small encoder to whatever names them; who spoke is a fact of its own instead.
struct QueryReading: Sendable {
  /// The question without the names; the whole of it when nothing else is there.
  let text: String
  /// In lower case.
  let speakers: [String]
  let cues: TextCues
  let dates: DateWords

  init(_ query: String, speakers: [String]) {
    let cut = Self.cut(speakers, from: query)
    let hasWords = cut.unicodeScalars.contains {
      $0.properties.isAlphabetic || $0.properties.numericType != nil
    }
    text = hasWords ? cut : query
    self.speakers = speakers.map { $0.lowercased() }
    cues = TextCues(of: query)
    dates = DateWords(query)
  }

  /// Whether the question is about exactly one person, and this is who.
  func isAbout(_ speaker: String) -> Bool {
    guard speakers.count == 1, !speaker.isEmpty else { return false }
    let speaker = speaker.lowercased()
    return speaker == speakers[0] || speaker.hasPrefix(speakers[0] + " ")
  }

  private static func cut(_ names: [String], from query: String) -> String {
    guard !names.isEmpty else { return query }
    var rest = query
    for name in names.sorted(by: { $0.count > $1.count }) {
      while let range = wordRange(of: name, in: rest) { rest.replaceSubrange(range, with: " ") }
    }
    return rest.split(separator: " ").joined(separator: " ")
  }

  /// Where `name` stands as a word, a possessive ending included.
  private static func wordRange(of name: String, in text: String) -> Range<String.Index>? {
    let (name, wanted) = (Array(name.lowercased()), text.indices)
    guard !name.isEmpty else { return nil }
    for start in wanted {
      if start > text.startIndex, joins(text[text.index(before: start)], name[0]) { continue }
      var end = start
      var matched = 0
      while matched < name.count, end < text.endIndex, text[end].lowercased() == String(name[matched]) {
        end = text.index(after: end)
        matched += 1
      }
      guard matched == name.count else { continue }
      for ending in ["'s", "’s"] where text[end...].hasPrefix(ending) {
        end = text.index(end, offsetBy: ending.count)
      }
      if end == text.endIndex || !joins(text[end], name[name.count - 1]) { return start..<end }
    }
    return nil
  }

  /// Whether two letters side by side belong to one word: never where a script writes without spaces.
  private static func joins(_ a: Character, _ b: Character) -> Bool {
    (a.isLetter || a.isNumber) && (b.isLetter || b.isNumber) && !a.isUnspaced && !b.isUnspaced
  }

  /// Names that are everyday words when they are written small.
  private static let commonWords: Set<String> = [
    "april", "art", "august", "bill", "bob", "dawn", "drew", "faith", "frank", "grace", "grant", "guy",
    "hope", "iris",
    "jack", "joy", "june", "lily", "mark", "may", "mike", "miles", "nick", "olive", "pat", "penny", "ray",
    "rich", "rob",
    "rose", "ruby", "sky", "summer", "sue", "user", "violet", "will"
  ]

  /// What in a question may be somebody's name: its words, and in text without spaces every two to four characters.
  static func nameCandidates(_ query: String, most: Int = 96) -> [String] {
    var candidates: [String] = []
    var seen: Set<String> = []
    func add(_ name: some StringProtocol) {
      guard !commonWords.contains(String(name)) else { return }
      guard candidates.count < most, seen.insert(name.lowercased()).inserted else { return }
      candidates.append(String(name))
    }
    let words = query.split {
      !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" || $0 == "." || $0 == "@")
    }
    for word in words where !word.contains(where: \.isUnspaced) {
      add(word.drop { $0 == "." }.reversed().drop { $0 == "." }.reversed().map(String.init).joined())
    }
    for word in words where word.contains(where: \.isUnspaced) {
      let characters = Array(word)
      for start in characters.indices {
        for count in 2...4 where start + count <= characters.count {
          add(String(characters[start..<start + count]))
        }
      }
    }
    return candidates
  }
}

extension Character {
  /// Of a script that is written without spaces: Han and kana.
  var isUnspaced: Bool {
    guard let value = unicodeScalars.first?.value else { return false }
    return (0x3040...0x30FF).contains(value) || (0x3400...0x9FFF).contains(value)
      || (0xF900...0xFAFF).contains(value) || (0x20000...0x3FFFF).contains(value)
  }
}
