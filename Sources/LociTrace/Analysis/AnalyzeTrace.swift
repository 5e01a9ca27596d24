package import GRDB
package import LociCore
package import LociProto
import LociStore

/// All that can be said of a trace without a language model.
package enum TraceAnalysis {
  static let pathMax = 1_000

  package static func run(
    _ request: V1.AnalyzeTraceRequest, scope: Scope, in db: Database
  ) throws -> V1.AnalyzeTraceResponse {
    let order = try TraceOrder(request.traceID, scope: scope, in: db)
    let table = order.table
    let scopeRow = try ScopeQueries.row(scope, in: db) ?? 0
    var answer = V1.AnalyzeTraceResponse(trace: order.stored.trace)
    answer.patterns = TracePatterns.find(in: table)
    answer.decisionPoints = table.decisionPoints()
    let performance = TracePerformance(table)
    answer.criticalPath = performance.criticalPath.prefix(pathMax).map { table.numbers[$0] }
    answer.criticalPathUs = performance.criticalTime(table)
    (answer.workingUs, answer.waitingUs) = (performance.working, performance.waiting)
    (answer.performance, answer.anomalies) = try performance.figures(table) { kind, name in
      try TraceQueries.baseline(kind: Int32(kind), name: name, scope: scopeRow, in: db)
    }
    let failed = order.stored.trace.errors > 0
    guard failed || request.knownFailed else { return answer }
    let steps = try order.stepsForAnalysis(max: FailureLocation.stepsMax, in: db)
    answer.failure = FailureLocation.find(steps, patterns: answer.patterns, knownFailed: request.knownFailed)
    answer.failure?.similarTraceIDs = try similar(to: order.stored, scope: scope, in: db)
    return answer
  }

  /// Failed traces of the agent whose error begins with the same words, newest first.
  private static func similar(
    to stored: TraceQueries.Stored, scope: Scope, in db: Database
  ) throws -> [String] {
    let words = Set(StepWords(stored.trace.error, failed: true).words)
    guard !words.isEmpty else { return [] }
    let failed = try TraceQueries.newest(
      TraceSelection(V1.TraceFilter(statuses: [.error])), count: 500, scope: scope, in: db)
    let likeness = failed.compactMap { other -> (id: String, share: Double)? in
      guard other.row != stored.row, !other.trace.error.isEmpty else { return nil }
      let theirs = StepWords(other.trace.error, failed: true).words
      let shared = Double(words.intersection(theirs).count)
      let share = shared / Double(max(1, words.union(theirs).count))
      return share >= 0.5 ? (other.trace.traceID, share) : nil
    }
    return likeness.sorted { $0.share > $1.share }.prefix(5).map(\.id)
  }
}
