import Synchronization

/// The way to an encoder for everyone in the process: a bounded queue of two classes and the background's, batches of
/// texts of several callers, and a cache. Whoever cancels leaves the queue at once.
package final class EmbeddingEngine: Sendable {
  package enum Priority: Int, Sendable, CaseIterable { case query, document, background }

  package struct Configuration: Sendable {
    /// Batches that run at once, at least 1.
    package var width = 2
    package var cacheBytesMax = 64 << 20

    package init() {}
  }

  /// What was done since the start.
  package struct Statistics: Sendable, Equatable {
    package var texts: [Priority: UInt64] = [:]
    package var tokens: UInt64 = 0
    package var batches: UInt64 = 0
    package var refused: UInt64 = 0
    package var waiting: [Priority: Int] = [:]
    package var cacheHits: UInt64 = 0
    package var cacheMisses: UInt64 = 0
    package var cacheBytes = 0
    package var cacheBytesMax = 0
  }

  /// The answer of `encode`.
  package struct Encoded: Sendable {
    package let batch: EncodedBatch
    /// Texts whose vector was in the cache.
    package let cachedCount: Int
  }

  fileprivate struct Request {
    let priority: Priority
    var remaining: Int
    var vectors: [Float]
    var tokenCounts: [Int]
    var truncated: [Bool]
    var keys: [EmbeddingCache.Key]
    var continuation: CheckedContinuation<EncodedBatch, any Error>?
  }

  private struct State {
    var queue: EncodingQueue
    var requests: [Int: Request] = [:]
    /// Requests that may still come to wait; one that is cancelled before it does is no longer here.
    var announced: Set<Int> = []
    var lastRequest = 0
    var statistics = Statistics()
  }

  package let embedder: any TextEmbedder
  package var about: EncoderDescription { embedder.about }
  private let cache: EmbeddingCache
  private let state: Mutex<State>

  package convenience init(_ embedder: any TextEmbedder, _ configuration: Configuration = Configuration()) {
    var limits = EncodingQueue.Limits()
    limits.width = max(1, configuration.width)
    limits.batchTexts = min(limits.batchTexts, embedder.batchTextsMax)
    self.init(embedder, limits, cacheBytesMax: configuration.cacheBytesMax)
  }

  init(_ embedder: any TextEmbedder, _ limits: EncodingQueue.Limits, cacheBytesMax: Int) {
    self.embedder = embedder
    cache = EmbeddingCache(bytesMax: cacheBytesMax)
    state = Mutex(State(queue: EncodingQueue(limits)))
  }

  package var statistics: Statistics {
    var statistics = state.withLock { state in
      var statistics = state.statistics
      for priority in Priority.allCases { statistics.waiting[priority] = state.queue.waiting(priority) }
      return statistics
    }
    let counts = cache.counts
    (statistics.cacheHits, statistics.cacheMisses) = (counts.hits, counts.misses)
    (statistics.cacheBytes, statistics.cacheBytesMax) = (counts.bytes, cache.bytesMax)
    return statistics
  }

  /// A vector for each text, in their order.
  /// - Throws: `EncoderError.full` when too much waits already; what the encoder throws; `CancellationError`.
  package func encode(
    _ texts: [String], kind: TextEncoder.Kind, longTexts: LongTexts = .truncate, priority: Priority
  ) async throws -> Encoded {
    let way = EncodingQueue.Way(kind: kind, longTexts: longTexts)
    let keys = texts.map { EmbeddingCache.Key($0, way) }
    let known = keys.map { cache.value($0) }
    let missing = texts.indices.filter { known[$0] == nil }
    var fresh = EncodedBatch(vectors: [], tokenCounts: [], truncated: [])
    if !missing.isEmpty {
      fresh = try await enqueue(missing.map { texts[$0] }, missing.map { keys[$0] }, way, priority)
    }
    guard missing.count < texts.count else { return Encoded(batch: fresh, cachedCount: 0) }
    return Encoded(batch: joined(known, fresh), cachedCount: texts.count - missing.count)
  }

  /// What the cache knew, and in its gaps what was computed.
  private func joined(_ known: [EmbeddingCache.Value?], _ fresh: EncodedBatch) -> EncodedBatch {
    var vectors: [Float] = []
    vectors.reserveCapacity(known.count * about.dimension)
    var (tokenCounts, truncated): ([Int], [Bool]) = ([], [])
    var next = 0
    for value in known {
      if let value {
        vectors += value.vector
        tokenCounts.append(value.tokenCount)
        truncated.append(value.isTruncated)
      } else {
        vectors += fresh.vectors[next * about.dimension..<(next + 1) * about.dimension]
        tokenCounts.append(fresh.tokenCounts[next])
        truncated.append(fresh.truncated[next])
        next += 1
      }
    }
    return EncodedBatch(vectors: vectors, tokenCounts: tokenCounts, truncated: truncated)
  }

  // MARK: Requests

  private func enqueue(
    _ texts: [String], _ keys: [EmbeddingCache.Key], _ way: EncodingQueue.Way, _ priority: Priority
  ) async throws -> EncodedBatch {
    let id = state.withLock { state in
      state.lastRequest += 1
      state.announced.insert(state.lastRequest)
      return state.lastRequest
    }
    defer { _ = state.withLock { $0.announced.remove(id) } }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let items = texts.enumerated().map { EncodingQueue.Item(request: id, place: $0, text: $1) }
        let failure: (any Error)? = state.withLock { state in
          guard state.announced.remove(id) != nil else { return CancellationError() }
          do { try state.queue.add(items, way, priority) } catch {
            state.statistics.refused += 1
            return error
          }
          state.requests[id] = Request(
            priority: priority, remaining: texts.count,
            vectors: [Float](repeating: 0, count: texts.count * about.dimension),
            tokenCounts: [Int](repeating: 0, count: texts.count),
            truncated: [Bool](repeating: false, count: texts.count), keys: keys, continuation: continuation)
          return nil
        }
        if let failure { continuation.resume(throwing: failure) } else { start() }
      }
    } onCancel: {
      cancel(id)
    }
  }

  private func cancel(_ id: Int) {
    let continuation: CheckedContinuation<EncodedBatch, any Error>? = state.withLock { state in
      guard let request = state.requests.removeValue(forKey: id) else {
        state.announced.remove(id)
        return nil
      }
      state.queue.remove(request: id, request.priority)
      return request.continuation
    }
    continuation?.resume(throwing: CancellationError())
  }

  // MARK: Batches

  /// Starts every batch that may run now.
  private func start() {
    while let batch = state.withLock({ $0.queue.next() }) {
      Task { await run(batch) }
    }
  }

  private func run(_ batch: EncodingQueue.Batch) async {
    let result: Result<EncodedBatch, any Error>
    do {
      let encoded = try await embedder.encode(
        batch.items.map(\.text), kind: batch.way.kind, longTexts: batch.way.longTexts,
        isCancelled: { !self.isWanted(batch) })
      let n = batch.items.count
      guard encoded.vectors.count == n * about.dimension, encoded.tokenCounts.count == n else {
        throw EncoderError.malformed(
          file: about.name, problem: "gave \(encoded.vectors.count) numbers for \(n) texts")
      }
      result = .success(encoded)
    } catch {
      result = .failure(error)
    }
    finish(batch, result)
    start()
  }

  /// Whether somebody still waits for a text of the batch.
  private func isWanted(_ batch: EncodingQueue.Batch) -> Bool {
    state.withLock { state in batch.items.contains { state.requests[$0.request] != nil } }
  }

  private func finish(_ batch: EncodingQueue.Batch, _ result: Result<EncodedBatch, any Error>) {
    var answers: [(CheckedContinuation<EncodedBatch, any Error>, Result<EncodedBatch, any Error>)] = []
    var values: [(EmbeddingCache.Key, EmbeddingCache.Value)] = []
    state.withLock { state in
      state.queue.finished(batch)
      state.statistics.batches += 1
      for (index, item) in batch.items.enumerated() {
        guard var request = state.requests[item.request] else { continue }
        switch result {
        case .success(let encoded):
          values.append(request.take(encoded, index, at: item.place, dimension: about.dimension))
          state.statistics.texts[batch.priority, default: 0] += 1
          state.statistics.tokens += UInt64(clamping: encoded.tokenCounts[index])
          state.requests[item.request] = request.remaining > 0 ? request : nil
          guard request.remaining == 0, let continuation = request.continuation else { continue }
          answers.append((continuation, .success(request.batch)))
        case .failure(let error):
          state.requests[item.request] = nil
          state.queue.remove(request: item.request, request.priority)
          if let continuation = request.continuation { answers.append((continuation, .failure(error))) }
        }
      }
    }
    for (key, value) in values { cache.insert(value, for: key) }
    for (continuation, answer) in answers { continuation.resume(with: answer) }
  }
}

extension EmbeddingEngine.Request {
  fileprivate var batch: EncodedBatch {
    EncodedBatch(vectors: vectors, tokenCounts: tokenCounts, truncated: truncated)
  }

  /// Takes one text's result; returns it for the cache.
  fileprivate mutating func take(
    _ encoded: EncodedBatch, _ index: Int, at place: Int, dimension: Int
  ) -> (EmbeddingCache.Key, EmbeddingCache.Value) {
    let vector = Array(encoded.vectors[index * dimension..<(index + 1) * dimension])
    vectors.replaceSubrange(place * dimension..<(place + 1) * dimension, with: vector)
    tokenCounts[place] = encoded.tokenCounts[index]
    truncated[place] = encoded.truncated[index]
    remaining -= 1
    return (
      keys[place],
      EmbeddingCache.Value(
        vector: vector, tokenCount: encoded.tokenCounts[index], isTruncated: encoded.truncated[index])
    )
  }
}
