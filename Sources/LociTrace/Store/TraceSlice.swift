import Foundation
package import GRDB
import LociCore
package import LociProto
package import LociStore

/// Tables of traces, and how events change them. Steps are kept in blocks, as they came: a row for each of them would
/// cost ten times as much.
package struct TraceSlice: Slice {
  private let tail: StepTail?
  private let policies: TracePolicies?

  /// - Parameters:
  ///   - tail: told of steps once they are durable.
  ///   - policies: told of policies once they are durable.
  package init(tail: StepTail? = nil, policies: TracePolicies? = nil) {
    self.tail = tail
    self.policies = policies
  }

  package let name = "traces"
  package let tables = [
    ProjectedTable("traces", orderedBy: "row"), ProjectedTable("trace_blocks", orderedBy: "trace, first"),
    ProjectedTable("trace_completed", orderedBy: "trace, number"),
    ProjectedTable("trace_groups", orderedBy: "trace, kind, name"),
    ProjectedTable("step_baselines", orderedBy: "scope, kind, name"),
    ProjectedTable("step_blobs", orderedBy: "scope, hash"),
    ProjectedTable("trace_blobs", orderedBy: "trace, hash"),
    ProjectedTable("trace_policies", orderedBy: "scope")
  ]

  package var migrations: [@Sendable (Database) throws -> Void] {
    [TraceTables.create, TraceTables.addPolicies]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .stepsWritten(let written):
      let scope = try scopeRow(event, transaction)
      for block in written.blocks { try apply(block, scope, transaction) }
      for blob in written.blobs { try apply(blob, scope, transaction) }
      if let tail, tail.isWatched {
        let owner = try Scope(tenant: event.tenant, agent: event.agent)
        transaction.afterCommit { tail.publish(written.blocks, of: owner) }
      }
    case .stepsCompleted(let completed):
      let scope = try scopeRow(event, transaction)
      for step in completed.steps { try apply(step, scope, transaction) }
      for blob in completed.blobs { try apply(blob, scope, transaction) }
      if let tail, tail.isWatched {
        let owner = try Scope(tenant: event.tenant, agent: event.agent)
        transaction.afterCommit { tail.publish(completed.steps, of: owner) }
      }
    case .tracesDeleted(let deleted):
      let scope = try scopeRow(event, transaction)
      for id in deleted.traceIDs { try delete(id, scope, transaction) }
    case .tracesExpired(let expired):
      let scope = try scopeRow(event, transaction)
      for id in expired.traceIDs { try delete(id, scope, transaction) }
    case .tracePolicySet(let set): try apply(set, event, transaction)
    case .traceForked(let forked):
      guard let row = try row(forked.traceID, try scopeRow(event, transaction), transaction) else {
        throw Self.unknown
      }
      try transaction.db.cachedStatement(
        sql: "UPDATE traces SET forked_from = ?, forked_after = ? WHERE row = ?"
      ).execute(arguments: [Data(forked.sourceTraceID), forked.afterStep, row])
    default: break
    }
  }

  private static let unknown = LociError.internalError(detail: "an event names a trace that does not exist")

  private func scopeRow(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Int64 {
    try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
  }

  private func row(
    _ id: [UInt8], _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws -> Int64? {
    guard let key = TraceKey(bytes: id) else { throw Self.unknown }
    return try TraceQueries.row(key, scope: scope, in: transaction.db)
  }

  private func apply(
    _ set: LogV1.TracePolicySet, _ event: LogV1.Event, _ transaction: ProjectionTransaction
  ) throws {
    let owner = try Scope(tenant: event.tenant, agent: event.agent)
    let row = try transaction.ensureScopeRow(owner)
    if set.removed {
      try transaction.db.cachedStatement(sql: "DELETE FROM trace_policies WHERE scope = ?")
        .execute(arguments: [row])
    } else {
      try transaction.db.cachedStatement(
        sql: """
          INSERT INTO trace_policies (scope, policy) VALUES (?, ?)
          ON CONFLICT (scope) DO UPDATE SET policy = excluded.policy
          """
      ).execute(arguments: [row, Data(set.policy)])
    }
    if let policies {
      let policy = set.removed ? nil : try V1.TracePolicy(decoding: set.policy)
      transaction.afterCommit { policies.set(policy, of: owner) }
    }
  }

  // MARK: Steps

  private func apply(
    _ block: LogV1.StoredStepBlock, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    guard let key = TraceKey(bytes: block.traceID) else { throw Self.unknown }
    let delta = block.delta ?? LogV1.StoredTraceDelta()
    let index = transaction.kept { SpanIndex() }
    let trace: SpanIndex.Trace
    if let known = try index.trace(key, scope: scope, in: transaction.db) {
      trace = known
      try update(known.row, delta, steps: Int64(block.count), transaction)
    } else {
      trace = SpanIndex.Trace(row: transaction.nextItem())
      try insert(trace.row, block, delta, scope, transaction)
      index.insert(trace, SpanIndex.Key(scope: scope, trace: key))
    }
    try HotStatement(
      "INSERT INTO trace_blocks (trace, first, count, spans, columns, texts) VALUES (?, ?, ?, ?, ?, ?)",
      in: transaction.db
    ).run {
      $0.bind(trace.row)
      $0.bind(Int64(block.first))
      $0.bind(Int64(block.count))
      $0.bind(block.spans)
      $0.bind(block.columns)
      $0.bind(block.texts)
    }
    index.add(try TraceQueries.spans(block.spans), first: block.first, to: trace)
    try apply(delta.groups, trace.row, scope, transaction)
  }

  private func insert(
    _ row: Int64, _ block: LogV1.StoredStepBlock, _ delta: LogV1.StoredTraceDelta, _ scope: Int64,
    _ transaction: ProjectionTransaction
  ) throws {
    try HotStatement(
      """
      INSERT INTO traces (row, scope, trace_id, name, root_status, started_at_us, ended_at_us, steps, errors,
        running, input_tokens, output_tokens, cost_nano_usd, session_id, context_id, error, forked_after,
        created_at_us, version)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 1)
      """, in: transaction.db
    ).run {
      $0.bind(row)
      $0.bind(scope)
      $0.bind(block.traceID)
      $0.bind(delta.hasRoot ? delta.rootName : delta.firstName)
      $0.bind(delta.hasRoot ? Int64(delta.rootStatus) : -1)
      for value in [
        delta.startedAtUs, delta.endedAtUs, Int64(block.count), delta.errors, delta.running,
        delta.inputTokens, delta.outputTokens, delta.costNanoUsd
      ] { $0.bind(value) }
      for text in [delta.sessionID, delta.contextID, delta.error] { $0.bind(text) }
      $0.bind(transaction.at.microseconds)
    }
  }

  private func update(
    _ row: Int64, _ delta: LogV1.StoredTraceDelta, steps: Int64, _ transaction: ProjectionTransaction
  ) throws {
    try HotStatement(
      """
      UPDATE traces SET
        name = CASE WHEN ?1 THEN ?2 ELSE name END,
        root_status = CASE WHEN ?1 THEN ?3 ELSE root_status END,
        started_at_us = CASE WHEN ?4 = 0 THEN started_at_us ELSE min(started_at_us, ?4) END,
        ended_at_us = max(ended_at_us, ?5), steps = steps + ?6, errors = errors + ?7, running = running + ?8,
        input_tokens = input_tokens + ?9, output_tokens = output_tokens + ?10,
        cost_nano_usd = cost_nano_usd + ?11,
        session_id = CASE WHEN session_id = '' THEN ?12 ELSE session_id END,
        context_id = CASE WHEN context_id = '' THEN ?13 ELSE context_id END,
        error = CASE WHEN error = '' THEN ?14 ELSE error END, version = version + 1
      WHERE row = ?15
      """, in: transaction.db
    ).run {
      $0.bind(delta.hasRoot ? Int64(1) : 0)
      $0.bind(delta.rootName)
      for value in [
        Int64(delta.rootStatus), delta.startedAtUs, delta.endedAtUs, steps, delta.errors, delta.running,
        delta.inputTokens, delta.outputTokens, delta.costNanoUsd
      ] { $0.bind(value) }
      for text in [delta.sessionID, delta.contextID, delta.error] { $0.bind(text) }
      $0.bind(row)
    }
  }

  private func apply(
    _ groups: [LogV1.StoredStepGroup], _ trace: Int64, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    for group in groups {
      try HotStatement(
        """
        INSERT INTO trace_groups (trace, kind, name, count, errors) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (trace, kind, name) DO UPDATE SET count = count + excluded.count,
          errors = errors + excluded.errors
        """, in: transaction.db
      ).run {
        $0.bind(trace)
        $0.bind(Int64(group.kind))
        $0.bind(group.name)
        $0.bind(group.count)
        $0.bind(group.errors)
      }
      var baseline = try TraceQueries.baseline(
        kind: group.kind, name: group.name, scope: scope, in: transaction.db)
      baseline.count += group.count
      baseline.errors += group.errors
      for (bucket, count) in zip(group.buckets, group.counts) {
        baseline.durations.add(bucket: bucket, count: Int64(count))
      }
      try HotStatement(
        """
        INSERT INTO step_baselines (scope, kind, name, count, errors, durations) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (scope, kind, name) DO UPDATE SET count = excluded.count, errors = excluded.errors,
          durations = excluded.durations
        """, in: transaction.db
      ).run {
        $0.bind(scope)
        $0.bind(Int64(group.kind))
        $0.bind(group.name)
        $0.bind(baseline.count)
        $0.bind(baseline.errors)
        $0.bind(baseline.durations.stored)
      }
    }
  }

  private func apply(
    _ completed: LogV1.CompletedStep, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    guard let row = try row(completed.traceID, scope, transaction) else { throw Self.unknown }
    let delta = completed.delta ?? LogV1.StoredTraceDelta()
    try update(row, delta, steps: 0, transaction)
    try HotStatement(
      """
      INSERT INTO trace_completed (trace, number, step) VALUES (?, ?, ?)
      ON CONFLICT (trace, number) DO UPDATE SET step = excluded.step
      """, in: transaction.db
    ).run {
      $0.bind(row)
      $0.bind(Int64(completed.number))
      $0.bind(completed.step)
    }
    try apply(delta.groups, row, scope, transaction)
  }

  private func apply(
    _ blob: LogV1.StoredBlob, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    guard let trace = try row(blob.traceID, scope, transaction) else { throw Self.unknown }
    if !blob.content.isEmpty {
      try transaction.db.cachedStatement(
        sql: "INSERT OR IGNORE INTO step_blobs (scope, hash, content) VALUES (?, ?, ?)"
      ).execute(arguments: [scope, Data(blob.hash), Data(blob.content)])
    }
    try transaction.db.cachedStatement(sql: "INSERT OR IGNORE INTO trace_blobs (trace, hash) VALUES (?, ?)")
      .execute(arguments: [trace, Data(blob.hash)])
  }

  // MARK: Deletion

  /// What its steps added to the baselines stays: they are of the agent, and hold no content.
  private func delete(_ id: [UInt8], _ scope: Int64, _ transaction: ProjectionTransaction) throws {
    guard let key = TraceKey(bytes: id), let row = try row(id, scope, transaction) else { return }
    let db = transaction.db
    let hashes = try Data.fetchAll(
      db.cachedStatement(sql: "SELECT hash FROM trace_blobs WHERE trace = ? ORDER BY hash"), arguments: [row])
    for table in ["trace_blobs", "trace_groups", "trace_completed", "trace_blocks"] {
      try db.cachedStatement(sql: "DELETE FROM \(table) WHERE trace = ?").execute(arguments: [row])
    }
    try db.cachedStatement(sql: "DELETE FROM traces WHERE row = ?").execute(arguments: [row])
    for hash in hashes {
      try db.cachedStatement(
        sql: """
          DELETE FROM step_blobs WHERE scope = ?1 AND hash = ?2 AND NOT EXISTS (
            SELECT 1 FROM trace_blobs JOIN traces ON traces.row = trace_blobs.trace
            WHERE trace_blobs.hash = ?2 AND traces.scope = ?1)
          """
      ).execute(arguments: [scope, hash])
    }
    transaction.kept { SpanIndex() }.forget(key, scope: scope)
  }
}
