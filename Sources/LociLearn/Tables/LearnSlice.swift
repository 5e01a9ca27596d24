import Foundation
package import GRDB
import LociCore
package import LociProto
package import LociRecall
package import LociStore

/// Tables of feedback, experience and learning, and how events change them. Everything that is learned comes from
/// these tables alone.
package struct LearnSlice: Slice {
  private let index: IndexSlice

  package init(index: IndexSlice) { self.index = index }

  package let name = "learning"
  package let tables = LearnTables.all.map { ProjectedTable($0.0, orderedBy: $0.1) }
  package var migrations: [@Sendable (Database) throws -> Void] { [LearnTables.create] }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .experiencesRecorded(let recorded):
      try apply(recorded, try scopeRow(event, transaction), transaction)
    case .experiencesDeleted(let deleted):
      try apply(deleted, try scopeRow(event, transaction), transaction)
    case .feedbackGiven(let given): try apply(given, try scopeRow(event, transaction), transaction)
    case .metricsReported(let reported): try apply(reported, try scopeRow(event, transaction), transaction)
    case .decisionMade(let made): try apply(made, try scopeRow(event, transaction), transaction)
    case .outcomeReported(let reported): try apply(reported, try scopeRow(event, transaction), transaction)
    case .adjustmentChanged(let changed):
      try apply(changed, try scopeRow(event, transaction), transaction)
    case .learningCycleRan(let ran): try apply(ran, try scopeRow(event, transaction), transaction)
    default: break
    }
  }

  private func scopeRow(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Int64 {
    try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
  }

  // MARK: Experience

  private func apply(
    _ recorded: LogV1.ExperiencesRecorded, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let insert = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO experiences (item, scope, id, task_text, task_kind, strategy, success, reward, cost,
          duration_ms, decision_id, created_at_us, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    var texts: [ItemText] = []
    for body in recorded.experiences {
      let experience = try V1.Experience(decoding: body)
      let item = transaction.nextItem()
      let task = experience.task ?? V1.Task()
      try insert.execute(arguments: [
        item, scope, experience.id, task.text, task.kind, experience.strategy, experience.success,
        experience.effectiveReward, experience.cost, experience.durationMs, experience.decisionID,
        experience.createdAtUs, Data(body)
      ])
      texts.append(ItemText(item: item, version: 1, text: task.text))
      // What followed a decision is learned from its outcome.
      guard !experience.strategy.isEmpty, experience.decisionID.isEmpty else { continue }
      try addReward(
        experience.effectiveReward, kind: task.kind, strategy: experience.strategy,
        context: TaskContext.encode(task), rater: "", source: experience.id, scope, transaction)
    }
    try index.insert(texts, into: Bucket(scopeRow: scope, kind: .experiences), transaction)
  }

  private func apply(
    _ deleted: LogV1.ExperiencesDeleted, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    var texts: [ItemText] = []
    var rewards = 0
    for id in deleted.ids {
      let row = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT item, task_text FROM experiences WHERE scope = ? AND id = ?"),
        arguments: [scope, id])
      guard let row else { continue }
      texts.append(ItemText(item: row[0], version: 1, text: row[1]))
      try db.cachedStatement(sql: "DELETE FROM experiences WHERE item = ?").execute(arguments: [
        row[0] as Int64
      ])
      try db.cachedStatement(sql: "DELETE FROM rewards WHERE scope = ? AND source = ?")
        .execute(arguments: [scope, id])
      rewards += db.changesCount
    }
    if !texts.isEmpty {
      try index.remove(texts, from: Bucket(scopeRow: scope, kind: .experiences), transaction)
    }
    guard rewards > 0 else { return }
    try db.cachedStatement(
      sql: """
        INSERT INTO reward_deletions (scope, count) VALUES (?, 1)
        ON CONFLICT (scope) DO UPDATE SET count = count + 1
        """
    ).execute(arguments: [scope])
  }

  private func addReward(
    _ reward: Double, kind: String, strategy: String, context: [Float], rater: String, source: String,
    _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    try transaction.db.cachedStatement(
      sql: """
        INSERT INTO rewards (row, scope, task_kind, strategy, context, reward, rater, source)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      transaction.nextItem(), scope, kind, strategy, FloatColumn.encode(context), reward, rater, source
    ])
  }

  // MARK: Feedback

  private func apply(
    _ given: LogV1.FeedbackGiven, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let insert = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO feedback (item, scope, id, kind, target_kind, target_id, score, created_at_us, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    for body in given.feedback {
      let feedback = try V1.Feedback(decoding: body)
      try insert.execute(arguments: [
        transaction.nextItem(), scope, feedback.id, feedback.kind.rawValue,
        feedback.target?.kind.rawValue ?? 0, feedback.target?.id ?? "", feedback.score,
        feedback.createdAtUs, Data(body)
      ])
    }
  }

  private func apply(
    _ reported: LogV1.MetricsReported, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let insert = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO metric_samples (row, scope, name, value, unit, direction, strategy, tool, at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    for body in reported.samples {
      let sample = try V1.MetricSample(decoding: body)
      try insert.execute(arguments: [
        transaction.nextItem(), scope, sample.name, sample.value, sample.unit, sample.direction.rawValue,
        sample.strategy, sample.tool, sample.atUs
      ])
    }
  }

  // MARK: Decisions

  private func apply(
    _ made: LogV1.DecisionMade, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let decision = try V1.Decision(decoding: made.decision)
    try transaction.db.cachedStatement(
      sql: "INSERT INTO decisions (row, scope, id, task_kind, made_at_us, body) VALUES (?, ?, ?, ?, ?, ?)"
    ).execute(arguments: [
      transaction.nextItem(), scope, decision.id, decision.task?.kind ?? "", decision.madeAtUs,
      Data(made.decision)
    ])
  }

  private func apply(
    _ reported: LogV1.OutcomeReported, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let row = try Row.fetchOne(
      transaction.db.cachedStatement(sql: "SELECT row, body FROM decisions WHERE scope = ? AND id = ?"),
      arguments: [scope, reported.decisionID])
    guard let row else {
      throw LociError.internalError(detail: "an event names a decision that does not exist")
    }
    try transaction.db.cachedStatement(
      sql: """
        UPDATE decisions SET outcome_at_us = ?, reward = ?, cost = ?, duration_ms = ?, used_strategy = ?,
          rater = ? WHERE row = ?
        """
    ).execute(arguments: [
      transaction.at.microseconds, reported.reward, reported.cost, reported.durationMs,
      reported.usedStrategy, reported.rater, row[0] as Int64
    ])
    let decision = try V1.Decision(decoding: [UInt8](row[1] as Data))
    guard reported.usedStrategy.isEmpty || reported.usedStrategy == decision.chosen else { return }
    try addReward(
      reported.reward, kind: decision.task?.kind ?? "", strategy: decision.chosen,
      context: decision.context, rater: reported.rater, source: decision.id, scope, transaction)
  }

  // MARK: Adjustments and cycles

  private func apply(
    _ changed: LogV1.AdjustmentChanged, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let adjustment = try V1.Adjustment(decoding: changed.adjustment)
    let db = transaction.db
    let row = try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT row FROM adjustments WHERE scope = ? AND id = ?"),
      arguments: [scope, adjustment.id])
    try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO adjustments (row, scope, id, state, kind, subject, task_kind, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      row ?? transaction.nextItem(), scope, adjustment.id, adjustment.state.rawValue,
      adjustment.kind.rawValue, adjustment.subject, adjustment.taskKind, Data(changed.adjustment)
    ])
  }

  private func apply(
    _ ran: LogV1.LearningCycleRan, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let cycle = try V1.LearningCycle(decoding: ran.cycle)
    try transaction.db.cachedStatement(
      sql: "INSERT INTO learning_cycles (row, scope, id, at_us, body) VALUES (?, ?, ?, ?, ?)"
    ).execute(arguments: [transaction.nextItem(), scope, cycle.id, cycle.atUs, Data(ran.cycle)])
  }
}
