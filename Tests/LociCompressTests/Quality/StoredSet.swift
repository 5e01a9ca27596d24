import Foundation
@testable import LociCompress

/// Conversations or traces as sessions of texts, for the measure of stored bytes.
struct StoredSet {
  var name: String
  /// Train on these, measure on those.
  var training: [[String]]
  var test: [[String]]
  /// The same as `test`, all of an owner's together.
  private var owned: [[String]]

  static func all() throws -> [StoredSet] {
    [try locomo(), try memoryBank("zh"), try memoryBank("en"), try tau(), try whoAndWhen()]
  }

  private init(_ name: String, _ owners: [[[String]]]) {
    self.name = name
    let half = (owners.count + 1) / 2
    training = owners[..<half].flatMap { $0 }
    test = owners[half...].flatMap { $0 }
    owned = owners[half...].map { $0.flatMap { $0 } }
  }

  private static func locomo() throws -> StoredSet {
    StoredSet(
      "LoCoMo",
      try Conversation.all().map { conversation in
        Dictionary(grouping: conversation.turns, by: \.session).sorted { $0.key < $1.key }.map {
          $1.map(\.full)
        }
      })
  }

  private static func memoryBank(_ language: String) throws -> StoredSet {
    struct Row: Decodable { var user, date, query, response: String }
    let rows = try Corpus.rows("memorybank-\(language)/history.jsonl", as: Row.self)
    var users: [String] = []
    for row in rows where !users.contains(row.user) { users.append(row.user) }
    return StoredSet(
      "MemoryBank \(language)",
      users.map { user in
        Dictionary(grouping: rows.filter { $0.user == user }, by: \.date).sorted { $0.key < $1.key }
          .map { $1.flatMap { [$0.query, $0.response] } }
      })
  }

  private static func tau() throws -> StoredSet {
    StoredSet(
      "tau-airline", try TrajectorySet.tau().runs.map { run in [run.map { "\($0.name) \($0.text)" }] })
  }

  private static func whoAndWhen() throws -> StoredSet {
    StoredSet(
      "Who&When", try TrajectorySet.whoAndWhen().runs.map { run in [run.map { "\($0.name) \($0.text)" }] })
  }

  func report() throws {
    let trainingBlocks = training.map { $0.joined(separator: "\n").utf8.map { $0 } }
    // Samples of a few kilobytes: the trainer looks for what many of them share.
    let samples = trainingBlocks.flatMap { block in
      stride(from: 0, to: block.count, by: 4_096).map { Array(block[$0..<min($0 + 4_096, block.count)]) }
    }
    let bytes = try ZstdDictionary.train(samples)
    let dictionary = try ZstdDictionary(bytes: bytes)
    var (raw, withDictionary, plain, fast, single) = (0, 0, 0, 0, 0)
    var (small, blocks) = (0, 0)
    for owner in owned {
      small += try Self.bytes(of: owner, inBlocksOf: 32 << 10, dictionary)
      blocks += try Self.bytes(of: owner, inBlocksOf: 128 << 10, dictionary)
    }
    for session in test {
      raw += session.reduce(0) { $0 + $1.utf8.count }
      let block = try ColdBlock.pack(session, dictionary: dictionary)
      guard try ColdBlock.unpack(block, dictionary: dictionary) == session else {
        throw CompressionError.damagedArchive("\(name) does not come back")
      }
      withDictionary += block.count
      plain += try ColdBlock.pack(session).count
      fast += try ColdBlock.pack(session, level: 3).count
      for text in session { single += try Zstd.compress(Array(text.utf8)).count }
    }
    func saved(_ bytes: Int) -> String { String(format: "%.1f %%", 100 - 100 * Double(bytes) / Double(raw)) }
    print(
      name, "\(bytes.count / 1_024) KiB", saved(blocks), saved(small), saved(withDictionary), saved(plain),
      saved(fast),
      saved(single),
      separator: "\t")
  }

  /// A server packs blocks of about 128 KiB.
  private static func bytes(
    of texts: [String], inBlocksOf size: Int, _ dictionary: ZstdDictionary
  ) throws -> Int {
    let sizeMax = size
    var (bytes, size) = (0, 0)
    var block: [String] = []
    for (index, text) in texts.enumerated() {
      block.append(text)
      size += text.utf8.count
      guard size >= sizeMax || index == texts.count - 1 else { continue }
      bytes += try ColdBlock.pack(block, dictionary: dictionary).count
      (block, size) = ([], 0)
    }
    return bytes
  }
}
