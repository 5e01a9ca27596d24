import Foundation
import GRDB
import LociCore
import LociProto
import LociRecall
import LociStore

/// Other traces of the agent in which a step failed in the same way, and what went well after it.
struct PastFailures {
  let scope: Scope
  let db: Database

  static let tracesMax = 500
  static let told = 5
  /// Words that two errors must share, of all they have.
  static let likenessMin = 0.5
  /// Traces that ended well and are compared with one that did not.
  static let successesMax = 8
  /// Longer traces are not looked into.
  static let stepsMax = 5_000

  /// Most alike first.
  func find(like stored: TraceQueries.Stored) throws -> [V1.PastFailure] {
    let words = Set(StepWords(stored.trace.error, failed: true).words)
    guard !words.isEmpty else { return [] }
    let failed = try TraceQueries.newest(
      TraceSelection(nil), count: Self.tracesMax, withErrors: true, scope: scope, in: db)
    let alike = failed.compactMap { other -> (stored: TraceQueries.Stored, likeness: Double)? in
      guard other.row != stored.row, !other.trace.error.isEmpty else { return nil }
      let theirs = StepWords(other.trace.error, failed: true).words
      let shared = Double(words.intersection(theirs).count)
      let likeness = shared / Double(max(1, words.union(theirs).count))
      return likeness >= Self.likenessMin ? (other, likeness) : nil
    }
    return try alike.sorted { $0.likeness > $1.likeness }.prefix(Self.told).map { other, likeness in
      var past = try whatFixed(other)
      (past.traceID, past.likeness) = (other.key.text, Float(likeness))
      return past
    }
  }

  private func whatFixed(_ stored: TraceQueries.Stored) throws -> V1.PastFailure {
    guard stored.trace.steps <= Self.stepsMax else { return V1.PastFailure() }
    let order = try TraceOrder(stored.key.text, scope: scope, in: db)
    guard let failure = Self.failure(in: order.table) else { return V1.PastFailure() }
    if let fixed = Self.laterSuccess(of: failure, in: order) { return fixed }
    return try laterTrace(order, failure) ?? V1.PastFailure(failedStep: order.table.numbers[failure])
  }

  /// The last failed step that does not only pass on a child's failure.
  private static func failure(in table: StepTable) -> Int? {
    let passedOn = Set((0..<table.count).lazy.filter { table.failed[$0] }.map { table.parents[$0] })
    return (0..<table.count).last { table.failed[$0] && !passedOn.contains(Int32($0)) }
  }

  /// The next step of the same kind and name that ended well, in the same trace.
  private static func laterSuccess(of failure: Int, in order: TraceOrder) -> V1.PastFailure? {
    let table = order.table
    let later = (failure + 1..<table.count).first {
      !table.failed[$0] && table.ends[$0] >= 0 && table.kinds[$0] == table.kinds[failure]
        && table.names[$0] == table.names[failure]
    }
    guard let later else { return nil }
    let isOther = table.inputs[later] != table.inputs[failure]
    return V1.PastFailure(
      fixedInTraceID: order.stored.key.text, failedStep: table.numbers[failure],
      fixedStep: table.numbers[later], fields: isOther ? ["input"] : [],
      detail: "'\(table.name(failure))' went well again at #\(table.numbers[later]) of the same trace, "
        + (isOther ? "with another input" : "with the same input"))
  }

  /// Of the next traces of the same name that ended well, the one that has most in common.
  private func laterTrace(_ order: TraceOrder, _ failure: Int) throws -> V1.PastFailure? {
    var best: (trace: String, comparison: V1.CompareTracesResponse)?
    for success in try successes(after: order.stored) {
      let other = try TraceOrder(success.key.text, scope: scope, in: db)
      let comparison = TraceComparison.compare(order.table, other.table)
      if comparison.sameSteps > best?.comparison.sameSteps ?? 0 { best = (success.key.text, comparison) }
    }
    guard let best, let first = best.comparison.firstDeed else { return nil }
    let what =
      switch first.kind {
      case .onlyFirst: "it goes without #\(first.step)"
      case .onlyOther: "it does #\(first.otherStep), which the failed one did not"
      default: "its #\(first.otherStep) has another \(first.fields.joined(separator: ", "))"
      }
    return V1.PastFailure(
      fixedInTraceID: best.trace, failedStep: order.table.numbers[failure], fixedStep: first.otherStep,
      fields: first.fields,
      detail: "a later run that ended well shares \(best.comparison.sameSteps) steps with it; first, \(what)")
  }

  private func successes(after stored: TraceQueries.Stored) throws -> [TraceQueries.Stored] {
    try TraceQueries.next(
      after: stored.row, TraceSelection(V1.TraceFilter(statuses: [.ok], name: stored.trace.name)),
      count: Self.successesMax, scope: scope, in: db
    ).filter { $0.trace.errors == 0 && $0.trace.steps <= Self.stepsMax }
  }
}

extension V1.CompareTracesResponse {
  /// The first step that does something else, rather than only end otherwise.
  fileprivate var firstDeed: V1.StepDifference? {
    let outcomes: Set = ["status", "output"]
    return differences.first { $0.kind != .changed || !outcomes.isSuperset(of: $0.fields) } ?? firstDivergence
  }
}
