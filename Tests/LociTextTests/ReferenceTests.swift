import Foundation
import LociText
import Testing

/// all-MiniLM-L6-v2 against vectors that PyTorch computed of 200 texts, 16 of them edge cases.
@Suite(
  .enabled(if: Fixtures.hasReference, Comment(rawValue: Fixtures.modelAdvice + "; " + Fixtures.dataAdvice)))
struct ReferenceTests {
  @Test func tokenIdsAreIdentical() throws {
    let tokenizer = try WordPieceTokenizer(modelDirectory: #require(Fixtures.model))
    let texts = try ReferenceText.all()
    #expect(texts.count == 200)
    for text in texts {
      #expect(tokenizer.encode(text.text, maxTokens: 256).ids == text.ids, "\(text.text.prefix(60))")
    }
  }

  /// What each precision promises: the lowest cosine to float64, and the mean.
  static let promises: [(EncoderPrecision, lowest: Double, mean: Double)] = [
    (.float32, 0.999999, 0.9999995), (.bfloat16, 0.9999, 0.99998), (.int8, 0.995, 0.999)
  ]

  private func encoder(_ precision: EncoderPrecision) throws -> TextEncoder? {
    do {
      return try TextEncoder(modelDirectory: #require(Fixtures.model), precision: precision)
    } catch EncoderError.unsupported {
      return nil  // a processor without the instructions refuses, and says so
    }
  }

  @Test(arguments: promises) func vectorsAgree(
    precision: EncoderPrecision, lowest: Double, mean: Double
  ) throws {
    guard let encoder = try encoder(precision) else { return }
    let texts = try ReferenceText.all().map(\.text)
    let wanted = try matrix(#require(Fixtures.reference) + "/emb.npy")
    let batch = try encoder.encode(texts, kind: .document)
    #expect(batch.vectors.count == wanted.count)
    let n = encoder.dimension
    let cosines = texts.indices.map {
      cosine(batch.vectors[$0 * n..<($0 + 1) * n], wanted[$0 * n..<($0 + 1) * n])
    }
    let found = try #require(cosines.min())
    #expect(found >= lowest, "lowest cosine \(found)")
    #expect(cosines.reduce(0, +) / Double(cosines.count) >= mean)
    let lengths = texts.indices.map { row in
      batch.vectors[row * n..<(row + 1) * n].reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    #expect(lengths.allSatisfy { abs($0 - 1) < 1e-5 })
  }

  @Test(arguments: promises.map(\.0)) func aVectorDoesNotDependOnItsCompany(precision: EncoderPrecision)
    throws
  {
    guard let encoder = try encoder(precision) else { return }
    let texts = Array(try ReferenceText.all().map(\.text).shuffled().prefix(40))
    let together = try encoder.encode(texts, kind: .document).vectors
    let n = encoder.dimension
    for (row, text) in texts.enumerated() {
      // As a query other cores take part.
      for kind in [TextEncoder.Kind.document, .query] {
        let alone = try encoder.encode([text], kind: kind).vectors
        #expect(alone[...] == together[row * n..<(row + 1) * n])
      }
    }
  }
}

@Suite(.enabled(if: Fixtures.model != nil, Comment(rawValue: Fixtures.modelAdvice)))
struct TextEncoderTests {
  @Test func saysWhatItIs() throws {
    let encoder = try #require(Fixtures.encoder)
    #expect(encoder.dimension == 384)
    #expect(encoder.maxTokens == 256)  // sentence_bert_config, not tokenizer.json's 128
    let again = try TextEncoder(modelDirectory: #require(Fixtures.model))
    #expect(again.fingerprint == encoder.fingerprint)
    #expect(!TextEncoder.blasName.isEmpty)
  }

  @Test func emptyTextHasAVector() throws {
    let batch = try #require(Fixtures.encoder).encode(["", " \u{200B}"], kind: .query)
    #expect(batch.tokenCounts == [2, 2])
    #expect(batch.vectors.prefix(384) == batch.vectors.suffix(384))
    #expect(batch.vectors.allSatisfy { $0.isFinite })
    let none = try #require(Fixtures.encoder).encode([], kind: .query)
    #expect(none.vectors.isEmpty)
  }

  @Test func longTextIsTruncatedAndSaysSo() throws {
    let encoder = try #require(Fixtures.encoder)
    let word = "hello "
    let batch = try encoder.encode([String(repeating: word, count: 1000), word], kind: .document)
    #expect(batch.tokenCounts == [1002, 3])
    #expect(batch.truncated == [true, false])
    let cut = try encoder.encode([String(repeating: word, count: 254)], kind: .document)
    #expect(cut.truncated == [false])
    #expect(cosine(cut.vectors[...], batch.vectors[..<384]) > 0.999999)
    #expect(try encoder.countTokens(String(repeating: word, count: 1000)) == 1002)
  }

  @Test func cancels() throws {
    let encoder = try #require(Fixtures.encoder)
    #expect(throws: EncoderError.cancelled) {
      try encoder.encode(["a"], kind: .query, isCancelled: { true })
    }
    var asked = 0
    #expect(throws: EncoderError.cancelled) {
      let long = String(repeating: "word ", count: 300)
      _ = try encoder.encode([long, long, long, long], kind: .document) {
        asked += 1
        return asked == 2
      }
    }
  }

  @Test func manyThreadsGetTheSameVectors() async throws {
    let encoder = try #require(Fixtures.encoder)
    let texts = ["one short text", "another, somewhat longer text with more tokens", "第三"]
    let wanted = try encoder.encode(texts, kind: .document).vectors
    try await withThrowingTaskGroup(of: [Float].self) { group in
      for _ in 0..<8 { group.addTask { try encoder.encode(texts, kind: .document).vectors } }
      for try await vectors in group { #expect(vectors == wanted) }
    }
  }
}
