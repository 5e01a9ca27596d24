/// Texts that wait for the encoder, and which of them go next. Does no work itself; one lock holds it.
///
/// Queries go before documents, and documents before the background's. Texts of several callers share a batch when
/// they are encoded alike.
struct EncodingQueue: Sendable {
  struct Limits: Sendable {
    /// Batches that run at once, at least 1.
    var width = 2
    /// Texts and their bytes in one batch. A single longer text is a batch of its own.
    var batchTexts = 32
    var batchBytes = 16 << 10
    /// Texts that may wait, by class, and the bytes of all texts that wait.
    var waiting: [EmbeddingEngine.Priority: Int] = [.query: 1_024, .document: 4_096, .background: 1_024]
    var waitingBytes = 64 << 20
  }

  /// How texts are encoded; only those of one way share a batch.
  struct Way: Hashable, Sendable {
    let kind: TextEncoder.Kind
    let longTexts: LongTexts
  }

  struct Item: Sendable {
    let request: Int
    /// Its place among the request's texts.
    let place: Int
    let text: String
  }

  struct Batch: Sendable {
    let priority: EmbeddingEngine.Priority
    let way: Way
    let items: [Item]
  }

  private struct Waiting {
    let way: Way
    let item: Item
  }

  private let limits: Limits
  private var lines: [EmbeddingEngine.Priority: Line] = [:]
  private(set) var waitingBytes = 0
  private var running: [EmbeddingEngine.Priority: Int] = [:]

  /// First in, first out; what was taken from the front is dropped now and then.
  private struct Line {
    private var items: [Waiting] = []
    private var first = 0
    var count: Int { items.count - first }
    var front: Waiting? { first < items.count ? items[first] : nil }
    mutating func append(_ item: Waiting) { items.append(item) }
    mutating func removeFront() {
      first += 1
      guard first > 1_024, first * 2 > items.count else { return }
      items.removeFirst(first)
      first = 0
    }
    /// Removes a request's texts; returns their bytes.
    mutating func remove(request: Int) -> Int {
      let left = items[first...].filter { $0.item.request != request }
      let gone = items[first...].reduce(0) { $0 + ($1.item.request == request ? $1.item.text.utf8.count : 0) }
      items = Array(left)
      first = 0
      return gone
    }
  }

  init(_ limits: Limits) { self.limits = limits }

  func waiting(_ priority: EmbeddingEngine.Priority) -> Int { lines[priority]?.count ?? 0 }

  /// - Throws: `EncoderError.full` when too much waits; then nothing was added.
  mutating func add(_ items: [Item], _ way: Way, _ priority: EmbeddingEngine.Priority) throws(EncoderError) {
    let bytes = items.reduce(0) { $0 + $1.text.utf8.count }
    let limit = limits.waiting[priority] ?? 0
    guard waiting(priority) + items.count <= limit else { throw .full(limit: limit, of: "texts") }
    guard waitingBytes + bytes <= limits.waitingBytes else {
      throw .full(limit: limits.waitingBytes, of: "bytes")
    }
    waitingBytes += bytes
    for item in items { lines[priority, default: Line()].append(Waiting(way: way, item: item)) }
  }

  /// The next batch to run now, if any. It counts as running until `finished`.
  mutating func next() -> Batch? {
    for priority in EmbeddingEngine.Priority.allCases where mayRun(priority) {
      guard let batch = takeBatch(priority) else { continue }
      running[priority, default: 0] += 1
      return batch
    }
    return nil
  }

  mutating func finished(_ batch: Batch) { running[batch.priority, default: 1] -= 1 }

  /// Forgets a request's waiting texts.
  mutating func remove(request: Int, _ priority: EmbeddingEngine.Priority) {
    waitingBytes -= lines[priority]?.remove(request: request) ?? 0
  }

  /// One place is kept for queries where there are several; the background has one place at most, and none while
  /// documents wait.
  private func mayRun(_ priority: EmbeddingEngine.Priority) -> Bool {
    let all = running.values.reduce(0, +)
    guard all < limits.width else { return false }
    if priority == .query || limits.width == 1 { return true }
    guard all - running[.query, default: 0] < limits.width - 1 else { return false }
    return priority == .document || (running[.background, default: 0] == 0 && waiting(.document) == 0)
  }

  private mutating func takeBatch(_ priority: EmbeddingEngine.Priority) -> Batch? {
    guard var line = lines[priority], let way = line.front?.way else { return nil }
    var items: [Item] = []
    var bytes = 0
    while let front = line.front, front.way == way, items.count < limits.batchTexts {
      let size = front.item.text.utf8.count
      guard items.isEmpty || bytes + size <= limits.batchBytes else { break }
      items.append(front.item)
      bytes += size
      line.removeFront()
    }
    lines[priority] = line
    waitingBytes -= bytes
    return Batch(priority: priority, way: way, items: items)
  }
}
