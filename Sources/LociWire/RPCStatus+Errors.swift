package import LociProto

extension RPCStatus {
  /// What a payload that did not decode is answered with.
  package init(_ error: WireDecodingError) {
    switch error {
    case .tooLarge(let message, let limit):
      self.init(code: .resourceExhausted, message: "\(message) needs more than \(limit) bytes of memory")
    case .invalidUTF8(let field):
      self.init(code: .invalidArgument, message: "\(field) is not UTF-8")
    case .malformed(let message):
      self.init(code: .invalidArgument, message: "not a \(message)")
    }
  }

  static let deadlineExceeded = RPCStatus(code: .deadlineExceeded, message: "deadline exceeded")
  static let cancelled = RPCStatus(code: .cancelled, message: "cancelled")
  static let connectionLost = RPCStatus(code: .unavailable, message: "connection closed")
  static let draining = RPCStatus(code: .unavailable, message: "draining")

  static func answerTooLarge(bytes: Int) -> RPCStatus {
    RPCStatus(
      code: .resourceExhausted,
      message: "the answer has \(bytes) bytes, a frame holds \(FrameLimits.payloadBytesMax): ask for pages")
  }

  static func messageTooLarge(bytes: Int) -> RPCStatus {
    RPCStatus(
      code: .resourceExhausted,
      message: "the message has \(bytes) bytes, a frame holds \(FrameLimits.payloadBytesMax)")
  }

  static func invalid(_ problem: String) -> RPCStatus {
    RPCStatus(code: .invalidArgument, message: problem)
  }
}
