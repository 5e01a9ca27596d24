import CLociFTS
import Foundation
import Testing

struct RankTests {
  /// BM25 by its definition, over tokens that were split and stemmed here.
  private struct Oracle {
    var documents: [Int64: [String]]  // terms, compounds and pairs included
    var sizes: [Int64: Double]

    init(_ texts: [Int64: String]) {
      documents = texts.mapValues { text in split(text).map { $0.kind == .word ? stem($0.text) : $0.text } }
      sizes = texts.mapValues { text in
        Double(split(text).filter { $0.kind == .word || $0.kind == .character }.count)
      }
    }

    func score(_ id: Int64, _ terms: [String], n: Double, length: Double) -> Double {
      terms.reduce(0) { sum, term in
        let df = Double(documents.values.filter { $0.contains(term) }.count)
        let tf = Double(documents[id, default: []].filter { $0 == term }.count)
        let idf = log(1 + (n - df + 0.5) / (df + 0.5))
        return sum + idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * sizes[id, default: 0] / length))
      }
    }
  }

  @Test func agreesWithTheDefinition() throws {
    var state: UInt64 = 99
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let vocabulary = ["running", "cats", "a_b", "北京大学", "v1.2", "table", "京", "tables", "Zürich", "一二三四"]
    var texts: [Int64: String] = [:]
    for id in Int64(1)...60 {
      texts[id] = (0..<(1 + random(30))).map { _ in vocabulary[random(1 + random(vocabulary.count))] }
        .joined(separator: " ")
    }
    let index = try KeywordIndex()
    for (id, text) in texts {
      try index.insert(id, text, scope: "s")
      try index.insert(id + 1000, text + " running cats", scope: "other")  // must not change df
    }
    let oracle = Oracle(texts)
    let length = oracle.sizes.values.reduce(0, +) / 60
    let queries = [
      ("cats", ["cat"]), ("running table", ["run", "tabl"]), ("北京", ["北", "北京", "京"]),
      ("a_b zürich v1.2", ["b", "a_b", "zurich", "v1", "2", "v1.2"])
    ]
    for (query, terms) in queries {
      let scores = try index.scores(query, scope: "s", documents: 60, length: length)
      #expect(!scores.isEmpty)
      for (id, score) in scores {
        let expected = oracle.score(id, terms, n: 60, length: length)
        #expect(abs(score - expected) <= 1e-6 * expected, "\(query) \(id)")
        #expect(score > 0)
      }
      #expect(scores.count == texts.keys.filter { oracle.score($0, terms, n: 60, length: length) > 0 }.count)
    }
  }

  @Test func aLimitGivesTheSameBest() throws {
    var state: UInt64 = 5
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let index = try KeywordIndex()
    for id in Int64(1)...400 {
      let text = (0..<(1 + random(40))).map { _ in "w\(random(1 + random(50)))" }.joined(separator: " ")
      try index.insert(id, text, scope: "s")
    }
    let query = try #require(makeQuery(Array("w0 w3 w17 w40".utf8), scope: "s"))
    let exact = try index.database.run(
      "SELECT rowid, loci_bm25(words, 400, 20) s FROM words WHERE words MATCH ? ORDER BY s DESC, rowid",
      [.text(query)])
    for limit in [1, 2, 3, 10, 100, 399, 4096, 5000, 0, -1] {
      let limited = try index.database.run(
        """
        SELECT rowid, loci_bm25(words, 400, 20, ?) s FROM words WHERE words MATCH ?
        ORDER BY s DESC, rowid LIMIT ?
        """,
        [.integer(Int64(limit)), .text(query), .integer(Int64(limit))])
      #expect(limited == Array(limit < 0 ? exact[...] : exact.prefix(limit)))
    }
  }

  @Test func staleStatisticsDoNoHarm() throws {
    let index = try KeywordIndex()
    for id in Int64(1)...5 { try index.insert(id, "same words", scope: "s") }
    for (documents, length) in [(0.0, 0.0), (-3, -1), (2, 1e-9), (1e18, 1e18), (.infinity, .infinity)] {
      for score in try index.scores("same", scope: "s", documents: documents, length: length).values {
        #expect(score >= 0)
      }
    }
    try index.insert(9, "same")
    #expect(throws: Database.Failure.self) {
      try index.database.run("SELECT loci_bm25(words, 1) FROM words WHERE words MATCH 'same'")
    }
  }
}
