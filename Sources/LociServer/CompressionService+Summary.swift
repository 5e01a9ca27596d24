import LociCompress
import LociContext
import LociCore
import LociProto
import LociRecall
import LociStore
import LociWire

extension CompressionService {
  private static let summaryTokensDefault = 500
  private static let summaryTokensMax: UInt32 = 100_000

  func summarize(
    _ request: V1.SummarizeRequest, _ call: CallContext
  ) async throws -> V1.SummarizeResponse {
    guard request.tokenBudget <= Self.summaryTokensMax else {
      throw LociError.invalid(
        field: "token_budget",
        problem: "is \(request.tokenBudget), must be at most \(Self.summaryTokensMax)")
    }
    let texts = try await texts(request.texts, request.scope, request.contextID, request.consistency)
    let counter = node.compressionCounter
    let generator = SummaryGenerator(
      summariser: request.extractive ? nil : node.summariser, counter: { try counter.count($0) },
      worker: { [workers = node.workers] work in try await workers.run(work) })
    let summary = try await generator.summary(
      of: texts,
      tokensMax: request.tokenBudget == 0 ? Self.summaryTokensDefault : Int(request.tokenBudget))
    return V1.SummarizeResponse(
      text: summary.text, coveredIDs: summary.coveredIDs, model: summary.model ?? "",
      fallbackReason: summary.fallbackReason ?? "", unsupported: summary.unsupported,
      tokensBefore: UInt64(summary.tokensBefore), tokensAfter: UInt64(summary.tokensAfter),
      counter: counter.name)
  }

  private static let partMessagesDefault = 1_000
  private static let partMessagesMax: UInt32 = 2_000
  private static let partBytesMax = 1 << 20

  func compressStream(
    _ request: V1.CompressStreamRequest, _ call: CallContext,
    _ responses: ResponseStream<V1.CompressStreamResponse>
  ) async throws {
    let scope = try request.checkedScope()
    let id = try ContextID(validating: request.contextID)
    let target = try CompressionTargets.checked(request.target)
    guard target.tokenBudget == nil, request.target?.question.isEmpty ?? true else {
      throw LociError.invalid(
        field: "target", problem: "may have neither token_budget nor question: each part is for itself")
    }
    guard request.partMessages <= Self.partMessagesMax else {
      throw LociError.invalid(
        field: "part_messages", problem: "is \(request.partMessages), must be at most \(Self.partMessagesMax)"
      )
    }
    let most = request.partMessages == 0 ? Self.partMessagesDefault : Int(request.partMessages)
    var last: Int64 = 0
    var total = V1.CompressionFigures()
    while true {
      try call.checkCancellation()
      let after = last
      let chunk = try await node.read(scope, request.consistency) { db, _ in
        try ContextQueries.export(
          after: after, contextID: id, scope: scope, countMax: most, bytesMax: Self.partBytesMax, in: db)
      }
      guard let chunk, let first = chunk.messages.first, let newest = chunk.messages.last else { return }
      let part = try await compressed(
        chunk.messages.map(SourceText.init), target, omitArchive: request.omitArchive)
      total.add(part.figures ?? V1.CompressionFigures())
      try await responses.send(
        V1.CompressStreamResponse(
          part: part, fromNumber: first.number, untilNumber: newest.number, total: total))
      last = chunk.last
    }
  }
}
