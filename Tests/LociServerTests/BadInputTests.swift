import Foundation
import LociClient
import LociProto
import Testing

/// What a hostile or broken client can send, each with the answer it must get. After each, the same server still
/// serves somebody else.
@Suite struct BadInputTests {
  enum Expected {
    case code(Int, reason: String? = nil)
    /// The connection is closed, with or without an answer before.
    case closed
    /// Nothing comes back, and the connection goes on.
    case ignored
  }

  struct Case: CustomStringConvertible {
    let description: String
    let bytes: [UInt8]
    let expected: Expected
  }

  static let invalid = 3
  static let deadline = 4
  static let notFound = 5
  static let exists = 6
  static let exhausted = 8
  static let precondition = 9
  static let unimplemented = 12

  @Test func everyMalformedRequestIsAnsweredAndTheServerGoesOn() async throws {
    try await TestNode.run { server in
      let client = server.client
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: Self.scope, contextID: "known",
          messages: [V1.MessageDraft(id: "taken", role: .user, text: "hello")], createContext: true,
          options: V1.WriteOptions(requestID: "used")))
      try await Self.prepareSessions(client)
      let cases = Self.cases
      #expect(cases.count >= 60)
      for item in cases {
        let connection = RawConnection(port: server.port)
        connection.send(item.bytes)
        check(item, connection)
        let health = try await client.admin.health(V1.HealthRequest())
        #expect(health.status == .degraded, "after: \(item)")
      }
      let stored = try await client.contexts.listMessages(V1.ListMessagesRequest(scope: Self.scope))
      #expect(stored.messages.map(\.id) == ["taken"], "a refused request left something behind")
      let contexts = try await client.contexts.listContexts(V1.ListContextsRequest(scope: Self.scope))
      #expect(Set(contexts.contexts.map(\.id)) == ["known", "running", "ended"])
      let variables = try await client.sessions.getVariables(
        V1.GetVariablesRequest(scope: Self.scope, sessionID: "running"))
      #expect(variables.variables.map(\.value) == ["1"])
      await client.close()
    }
  }

  private func check(_ item: Case, _ connection: RawConnection) {
    switch item.expected {
    case .code(let code, let reason):
      guard case .answer(let answer) = connection.receive() else {
        Issue.record("\(item): no answer")
        return
      }
      #expect(answer.code == code, "\(item)")
      if let reason { #expect(answer.reason == reason, "\(item)") }
    case .closed:
      var outcome = connection.receive()
      if case .answer = outcome { outcome = connection.receive() }
      #expect(outcome == .closed, "\(item)")
    case .ignored:
      connection.send(Bytes.frame(Bytes.request("loci.v1.AdminService", "Health", []), stream: 99))
      guard case .answer(let answer) = connection.receive() else {
        Issue.record("\(item): the connection does not go on")
        return
      }
      #expect(answer.streamID == 99 && answer.code == 0, "\(item)")
    }
  }

  static let scope = V1.Scope(tenant: "t", agent: "a")

  static var cases: [Case] {
    frameCases + envelopeCases + messageCases + contextCases + memoryCases + branchCases + sessionCases
      + checkpointCases + learningCases
  }

  static func call(
    _ name: String, _ service: String, _ method: String, _ request: some WireMessage, _ code: Int,
    _ reason: String? = nil
  ) -> Case {
    raw(name, service, method, request.encoded(), code, reason)
  }

  private static func raw(
    _ name: String, _ service: String, _ method: String, _ payload: [UInt8], _ code: Int,
    _ reason: String? = nil
  ) -> Case {
    Case(
      description: name, bytes: Bytes.frame(Bytes.request("loci.v1.\(service)", method, payload)),
      expected: .code(code, reason: reason))
  }

  // MARK: Frames

  private static var frameCases: [Case] {
    let health = Bytes.request("loci.v1.AdminService", "Health", [])
    return [
      Case(description: "an HTTP request", bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8), expected: .closed),
      Case(description: "a TLS hello", bytes: [0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3], expected: .closed),
      Case(
        description: "a length of 4 GiB", bytes: Bytes.frame([], length: .max), expected: .closed),
      Case(
        description: "a length above 16 MiB", bytes: Bytes.frame([], length: 17 << 20), expected: .closed),
      Case(
        description: "5 MiB in a frame", bytes: Bytes.frame([UInt8](repeating: 7, count: 5 << 20)),
        expected: .code(exhausted)),
      Case(description: "an even stream", bytes: Bytes.frame(health, stream: 2), expected: .code(invalid)),
      Case(description: "stream 0", bytes: Bytes.frame(health, stream: 0), expected: .code(invalid)),
      Case(description: "an unknown frame type", bytes: Bytes.frame(health, type: 0x42), expected: .ignored),
      Case(
        description: "data for a stream that is not open", bytes: Bytes.frame([1], stream: 7, type: 3),
        expected: .code(invalid)),
      Case(
        description: "a response from a client", bytes: Bytes.frame([], type: 2), expected: .code(invalid)),
      Case(description: "an empty request frame", bytes: Bytes.frame([]), expected: .code(unimplemented))
    ]
  }

  // MARK: Envelopes

  private static var envelopeCases: [Case] {
    func frame(_ name: String, _ body: [UInt8], _ code: Int) -> Case {
      Case(description: name, bytes: Bytes.frame(body), expected: .code(code))
    }
    let good = Bytes.request("loci.v1.AdminService", "Echo", V1.EchoRequest(payload: [1, 2, 3]).encoded())
    return [
      frame("random bytes", [0xFF, 0xFE, 0x00, 0x17, 0x99], invalid),
      frame("an envelope cut off", Array(good.dropLast(2)), invalid),
      frame("a service length that lies", [0x0A, 0x7F, 0x41], invalid),
      frame("a varint of eleven bytes", [0x20] + [UInt8](repeating: 0xFF, count: 11), invalid),
      frame("a group", Bytes.request("loci.v1.AdminService", "Health", []) + [0x33, 0x34], invalid),
      frame(
        "a service name that is not UTF-8",
        Bytes.field(1, [0xC3, 0x28]) + Bytes.field(2, Array("Health".utf8)), invalid),
      frame("an unknown service", Bytes.request("loci.v1.Nothing", "Health", []), unimplemented),
      frame("an unknown method", Bytes.request("loci.v1.AdminService", "Nope", []), unimplemented),
      frame("a leading slash", Bytes.request("/loci.v1.AdminService", "Health", []), unimplemented),
      frame("a name of 1 MiB", Bytes.request(String(repeating: "x", count: 1 << 20), "M", []), unimplemented),
      frame(
        "a deadline that is over",
        Bytes.request(
          "loci.v1.ContextService", "ListContexts", V1.ListContextsRequest(scope: scope).encoded(),
          timeoutNanoseconds: 1), deadline),
      Case(
        description: "a unary method called as a stream",
        bytes: Bytes.frame(Bytes.request("loci.v1.AdminService", "Health", []), flags: 2),
        expected: .code(invalid))
    ]
  }

  // MARK: Protobuf

  private static var messageCases: [Case] {
    let append = V1.AppendRequest(
      scope: scope, contextID: "known", messages: [V1.MessageDraft(role: .user, text: "hi")]
    ).encoded()
    func nested(_ depth: Int) -> [UInt8] {
      var bytes: [UInt8] = []
      for _ in 0..<depth { bytes = Bytes.field(15, bytes) }
      return bytes
    }
    let million = [[UInt8]](repeating: [0x1A, 0x00], count: 1_000_000).flatMap { $0 }
    return [
      raw("a message that is noise", "ContextService", "Append", [0xFF, 0xFF, 0xFF], invalid),
      raw("a message cut off", "ContextService", "Append", Array(append.dropLast(1)), invalid),
      raw("a field length that lies", "ContextService", "Append", [0x0A, 0xFF, 0x01, 0x41], invalid),
      raw("a negative length", "ContextService", "Append", [0x12] + Bytes.varint(.max), invalid),
      raw("a group inside", "ContextService", "Append", append + [0x3B, 0x3C], invalid),
      raw("the wrong wire type", "ContextService", "Append", append + [0x15, 1, 2, 3, 4], invalid),
      raw("field number 0", "ContextService", "Append", append + [0x02, 0x00], invalid),
      raw(
        "10,000 levels of nesting in an unknown field", "ContextService", "GetContext", nested(10_000),
        invalid,
        "INVALID_FIELD"),
      raw("a million empty messages", "ContextService", "Append", million, exhausted),
      raw(
        "a tenant that is not UTF-8", "ContextService", "GetContext",
        Bytes.field(1, Bytes.field(1, [0xFF, 0xFE]) + Bytes.field(2, [0x61])), invalid),
      raw(
        "a text that is not UTF-8", "ContextService", "Append",
        V1.AppendRequest(scope: scope, contextID: "known").encoded()
          + Bytes.field(3, Bytes.field(2, varint: 1) + Bytes.field(3, [0xED, 0xA0, 0x80])), invalid)
    ]
  }

  // MARK: Contexts

  private static var contextCases: [Case] {
    func append(
      _ name: String, _ code: Int, _ reason: String? = nil, _ edit: (inout V1.AppendRequest) -> Void
    ) -> Case {
      var request = V1.AppendRequest(
        scope: scope, contextID: "known", messages: [V1.MessageDraft(role: .user, text: "hi")])
      edit(&request)
      return call(name, "ContextService", "Append", request, code, reason)
    }
    func list(_ name: String, _ edit: (inout V1.ListMessagesRequest) -> Void) -> Case {
      var request = V1.ListMessagesRequest(scope: scope)
      edit(&request)
      return call(name, "ContextService", "ListMessages", request, invalid, "INVALID_FIELD")
    }
    let bad = "INVALID_FIELD"
    return [
      append("no scope", invalid, bad) { $0.scope = nil },
      append("an empty tenant", invalid, bad) { $0.scope = V1.Scope(tenant: "", agent: "a") },
      append("an empty agent", invalid, bad) { $0.scope = V1.Scope(tenant: "t", agent: "") },
      append("a tenant of 129 bytes", invalid, bad) {
        $0.scope = V1.Scope(tenant: String(repeating: "t", count: 129), agent: "a")
      },
      append("a tenant with a line break", invalid, bad) { $0.scope = V1.Scope(tenant: "t\n", agent: "a") },
      append("an empty context id", invalid, bad) { $0.contextID = "" },
      append("an unknown context", notFound, "NOT_FOUND") { $0.contextID = "unknown" },
      append("no messages", invalid, bad) { $0.messages = [] },
      append("1,001 messages", invalid, bad) {
        $0.messages = Array(repeating: V1.MessageDraft(role: .user, text: "x"), count: 1_001)
      },
      append("no role", invalid, bad) { $0.messages[0].role = .unspecified },
      append("role 77", invalid, bad) { $0.messages[0].role = V1.Role(rawValue: 77) },
      append("a text of 1 MiB and a byte", invalid, bad) {
        $0.messages[0].text = String(repeating: "x", count: 1 << 20 | 1)
      },
      append("U+0000 in a text", invalid, bad) { $0.messages[0].text = "a\u{0}b" },
      append("a negative time", invalid, bad) { $0.messages[0].createdAtUs = -1 },
      append("a time after the year 9999", invalid, bad) { $0.messages[0].createdAtUs = .max },
      append("a trace id in capitals", invalid, bad) {
        $0.messages[0].traceID = "0AF7651916CD43DD8448EB211C80319C"
      },
      append("a trace id of zeros", invalid, bad) {
        $0.messages[0].traceID = String(repeating: "0", count: 32)
      },
      append("an id that is taken", exists, "ALREADY_EXISTS") { $0.messages[0].id = "taken" },
      append("an id twice in one request", invalid, bad) {
        $0.messages = [
          V1.MessageDraft(id: "twice", role: .user, text: "a"),
          V1.MessageDraft(id: "twice", role: .user, text: "b")
        ]
      },
      append("an attribute twice", invalid, bad) {
        $0.messages[0].attributes = [V1.Attribute(key: "k", value: "1"), V1.Attribute(key: "k", value: "2")]
      },
      append("65 attributes", invalid, bad) {
        $0.messages[0].attributes = (0..<65).map { V1.Attribute(key: "k\($0)", value: "") }
      },
      append("a request id used with another request", invalid, "REQUEST_REUSED") {
        $0.options = V1.WriteOptions(requestID: "used")
      },
      append("a request id of 129 bytes", invalid, bad) {
        $0.options = V1.WriteOptions(requestID: String(repeating: "r", count: 129))
      },
      list("a page of -1") { $0.page = V1.Page(size: -1) },
      list("a page of 1,001") { $0.page = V1.Page(size: 1_001) },
      list("a page of 2^31 - 1") { $0.page = V1.Page(size: .max) },
      list("a page token of another list") { $0.page = V1.Page(token: "1.5") },
      list("a page token of noise") { $0.page = V1.Page(token: "'; DROP TABLE messages; --") },
      list("a range without a context") { $0.fromNumber = 3 },
      list("a filter by contexts beside a context") { $0.filter = V1.Filter(contextIDs: ["x"]) },
      list("a position of an unknown shard") {
        $0.consistency = V1.Consistency(after: [V1.Position(shard: 1_000, sequence: 1)])
      },
      list("65 positions") {
        $0.consistency = V1.Consistency(after: Array(repeating: V1.Position(), count: 65))
      },
      list("consistency level 9") {
        $0.consistency = V1.Consistency(level: V1.ConsistencyLevel(rawValue: 9))
      },
      call(
        "an unknown context", "ContextService", "GetContext",
        V1.GetContextRequest(scope: scope, contextID: "unknown"), notFound, "NOT_FOUND"),
      call(
        "another agent's context", "ContextService", "GetContext",
        V1.GetContextRequest(scope: V1.Scope(tenant: "t", agent: "b"), contextID: "known"), notFound,
        "NOT_FOUND"),
      call(
        "an empty query", "ContextService", "SearchMessages", V1.SearchMessagesRequest(scope: scope), invalid,
        bad),
      call(
        "a limit of -1", "ContextService", "SearchMessages",
        V1.SearchMessagesRequest(scope: scope, query: "x", limit: -1), invalid, bad),
      call(
        "weights that are all zero", "ContextService", "SearchMessages",
        V1.SearchMessagesRequest(scope: scope, query: "x", weights: V1.RankWeights()), invalid, bad),
      call(
        "a weight that is no number", "ContextService", "SearchMessages",
        V1.SearchMessagesRequest(scope: scope, query: "x", weights: V1.RankWeights(semantic: .nan)), invalid,
        bad),
      call(
        "meaning without an encoder", "ContextService", "SearchMessages",
        V1.SearchMessagesRequest(scope: scope, query: "x", mode: .semantic), precondition,
        "FAILED_PRECONDITION"),
      call(
        "search mode 9", "ContextService", "SearchMessages",
        V1.SearchMessagesRequest(scope: scope, query: "x", mode: V1.SearchMode(rawValue: 9)), invalid, bad)
    ]
  }

  // MARK: Memories and embeddings

  private static var memoryCases: [Case] {
    func add(
      _ name: String, _ code: Int, _ reason: String? = nil, _ edit: (inout V1.MemoryDraft) -> Void
    ) -> Case {
      var draft = V1.MemoryDraft(text: "hi")
      edit(&draft)
      return call(
        name, "MemoryService", "AddMemories", V1.AddMemoriesRequest(scope: scope, memories: [draft]), code,
        reason)
    }
    let bad = "INVALID_FIELD"
    return [
      add("an empty memory", invalid, bad) { $0.text = "" },
      add("a memory of 256 KiB and a byte", invalid, bad) {
        $0.text = String(repeating: "x", count: 256 << 10 | 1)
      },
      add("importance 1.5", invalid, bad) { $0.importance = 1.5 },
      add("importance that is no number", invalid, bad) { $0.importance = .nan },
      add("memory type 42", invalid, bad) { $0.type = V1.MemoryType(rawValue: 42) },
      add("an embedding without an encoder", precondition) { $0.embedding = [1, 2, 3] },
      call(
        "an unknown memory", "MemoryService", "GetMemory",
        V1.GetMemoryRequest(scope: scope, memoryID: "unknown"), notFound, "NOT_FOUND"),
      call(
        "an update of an unknown memory", "MemoryService", "UpdateMemory",
        V1.UpdateMemoryRequest(scope: scope, memoryID: "unknown", text: "x"), notFound, "NOT_FOUND"),
      call(
        "no ids to delete", "MemoryService", "DeleteMemories", V1.DeleteMemoriesRequest(scope: scope),
        invalid, bad),
      call(
        "encoding without an encoder", "EmbeddingService", "Encode", V1.EncodeRequest(texts: ["x"]),
        precondition)
    ]
  }
}
