import LociProto

/// One thing to store, and where it stood in the file.
struct ImportRecord: Sendable {
  enum Item: Sendable {
    case message(context: String, V1.MessageDraft)
    case memory(V1.MemoryDraft)
  }
  var agent: String
  var item: Item

  /// What has to keep its order: the messages of a context.
  fileprivate var sequence: String? {
    guard case .message(let context, _) = item else { return nil }
    return "\(agent)\u{1F}\(context)"
  }

  fileprivate var bytes: Int {
    switch item {
    case .message(_, let draft): draft.text.utf8.count + draft.data.count + 512
    case .memory(let draft): draft.text.utf8.count + 512
    }
  }
}

/// What one call stores: messages of one context, or memories, of one agent.
struct ImportBatch: Sendable {
  enum Content: Sendable {
    case messages(context: String, [V1.MessageDraft])
    case memories([V1.MemoryDraft])
  }
  let agent: String
  let content: Content
  /// Its place in the file: equal batches are not the same.
  let number: Int
  fileprivate let sequence: String?

  var count: Int {
    switch content {
    case .messages(_, let drafts): drafts.count
    case .memories(let drafts): drafts.count
    }
  }

  var halves: [ImportBatch] {
    let middle = count / 2
    func part(_ range: Range<Int>) -> ImportBatch {
      let half: Content =
        switch content {
        case .messages(let context, let drafts): .messages(context: context, Array(drafts[range]))
        case .memories(let drafts): .memories(Array(drafts[range]))
        }
      return ImportBatch(agent: agent, content: half, number: number, sequence: sequence)
    }
    return [part(0..<middle), part(middle..<count)]
  }

  /// Made of what it holds: sent twice, stored once.
  var requestID: String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(number)
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3
    }
    switch content {
    case .messages(let context, let drafts):
      add(context.utf8)
      for draft in drafts { add(draft.encoded()) }
    case .memories(let drafts):
      for draft in drafts { add(draft.encoded()) }
    }
    return "import-\(String(hash, radix: 16))"
  }
}

enum ImportBatches {
  /// What one call may carry, well below a frame.
  private static let bytesMax = 2 << 20

  /// Runs of lines that one call can store, at most `size` items and `bytesMax` bytes each.
  static func split(_ records: [ImportRecord], size: Int) -> [ImportBatch] {
    var batches: [ImportBatch] = []
    var open: [ImportRecord] = []
    var bytes = 0
    func close() {
      guard let first = open.first else { return }
      batches.append(batch(open, like: first, number: batches.count))
      (open, bytes) = ([], 0)
    }
    for record in records {
      if let first = open.first,
        !isAlike(first, record) || open.count == size || bytes + record.bytes > bytesMax
      {
        close()
      }
      open.append(record)
      bytes += record.bytes
    }
    close()
    return batches
  }

  private static func isAlike(_ a: ImportRecord, _ b: ImportRecord) -> Bool {
    guard a.agent.utf8.elementsEqual(b.agent.utf8) else { return false }
    switch (a.sequence, b.sequence) {
    case (nil, nil): return true
    case (let left?, let right?): return left.utf8.elementsEqual(right.utf8)
    default: return false
    }
  }

  private static func batch(_ records: [ImportRecord], like first: ImportRecord, number: Int) -> ImportBatch {
    var messages: [V1.MessageDraft] = []
    var memories: [V1.MemoryDraft] = []
    for record in records {
      switch record.item {
      case .message(_, let draft): messages.append(draft)
      case .memory(let draft): memories.append(draft)
      }
    }
    let content: ImportBatch.Content =
      if case .message(let context, _) = first.item {
        .messages(context: context, messages)
      } else {
        .memories(memories)
      }
    return ImportBatch(agent: first.agent, content: content, number: number, sequence: first.sequence)
  }

  /// Batches of one context in one lane, in order; lanes can run side by side.
  static func lanes(_ batches: [ImportBatch]) -> [[ImportBatch]] {
    var lanes: [[ImportBatch]] = []
    var places: [String: Int] = [:]
    for batch in batches {
      if let sequence = batch.sequence, let place = places[sequence] {
        lanes[place].append(batch)
      } else {
        if let sequence = batch.sequence { places[sequence] = lanes.count }
        lanes.append([batch])
      }
    }
    return lanes
  }
}
