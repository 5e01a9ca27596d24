package import GRDB
package import LociCompress
package import LociCore
package import LociRecall
import LociStore

extension TurnRanking {
  /// Texts of one conversation.
  package init(_ texts: [SourceText], question: String) {
    self.init(
      texts.map {
        Turn(
          item: 0, text: $0.text, speaker: $0.name, createdAt: Timestamp(microseconds: $0.createdAtUs))
      }, question: question)
  }
}

extension ContextQueries {
  /// Cosine of each message's stored vector with a query's; `nil` where it has none.
  package static func cosines(
    ofMessages ids: [String], with query: [Float], encoder: EncoderIdentity, scope: Scope, in db: Database
  ) throws -> [Float?] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ids.map { _ in nil } }
    let find = try db.cachedStatement(sql: "SELECT item FROM messages WHERE scope = ? AND id = ?")
    // Items begin at 1: a message that is gone has no vector.
    let items = try ids.map { try Int64.fetchOne(find, arguments: [scopeRow, $0]) ?? 0 }
    return try StoredVectors.cosines(
      of: items, with: query, encoder: encoder, in: Bucket(scopeRow: scopeRow, kind: .messages), db)
  }
}
