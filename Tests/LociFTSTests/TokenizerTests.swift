import CLociFTS
import Testing

struct TokenizerTests {
  @Test func wordsAreFolded() {
    #expect(words("Hello, WORLD! Café Ünïcode") == ["hello", "world", "cafe", "unicode"])
    #expect(words("cafe\u{301} re\u{301}sume\u{301}") == ["cafe", "resume"])
    #expect(words("ＡＢＣ１２３ ﾃﾞ") == ["abc123", "テ"])
    #expect(words("Straße STRASSE ΣΊΣΥΦΟΣ") == ["strasse", "strasse", "σισυφοσ"])
    #expect(words("が") == words("か\u{3099}") && words("が") == words("か"))
    #expect(words("a\u{200d}b\u{fe0f}c") == ["abc"])
    #expect(words("naïve\u{ad}té") == ["naivete"])
    #expect(words("Москва") == ["москва"])
    #expect(words("") == [])
    #expect(words(" \n\t.,;—…") == [])
  }

  @Test func compoundsGiveTheirWordsAndTheWhole() {
    #expect(words("foo_bar") == ["foo", "bar", "foo_bar"])
    #expect(words("v1.2.3.") == ["v1", "2", "3", "v1.2.3"])
    #expect(
      words("Mail Ann.Lee@Example.org!") == ["mail", "ann", "lee", "example", "org", "ann.lee@example.org"])
    #expect(words("/usr/lib/libc.so.6") == ["usr", "lib", "libc", "so", "6", "usr/lib/libc.so.6"])
    #expect(words("end. Next -- a..b c- -d") == ["end", "next", "a", "b", "c", "d"])
    #expect(words("don't we'll") == ["don", "t", "we", "ll"])
    #expect(split("a-b").map(\.kind) == [.word, .word, .compound])
    #expect(split("x a-b").map(\.range) == [0..<1, 2..<3, 4..<5, 2..<5])
  }

  @Test func unspacedScriptsGiveCharactersAndPairs() {
    #expect(words("北京大学") == ["北", "北京", "京", "京大", "大", "大学", "学"])
    #expect(split("北京").map(\.kind) == [.character, .pair, .character])
    #expect(split("北京").map(\.range) == [0..<3, 0..<6, 3..<6])
    #expect(words("我用Swift写") == ["我", "我用", "用", "swift", "写"])
    #expect(words("한국") == ["한", "한국", "국"])
    #expect(words("カタ") == ["カ", "カタ", "タ"])
    #expect(words("北，京") == ["北", "京"])
    #expect(words("ไทย") == ["ไ", "ไท", "ท", "ทย", "ย"])
    #expect(words("𠀀𠀁") == ["𠀀", "𠀀𠀁", "𠀁"])
  }

  @Test func invalidBytesSeparate() {
    let cases: [[UInt8]] = [
      [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe4, 0xb8], [0xf0, 0x9f, 0x98],
      [0]
    ]
    for bad in cases {
      #expect(split(Array("ab".utf8) + bad + Array("cd".utf8)).map(\.text) == ["ab", "cd"], "\(bad)")
    }
  }

  @Test func longWordsAreCutBetweenCharacters() {
    #expect(words(String(repeating: "a", count: 1000)) == [String(repeating: "a", count: 64)])
    #expect(words("a" + String(repeating: "я", count: 100)) == ["a" + String(repeating: "я", count: 31)])
    let long = String(repeating: "abc-", count: 100)
    #expect(words(long) == [String](repeating: "abc", count: 100))
  }

  @Test func everyTruncationGivesValidTokensInRange() {
    let text = Array("Ünï foo_bar.baz 北京大学 v1.2 😀 é\u{301}x 한국어 ａｂ".utf8)
    for end in 0...text.count {
      for token in split(Array(text[..<end])) {
        #expect(token.range.lowerBound < token.range.upperBound && token.range.upperBound <= end)
        #expect(!token.text.isEmpty && !token.text.contains("\u{fffd}"))
      }
    }
  }

  @Test func randomBytesGiveBoundedTokens() {
    var state: UInt64 = 42
    for round in 0..<300 {
      let bytes: [UInt8] = (0..<(round % 97)).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        // Half ASCII, half lead and continuation bytes.
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      for token in split(bytes) {
        #expect((1...64).contains(token.text.utf8.count) && token.range.upperBound <= bytes.count)
      }
    }
  }
}

struct StemmerTests {
  /// From the examples in Porter's paper.
  @Test(arguments: [
    ("caresses", "caress"), ("ponies", "poni"), ("ties", "ti"), ("cats", "cat"), ("feed", "feed"),
    ("agreed", "agre"), ("plastered", "plaster"), ("bled", "bled"), ("motoring", "motor"), ("sing", "sing"),
    ("conflated", "conflat"), ("troubled", "troubl"), ("sized", "size"), ("hopping", "hop"),
    ("falling", "fall"),
    ("hissing", "hiss"), ("filing", "file"), ("happy", "happi"), ("sky", "sky"), ("relational", "relat"),
    ("conditional", "condit"), ("rational", "ration"), ("digitizer", "digit"), ("vietnamization", "vietnam"),
    ("operator", "oper"), ("feudalism", "feudal"), ("decisiveness", "decis"), ("hopefulness", "hope"),
    ("formaliti", "formal"), ("sensibiliti", "sensibl"), ("triplicate", "triplic"), ("electrical", "electr"),
    ("goodness", "good"), ("revival", "reviv"), ("allowance", "allow"), ("replacement", "replac"),
    ("adoption", "adopt"), ("communism", "commun"), ("effective", "effect"), ("probate", "probat"),
    ("rate", "rate"), ("cease", "ceas"), ("controll", "control"), ("roll", "roll"),
    ("generalizations", "gener"),
    ("oscillators", "oscil"), ("as", "as"), ("", ""), ("x1ing", "x1ing"), ("été", "été")
  ])
  func stems(word: String, expected: String) {
    #expect(stem(word) == expected)
  }

  /// FTS5 has a stemmer of its own to compare with.
  @Test func agreesWithSQLitesPorter() throws {
    let database = try Database()
    try database.run("CREATE VIRTUAL TABLE stems USING fts5(text, content='', tokenize='porter ascii')")
    try database.run("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(stems, row)")
    let roots = [
      "relat", "hop", "oper", "gener", "trouble", "sky", "happy", "log", "control", "agree", "univers"
    ]
    let endings = [
      "", "s", "es", "ed", "ing", "ational", "ization", "er", "ers", "iveness", "fulness", "ousli", "ical",
      "ement",
      "ment", "ent", "ion", "ions", "able", "ably", "ity", "biliti", "alize", "ator", "ness", "ly", "y", "e",
      "logi"
    ]
    for root in roots {
      for ending in endings {
        let word = root + ending
        try database.run("INSERT INTO stems(stems) VALUES ('delete-all')")
        try database.run("INSERT INTO stems(rowid, text) VALUES (1, ?)", [.text(word)])
        #expect(try database.run("SELECT term FROM vocabulary") == [[.text(stem(word))]], "\(word)")
      }
    }
  }
}
