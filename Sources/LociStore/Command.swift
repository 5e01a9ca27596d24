package import LociCore
package import LociProto

/// A write before it happened. `decide` checks it against the projection and says which events it becomes; it
/// changes nothing, so a command that fails leaves no trace beside its neighbours in the same group commit.
package protocol Command: Sendable {
  associatedtype Answer: PositionedAnswer

  var scope: Scope { get }
  /// Protects a retry; `nil` when the caller gave no request id.
  var requestKey: RequestKey? { get }
  /// Memory that the command holds while it waits, in bytes; roughly.
  var costBytes: Int { get }

  func decide(_ transaction: ProjectionTransaction) throws -> Decision<Answer>
}

/// What a command becomes. No events: nothing to change, and the answer carries the shard's current position.
package struct Decision<Answer: PositionedAnswer> {
  package let events: [LogV1.Event.Kind]
  package let answer: Answer

  package init(events: [LogV1.Event.Kind], answer: Answer) {
    self.events = events
    self.answer = answer
  }
}

/// An answer to a write: it names the position of the write's last event. Messages of the contract are encoded as
/// on the wire, to be remembered under the request's id.
package protocol PositionedAnswer: Sendable {
  var position: V1.Position? { get set }
  init(decoding bytes: [UInt8]) throws
  func encoded() -> [UInt8]
}

/// The answer to a write of Loci's own, which no caller repeats.
package struct Written: PositionedAnswer {
  package var position: V1.Position?
  package init() {}
  package init(decoding bytes: [UInt8]) { self.init() }
  package func encoded() -> [UInt8] { [] }
}

/// A caller's id of a request, and the hash that tells a retry from another request under the same id.
package struct RequestKey: Sendable, Hashable {
  package let id: String
  /// SHA-256 of the encoded request without its options.
  package let hash: [UInt8]

  package init(id: String, hash: [UInt8]) {
    self.id = id
    self.hash = hash
  }
}

/// Compactions of contexts and those of memories are taken back alike.
extension V1.UndoCompactionResponse: PositionedAnswer {}
