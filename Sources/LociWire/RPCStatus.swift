/// How a call ended: a gRPC code, a sentence for people, and details for programs. `ok` is never thrown.
public struct RPCStatus: Error, Sendable, Equatable {
  /// The canonical codes; on the wire as their numbers.
  public enum Code: Int32, Sendable, CaseIterable {
    case ok = 0
    case cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
    case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented
    case internalError = 13
    case unavailable, dataLoss, unauthenticated
  }

  /// One `google.protobuf.Any` of `google.rpc.Status.details`.
  public struct Detail: Sendable, Equatable {
    /// `type.googleapis.com/` and the message's full name.
    public var typeURL: String
    /// The serialised message.
    public var value: [UInt8]

    public init(typeURL: String, value: [UInt8]) {
      self.typeURL = typeURL
      self.value = value
    }
  }

  public var code: Code
  public var message: String
  public var details: [Detail]

  public init(code: Code, message: String, details: [Detail] = []) {
    self.code = code
    self.message = message
    self.details = details
  }
}

extension RPCStatus: CustomStringConvertible {
  public var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }
}
