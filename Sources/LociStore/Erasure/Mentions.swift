package import GRDB
package import LociCore
import LociLog
import LociProto

/// The ids of an agent's messages and memories that a shard's log has ever held and that say something.
package struct Mentions: Sendable {
  package private(set) var messages: Set<String> = []
  package private(set) var memories: Set<String> = []

  /// Reads the whole log, since what was deleted is still in it.
  /// - Parameters:
  ///   - subject: in the text, the name or a tag, whatever its case, or an attribute's whole value; empty: nothing is.
  ///   - contexts: memories that name one of these are taken too.
  package init(
    of subject: String, contexts: Set<String>, scope: Scope, in db: Database, isCancelled: () -> Bool
  ) throws {
    guard !subject.isEmpty || !contexts.isEmpty else { return }
    let matcher = Matcher(subject)
    var after: LogSequence = 0
    while true {
      if isCancelled() { throw CancellationError() }
      let records = try LogTable.read(after: after, limitBytes: 8 << 20, in: db)
      guard let last = records.last else { return }
      for record in records {
        for bytes in record.events {
          let event = try LogV1.Event(decoding: bytes)
          guard event.tenant == scope.tenant.rawValue, event.agent == scope.agent.rawValue else { continue }
          note(event.kind, matcher, contexts)
        }
      }
      after = last.last
    }
  }

  private mutating func note(_ kind: LogV1.Event.Kind?, _ matcher: Matcher, _ contexts: Set<String>) {
    switch kind {
    case .messagesAppended(let appended):
      for message in appended.messages where matcher.matches(message) { messages.insert(message.id) }
    case .messagesRestored(let restored):
      for message in restored.messages.compactMap(\.message) where matcher.matches(message) {
        messages.insert(message.id)
      }
    case .memoriesAdded(let added):
      for memory in added.memories where matcher.matches(memory) || contexts.contains(memory.contextID) {
        memories.insert(memory.id)
      }
    case .memoryUpdated(let updated):
      if let memory = updated.memory, matcher.matches(memory) { memories.insert(memory.id) }
    case .memoriesCompacted(let compacted):
      for digest in compacted.digests.compactMap(\.digest) where matcher.matches(digest) {
        memories.insert(digest.id)
      }
    default: break
    }
  }

  private struct Matcher {
    private let subject: String
    private let bytes: [UInt8]

    init(_ subject: String) {
      self.subject = subject.lowercased()
      bytes = Array(subject.utf8)
    }

    func matches(_ message: LogV1.AppendedMessage) -> Bool {
      !subject.isEmpty
        && (isIn(message.text) || isIn(message.name) || isValue(of: message.attributes)
          || message.data.contains(part: bytes))
    }

    func matches(_ memory: LogV1.AddedMemory) -> Bool {
      !subject.isEmpty
        && (isIn(memory.text) || isValue(of: memory.attributes)
          || memory.details?.tags.contains { isIn($0) } == true)
    }

    private func isIn(_ text: String) -> Bool {
      text.utf8.count >= bytes.count && text.lowercased().contains(subject)
    }

    private func isValue(of attributes: [LogV1.StoredAttribute]) -> Bool {
      attributes.contains { $0.value.lowercased() == subject }
    }
  }
}

extension [UInt8] {
  /// Whether the bytes of `part` are in it, in a row.
  func contains(part: [UInt8]) -> Bool {
    guard let first = part.first, part.count <= count else { return false }
    var at = startIndex
    while let next = self[at...].firstIndex(of: first), count - next >= part.count {
      if self[next..<(next + part.count)].elementsEqual(part) { return true }
      at = next + 1
    }
    return false
  }
}
