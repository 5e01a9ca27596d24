package import LociCore
package import LociProto

/// What to look for, checked.
package struct SearchRequest: Sendable {
  package enum Mode: Sendable { case semantic, keyword, hybrid }
  /// Whether an item counts by itself, or with the turns around it.
  package enum Granularity: Sendable { case item, passage }

  package let text: String
  /// Other wordings of the same question.
  package let otherTexts: [String]
  /// Unit length, when the caller brought it.
  package let embedding: [Float]?
  package private(set) var limit: Int
  /// Candidates from each side; `nil`: by the limit.
  private(set) var candidates: Int?
  package let mode: Mode
  /// `nil`: chosen for the query.
  package let weights: Weights?
  package private(set) var filter: ItemFilter
  package let waitForIndex: Bool
  package let granularity: Granularity
  /// Turns without a word of the query are hits even where there is no meaning to find them by.
  let wantsAllTurns: Bool
  /// How much a hit that resembles a better one loses: 0 to 1.
  package let diversity: Float
  /// After which the best so far is returned.
  package let deadline: Duration?
  /// The span that the query's time expression names.
  package let timeRange: V1.TimeRange?
  /// Turns to show around each message.
  package let neighbours: Int

  package static let limitDefault = 10
  package static let limitMax = 1_000
  package static let queryBytesMax = 64 << 10
  package static let otherTextsMax = 8
  package static let neighboursMax = 10

  /// - Parameter now: what time expressions are relative to, unless the options say.
  /// - Throws: `LociError.invalid` naming the field.
  package init(
    text: String, embedding: [Float], limit: Int32, mode: V1.SearchMode, weights: V1.RankWeights?,
    filter: V1.Filter?, waitForIndex: Bool, encoder: EncoderIdentity?, options: V1.SearchOptions? = nil,
    now: Timestamp = Timestamp(microseconds: 0)
  ) throws(LociError) {
    self.mode = try Self.mode(mode)
    let needsText = !(self.mode == .semantic && !embedding.isEmpty)
    try Validate.text(text, field: "query", bytesMin: needsText ? 1 : 0, bytesMax: Self.queryBytesMax)
    guard (0...Self.limitMax).contains(Int(limit)) else {
      throw .invalid(field: "limit", problem: "is \(limit), must be 1 to \(Self.limitMax)")
    }
    self.text = text
    self.embedding =
      embedding.isEmpty
      ? nil : try EncodedVectors.checked(embedding, encoder: encoder, field: "embedding")
    self.limit = limit == 0 ? Self.limitDefault : Int(limit)
    if let weights { self.weights = try Weights(weights) } else { self.weights = nil }
    self.filter = try ItemFilter(filter)
    guard self.filter.asOf == nil else {
      throw .invalid(field: "filter.as_of_us", problem: "is for lists: what was superseded is in no index")
    }
    self.waitForIndex = waitForIndex
    let options = options ?? V1.SearchOptions()
    granularity = try Self.granularity(options.granularity, self.mode)
    wantsAllTurns = options.granularity == .passage
    try Validate.unitInterval(options.diversity, field: "options.diversity")
    diversity = options.diversity
    guard (0...60_000).contains(options.deadlineMs) else {
      throw .invalid(field: "options.deadline_ms", problem: "is \(options.deadlineMs), must be 0 to 60000")
    }
    deadline = options.deadlineMs == 0 ? nil : .milliseconds(options.deadlineMs)
    try Validate.count(options.moreQueries.count, field: "options.more_queries", in: 0...Self.otherTextsMax)
    for other in options.moreQueries {
      try Validate.text(other, field: "options.more_queries", bytesMin: 1, bytesMax: Self.queryBytesMax)
    }
    otherTexts = options.moreQueries
    guard (0...Self.neighboursMax).contains(Int(options.neighbours)) else {
      throw .invalid(
        field: "options.neighbours", problem: "is \(options.neighbours), must be 0 to \(Self.neighboursMax)")
    }
    neighbours = Int(options.neighbours)
    timeRange = try Self.timeRange(text, options, now)
    if let timeRange { self.filter.narrow(to: timeRange) }
  }

  /// The same search with the same candidates, and all of them as hits.
  func deeper() -> SearchRequest {
    var request = self
    request.candidates = candidatesPerSide
    request.limit = Self.limitMax
    return request
  }

  /// Each side proposes this many, so that the other's favourites can be overtaken but not lost.
  var candidatesPerSide: Int { candidates ?? max(100, limit * 4) }

  private static func mode(_ mode: V1.SearchMode) throws(LociError) -> Mode {
    switch mode {
    case .unspecified, .hybrid: .hybrid
    case .semantic: .semantic
    case .keyword: .keyword
    default: throw .invalid(field: "mode", problem: "is not a search mode")
    }
  }

  /// Who asks for words alone, or for meaning alone, wants the items that have it.
  private static func granularity(
    _ granularity: V1.Granularity, _ mode: Mode
  ) throws(LociError) -> Granularity {
    switch granularity {
    case .unspecified: mode == .hybrid ? .passage : .item
    case .passage: .passage
    case .item: .item
    default: throw .invalid(field: "options.granularity", problem: "is not a granularity")
    }
  }

  private static func timeRange(
    _ text: String, _ options: V1.SearchOptions, _ now: Timestamp
  ) throws(LociError) -> V1.TimeRange? {
    guard options.timeExpressions else { return nil }
    try Validate.time(options.nowUs, field: "options.now_us")
    guard (-1_440...1_440).contains(options.utcOffsetMinutes) else {
      throw .invalid(
        field: "options.utc_offset_minutes",
        problem: "is \(options.utcOffsetMinutes), must be -1440 to 1440")
    }
    let now = options.nowUs == 0 ? now : Timestamp(microseconds: options.nowUs)
    return TimeExpression.range(in: text, now: now, offsetMinutes: Int(options.utcOffsetMinutes))
  }
}

/// What a search found and did.
package struct SearchOutcome<Items: Sendable>: Sendable {
  package var items: Items
  package var ranked: [RankedItem] = []
  package var vectorsScanned = 0
  package var keywordMatches: UInt64 = 0
  package var pendingEmbeddings = 0
  package var stages: [String] = []
  package var position: Position
  /// Whether the search's own deadline ended it early.
  package var isPartial = false
  package var timeRange: V1.TimeRange?
  package var weights: Weights?
  /// Learned adjustments that took part.
  package var adjustmentIDs: [String] = []
}
