import Foundation
import GRDB
package import LociCore
package import LociProto
import LociRecall

/// Which traces a list or a search is about, checked.
package struct TraceSelection: Sendable {
  private let filter: V1.TraceFilter

  package init(_ filter: V1.TraceFilter?) throws(LociError) {
    let filter = filter ?? V1.TraceFilter()
    try Validate.count(filter.statuses.count, field: "filter.statuses", in: 0...3)
    guard filter.statuses.allSatisfy({ (1...3).contains($0.rawValue) }) else {
      throw .invalid(field: "filter.statuses", problem: "holds what is not a status")
    }
    try Validate.optionalName(filter.sessionID, field: "filter.session_id")
    try Validate.optionalName(filter.contextID, field: "filter.context_id")
    try Validate.time(filter.started?.fromUs ?? 0, field: "filter.started.from_us")
    try Validate.time(filter.started?.untilUs ?? 0, field: "filter.started.until_us")
    guard (0...V1.StepKind.human.rawValue).contains(filter.kind.rawValue) else {
      throw .invalid(field: "filter.kind", problem: "is not a kind")
    }
    try Validate.text(filter.stepName, field: "filter.step_name", bytesMax: StepLimits.nameBytesMax)
    try Validate.text(filter.name, field: "filter.name", bytesMax: StepLimits.nameBytesMax)
    try Validate.text(filter.errorContains, field: "filter.error_contains", bytesMax: 1_024)
    guard filter.durationMinUs >= 0, filter.durationMaxUs >= 0 else {
      throw .invalid(field: "filter.duration_min_us", problem: "is negative")
    }
    self.filter = filter
  }

  func conditions(scope: Int64) -> SQLConditions {
    var sql = SQLConditions("scope = ?", scope)
    if !filter.statuses.isEmpty {
      sql.and([.among("(\(TraceQueries.statusSQL))", filter.statuses.map(\.rawValue))])
    }
    if !filter.sessionID.isEmpty { sql.and("session_id <> '' AND session_id = ?", filter.sessionID) }
    if !filter.contextID.isEmpty { sql.and("context_id = ?", filter.contextID) }
    if let from = filter.started?.fromUs, from > 0 { sql.and("started_at_us >= ?", from) }
    if let until = filter.started?.untilUs, until > 0 { sql.and("started_at_us < ?", until) }
    if !filter.name.isEmpty { sql.and("name = ?", filter.name) }
    if filter.durationMinUs > 0 { sql.and("ended_at_us - started_at_us >= ?", filter.durationMinUs) }
    if filter.durationMaxUs > 0 {
      sql.and("ended_at_us > 0 AND ended_at_us - started_at_us <= ?", filter.durationMaxUs)
    }
    if !filter.errorContains.isEmpty {
      sql.and("instr(lower(error), lower(?)) > 0", filter.errorContains)
    }
    let kind: Int32? = filter.kind == .unspecified ? nil : filter.kind.rawValue
    if kind != nil || !filter.stepName.isEmpty {
      var inner = SQLConditions("trace = traces.row AND count > 0")
      if let kind { inner.and("kind = ?", kind) }
      if !filter.stepName.isEmpty { inner.and("trace_groups.name = ?", filter.stepName) }
      inner.wrap { "EXISTS (SELECT 1 FROM trace_groups WHERE \($0))" }
      sql.and([inner])
    }
    return sql
  }
}
