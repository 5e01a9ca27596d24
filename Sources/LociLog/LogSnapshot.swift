import Crypto
package import LociCore

/// The state of a projection at a place in the log, as bytes.
package struct LogSnapshot: Sendable, Equatable {
  package let sequence: LogSequence
  /// The log's hash at `sequence`.
  package let chainHash: ChainHash
  /// SHA-256 of `content`.
  package let digest: ChainHash
  package let content: [UInt8]

  package init(at head: LogHead, content: [UInt8]) {
    self.init(
      sequence: head.sequence, chainHash: head.hash, digest: Self.digest(of: content), content: content)
  }

  init(sequence: LogSequence, chainHash: ChainHash, digest: ChainHash, content: [UInt8]) {
    self.sequence = sequence
    self.chainHash = chainHash
    self.digest = digest
    self.content = content
  }

  package static func digest(of content: [UInt8]) -> ChainHash { ChainHash(SHA256.hash(data: content)) }
  package var isIntact: Bool { Self.digest(of: content) == digest }
}
