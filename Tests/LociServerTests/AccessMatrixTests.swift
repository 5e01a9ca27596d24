import LociAccess
import LociClient
import LociProto
import LociServer
import LociWire
import Testing

/// Every RPC × every role × own, granted and foreign data. The RPCs come from the contract, so that a new one cannot be
/// forgotten.
struct AccessMatrixTests {
  /// What a caller has on the data of t/owner, from nothing to the whole server.
  private enum Power: Int, Comparable {
    case stranger, known, member, read, write, share, admin, server
    static func < (a: Power, b: Power) -> Bool { a.rawValue < b.rawValue }

    init(needed permission: Permission) {
      switch permission {
      case .open: self = .stranger
      case .known: self = .known
      case .member: self = .member
      case .read, .named: self = .read
      case .write: self = .write
      case .share: self = .share
      case .admin: self = .admin
      case .operate: self = .server
      }
    }
  }

  private struct Caller {
    let name: String
    let secret: String?
    let power: Power
  }

  private static let owned = V1.Scope(tenant: "t", agent: "owner")

  @Test func eachRPCLetsInWhoMay() async throws {
    try await AccessTests.run { server in
      let callers = try await Self.callers(AccessTests.client(server, AccessTests.rootKey))
      for entry in RPCCatalog.entries {
        // Together: a stream that goes on for ever takes as long as it is let.
        let codes = await withTaskGroup(of: (Int, RPCStatus.Code).self) { group in
          for (index, caller) in callers.enumerated() {
            group.addTask {
              let rpc = RPCClient(
                host: "127.0.0.1", port: server.port, configuration: AccessTests.transport(caller.secret))
              let code = await Self.call(entry, rpc)
              await rpc.close()
              return (index, code)
            }
          }
          return await group.reduce(into: [Int: RPCStatus.Code]()) { $0[$1.0] = $1.1 }
        }
        for (index, caller) in callers.enumerated() {
          let code = codes[index] ?? .unknown
          // A method without a scope asks about the whole server, or about nobody's data.
          let isAllowed = caller.power >= Power(needed: entry.permission)
          let refusal: RPCStatus.Code = caller.secret == nil ? .unauthenticated : .permissionDenied
          #expect(
            (code == refusal) == !isAllowed,
            "\(entry.service)/\(entry.method), which needs \(entry.permission), by \(caller.name): \(code)")
        }
      }
    }
  }

  private static func callers(_ root: LociClient) async throws -> [Caller] {
    func key(_ tenant: String, _ agent: String, _ role: V1.AccessRole) async throws -> String {
      try await root.access.createKey(
        V1.CreateKeyRequest(scope: V1.Scope(tenant: tenant, agent: agent), role: role)
      ).secret
    }
    for (agent, permission) in [
      ("reads", V1.AccessPermission.read), ("writes", .write), ("shares", .share), ("only-reads", .share)
    ] {
      _ = try await root.access.setGrant(
        V1.SetGrantRequest(scope: owned, grant: V1.Grant(agent: agent, permission: permission)))
    }
    _ = try await root.access.setGrant(
      V1.SetGrantRequest(
        scope: owned, grant: V1.Grant(agent: "too-late", permission: .share, expiresAtUs: 1)))
    return [
      Caller(name: "nobody", secret: nil, power: .stranger),
      Caller(name: "own reader", secret: try await key("t", "owner", .reader), power: .read),
      Caller(name: "owner", secret: try await key("t", "owner", .agent), power: .share),
      Caller(name: "reader of the tenant", secret: try await key("t", "", .reader), power: .read),
      Caller(name: "agent of the tenant", secret: try await key("t", "", .agent), power: .share),
      Caller(name: "administrator", secret: try await key("t", "", .tenantAdmin), power: .admin),
      Caller(name: "operator", secret: try await key("t", "", .operator), power: .server),
      Caller(name: "stranger in the tenant", secret: try await key("t", "other", .agent), power: .member),
      Caller(name: "granted read", secret: try await key("t", "reads", .agent), power: .read),
      Caller(name: "granted write", secret: try await key("t", "writes", .agent), power: .write),
      Caller(name: "granted share", secret: try await key("t", "shares", .agent), power: .share),
      Caller(name: "reader, granted share", secret: try await key("t", "only-reads", .reader), power: .read),
      Caller(name: "grant that expired", secret: try await key("t", "too-late", .agent), power: .member),
      Caller(name: "same name elsewhere", secret: try await key("u", "owner", .agent), power: .known),
      Caller(name: "administrator elsewhere", secret: try await key("u", "", .tenantAdmin), power: .known)
    ]
  }

  /// Calls with an empty request about the owner's data, which harms nothing. How it ended.
  private static func call(_ entry: RPCCatalog.Entry, _ rpc: RPCClient) async -> RPCStatus.Code {
    func send<Request: WireMessage>(_: Request.Type) async -> RPCStatus.Code {
      await AccessTests.code {
        let request = try Request(decoding: scoped(entry))
        let options = CallOptions(timeout: .seconds(10))
        switch (entry.isStreaming, entry.streamsRequests) {
        case (false, _):
          let _: V1.HealthResponse = try await rpc.unary(
            entry.service, entry.method, request, options: options)
        case (true, false):
          let answers: ResponseSequence<V1.HealthResponse> = rpc.serverStreaming(
            entry.service, entry.method, request, options: options)
          for try await _ in answers {}
        case (true, true):
          let call: BidirectionalCall<Request, V1.HealthResponse> = rpc.bidirectional(
            entry.service, entry.method, options: options)
          try? await call.send(request)
          await call.closeSend()
          for try await _ in call.responses {}
        }
      }
    }
    return await send(entry.request)
  }

  /// A stream's request that holds another has it as field 1.
  private static func scoped(_ entry: RPCCatalog.Entry) -> [UInt8] {
    guard entry.request is any ScopedRequest.Type else { return [] }
    return entry.isScoped ? field(entry.scopeField, owned.encoded()) : field(1, field(1, owned.encoded()))
  }

  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(bytes.count)] + bytes
  }
}
