package import LociCore
package import LociProto
import LociRecall
package import LociStore

/// Records experiences, all or none.
package struct RecordExperiences: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let experiences: [V1.Experience]
  private let chosenIDs: [String]

  /// - Throws: `LociError.invalid` naming the field.
  package init(
    _ request: V1.RecordExperiencesRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.count(request.experiences.count, field: "experiences", in: 1...LearnLimits.itemsPerCall)
    var experiences: [V1.Experience] = []
    var bytes = 512
    for draft in request.experiences {
      let experience = try Self.validated(draft, ids: ids)
      bytes += (experience.task?.text.utf8.count ?? 0) + experience.steps.count * 32 + 1_024
      experiences.append(experience)
    }
    self.experiences = experiences
    costBytes = bytes
    chosenIDs = request.experiences.map(\.id).filter { !$0.isEmpty }
    try LearnChecks.noRepeats(chosenIDs, field: "experiences.id")
  }

  private static func validated(
    _ draft: V1.Experience, ids: UUIDv7Generator
  ) throws(LociError) -> V1.Experience {
    var experience = draft
    try Validate.optionalName(draft.id, field: "experiences.id")
    _ = try LearnChecks.task(draft.task, field: "experiences.task")
    try Validate.count(draft.steps.count, field: "experiences.steps", in: 0...LearnLimits.stepsMax)
    for step in draft.steps { try Validate.name(step, field: "experiences.steps") }
    try Validate.traceID(draft.traceID, field: "experiences.trace_id")
    try Validate.optionalName(draft.strategy, field: "experiences.strategy")
    try Validate.optionalName(draft.decisionID, field: "experiences.decision_id")
    if let reward = draft.reward {
      try LearnChecks.finite(reward, field: "experiences.reward", in: 0...1)
    }
    try LearnChecks.notNegative(draft.cost, field: "experiences.cost")
    try LearnChecks.duration(draft.durationMs, field: "experiences.duration_ms")
    try Validate.count(
      draft.memoryIDs.count, field: "experiences.memory_ids", in: 0...LearnLimits.memoriesMax)
    for id in draft.memoryIDs { try Validate.name(id, field: "experiences.memory_ids") }
    try Validate.text(draft.note, field: "experiences.note", bytesMax: LearnLimits.noteBytesMax)
    try Validate.time(draft.createdAtUs, field: "experiences.created_at_us")
    try AttributeColumn.validate(draft.attributes, field: "experiences.attributes")
    if experience.id.isEmpty { experience.id = ids.next() }
    return experience
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.RecordExperiencesResponse> {
    for id in chosenIDs where try ExperienceQueries.find(id, scope: scope, in: transaction.db) != nil {
      throw LociError.alreadyExists(.experience, id: id)
    }
    let bodies = experiences.map { experience in
      var experience = experience
      if experience.createdAtUs == 0 { experience.createdAtUs = transaction.at.microseconds }
      return experience.encoded()
    }
    return Decision(
      events: [.experiencesRecorded(LogV1.ExperiencesRecorded(experiences: bodies))],
      answer: V1.RecordExperiencesResponse(experienceIDs: experiences.map(\.id)))
  }
}

package struct DeleteExperiences: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let ids: [String]

  package init(
    _ request: V1.DeleteExperiencesRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.count(
      request.experienceIDs.count, field: "experience_ids", in: 1...LearnLimits.itemsPerCall)
    for id in request.experienceIDs { try Validate.name(id, field: "experience_ids") }
    ids = request.experienceIDs.withoutRepeats()
    costBytes = 512 + ids.count * 64
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.DeleteExperiencesResponse> {
    let present = try ids.filter {
      try ExperienceQueries.find($0, scope: scope, in: transaction.db) != nil
    }
    return Decision(
      events: present.isEmpty ? [] : [.experiencesDeleted(LogV1.ExperiencesDeleted(ids: present))],
      answer: V1.DeleteExperiencesResponse(experiencesDeleted: UInt64(present.count)))
  }
}
