import Foundation
import Synchronization
import Testing

@testable import LociText
import LociTestKit

/// An encoder whose vectors can be told apart, that waits for a word before it answers.
private final class GatedEmbedder: TextEmbedder {
  private struct State {
    var batches: [[String]] = []
    var isOpen: Bool
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  let batchTextsMax = 1_000
  private let state: Mutex<State>

  init(isOpen: Bool) { state = Mutex(State(isOpen: isOpen)) }

  var about: EncoderDescription {
    EncoderDescription(
      kind: .hashing, name: "gated", fingerprint: EncoderFingerprint(description: "gated-2"), dimension: 2,
      maxTokens: 0)
  }

  var batches: [[String]] { state.withLock { $0.batches } }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  static func vector(_ text: String) -> [Float] { [Float(text.utf8.count), Float(text.utf8.first ?? 0)] }

  func encode(
    _ texts: [String], kind: TextEncoder.Kind, longTexts: LongTexts,
    isCancelled: @escaping @Sendable () -> Bool
  ) async throws -> EncodedBatch {
    await withCheckedContinuation { continuation in
      let goes = state.withLock { state in
        state.batches.append(texts)
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if goes { continuation.resume() }
    }
    if texts.contains("fail") { throw EncoderError.remote(problem: "failed", mayPass: true) }
    return EncodedBatch(
      vectors: texts.flatMap(Self.vector), tokenCounts: texts.map(\.utf8.count),
      truncated: texts.map { _ in false })
  }

  /// Returns when so many batches have begun.
  func began(_ count: Int) async throws {
    for _ in 0..<20_000 {
      if batches.count >= count { return }
      try await Task.sleep(for: .milliseconds(1))
    }
    Issue.record("only \(batches.count) batches began")
  }
}

struct EmbeddingEngineTests {
  private func limits(_ change: (inout EncodingQueue.Limits) -> Void = { _ in }) -> EncodingQueue.Limits {
    var limits = EncodingQueue.Limits()
    limits.width = 1
    change(&limits)
    return limits
  }

  private func waits(_ engine: EmbeddingEngine, _ count: Int, _ priority: EmbeddingEngine.Priority)
    async throws
  {
    for _ in 0..<20_000 {
      if engine.statistics.waiting[priority] == count { return }
      try await Task.sleep(for: .milliseconds(1))
    }
    Issue.record("\(engine.statistics.waiting) wait")
  }

  @Test func callersShareBatchesAndQueriesGoFirst() async throws {
    let embedder = GatedEmbedder(isOpen: false)
    let engine = EmbeddingEngine(embedder, limits(), cacheBytesMax: 0)
    async let first = engine.encode(["begin"], kind: .document, priority: .document)
    try await embedder.began(1)
    async let documents = engine.encode(["d1", "d22"], kind: .document, priority: .document)
    try await waits(engine, 2, .document)
    async let more = engine.encode(["d333"], kind: .document, priority: .document)
    try await waits(engine, 3, .document)
    async let query = engine.encode(["query"], kind: .query, priority: .query)
    try await waits(engine, 1, .query)
    embedder.open()
    #expect(try await first.batch.vectors == GatedEmbedder.vector("begin"))
    #expect(try await documents.batch.vectors == GatedEmbedder.vector("d1") + GatedEmbedder.vector("d22"))
    #expect(try await more.batch.vectors == GatedEmbedder.vector("d333"))
    #expect(try await query.batch.tokenCounts == [5])
    #expect(embedder.batches == [["begin"], ["query"], ["d1", "d22", "d333"]])
    #expect(engine.statistics.batches == 3)
    #expect(engine.statistics.texts == [.document: 4, .query: 1])
  }

  @Test func batchesAreBoundedAndOneWayEach() async throws {
    let embedder = GatedEmbedder(isOpen: false)
    let engine = EmbeddingEngine(
      embedder,
      limits {
        $0.batchTexts = 3
        $0.batchBytes = 10
      }, cacheBytesMax: 0)
    async let first = engine.encode(["x"], kind: .document, priority: .document)
    try await embedder.began(1)
    async let some = engine.encode(
      ["a", "b", "c", "d", "1234567", "12345678", "123456789012345"], kind: .document, priority: .document)
    try await waits(engine, 7, .document)
    async let windows = engine.encode(
      ["w"], kind: .document, longTexts: .windows(most: 2), priority: .document)
    try await waits(engine, 8, .document)
    embedder.open()
    _ = try await (first, some, windows)
    #expect(
      embedder.batches == [["x"], ["a", "b", "c"], ["d", "1234567"], ["12345678"], ["123456789012345"], ["w"]]
    )
  }

  @Test func aFullQueueRefusesAndKeepsWhatItHas() async throws {
    let embedder = GatedEmbedder(isOpen: false)
    let engine = EmbeddingEngine(embedder, limits { $0.waiting[.document] = 2 }, cacheBytesMax: 0)
    async let first = engine.encode(["x"], kind: .document, priority: .document)
    try await embedder.began(1)
    async let waiting = engine.encode(["a", "b"], kind: .document, priority: .document)
    try await waits(engine, 2, .document)
    await #expect(throws: EncoderError.full(limit: 2, of: "texts")) {
      try await engine.encode(["c"], kind: .document, priority: .document)
    }
    async let query = engine.encode(["q"], kind: .query, priority: .query)
    embedder.open()
    _ = try await (first, waiting, query)
    #expect(engine.statistics.refused == 1)
    #expect(!embedder.batches.flatMap { $0 }.contains("c"))
  }

  @Test func whoCancelsLeavesTheQueue() async throws {
    let embedder = GatedEmbedder(isOpen: false)
    let engine = EmbeddingEngine(embedder, limits(), cacheBytesMax: 0)
    let running = Task { try await engine.encode(["x"], kind: .document, priority: .document) }
    try await embedder.began(1)
    let waiting = Task { try await engine.encode(["a", "b"], kind: .document, priority: .document) }
    try await waits(engine, 2, .document)
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    try await waits(engine, 0, .document)
    running.cancel()
    await #expect(throws: CancellationError.self) { try await running.value }
    let late = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      return try await engine.encode(["late"], kind: .document, priority: .document)
    }
    await #expect(throws: CancellationError.self) { try await late.value }
    embedder.open()
    #expect(try await engine.encode(["after"], kind: .query, priority: .query).batch.tokenCounts == [5])
    #expect(embedder.batches == [["x"], ["after"]])
  }

  @Test func aFailureReachesThoseOfItsBatchOnly() async throws {
    let embedder = GatedEmbedder(isOpen: true)
    let engine = EmbeddingEngine(embedder, limits(), cacheBytesMax: 1 << 20)
    await #expect(throws: EncoderError.self) {
      try await engine.encode(["fail"], kind: .document, priority: .document)
    }
    #expect(try await engine.encode(["a"], kind: .document, priority: .document).cachedCount == 0)
    await #expect(throws: EncoderError.self) {
      try await engine.encode(["fail"], kind: .document, priority: .document)
    }
  }

  @Test func whatIsKnownIsNotComputedAgain() async throws {
    let embedder = GatedEmbedder(isOpen: true)
    let engine = EmbeddingEngine(embedder, limits(), cacheBytesMax: 1 << 20)
    _ = try await engine.encode(["a", "bb"], kind: .document, priority: .document)
    let mixed = try await engine.encode(["bb", "ccc", "a"], kind: .document, priority: .document)
    #expect(mixed.cachedCount == 2)
    #expect(mixed.batch.vectors == ["bb", "ccc", "a"].flatMap(GatedEmbedder.vector))
    #expect(mixed.batch.tokenCounts == [2, 3, 1])
    // Another input type is another text to the model, and canonically equivalent texts are two.
    #expect(try await engine.encode(["a"], kind: .query, priority: .query).cachedCount == 0)
    #expect(try await engine.encode(["é"], kind: .query, priority: .query).cachedCount == 0)
    #expect(try await engine.encode(["e\u{301}"], kind: .query, priority: .query).cachedCount == 0)
    #expect(embedder.batches[1] == ["ccc"])
    let statistics = engine.statistics
    #expect(statistics.cacheHits == 2)
    #expect(statistics.cacheBytes <= statistics.cacheBytesMax)
  }

  @Test func manyCallersAtOnceAllGetTheirOwn() async throws {
    let engine = EmbeddingEngine(GatedEmbedder(isOpen: true), limits { $0.width = 3 }, cacheBytesMax: 4_096)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<200 {
        group.addTask {
          let texts = (0..<(caller % 7 + 1)).map { String(repeating: "t", count: caller + $0 + 1) }
          let task = Task {
            try await engine.encode(texts, kind: .document, priority: caller % 3 == 0 ? .query : .document)
          }
          if caller % 5 == 0 { task.cancel() }
          guard let encoded = try? await task.value else { return }
          #expect(encoded.batch.vectors == texts.flatMap(GatedEmbedder.vector))
        }
      }
      try await group.waitForAll()
    }
    #expect(engine.statistics.waiting.values.allSatisfy { $0 == 0 })
  }
}

struct EncodingQueueTests {
  private let way = EncodingQueue.Way(kind: .document, longTexts: .truncate)

  private func item(_ request: Int) -> EncodingQueue.Item {
    EncodingQueue.Item(request: request, place: 0, text: "text")
  }

  @Test func aPlaceIsKeptForQueriesAndTheBackgroundComesLast() throws {
    var limits = EncodingQueue.Limits()
    limits.width = 3
    limits.batchTexts = 1
    var queue = EncodingQueue(limits)
    try queue.add([item(1), item(2), item(3)], way, .document)
    try queue.add([item(4), item(5)], way, .background)
    let (taken, alsoTaken) = (queue.next(), queue.next())
    let first = try #require(taken)
    let second = try #require(alsoTaken)
    #expect([first.priority, second.priority] == [.document, .document])
    let third = queue.next()
    #expect(third == nil, "the last place is for queries")
    try queue.add([item(6)], way, .query)
    let nextQuery = queue.next()
    #expect(nextQuery?.priority == .query)
    queue.finished(first)
    let nextDocument = queue.next()
    #expect(nextDocument?.priority == .document)
    queue.finished(second)
    let nextBackground = queue.next()
    #expect(nextBackground?.priority == .background)
    #expect(queue.waiting(.background) == 1)
  }

  @Test func bytesAreCountedOutAgain() throws {
    var queue = EncodingQueue(EncodingQueue.Limits())
    try queue.add([item(1), item(2)], way, .document)
    #expect(queue.waitingBytes == 8)
    queue.remove(request: 1, .document)
    #expect(queue.waitingBytes == 4)
    let left = queue.next()
    #expect(left?.items.map(\.request) == [2])
    #expect(queue.waitingBytes == 0)
  }
}

struct EmbeddingCacheTests {
  /// Against a list that does the same slowly.
  @Test(arguments: UInt64(1)...8) func keepsTheLatestUsed(seed: UInt64) {
    let size = 4 * 4 + 160
    let cache = EmbeddingCache(bytesMax: size * 5)
    let way = EncodingQueue.Way(kind: .query, longTexts: .truncate)
    var model: [(Int, Float)] = []
    var random = SplitMix64(seed: seed)
    for step in 0..<500 {
      let text = Int.random(in: 0..<9, using: &random)
      let key = EmbeddingCache.Key("\(text)", way)
      if Bool.random(using: &random) {
        let vector = [Float](repeating: Float(step), count: 4)
        cache.insert(EmbeddingCache.Value(vector: vector, tokenCount: 1, isTruncated: false), for: key)
        if !model.contains(where: { $0.0 == text }) { model.append((text, Float(step))) }
        if model.count > 5 { model.removeFirst() }
      } else {
        let found = cache.value(key)
        #expect(found?.vector.first == model.first { $0.0 == text }?.1, "step \(step)")
        if let at = model.firstIndex(where: { $0.0 == text }) { model.append(model.remove(at: at)) }
      }
      #expect(cache.counts.bytes == model.count * size)
    }
  }

  @Test func whatIsTooLargeIsNotKept() {
    let cache = EmbeddingCache(bytesMax: 100)
    let key = EmbeddingCache.Key("a", EncodingQueue.Way(kind: .query, longTexts: .truncate))
    cache.insert(EmbeddingCache.Value(vector: [1], tokenCount: 1, isTruncated: false), for: key)
    #expect(cache.value(key) == nil)
    #expect(cache.counts.bytes == 0)
  }
}

struct HashingEncoderTests {
  private func vector(_ text: String) -> [Float] { HashingEncoder.vector(of: text).vector }

  @Test(arguments: ["", " ", "a", "the quick brown fox", "我们把会议改到星期二了", "\u{0}\u{FFFD}", "🙂"])
  func unitLength(text: String) {
    let vector = vector(text)
    #expect(vector.count == 512)
    #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
  }

  @Test func sharedWordsAreAlikeAndOthersAreNot() {
    func alike(_ a: String, _ b: String) -> Double { cosine(vector(a)[...], vector(b)[...]) }
    #expect(alike("the train leaves at nine", "a train that leaves") > 0.3)
    #expect(alike("the train leaves at nine", "invoice unpaid") < 0.2)
    #expect(alike("会议改到星期二", "星期二开会议") > 0.3)
    #expect(alike("Straße CAFÉ", "strasse cafe") > 0.99)
    #expect(alike("walking", "walked") > alike("walking", "table"))
  }

  @Test func saysWhatItIs() async throws {
    let encoder = HashingEncoder()
    #expect(encoder.about.kind == .hashing)
    let batch = try await encoder.encode(
      ["a b", ""], kind: .query, longTexts: .truncate, isCancelled: { false })
    #expect(batch.tokenCounts == [2, 0])
    await #expect(throws: CancellationError.self) {
      try await encoder.encode(["a"], kind: .query, longTexts: .truncate, isCancelled: { true })
    }
  }
}
