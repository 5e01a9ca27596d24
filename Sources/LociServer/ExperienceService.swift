import LociCore
import LociLearn
import LociProto
import LociRecall
import LociStore
import LociTrace
import LociWire

/// Experience on the wire: decode, call, encode.
struct ExperienceService: ExperienceServiceProvider {
  let node: NodeParts

  private static let patternExperiencesMax = 20_000

  func recordExperiences(
    _ request: V1.RecordExperiencesRequest, _ call: CallContext
  ) async throws -> V1.RecordExperiencesResponse {
    let scope = try request.checkedScope()
    try node.checkCanWait(request.options)
    let key = try request.requestKey()
    // Refused before any trace is read.
    var command = try RecordExperiences(request, scope: scope, key: key, ids: node.ids)
    if let filled = try await withTraces(request, scope) {
      command = try RecordExperiences(filled, scope: scope, key: key, ids: node.ids)
    }
    let answer = try await node.write(command)
    if request.options?.waitForIndex == true { try await node.waitUntilIndexed(scope, .experiences) }
    return answer
  }

  /// The request with what the traces say of experiences that name one and no steps; `nil` where none does.
  private func withTraces(
    _ request: V1.RecordExperiencesRequest, _ scope: Scope
  ) async throws -> V1.RecordExperiencesRequest? {
    let places = request.experiences.indices.filter {
      request.experiences[$0].steps.isEmpty && !request.experiences[$0].traceID.isEmpty
    }
    guard !places.isEmpty else { return nil }
    let ids = places.map { request.experiences[$0].traceID }
    let runs = try await node.read(scope, nil) { db, _ in
      try ids.map {
        try TraceActions(
          $0, most: LearnLimits.stepsMax, bytesMax: identifierBytesMax, scope: scope, in: db)
      }
    }
    var filled = request
    for (place, run) in zip(places, runs) {
      guard let run else { continue }
      filled.experiences[place].steps = run.names
      if filled.experiences[place].durationMs == 0 { filled.experiences[place].durationMs = run.durationMs }
    }
    return filled
  }

  func getExperience(
    _ request: V1.GetExperienceRequest, _ call: CallContext
  ) async throws -> V1.GetExperienceResponse {
    let scope = try request.checkedScope()
    try Validate.name(request.experienceID, field: "experience_id")
    return try await node.read(scope, request.consistency) { db, _ in
      V1.GetExperienceResponse(
        experience: try ExperienceQueries.get(request.experienceID, scope: scope, in: db))
    }
  }

  func listExperiences(
    _ request: V1.ListExperiencesRequest, _ call: CallContext
  ) async throws -> V1.ListExperiencesResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try ExperienceQueries.list(
        kind: request.taskKind, strategy: request.strategy, page: page, scope: scope, in: db)
      return V1.ListExperiencesResponse(experiences: found.experiences, page: found.page)
    }
  }

  func deleteExperiences(
    _ request: V1.DeleteExperiencesRequest, _ call: CallContext
  ) async throws -> V1.DeleteExperiencesResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DeleteExperiences(request, scope: scope, key: request.requestKey()))
  }

  func findSimilarExperiences(
    _ request: V1.FindSimilarExperiencesRequest, _ call: CallContext
  ) async throws -> V1.FindSimilarExperiencesResponse {
    let scope = try request.checkedScope()
    let search = try SimilarSearch(request)
    let found = try await node.similarExperiences(
      search, scope: scope, waitForIndex: request.waitForIndex, consistency: request.consistency, call: call)
    let limit = request.limit == 0 ? 10 : Int(request.limit)
    return V1.FindSimilarExperiencesResponse(
      experiences: Array(found.similar.matches.prefix(limit)), strategies: found.similar.strategies,
      success: V1.Estimate(found.similar.success), candidates: UInt64(found.candidates),
      matches: UInt64(found.similar.matches.count), byMeaning: found.byMeaning)
  }

  func findPatterns(
    _ request: V1.FindPatternsRequest, _ call: CallContext
  ) async throws -> V1.FindPatternsResponse {
    let scope = try request.checkedScope()
    let search = try StepPatterns(request)
    guard (0...1_000).contains(request.limit) else {
      throw LociError.invalid(field: "limit", problem: "is \(request.limit), must be 1 to 1000")
    }
    let experiences = try await node.read(scope, request.consistency) { db, _ in
      try ExperienceQueries.newest(
        Self.patternExperiencesMax, kind: request.taskKind, strategy: request.strategy, scope: scope, in: db)
    }
    try call.checkCancellation()
    return try await node.workers.run {
      var answer = search.find(experiences)
      if !request.includeInsignificant { answer.patterns = answer.patterns.filter(search.isSignificant) }
      answer.patterns = Array(answer.patterns.prefix(request.limit == 0 ? 50 : Int(request.limit)))
      return answer
    }
  }
}

/// What to compare experiences with, checked.
struct SimilarSearch: Sendable {
  let task: V1.Task
  let steps: [String]
  let threshold: Double
  let similarity: TaskSimilarity

  init(_ request: V1.FindSimilarExperiencesRequest) throws(LociError) {
    guard (0...200).contains(request.limit) else {
      throw .invalid(field: "limit", problem: "is \(request.limit), must be 1 to 200")
    }
    try self.init(
      task: request.task, steps: request.steps, threshold: request.threshold, weights: request.weights)
  }

  init(
    task: V1.Task?, steps: [String] = [], threshold: Double? = nil, weights: V1.SimilarityWeights? = nil
  ) throws(LociError) {
    guard let task else { throw .invalid(field: "task", problem: "is missing") }
    try Validate.text(task.text, field: "task.text", bytesMin: 1, bytesMax: LearnLimits.taskBytesMax)
    try Validate.optionalName(task.kind, field: "task.kind")
    try AttributeColumn.validate(task.features, field: "task.features")
    try Validate.count(steps.count, field: "steps", in: 0...LearnLimits.stepsMax)
    guard let similarity = TaskSimilarity(weights) else {
      throw .invalid(field: "weights", problem: "must be finite, not negative, and not all zero")
    }
    let threshold = threshold ?? TaskSimilarity.thresholdDefault
    guard threshold >= 0, threshold <= 1 else {
      throw .invalid(field: "threshold", problem: "is \(threshold), must be 0 to 1")
    }
    (self.task, self.steps, self.threshold, self.similarity) = (task, steps, threshold, similarity)
  }
}

extension NodeParts {
  /// Experiences that the index proposes for a task, compared in full.
  func similarExperiences(
    _ search: SimilarSearch, scope: Scope, waitForIndex: Bool, consistency: V1.Consistency?, call: CallContext
  ) async throws -> (similar: SimilarExperiences, candidates: Int, byMeaning: Bool) {
    let proposals: Int32 = 200
    let request = try SearchRequest(
      text: search.task.text, embedding: [], limit: proposals, mode: .hybrid, weights: nil, filter: nil,
      waitForIndex: waitForIndex && encoder != nil, encoder: encoderIdentity)
    let outcome = try await self.search(
      request, scope: scope, source: ExperienceSource(), consistency: consistency, call: call
    ) { _, _ in
      nil
    } fetch: { items, db in
      try ExperienceQueries.experiences(items, in: db)
    }
    let candidates = outcome.ranked.compactMap { ranked in
      outcome.items.byItem[ranked.item].map {
        (experience: $0, cosine: encoder == nil ? nil : Double(ranked.parts.cosine))
      }
    }
    let similar = SimilarExperiences(
      of: search.task, steps: search.steps, among: candidates, threshold: search.threshold,
      similarity: search.similarity)
    return (similar, candidates.count, encoder != nil)
  }
}
