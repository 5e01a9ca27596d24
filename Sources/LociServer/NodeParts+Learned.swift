import GRDB
import LociCompress
import LociCore
import LociLearn
import LociProto
import LociRecall
import LociStore

/// What was learned, as the server's own parts take it. An adjustment that is undone is gone from the next call on.
extension NodeParts {
  /// Searches of experiences are what learning looks through; they learn nothing themselves.
  func searchTuning(
    _ use: V1.TuningUnit?, of source: any ItemSource
  ) throws(LociError) -> @Sendable (_ scopeRow: Int64, _ db: Database) throws -> SearchTuning {
    try LearnedSettings.check(use)
    guard source.kind != .experiences else { return { _, _ in SearchTuning() } }
    return { scopeRow, db in
      try LearnedSettings(use, scopeRow: scopeRow, in: db).search(scopeRow: scopeRow, in: db)
    }
  }

  /// `target` with the learned ratio, where nobody asked for a ratio or a budget.
  func learned(
    _ target: Compressor.Target, asked: V1.CompressionTarget?, scope: Scope?, _ use: V1.TuningUnit?
  ) async throws -> Compressor.Target {
    try LearnedSettings.check(use)
    guard let scope, asked?.ratio ?? 0 == 0, asked?.tokenBudget ?? 0 == 0 else { return target }
    let ratio = try await read(scope, nil) { db, _ in
      try ScopeQueries.row(scope, in: db).flatMap {
        try LearnedSettings(use, scopeRow: $0, in: db).compressionRatio
      }
    }
    guard let ratio else { return target }
    var tuned = target
    tuned.ratio = ratio
    return tuned
  }
}
