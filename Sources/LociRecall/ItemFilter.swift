package import LociCore
package import LociProto

/// A caller's filter, checked, and as conditions on the tables of messages (alias `m`) and memories (alias `m`).
package struct ItemFilter: Sendable {
  package var contextIDs: [String] = []
  private var traceIDs: [String] = []
  private var createdFrom: Int64 = 0
  private var createdUntil: Int64 = 0
  private var roles: [Int32] = []
  private var memoryTypes: [Int32] = []
  private var importanceMin: Float = 0
  private var attributes: [V1.Attribute] = []
  private var tags: [String] = []
  private var sources: [Int32] = []
  private var confidenceMin: Float = 0
  private var trustMin: Int32 = 0
  private var validAt: Int64 = 0
  private var terms: FilterExpression?
  /// The time as of which a list of memories is wanted.
  package private(set) var asOf: Int64?

  /// - Throws: `LociError.invalid` naming the field.
  package init(_ filter: V1.Filter?) throws(LociError) {
    guard let filter else { return }
    try Validate.count(filter.contextIDs.count, field: "filter.context_ids", in: 0...256)
    for id in filter.contextIDs { try Validate.name(id, field: "filter.context_ids") }
    try Validate.count(filter.traceIDs.count, field: "filter.trace_ids", in: 0...256)
    for id in filter.traceIDs {
      try Validate.name(id, field: "filter.trace_ids")
      try Validate.traceID(id, field: "filter.trace_ids")
    }
    contextIDs = filter.contextIDs
    traceIDs = filter.traceIDs
    if let created = filter.created {
      try Validate.time(created.fromUs, field: "filter.created.from_us")
      try Validate.time(created.untilUs, field: "filter.created.until_us")
      (createdFrom, createdUntil) = (created.fromUs, created.untilUs)
    }
    try Validate.count(filter.roles.count, field: "filter.roles", in: 0...16)
    roles = filter.roles.map(\.rawValue)
    try Validate.count(filter.memoryTypes.count, field: "filter.memory_types", in: 0...16)
    memoryTypes = filter.memoryTypes.map(\.rawValue)
    try Validate.unitInterval(filter.importanceMin, field: "filter.importance_min")
    importanceMin = filter.importanceMin
    try Validate.count(filter.attributes.count, field: "filter.attributes", in: 0...16)
    try AttributeColumn.validate(filter.attributes, field: "filter.attributes")
    attributes = filter.attributes
    try Validate.count(filter.tags.count, field: "filter.tags", in: 0...16)
    for tag in filter.tags { try Validate.name(tag, field: "filter.tags") }
    tags = filter.tags
    try Validate.count(filter.sources.count, field: "filter.sources", in: 0...16)
    sources = filter.sources.map(\.rawValue)
    try Validate.unitInterval(filter.confidenceMin, field: "filter.confidence_min")
    confidenceMin = filter.confidenceMin
    guard (0...V1.TrustClass.high.rawValue).contains(filter.trustMin.rawValue) else {
      throw .invalid(field: "filter.trust_min", problem: "is not a trust class")
    }
    trustMin = filter.trustMin.rawValue
    try Validate.time(filter.validAtUs, field: "filter.valid_at_us")
    validAt = filter.validAtUs
    try Validate.time(filter.asOfUs, field: "filter.as_of_us")
    asOf = filter.asOfUs == 0 ? nil : filter.asOfUs
    terms = try FilterExpression(filter.terms)
  }

  /// Keeps what came to be in `range`, of what passed before.
  package mutating func narrow(to range: V1.TimeRange) {
    createdFrom = max(createdFrom, range.fromUs)
    createdUntil = createdUntil == 0 ? range.untilUs : min(createdUntil, range.untilUs)
  }

  package var isEmpty: Bool {
    contextIDs.isEmpty && traceIDs.isEmpty && createdFrom == 0 && createdUntil == 0 && roles.isEmpty
      && memoryTypes.isEmpty && importanceMin == 0 && attributes.isEmpty && tags.isEmpty && sources.isEmpty
      && confidenceMin == 0 && trustMin == 0 && validAt == 0 && asOf == nil
      && terms == nil
  }

  /// - Throws: `LociError.invalid` for a field that messages do not have.
  package func messageConditions() throws -> [SQLConditions] {
    var all = commonConditions
    if let terms { all.append(try terms.condition(in: .messages)) }
    if !contextIDs.isEmpty {
      var inner = SQLConditions.among("id", contextIDs)
      inner.wrap { "m.context IN (SELECT row FROM contexts WHERE scope = m.scope AND \($0))" }
      all.append(inner)
    }
    if !roles.isEmpty { all.append(.among("m.role", roles)) }
    return all
  }

  /// - Throws: `LociError.invalid` for a field that memories do not have.
  package func memoryConditions() throws -> [SQLConditions] {
    var all = commonConditions
    if let terms { all.append(try terms.condition(in: .memories)) }
    if !contextIDs.isEmpty { all.append(.among("m.context_id", contextIDs)) }
    if !memoryTypes.isEmpty { all.append(.among("m.type", memoryTypes)) }
    if importanceMin > 0 { all.append(SQLConditions("m.importance >= ?", Double(importanceMin))) }
    for tag in tags {
      all.append(SQLConditions("EXISTS (SELECT 1 FROM json_each(m.tags) WHERE value = ?)", tag))
    }
    if !sources.isEmpty { all.append(.among("m.source", sources)) }
    if confidenceMin > 0 { all.append(SQLConditions("m.confidence >= ?", Double(confidenceMin))) }
    if trustMin > 0 {
      // Not said is medium.
      all.append(
        SQLConditions(
          "CASE m.trust WHEN 0 THEN \(V1.TrustClass.medium.rawValue) ELSE m.trust END >= ?", trustMin))
    }
    if validAt > 0 {
      all.append(
        SQLConditions(
          "m.valid_from_us <= ? AND (m.valid_until_us = 0 OR m.valid_until_us > ?)", validAt, validAt))
    }
    return all
  }

  private var commonConditions: [SQLConditions] {
    var all: [SQLConditions] = []
    if !traceIDs.isEmpty {
      // Spelled so that the partial index on trace ids applies.
      var inner = SQLConditions.among("m.trace_id", traceIDs)
      inner.wrap { "m.trace_id <> '' AND \($0)" }
      all.append(inner)
    }
    if createdFrom > 0 { all.append(SQLConditions("m.created_at_us >= ?", createdFrom)) }
    if createdUntil > 0 { all.append(SQLConditions("m.created_at_us < ?", createdUntil)) }
    for attribute in attributes {
      all.append(
        SQLConditions(
          "EXISTS (SELECT 1 FROM json_each(m.attributes) WHERE key = ? AND value = ?)", attribute.key,
          attribute.value))
    }
    return all
  }
}
