import Foundation
import LociAccess
import LociClient
import LociCore
import LociProto
import LociServer
import LociWire
import Testing

/// Who may do what, over the wire.
struct AccessTests {
  static let rootKey = "a root key of thirty-two bytes or so"

  static func run<T>(
    tokens: TokenVerifier? = nil, _ body: (TestNode) async throws -> T
  ) async throws -> T {
    try await TestNode.run(
      configure: {
        var authentication = Node.Authentication()
        authentication.rootKey = rootKey
        authentication.tokens = tokens
        $0.authentication = authentication
      }, body)
  }

  static func transport(_ secret: String?) -> RPCClient.Configuration {
    var transport = RPCClient.Configuration()
    transport.authorization = secret.map { "Bearer \($0)" }
    return transport
  }

  static func client(_ server: TestNode, _ secret: String?) -> LociClient {
    var configuration = LociClient.Configuration()
    configuration.transport = transport(secret)
    return LociClient(host: "127.0.0.1", port: server.port, configuration: configuration)
  }

  static func code<T>(_ call: () async throws -> T) async -> RPCStatus.Code {
    do {
      _ = try await call()
      return .ok
    } catch { return (error as? RPCStatus)?.code ?? .unknown }
  }

  @Test func aKeyOpensItsOwnAndNothingElse() async throws {
    try await Self.run { server in
      let root = Self.client(server, Self.rootKey)
      let made = try await root.access.createKey(
        V1.CreateKeyRequest(scope: V1.Scope(tenant: "t", agent: "a"), name: "one"))
      let own = Self.client(server, made.secret)
      let scope = V1.Scope(tenant: "t", agent: "a")
      let draft = V1.MessageDraft(role: .user, text: "hello")
      _ = try await own.contexts.append(
        V1.AppendRequest(scope: scope, contextID: "c", messages: [draft], createContext: true))
      let who = try await own.access.whoAmI(V1.WhoAmIRequest())
      #expect(
        who.principal == V1.Principal(id: "key:\(made.key?.id ?? "")", role: .agent, tenant: "t", agent: "a"))
      for foreign in [("t", "b"), ("u", "a")] {
        let code = await Self.code {
          try await own.contexts.listMessages(
            V1.ListMessagesRequest(scope: V1.Scope(tenant: foreign.0, agent: foreign.1)))
        }
        #expect(code == .permissionDenied)
      }
      #expect(
        await Self.code { try await Self.client(server, nil).access.whoAmI(.init()) } == .unauthenticated)
      // One character of the secret changed.
      let wrong = String(made.secret.dropLast()) + (made.secret.hasSuffix("A") ? "E" : "A")
      #expect(
        await Self.code { try await Self.client(server, wrong).access.whoAmI(.init()) } == .unauthenticated)
    }
  }

  @Test func aRevokedKeyOpensNothingAndARotatedOneForAWhile() async throws {
    try await Self.run { server in
      let root = Self.client(server, Self.rootKey)
      let tenant = V1.Scope(tenant: "t", agent: "")
      let first = try await root.access.createKey(V1.CreateKeyRequest(scope: tenant, role: .tenantAdmin))
      let id = try #require(first.key?.id)
      let second = try await root.access.rotateKey(
        V1.RotateKeyRequest(scope: tenant, keyID: id, overlapMs: 3_600_000))
      #expect(await Self.code { try await Self.client(server, first.secret).access.whoAmI(.init()) } == .ok)
      _ = try await root.access.revokeKey(V1.RevokeKeyRequest(scope: tenant, keyID: id))
      #expect(
        await Self.code { try await Self.client(server, first.secret).access.whoAmI(.init()) }
          == .unauthenticated)
      let admin = Self.client(server, second.secret)
      #expect(try await admin.access.listKeys(V1.ListKeysRequest(scope: tenant)).keys.count == 2)
      // Nobody makes a key that may do more than its maker.
      #expect(
        await Self.code {
          try await admin.access.createKey(V1.CreateKeyRequest(scope: tenant, role: .operator))
        } == .permissionDenied)
      #expect(
        await Self.code {
          try await admin.access.revokeKey(V1.RevokeKeyRequest(scope: V1.Scope(tenant: "u"), keyID: id))
        } == .permissionDenied)
      #expect(
        await Self.code {
          try await root.access.revokeKey(V1.RevokeKeyRequest(scope: tenant, keyID: "nothing"))
        } == .notFound)
    }
  }

  @Test func keysGrantsAndRefusalsSurviveARestart() async throws {
    let folder = NSTemporaryDirectory() + "loci-access-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let scope = V1.Scope(tenant: "t", agent: "a")
    func run<T>(_ body: (TestNode) async throws -> T) async throws -> T {
      try await TestNode.run(
        folder: folder,
        configure: {
          $0.authentication = Node.Authentication()
          $0.authentication?.rootKey = Self.rootKey
        }, body)
    }
    let secret = try await run { server in
      let root = Self.client(server, Self.rootKey)
      let key = try await root.access.createKey(V1.CreateKeyRequest(scope: V1.Scope(tenant: "t", agent: "b")))
      _ = try await root.access.setGrant(
        V1.SetGrantRequest(scope: scope, grant: V1.Grant(agent: "b", permission: .read)))
      let other = Self.client(server, key.secret)
      for _ in 0..<3 {
        _ = await Self.code { try await other.memories.addMemories(V1.AddMemoriesRequest(scope: scope)) }
      }
      var refusals: [V1.Refusal] = []
      while refusals.isEmpty {
        try await Task.sleep(for: .milliseconds(50))
        refusals = try await root.access.listRefusals(V1.ListRefusalsRequest(scope: scope)).refusals
      }
      #expect(refusals.reduce(0) { $0 + $1.count } >= 1)
      #expect(refusals[0].method == "loci.v1.MemoryService/AddMemories")
      #expect(refusals[0].scope == scope)
      return key.secret
    }
    try await run { server in
      let other = Self.client(server, secret)
      _ = try await other.memories.listMemories(V1.ListMemoriesRequest(scope: scope))
      #expect(
        await Self.code { try await other.memories.addMemories(V1.AddMemoriesRequest(scope: scope)) }
          == .permissionDenied)
      let root = Self.client(server, Self.rootKey)
      _ = try await root.access.removeGrant(V1.RemoveGrantRequest(scope: scope, agent: "b"))
      #expect(
        await Self.code { try await other.memories.listMemories(V1.ListMemoriesRequest(scope: scope)) }
          == .permissionDenied)
    }
  }

  @Test func aTenantThatCallsTooOftenIsToldWhenToComeAgain() async throws {
    try await TestNode.run(configure: { $0.callsPerSecondMax = 5 }) { server in
      var refused = 0
      for _ in 0..<50 {
        let code = await Self.code {
          try await server.client.contexts.listContexts(
            V1.ListContextsRequest(scope: V1.Scope(tenant: "busy", agent: "a")))
        }
        if code == .resourceExhausted { refused += 1 }
      }
      #expect(refused > 0)
      _ = try await server.client.contexts.listContexts(
        V1.ListContextsRequest(scope: V1.Scope(tenant: "calm", agent: "a")))
    }
  }

  @Test func beyondLoopbackOnlyWithTLSAndAuthentication() throws {
    var configuration = Node.Configuration(dataPath: "nowhere")
    configuration.host = "0.0.0.0"
    #expect(throws: LociError.self) { try configuration.validate() }
    configuration.authentication = Node.Authentication()
    #expect(throws: LociError.self) { try configuration.validate() }
    configuration.tls = TLSFiles(certificatePath: "c.pem", keyPath: "k.pem")
    try configuration.validate()
  }
}
