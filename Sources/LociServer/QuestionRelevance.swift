import LociCompress
import LociContext
import LociCore
import LociProto
import LociRecall
import LociText

extension NodeParts {
  /// Texts of a request that are encoded for its question; of more, words alone decide.
  private static let encodedTextsMax = 1_000

  /// How much each text has to do with a question, as a search ranks them; `nil` without a question.
  /// - Parameter stored: whose messages they are: then their vectors are at hand.
  func relevance(
    of texts: [SourceText], to question: String, stored: Scope?
  ) async throws -> [Float]? {
    guard !question.isEmpty else { return nil }
    let ranking = TurnRanking(texts, question: question)
    let cosines = try await cosines(of: texts, with: ranking.queryText, stored: stored)
    return try await workers.run { ranking.scores(cosines: cosines) }
  }

  /// None without an encoder.
  private func cosines(
    of texts: [SourceText], with query: String, stored: Scope?
  ) async throws -> [Float?] {
    guard let encoder, !texts.isEmpty, stored != nil || texts.count <= Self.encodedTextsMax else { return [] }
    let query = try await encoder.encode([query], kind: .query, priority: .query).batch.vectors
    if let stored {
      let (ids, identity) = (texts.map(\.id), EncoderIdentity(encoder.about))
      return try await read(stored, nil) { db, _ in
        try ContextQueries.cosines(ofMessages: ids, with: query, encoder: identity, scope: stored, in: db)
      }
    }
    let vectors = try await encoder.encode(
      texts.map(\.text), kind: .document, longTexts: .windows(most: 16), priority: .document
    ).batch.vectors
    let dimension = query.count
    return texts.indices.map { place in
      let row = vectors[place * dimension..<(place + 1) * dimension]
      let cosine: Float = zip(row, query).reduce(0) { $0 + $1.0 * $1.1 }
      return cosine
    }
  }
}
