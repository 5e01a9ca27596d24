import Crypto
import Foundation
import GRDB
import LociCore
import LociProto
import LociStore
import LociTrace
import Testing
import LociTestKit

@Suite("Merkle trees") struct MerkleTests {
  private static func leaves(_ count: Int) -> [[UInt8]] {
    (0..<count).map { MerkleTree.leaf([UInt8($0 & 255), UInt8($0 >> 8)]) }
  }

  /// The definition of RFC 6962, section 2.1, word for word.
  private static func root(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
    if leaves.isEmpty { return Array(SHA256.hash(data: [UInt8]())) }
    if leaves.count == 1 { return leaves[leaves.startIndex] }
    var k = 1
    while 2 * k < leaves.count { k *= 2 }
    let middle = leaves.startIndex + k
    return Array(SHA256.hash(data: [1] + root(leaves[..<middle]) + root(leaves[middle...])))
  }

  private static func nodes(_ leaves: [[UInt8]]) -> MerkleTree.Nodes {
    { level, index in
      root(leaves[(Int(index) << level)..<((Int(index) + 1) << level)])
    }
  }

  @Test("roots are those of the definition, however they are computed")
  func roots() throws {
    let leaves = Self.leaves(130)
    var accumulator = MerkleAccumulator()
    for size in 0...130 {
      let expected = Self.root(leaves[..<size])
      #expect(accumulator.root == expected)
      #expect(try MerkleTree.root(size: UInt64(size), nodes: Self.nodes(leaves)) == expected)
      if size < 130 { accumulator.append(leaves[size]) }
    }
  }

  @Test("each leaf is proven in each tree, and nothing else is")
  func inclusion() throws {
    let leaves = Self.leaves(33)
    for size in 1...33 {
      let nodes = Self.nodes(leaves)
      let root = Self.root(leaves[..<size])
      for index in 0..<size {
        let path = try MerkleTree.inclusionPath(of: UInt64(index), size: UInt64(size), nodes: nodes)
        func holds(_ leaf: [UInt8], _ index: Int, _ size: Int, _ root: [UInt8], _ path: [[UInt8]]) -> Bool {
          MerkleTree.verifyInclusion(
            leaf: leaf, index: UInt64(index), size: UInt64(size), root: root, path: path)
        }
        #expect(holds(leaves[index], index, size, root, path))
        #expect(!holds(MerkleTree.leaf([9]), index, size, root, path))
        #expect(!holds(leaves[index], index + 1, size, root, path))
        #expect(!holds(leaves[index], index, size, MerkleTree.leaf([1]), path))
        #expect(!holds(leaves[index], index, size, root, path + [root]))
        if !path.isEmpty { #expect(!holds(leaves[index], index, size, root, Array(path.dropLast()))) }
      }
    }
  }

  @Test("each tree is proven to go on from each earlier one, and from no other")
  func consistency() throws {
    let leaves = Self.leaves(33)
    for second in 0...33 {
      for first in 0...second {
        let path = try MerkleTree.consistencyPath(
          first: UInt64(first), second: UInt64(second), nodes: Self.nodes(leaves))
        let roots = (Self.root(leaves[..<first]), Self.root(leaves[..<second]))
        func holds(_ a: [UInt8], _ b: [UInt8], _ path: [[UInt8]]) -> Bool {
          MerkleTree.verifyConsistency(
            first: UInt64(first), second: UInt64(second), firstRoot: a, secondRoot: b, path: path)
        }
        #expect(holds(roots.0, roots.1, path))
        if first > 0 { #expect(!holds(MerkleTree.leaf([7]), roots.1, path)) }
        if first > 0 || first == second { #expect(!holds(roots.0, MerkleTree.leaf([7]), path)) }
        #expect(!holds(roots.0, roots.1, path + [roots.0]))
      }
    }
  }
}

@Suite("Audit log") struct AuditTests {
  private static let signer = AuditSigner()

  private func entry(_ n: Int) -> V1.AuditEntry {
    V1.AuditEntry(
      actor: "agent \(n % 3)", action: "tool.call", object: "tool \(n)", decision: .allowed,
      detail: "call \(n)")
  }

  private func record(_ store: TraceStore, _ entries: [V1.AuditEntry], redact: Bool = false) async throws
    -> V1.RecordAuditResponse
  {
    let scope = try TraceStore.scope()
    return try await store.store.shards[0].submit(
      RecordAudit(V1.RecordAuditRequest(entries: entries, redact: redact), scope: scope, key: nil))
  }

  private func head(_ store: TraceStore) async throws -> V1.AuditHead {
    try await store.store.shards[0].submit(SignAuditHead(scope: TraceStore.scope(), signer: Self.signer)).head
  }

  private func records(_ store: TraceStore) async throws -> [V1.AuditRecord] {
    let scope = try TraceStore.scope()
    var all: [V1.AuditRecord] = []
    var request = V1.ListAuditRequest(firstNumber: 1, count: 10_000)
    repeat {
      let page = try await store.read { [request] in try AuditQueries.list(request, scope: scope, in: $0) }
      all += page.records
      request.firstNumber = page.nextNumber
    } while request.firstNumber > 0
    return all
  }

  @Test("a log that nobody touched is sound, with its heads, and after a rebuild")
  func sound() async throws {
    let store = try TraceStore()
    for batch in 0..<7 {
      _ = try await record(store, (0..<batch * 3 + 1).map(entry))
      _ = try await head(store)
    }
    let scope = try TraceStore.scope()
    let answer = try await store.read { try AuditQueries.verify(known: nil, scope: scope, in: $0) }
    #expect(answer.sound)
    #expect(answer.records == 70)
    #expect(answer.heads == 7)
    let rebuilt = try await store.store.verifyByRebuilding(store.store.shards[0], workers: store.workers)
    #expect(rebuilt.differences == [])
  }

  @Test("proofs of the stored log hold")
  func proofs() async throws {
    let store = try TraceStore()
    _ = try await record(store, (0..<21).map(entry))
    let scope = try TraceStore.scope()
    let head = try await head(store)
    #expect(head.isSigned(for: scope))
    #expect(!head.isSigned(for: try TraceStore.scope("other")))
    for number in 1...21 {
      let proof = try await store.read {
        try AuditQueries.inclusion(V1.ProveInclusionRequest(number: UInt64(number)), scope: scope, in: $0)
      }
      let encoded = try #require(proof.record).encoded
      #expect(proof.root == head.root)
      #expect(
        MerkleTree.verifyInclusion(
          leaf: MerkleTree.leaf(encoded), index: UInt64(number - 1), size: proof.size, root: proof.root,
          path: proof.path))
      let growth = try await store.read {
        try AuditQueries.consistency(
          V1.ProveConsistencyRequest(firstSize: UInt64(number)), scope: scope, in: $0)
      }
      #expect(
        MerkleTree.verifyConsistency(
          first: UInt64(number), second: 21, firstRoot: growth.firstRoot, secondRoot: growth.secondRoot,
          path: growth.path))
    }
  }

  /// Every record is changed in a sampled bit, removed, doubled, swapped with the next, and made the last; each time
  /// the verifier must complain. It goes on from where the change is: what came before is the same.
  @Test("any change, removal, insertion, swap or cut of 10,000 records shows")
  func tampering() async throws {
    let store = try TraceStore()
    for batch in 0..<10 { _ = try await record(store, (batch * 1_000..<(batch + 1) * 1_000).map(entry)) }
    let head = try await head(store)
    let records = try await records(store)
    #expect(records.count == 10_000)
    var random = SplitMix64(seed: 5)
    var verifier = AuditVerifier(scope: try TraceStore.scope(), heads: [head])
    func complains(_ tampered: ArraySlice<V1.AuditRecord>) -> Bool {
      var copy = verifier
      for record in tampered.prefix(3) { copy.check(record) }
      return !copy.isSound
    }
    for place in records.indices {
      let rest = records[place..<min(records.count, place + 4)]
      var changed = records[place]
      let bit = Int.random(in: 0..<8 * changed.encoded.count, using: &random)
      changed.encoded[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(complains([changed] + rest.dropFirst()), "bit \(bit) of record \(place + 1)")
      // The forger computes the record's own hashes anew.
      var forged = changed
      forged.leaf = MerkleTree.leaf(forged.encoded)
      if place + 1 < records.count {
        #expect(complains([forged] + rest.dropFirst()))
        #expect(complains(rest.dropFirst()), "record \(place + 1) removed")
        #expect(complains([records[place + 1], records[place]] + rest.dropFirst(2)), "swapped")
      }
      #expect(complains([records[place]] + rest), "record \(place + 1) doubled")
      var cut = verifier
      cut.finish()
      #expect(!cut.isSound, "cut before record \(place + 1)")
      verifier.check(records[place])
    }
    verifier.finish()
    #expect(verifier.isSound)
    #expect(verifier.headsChecked == 1)
  }

  @Test("a log forged from one record on, with every hash made anew, differs from the signed head")
  func forgery() async throws {
    let store = try TraceStore()
    _ = try await record(store, (0..<50).map(entry))
    let head = try await head(store)
    var records = try await records(store)
    records[20].encoded[5] ^= 1
    var chain = records[19].chain
    for place in 20..<50 {
      records[place].leaf = MerkleTree.leaf(records[place].encoded)
      chain = AuditChain.next(after: chain, leaf: records[place].leaf)
      records[place].chain = chain
    }
    var verifier = AuditVerifier(scope: try TraceStore.scope(), heads: [head])
    for record in records { verifier.check(record) }
    verifier.finish()
    #expect(verifier.problems == ["head of size 50: another root", "head of size 50: another chain value"])
    for byte in 0..<head.signature.count {
      var bad = head
      bad.signature[byte] ^= 4
      #expect(!bad.isSigned(for: try TraceStore.scope()))
    }
  }

  @Test("rules find what they forbid, and webhooks are owed until they are settled")
  func rules() async throws {
    let store = try TraceStore()
    let scope = try TraceStore.scope()
    let rules = """
      # what must not happen
      no-shell: action = "tool.call" and object starts "shell" -> no shells
      pii-out: destination != "" and sensitive contains "email" -> personal data leaves
      approve: action = "payment.send" and not decision = "approved" -> a payment without approval
      """
    _ = try await store.store.shards[0].submit(
      SetAuditRules(
        V1.SetAuditRulesRequest(
          rules: rules,
          webhooks: [V1.AuditWebhook(url: "https://example.org/hook", secret: "0123456789abcdef")]),
        scope: scope, key: nil, secrets: WebhookSecrets(AuditSigner()), hosts: WebhookHosts()))
    let answer = try await record(
      store,
      [
        V1.AuditEntry(actor: "a", action: "tool.call", object: "shell rm"),
        V1.AuditEntry(actor: "a", action: "mail.send", detail: "to bob@example.org", destination: "smtp"),
        V1.AuditEntry(actor: "a", action: "mail.send", detail: "hello", destination: "smtp"),
        V1.AuditEntry(actor: "a", action: "payment.send", decision: .allowed),
        V1.AuditEntry(actor: "a", action: "payment.send", decision: .approved)
      ])
    #expect(answer.violations.map(\.rule) == ["no-shell", "pii-out", "approve"])
    #expect(answer.violations.map(\.record) == [1, 2, 4])
    let due = try await store.read { try AuditQueries.due(Timestamp(microseconds: .max), count: 10, in: $0) }
    #expect(due.map(\.violation.rule) == ["no-shell", "pii-out", "approve"])
    let later = Timestamp(microseconds: 9_000_000_000_000_000)
    _ = try await store.store.shards[0].submit(
      SettleAlerts(scope: scope, delivered: [due[0].row], failed: [(due[1].row, later)]))
    let now = try await store.read {
      try AuditQueries.due(Timestamp(microseconds: 8_000_000_000_000_000), count: 10, in: $0)
    }
    #expect(now.map(\.violation.rule) == ["approve"])
    let all = try await store.read { try AuditQueries.due(later, count: 10, in: $0) }
    #expect(all.map(\.attempts) == [0, 1])
    let rebuilt = try await store.store.verifyByRebuilding(store.store.shards[0], workers: store.workers)
    #expect(rebuilt.differences == [])
  }

  @Test("rules that are none are refused, naming the line")
  func badRules() {
    for bad in [
      "x", "x: y", "x: actor = -> m", ": actor = \"a\" -> m", "a: actor -> m\na: actor -> m",
      "x: nosuch = 1 -> m"
    ] {
      #expect(throws: LociError.self) { try AuditRules(bad) }
    }
    #expect(throws: Never.self) { try AuditRules("\n# only a remark\n\n") }
  }

  @Test("redaction keeps kinds and drops what was found")
  func redaction() async throws {
    let store = try TraceStore()
    _ = try await record(
      store,
      [V1.AuditEntry(actor: "a", action: "x", detail: "card 4111 1111 1111 1111, mail a.b@example.org")],
      redact: true)
    let stored = try #require(try await records(store).first?.entry)
    #expect(stored.detail == "card [payment_card], mail [email]")
    #expect(stored.redacted)
    #expect(Set(stored.sensitive) == [.paymentCard, .email])
  }

  @Test("reports hold the figures, in all forms, and escape what they quote")
  func report() async throws {
    let store = try TraceStore()
    _ = try await record(store, [V1.AuditEntry(actor: "<b>&", action: "x|y", atUs: 1_700_000_000_000_000)])
    let scope = try TraceStore.scope()
    for format in [V1.AuditReportFormat.json, .markdown, .html] {
      let text = try await store.read { try AuditReport(nil, scope: scope, in: $0).text(format) }
      #expect(text.contains(format == .html ? "&lt;b&gt;&amp;" : "<b>&"))
      #expect(!text.contains("<script"))
    }
    let json = try await store.read { try AuditReport(nil, scope: scope, in: $0).text(.json) }
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["records"] as? Int == 1)
    #expect(object["sound"] as? Bool == true)
  }
}

@Suite("Sensitive text") struct SensitiveTextTests {
  @Test(
    "what is sensitive is found",
    arguments: [
      ("my key is AKIAIOSFODNN7EXAMPLE ok", V1.SensitiveKind.secret, "AKIAIOSFODNN7EXAMPLE"),
      ("password: hunter2hunter2!", .secret, "password: hunter2hunter2!"),
      ("write to jane.doe+x@mail.example.com.", .email, "jane.doe+x@mail.example.com"),
      ("call +49 30 901820 now", .phone, "+49 30 901820"),
      ("电话13812345678。", .phone, "13812345678"),
      ("pay with 4111-1111-1111-1111 please", .paymentCard, "4111-1111-1111-1111"),
      ("card 378282246310005", .paymentCard, "378282246310005"),
      ("IBAN DE89 3704 0044 0532 0130 00 today", .iban, "DE89 3704 0044 0532 0130 00"),
      ("GB82WEST12345698765432", .iban, "GB82WEST12345698765432"),
      ("身份证号11010519491231002X", .chineseID, "11010519491231002X"),
      ("代码 91350100M000100Y43 。", .chineseCompany, "91350100M000100Y43"),
      ("ssn 536-90-4399", .usSsn, "536-90-4399"),
      ("from 203.0.113.9 today", .ipAddress, "203.0.113.9"),
      (
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", .privateKey,
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"
      ),
      (
        "t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", .jwt,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
      )
    ])
  func found(text: String, kind: V1.SensitiveKind, what: String) {
    let finds = SensitiveText.find(in: text)
    #expect(finds.map(\.kind) == [kind])
    #expect(finds.map { String(decoding: Array(text.utf8)[$0.range], as: UTF8.self) } == [what])
  }

  @Test(
    "a wrong check digit, a date that is none, and plain text are not",
    arguments: [
      "4111-1111-1111-1112", "378282246310006", "DE89 3704 0044 0532 0130 01", "GB82WEST12345698765433",
      "110105194912310021", "110105194913310020", "91350100M000100Y44", "000-12-3456", "version 1.2.3.4567",
      "order 12345678", "2024-05-20 06:00:00", "0000000000000000", "the password is required", "a@b",
      "x@y.z1",
      "127.0.0.1", "12812345678901", "sk-short", "eyJub3QgYSB0b2tlbg", ""
    ])
  func notFound(text: String) {
    #expect(SensitiveText.find(in: text) == [])
  }

  /// Of all that differ from a right number in one digit none passes: these checks find every such error.
  @Test(
    "every single wrong digit of card, IBAN and Chinese numbers is noticed",
    arguments: [
      "4111111111111111", "DE89370400440532013000", "11010519491231002X"
    ])
  func digits(number: String) {
    let bytes = Array(number.utf8)
    for place in bytes.indices where (0x30...0x39).contains(bytes[place]) {
      for digit in UInt8(0x30)...0x39 where digit != bytes[place] {
        var wrong = bytes
        wrong[place] = digit
        let finds = SensitiveText.find(in: String(decoding: wrong, as: UTF8.self)).filter {
          $0.kind != .phone && $0.kind != .chineseCompany
        }
        #expect(finds == [], "\(String(decoding: wrong, as: UTF8.self))")
      }
    }
  }

  @Test("any bytes are read without a crash, and finds lie within the text in order")
  func fuzz() {
    var random = SplitMix64(seed: 11)
    let pieces = [
      "@", "4111", "-", " ", "eyJ", ".", "DE89", "+49", "1", "sk-", "password", ":", "x", "é", "身",
      "-----BEGIN ", "X", "9135"
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0..<14, using: &random)).map { _ in
        pieces.randomElement(using: &random) ?? ""
      }.joined()
      var end = 0
      for find in SensitiveText.find(in: text) {
        #expect(
          find.range.lowerBound >= end && find.range.upperBound <= text.utf8.count && !find.range.isEmpty)
        end = find.range.upperBound
      }
      _ = SensitiveText.redacted(text)
    }
  }
}
