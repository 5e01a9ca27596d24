import LociAccess
import LociCore
import LociProto
import LociTrace
import LociWire
import NIOHTTP1

/// What an OTLP/HTTP request becomes, without its sockets.
struct OTLPReceiver: Sendable {
  static let path = "/v1/traces"
  static let contentType = "application/x-protobuf"
  /// Of a request, before and after it is unpacked.
  static let bodyBytesMax = StepLimits.bytesPerCall

  struct Answer: Sendable, Equatable {
    var status: HTTPResponseStatus
    var body: [UInt8]
    var headers: [(String, String)] = []

    /// An answer that refuses has a `google.rpc.Status` in it.
    static func refusal(
      _ status: HTTPResponseStatus, _ code: RPCStatus.Code, _ message: String,
      _ headers: [(String, String)] = []
    ) -> Self {
      Self(
        status: status, body: OTLPExport.status(code: code.rawValue, message: message), headers: headers)
    }

    static func == (a: Self, b: Self) -> Bool {
      a.status == b.status && a.body == b.body && a.headers.elementsEqual(b.headers) { $0 == $1 }
    }
  }

  let intake: TraceIntake
  let gate: Gate
  let errors: ErrorMapper

  /// What can be told from the head alone.
  static func refusal(_ head: HTTPRequestHead) -> Answer? {
    guard head.uri.prefix(while: { $0 != "?" }) == path else {
      return .refusal(.notFound, .notFound, "spans are taken at \(path)")
    }
    guard head.method == .POST else {
      return .refusal(.methodNotAllowed, .unimplemented, "spans are taken by POST", [("allow", "POST")])
    }
    let type = head.headers.first(name: "content-type") ?? ""
    guard type.prefix(while: { $0 != ";" }).lowercased() == contentType else {
      return .refusal(
        .unsupportedMediaType, .invalidArgument,
        "content-type is '\(type.prefix(100))', must be \(contentType)")
    }
    let encoding = head.headers.first(name: "content-encoding")?.lowercased() ?? "identity"
    guard ["gzip", "deflate", "identity"].contains(encoding) else {
      return .refusal(
        .unsupportedMediaType, .invalidArgument,
        "content-encoding is '\(encoding.prefix(100))', must be gzip, deflate or identity")
    }
    guard head.headers.first(name: "content-length").flatMap({ Int($0) }) ?? 0 <= bodyBytesMax else {
      return .tooLarge
    }
    return nil
  }

  /// Writes the spans. Never throws: whatever is wrong is in the answer.
  func answer(_ headers: HTTPHeaders, _ body: [UInt8]) async -> Answer {
    do {
      let principal = try await gate.identify(
        authorization: headers.first(name: "authorization"), certificate: nil)
      // Who the key is for, unless the exporter says otherwise.
      let named = V1.Scope(
        tenant: headers.first(name: "loci-tenant") ?? principal.tenant?.rawValue ?? "default",
        agent: headers.first(name: "loci-agent") ?? principal.agent?.rawValue ?? "default")
      try gate.check(.write, principal, named, method: "OTLP/v1.traces")
      let scope = try Scope(tenant: named.tenant, agent: named.agent)
      let (steps, rejected) = try await intake.node.workers.run { try OTLPImport.steps(from: body) }
      if !steps.isEmpty { _ = try await intake.write(all: steps, scope, nil) }
      return Answer(status: .ok, body: OTLPExport.response(rejected: rejected))
    } catch LociError.tooLarge(let what, let bytes, let limit) {
      return .refusal(
        .payloadTooLarge, .resourceExhausted, "\(what) has \(bytes) bytes, at most \(limit)")
    } catch {
      return Self.refusal(errors.status(error))
    }
  }

  /// Exporters send again after 429, 502, 503 and 504, and after nothing else.
  private static func refusal(_ status: RPCStatus) -> Answer {
    switch status.code {
    case .invalidArgument, .failedPrecondition, .outOfRange:
      .refusal(.badRequest, status.code, status.message)
    case .unauthenticated: .refusal(.unauthorized, status.code, status.message)
    case .permissionDenied: .refusal(.forbidden, status.code, status.message)
    case .resourceExhausted:
      .refusal(.tooManyRequests, status.code, status.message, [("retry-after", "1")])
    case .unavailable, .aborted, .cancelled:
      .refusal(.serviceUnavailable, status.code, status.message, [("retry-after", "1")])
    case .deadlineExceeded: .refusal(.gatewayTimeout, status.code, status.message)
    default: .refusal(.internalServerError, status.code, status.message)
    }
  }
}

extension OTLPReceiver.Answer {
  static let tooLarge = refusal(
    .payloadTooLarge, .resourceExhausted,
    "a request has at most \(OTLPReceiver.bodyBytesMax) bytes, packed and unpacked")
  static let noMemory = refusal(
    .serviceUnavailable, .unavailable, "too many requests are under way", [("retry-after", "1")])
  static let malformed = refusal(
    .badRequest, .invalidArgument, "the body is not what its content-encoding says")
}
