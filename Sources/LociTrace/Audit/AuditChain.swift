package import Crypto
package import LociCore
package import LociProto

/// The hash chain of an audit log.
package enum AuditChain {
  /// Before the first record.
  package static let start = [UInt8](repeating: 0, count: MerkleTree.hashBytes)

  package static func next(after chain: [UInt8], leaf: [UInt8]) -> [UInt8] {
    MerkleTree.hash([0x02], chain, leaf)
  }
}

extension V1.AuditHead {
  /// What the signature covers.
  func signedBytes(of scope: Scope) -> [UInt8] {
    var bytes = Array("loci-audit-v1".utf8) + [0]
    bytes += Array(scope.tenant.rawValue.utf8) + [0]
    bytes += Array(scope.agent.rawValue.utf8) + [0]
    bytes += Hex.bytes(size) + root + chain + Hex.bytes(UInt64(bitPattern: atUs))
    return bytes
  }

  /// Whether the signature is that of the key that the head names. Whose key that is, the caller must know.
  package func isSigned(for scope: Scope) -> Bool {
    guard root.count == MerkleTree.hashBytes, chain.count == MerkleTree.hashBytes,
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: key)
    else { return false }
    return key.isValidSignature(signature, for: signedBytes(of: scope))
  }
}

/// Signs heads of audit logs. One key for each data directory.
package struct AuditSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  package init(_ key: Curve25519.Signing.PrivateKey = .init()) { self.key = key }

  /// - Parameter rawKey: 32 bytes.
  /// - Throws: `dataLoss` when they are no key.
  package init(rawKey: [UInt8]) throws(LociError) {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: rawKey) else {
      throw .dataLoss(file: "audit.key", problem: "is no Ed25519 key of 32 bytes")
    }
    self.key = key
  }

  package var rawKey: [UInt8] { Array(key.rawRepresentation) }
  package var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

  func sign(size: UInt64, root: [UInt8], chain: [UInt8], at: Timestamp, scope: Scope) throws -> V1.AuditHead {
    var head = V1.AuditHead(
      size: size, root: root, chain: chain, atUs: at.microseconds, key: publicKey)
    head.signature = Array(try key.signature(for: head.signedBytes(of: scope)))
    return head
  }
}

/// Reads an audit log from its beginning and computes everything again. A value: a copy goes on from where the
/// original was.
package struct AuditVerifier: Sendable {
  package let scope: Scope
  package private(set) var problems: [String] = []
  package private(set) var records: UInt64 = 0
  package private(set) var headsChecked: UInt64 = 0
  private var chain = AuditChain.start
  private var tree = MerkleAccumulator()
  /// Heads by size that are still to come.
  private var heads: [V1.AuditHead]

  /// Most problems that are told.
  static let problemsMax = 100

  /// - Parameter heads: signed ones that the log must contain what they cover, in any order.
  package init(scope: Scope, heads: [V1.AuditHead]) {
    self.scope = scope
    self.heads = heads.sorted { $0.size > $1.size }
    for head in heads where !head.isSigned(for: scope) { tell("head of size \(head.size): wrong signature") }
    checkHeads()
  }

  package var root: [UInt8] { tree.root }
  package var isSound: Bool { problems.isEmpty }

  private mutating func tell(_ problem: String) {
    if problems.count < Self.problemsMax { problems.append(problem) }
  }

  private mutating func checkHeads() {
    while let head = heads.last, head.size == records {
      heads.removeLast()
      headsChecked += 1
      if head.root != tree.root { tell("head of size \(head.size): another root") }
      if head.chain != chain { tell("head of size \(head.size): another chain value") }
    }
  }

  package mutating func check(_ record: V1.AuditRecord) {
    records += 1
    if record.number != records { tell("record \(records): has number \(record.number)") }
    let leaf = MerkleTree.leaf(record.encoded)
    if record.leaf != leaf { tell("record \(records): another leaf hash") }
    chain = AuditChain.next(after: chain, leaf: leaf)
    if record.chain != chain { tell("record \(records): another chain value") }
    tree.append(leaf)
    checkHeads()
  }

  /// After the last record.
  package mutating func finish() {
    for head in heads.reversed() {
      tell("head of size \(head.size): the log ends at record \(records)")
    }
    heads = []
  }
}
