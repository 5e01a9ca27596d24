import LociCore
import LociLearn
import LociProto
import LociRecall
import LociStore
import LociText
import LociWire

/// Feedback on the wire: decode, call, encode.
struct FeedbackService: FeedbackServiceProvider {
  let node: NodeParts

  private static let feedbackRead = 100_000
  private static let groupsMax = 200
  private static let issuesMax = 50
  private static let metricsMax = 200
  private static let ratersMax = 1_000

  func giveFeedback(
    _ request: V1.GiveFeedbackRequest, _ call: CallContext
  ) async throws -> V1.GiveFeedbackResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try GiveFeedback(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }

  func listFeedback(
    _ request: V1.ListFeedbackRequest, _ call: CallContext
  ) async throws -> V1.ListFeedbackResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    try Validate.count(request.kinds.count, field: "kinds", in: 0...16)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try FeedbackQueries.list(
        target: request.target, kinds: request.kinds, page: page, scope: scope, in: db)
      return V1.ListFeedbackResponse(feedback: found.feedback, page: found.page)
    }
  }

  func reportMetrics(
    _ request: V1.ReportMetricsRequest, _ call: CallContext
  ) async throws -> V1.ReportMetricsResponse {
    let scope = try request.checkedScope()
    return try await node.write(try ReportMetrics(request, scope: scope, key: request.requestKey()))
  }

  func analyzeFeedback(
    _ request: V1.AnalyzeFeedbackRequest, _ call: CallContext
  ) async throws -> V1.AnalyzeFeedbackResponse {
    let scope = try request.checkedScope()
    let key = try Self.grouping(request.grouping)
    let confidence = request.confidence == 0 ? 0.95 : request.confidence
    guard confidence > 0.5, confidence < 1 else {
      throw LociError.invalid(field: "confidence", problem: "is \(confidence), must be above 0.5 and below 1")
    }
    let (feedback, samples) = try await node.read(scope, request.consistency) { db, _ in
      (
        try FeedbackQueries.newest(Self.feedbackRead, created: request.created, scope: scope, in: db),
        try FeedbackQueries.samples(Self.feedbackRead, created: request.created, scope: scope, in: db)
      )
    }
    let comments = feedback.filter { $0.kind == .issue || $0.kind == .comment || $0.kind == .suggestion }
      .suffix(2_000)
    let vectors = try await vectors(of: comments.map(\.text))
    try call.checkCancellation()
    return try await node.workers.run {
      let analysis = FeedbackAnalysis(feedback, confidence: confidence)
      let groups = analysis.groups(key).prefix(Self.groupsMax)
      let issues = IssueClusters.find(
        Array(comments), vectors: vectors?.rows, dimension: vectors?.dimension ?? 0)
      let metrics = MetricAnalysis.findings(samples)
      var answer = V1.AnalyzeFeedbackResponse(
        groups: Array(groups), issues: Array(issues.prefix(Self.issuesMax)),
        metrics: Array(metrics.prefix(Self.metricsMax)), raters: Array(analysis.raters.prefix(Self.ratersMax))
      )
      answer.feedbackCount = UInt64(feedback.count)
      answer.byMeaning = vectors != nil
      answer.findings = FeedbackFindings.inWords(answer)
      return answer
    }
  }

  private func vectors(of texts: [String]) async throws -> (rows: [Float], dimension: Int)? {
    guard let encoder = node.encoder, !texts.isEmpty else { return nil }
    let encoded = try await encoder.encode(texts, kind: .document, priority: .document)
    return (encoded.batch.vectors, encoder.about.dimension)
  }

  private static func grouping(
    _ grouping: V1.FeedbackGrouping
  ) throws(LociError) -> @Sendable (V1.Feedback) -> String {
    switch grouping {
    case .unspecified, .strategy: { $0.target?.kind == .strategy ? $0.target?.id ?? "" : $0.strategy }
    case .tool: { $0.target?.kind == .tool ? $0.target?.id ?? "" : $0.tool }
    case .target: { $0.target?.id ?? "" }
    case .taskKind: { $0.taskKind }
    case .all: { _ in "" }
    default: throw .invalid(field: "grouping", problem: "is not a grouping")
    }
  }
}
