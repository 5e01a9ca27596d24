import CLociFTS
import Testing

struct QueryTests {
  private func terms(_ text: String, scope: String? = nil) -> [String] {
    guard let query = makeQuery(Array(text.utf8), scope: scope) else { return [] }
    return String(decoding: query, as: UTF8.self).split(separator: " OR ").map {
      String($0.dropFirst(2).dropLast())  // the quotes and the mark of a final token
    }
  }

  @Test func stopWordsGoWhileOthersRemain() {
    #expect(terms("What is the capital of France?") == ["capit", "franc"])
    #expect(terms("to be or not to be") == ["to", "be", "or", "not"])
    #expect(terms("我们的北京在哪里") == ["的北", "北", "北京", "京", "京在", "里"])
    #expect(terms("的了") == ["的", "的了", "了"])
    #expect(terms("") == [])
    #expect(terms("?!  …") == [])
  }

  @Test func repeatedTokensAppearOnce() {
    #expect(terms("run Running RUNS ran") == ["run", "ran"])
  }

  @Test func scopesArePrefixedAndChecked() {
    #expect(terms("Cats 北京", scope: "t1.a9") == ["cat", "北", "北京", "京"].map { "t1.a9\u{1f}\($0)" })
    for bad in ["", "a b", "a\"b", "é", "a\u{1f}b", String(repeating: "x", count: 49)] {
      #expect(makeQuery(Array("cats".utf8), scope: bad) == nil)
    }
    #expect(makeQuery(Array("cats".utf8), scope: String(repeating: "x", count: 48)) != nil)
  }

  @Test func longQueriesAreBoundedAndAlwaysFit() throws {
    let many = (0..<2000).map { "word\($0)" }.joined(separator: " ")
    #expect(terms(many, scope: "s").count == Int(LOCI_FTS_QUERY_TERMS_MAX))
    let longest = (0..<200).map { String(repeating: "ж", count: 28) + "\(1000 + $0)" }.joined(separator: " ")
    let scope = String(repeating: "x", count: Int(LOCI_FTS_SCOPE_BYTES_MAX))
    #expect(terms(longest, scope: scope).count == Int(LOCI_FTS_QUERY_TERMS_MAX))
    try KeywordIndex().database.run(
      "SELECT rowid FROM words WHERE words MATCH ?",
      [.text(try #require(makeQuery(Array(longest.utf8), scope: scope)))])
  }

  @Test func tooSmallABufferGivesNothing() {
    let text = Array("some words 北京".utf8)
    let whole = makeQuery(text, scope: "s")?.count ?? 0
    for capacity in 0...whole { #expect(makeQuery(text, scope: "s", capacity: capacity) == nil) }
    #expect(makeQuery(text, scope: "s", capacity: whole + 1)?.count == whole)
  }

  /// Operators, quotes, control characters, invalid UTF-8: always a query that SQLite accepts.
  @Test func noInputIsASyntaxError() throws {
    let index = try KeywordIndex()
    try index.insert(1, "near and or not text", scope: "s")
    for text in [
      "\"", "a\"b", "a OR", "AND", "NOT x", "NEAR(a b, 2)", "text:x", "a*", "^a", "(", ")", "{a}:b", "a + b",
      "-a",
      "\0a\0b", "\u{1}s\u{2}x", "\u{3}x", "\u{1f}", "'; DROP TABLE words; --", "🙂", "a\u{301}"
    ] {
      _ = try index.search(text, scope: "s")
      _ = try index.search(text)
    }
    var state: UInt64 = 7
    for round in 0..<500 {
      let bytes: [UInt8] = (0..<(round % 61)).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      _ = try index.search(bytes, scope: round % 2 == 0 ? "s" : nil)
    }
  }
}
