import CLociFTS
import CSQLite3
import Testing

struct IndexTests {
  @Test func findsByWordsStemsAndCharacters() throws {
    let index = try KeywordIndex()
    let texts = [
      "The runners were running along the Île-de-France", "我在北京大学学习计算机科学", "Release v1.2.3 fixed foo_bar()",
      "Ｆｕｌｌ ｗｉｄｔｈ", "Swift和北方", "write to ann.lee@example.org"
    ]
    for (id, text) in texts.enumerated() { try index.insert(Int64(id), text, scope: "s") }
    let expected: [(String, [Int64])] = [
      ("run", [0]), ("RUNNING", [0]), ("ile", [0]), ("île de france", [0]), ("大学", [1]), ("北京", [1, 4]),
      ("算", [1]), ("计算", [1]), ("京大", [1]), ("v1.2.3", [2]), ("foo", [2]), ("foo_bar", [2]),
      ("full width", [3]),
      ("ＷＩＤＴＨ", [3]), ("北", [1, 4]), ("swift", [4]), ("example.org", [5]), ("ann.lee@example.org", [5]),
      ("absent", []), ("", [])
    ]
    for (query, ids) in expected { #expect(try index.search(query, scope: "s") == ids, "\(query)") }
  }

  @Test func scopesDoNotSeeEachOther() throws {
    let index = try KeywordIndex()
    let scopes = ["t1.a1", "t1.a11", "t1", "T1.a1"]
    for (number, scope) in scopes.enumerated() {
      try index.insert(Int64(number), "shared words 北京", scope: scope)
    }
    try index.insert(10, "shared words 北京")
    // A text that pretends to have a header inside has none.
    try index.insert(11, "x\u{1}t1.a1\u{2}shared", scope: "t9")
    for (number, scope) in scopes.enumerated() {
      for query in ["shared", "words", "北京", "京", "shared t1.a11 \u{1f}shared"] {
        #expect(try index.search(query, scope: scope) == [Int64(number)])
      }
    }
    #expect(try index.search("shared") == [10])
    #expect(try index.search("shared", scope: "t2") == [])
    #expect(try index.search("shared", scope: "t9") == [11])
  }

  @Test func badHeadersAreText() throws {
    let index = try KeywordIndex()
    let bad = [
      "\u{1}", "\u{1}abc", "\u{1}\u{2}abc", "\u{1}a b\u{2}abc",
      "\u{1}\(String(repeating: "x", count: 49))\u{2}abc"
    ]
    for (id, text) in bad.enumerated() { try index.insert(Int64(id), text) }
    #expect(try index.search("abc") == [1, 2, 3, 4])
  }

  @Test func whatIsDeletedIsGone() throws {
    let index = try KeywordIndex()
    let text = "The cat sat 在北京 foo_bar"
    try index.insert(1, text, scope: "s")
    try index.insert(2, text, scope: "s")
    try index.delete(1, text, scope: "s")
    for query in ["cat", "北", "北京", "foo_bar", "sat"] { #expect(try index.search(query, scope: "s") == [2]) }
    try index.delete(2, text, scope: "s")
    #expect(try index.terms() == [:])
    try index.database.run("INSERT INTO words(words) VALUES ('integrity-check')")
  }

  @Test func oddTextsAreStored() throws {
    let index = try KeywordIndex()
    try index.insert(1, [], scope: "s")
    try index.insert(2, [0xff, 0xfe, 0x61, 0xc3], scope: "s")
    try index.insert(3, Array(repeating: UInt8(ascii: "z"), count: 1 << 20), scope: "s")
    try index.insert(4, String(repeating: "北京 word ", count: 1 << 16), scope: "s")
    try index.insert(5, "")
    try index.database.run("INSERT INTO words(rowid, text) VALUES (6, NULL)")
    #expect(try index.terms()["s\u{1f}a"] == 1)
    #expect(try index.search(String(repeating: "z", count: 64), scope: "s") == [3])
    #expect(try index.search("京", scope: "s") == [4])
  }

  @Test func tokenizerTakesNoOptions() throws {
    #expect(throws: Database.Failure.self) {
      try Database().run("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='loci x')")
    }
  }

  /// In a statement written by hand, a phrase is tokenized like a text.
  @Test func phrasesByHandWork() throws {
    let index = try KeywordIndex()
    try index.insert(1, "the quick brown fox")
    try index.insert(2, "brown quick")
    #expect(
      try index.database.run("SELECT rowid FROM words WHERE words MATCH '\"quick brown\"'") == [[.integer(1)]]
    )
  }
}
