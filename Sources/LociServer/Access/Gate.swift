package import LociAccess
import LociCore
package import LociProto
package import LociWire

/// Where every call is checked before its handler sees it: who calls, and whether it may. The generated descriptions of
/// the services put each method behind it.
package struct Gate: Sendable {
  let authenticator: Authenticator?
  let directory: AccessDirectory
  let refusals: RefusalLog
  let quotas: CallQuotas
  let clock: any WallClock

  /// - Throws: `unauthenticated` or `permissionDenied`.
  @discardableResult
  func check(
    _ permission: Permission, _ scope: V1.Scope?, _ call: CallContext
  ) async throws(RPCStatus) -> Principal {
    let principal = try await identify(call)
    try check(permission, principal, scope, method: "\(call.service)/\(call.method)")
    return principal
  }

  /// For a caller that is known already.
  /// - Throws: `permissionDenied`, or `resourceExhausted` beyond the tenant's calls a second.
  func check(
    _ permission: Permission, _ principal: Principal, _ scope: V1.Scope?, method: @autoclosure () -> String
  ) throws(RPCStatus) {
    try allow(permission, principal, scope, method())
    try quotas.spend(principal, scope)
  }

  func identify(_ call: CallContext) async throws(RPCStatus) -> Principal {
    try await identify(
      authorization: call.metadata["authorization"], certificate: call.peer.certificateName)
  }

  /// - Parameters:
  ///   - authorization: "Bearer …", or nothing.
  ///   - certificate: the name in the certificate that the connection was made with.
  func identify(authorization: String?, certificate: String?) async throws(RPCStatus) -> Principal {
    guard let authenticator else { return .local }
    let outcome = await authenticator.identify(authorization: authorization, certificate: certificate)
    switch outcome {
    case .principal(let principal): return principal
    case .anonymous:
      throw RPCStatus(
        .unauthenticated, "this server asks for an API key, a token or a certificate",
        reason: "UNAUTHENTICATED")
    case .refused:
      throw RPCStatus(
        .unauthenticated, "the key or token is not valid, or no longer", reason: "INVALID_CREDENTIALS")
    }
  }

  /// Whether the caller may read what an agent owns. A refusal is recorded.
  func mayRead(_ owner: Scope, _ principal: Principal, _ call: CallContext) -> Bool {
    let message = V1.Scope(tenant: owner.tenant.rawValue, agent: owner.agent.rawValue)
    return (try? allow(.read, principal, message, "\(call.service)/\(call.method)")) != nil
  }

  private func allow(
    _ permission: Permission, _ principal: Principal, _ scope: V1.Scope?, _ method: @autoclosure () -> String
  ) throws(RPCStatus) {
    guard principal.role != .operator else { return }
    let now = clock.now().microseconds
    let isAllowed = AccessRules.allow(
      permission, to: principal, tenant: scope.flatMap { TenantID(rawValue: $0.tenant) },
      agent: scope.flatMap { AgentID(rawValue: $0.agent) },
      granted: { directory.granted($0, to: $1, at: now) })
    guard !isAllowed else { return }
    refusals.add(
      principal, method: method(), tenant: Self.shortened(scope?.tenant), agent: Self.shortened(scope?.agent))
    throw RPCStatus(
      .permissionDenied, "\(principal.id) may not do this", reason: "PERMISSION_DENIED",
      subject: String(method().split(separator: "/").last ?? ""))
  }

  /// What a caller sent may be of any length.
  private static func shortened(_ text: String?) -> String { String((text ?? "").prefix(identifierBytesMax)) }

  // MARK: Handlers behind the gate

  package func scopedUnary<I: ScopedRequest & WireMessage, O: WireMessage>(
    _ permission: Permission, _ handler: @escaping @Sendable (I, CallContext) async throws -> O
  ) -> @Sendable (I, CallContext) async throws -> O {
    guard authenticator != nil || quotas.isLimited else { return handler }
    return { request, call in
      try await check(permission, request.scope, call)
      return try await handler(request, call)
    }
  }

  package func unary<I: WireMessage, O: WireMessage>(
    _ permission: Permission, _ handler: @escaping @Sendable (I, CallContext) async throws -> O
  ) -> @Sendable (I, CallContext) async throws -> O {
    guard authenticator != nil else { return handler }
    return { request, call in
      try await check(permission, nil, call)
      return try await handler(request, call)
    }
  }

  package func scopedServerStreaming<I: ScopedRequest & WireMessage, O: WireMessage>(
    _ permission: Permission,
    _ handler: @escaping @Sendable (I, CallContext, ResponseStream<O>) async throws -> Void
  ) -> @Sendable (I, CallContext, ResponseStream<O>) async throws -> Void {
    guard authenticator != nil || quotas.isLimited else { return handler }
    return { request, call, responses in
      try await check(permission, request.scope, call)
      try await handler(request, call, responses)
    }
  }

  package func serverStreaming<I: WireMessage, O: WireMessage>(
    _ permission: Permission,
    _ handler: @escaping @Sendable (I, CallContext, ResponseStream<O>) async throws -> Void
  ) -> @Sendable (I, CallContext, ResponseStream<O>) async throws -> Void {
    guard authenticator != nil else { return handler }
    return { request, call, responses in
      try await check(permission, nil, call)
      try await handler(request, call, responses)
    }
  }

  /// Each request of the stream is checked, since each may name a scope.
  package func scopedClientStreaming<I: ScopedRequest & WireMessage, O: WireMessage>(
    _ permission: Permission, _ handler: @escaping @Sendable (RequestStream<I>, CallContext) async throws -> O
  ) -> @Sendable (RequestStream<I>, CallContext) async throws -> O {
    guard authenticator != nil else { return handler }
    return { requests, call in
      _ = try await identify(call)
      return try await handler(requests.checking { try await checkItem(permission, $0.scope, call) }, call)
    }
  }

  package func scopedBidirectional<I: ScopedRequest & WireMessage, O: WireMessage>(
    _ permission: Permission,
    _ handler: @escaping @Sendable (RequestStream<I>, CallContext, ResponseStream<O>) async throws -> Void
  ) -> @Sendable (RequestStream<I>, CallContext, ResponseStream<O>) async throws -> Void {
    guard authenticator != nil else { return handler }
    return { requests, call, responses in
      _ = try await identify(call)
      try await handler(
        requests.checking { try await checkItem(permission, $0.scope, call) }, call, responses)
    }
  }

  package func bidirectional<I: WireMessage, O: WireMessage>(
    _ permission: Permission,
    _ handler: @escaping @Sendable (RequestStream<I>, CallContext, ResponseStream<O>) async throws -> Void
  ) -> @Sendable (RequestStream<I>, CallContext, ResponseStream<O>) async throws -> Void {
    guard authenticator != nil else { return handler }
    return { requests, call, responses in
      try await check(permission, nil, call)
      try await handler(requests, call, responses)
    }
  }

  /// Requests after the first may leave the scope out: the handler keeps the first one's.
  private func checkItem(_ permission: Permission, _ scope: V1.Scope?, _ call: CallContext) async throws {
    guard let scope else { return }
    try await check(permission, scope, call)
  }
}
