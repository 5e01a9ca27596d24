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
    let past = try PastFailures(scope: scope, db: db).find(like: order.stored)
    answer.failure?.pastFailures = past
    answer.failure?.similarTraceIDs = past.map(\.traceID)
    return answer
  }
}
