import LociCore
import LociProto
import LociText
import LociWire
import Logging

/// Where errors meet the wire: every error that a handler can throw becomes a status here, with a reason that a
/// program can read, and nothing about the inside.
struct ErrorMapper: Sendable {
  let logger: Logger

  func status(_ error: any Error) -> RPCStatus {
    switch error {
    case let status as RPCStatus: return status
    case let error as LociError: return status(error)
    case let error as WireDecodingError:
      return RPCStatus(error)
    case is CancellationError, EncoderError.cancelled:
      return RPCStatus(.cancelled, "the call was cancelled", reason: "CANCELLED")
    case let error as EncoderError: return status(error)
    default:
      logger.error("call failed", metadata: ["error": "\(error)"])
      return RPCStatus(.internalError, "internal error", reason: "INTERNAL")
    }
  }

  private func status(_ error: EncoderError) -> RPCStatus {
    switch error {
    case .full, .overloaded:
      return RPCStatus(
        .resourceExhausted, error.description, reason: "QUEUE_FULL", subject: "encoder",
        retryAfterMilliseconds: 100)
    case .remote(_, let mayPass):
      logger.warning("remote encoder", metadata: ["problem": "\(error)"])
      return mayPass
        ? RPCStatus(
          .unavailable, error.description, reason: "ENCODER_UNAVAILABLE", subject: "encoder",
          retryAfterMilliseconds: 1_000)
        : RPCStatus(.failedPrecondition, error.description, reason: "ENCODER_REFUSED", subject: "encoder")
    case .cancelled: return RPCStatus(.cancelled, "the call was cancelled", reason: "CANCELLED")
    case .missing, .malformed, .unsupported:
      logger.error("encoder", metadata: ["problem": "\(error)"])
      return RPCStatus(.internalError, "internal error", reason: "INTERNAL")
    }
  }

  // No `default:`. A new case must not compile until it is placed.
  private func status(_ error: LociError) -> RPCStatus {
    switch error {
    case .invalid(let field, let problem):
      return RPCStatus(.invalidArgument, "\(field) \(problem)", reason: "INVALID_FIELD", subject: field)
    case .notFound(let kind, let id):
      return RPCStatus(.notFound, "no \(kind.rawValue) '\(id)'", reason: "NOT_FOUND", subject: kind.rawValue)
    case .alreadyExists(let kind, let id):
      return RPCStatus(
        .alreadyExists, "\(kind.rawValue) '\(id)' exists", reason: "ALREADY_EXISTS", subject: kind.rawValue)
    case .requestReused(let id):
      return RPCStatus(
        .invalidArgument, "request_id '\(id)' was used with another request", reason: "REQUEST_REUSED",
        subject: "options.request_id")
    case .failedPrecondition(let problem):
      return RPCStatus(.failedPrecondition, problem, reason: "FAILED_PRECONDITION")
    case .overloaded(let queue, let limit):
      return RPCStatus(
        .resourceExhausted, "the \(queue) queue is full (\(limit))", reason: "QUEUE_FULL", subject: queue,
        retryAfterMilliseconds: 100)
    case .tooLarge(let what, let bytes, let limit):
      return RPCStatus(
        .resourceExhausted, "\(what) has \(bytes) bytes, at most \(limit)", reason: "TOO_LARGE", subject: what
      )
    case .deadlineExceeded:
      return RPCStatus(.deadlineExceeded, "the deadline passed", reason: "DEADLINE_EXCEEDED")
    case .cancelled: return RPCStatus(.cancelled, "the call was cancelled", reason: "CANCELLED")
    case .unavailable(let problem): return RPCStatus(.unavailable, problem, reason: "UNAVAILABLE")
    case .quotaExceeded(let tenant, let of, let used, let adds, let limit):
      return RPCStatus(
        .resourceExhausted, "tenant '\(tenant)' has \(used) of \(limit) \(of), no room for \(adds) more",
        reason: "QUOTA_EXCEEDED", subject: of)
    case .storageFull:
      return RPCStatus(
        .resourceExhausted, "the disk is full; what was acknowledged is safe", reason: "STORAGE_FULL",
        retryAfterMilliseconds: 5_000)
    case .dataLoss(let file, let problem):
      logger.critical("data loss", metadata: ["file": "\(file)", "problem": "\(problem)"])
      return RPCStatus(.dataLoss, "stored data is damaged; see the server's log", reason: "DATA_LOSS")
    case .internalError(let detail):
      logger.error("internal error", metadata: ["detail": "\(detail)"])
      return RPCStatus(.internalError, "internal error", reason: "INTERNAL")
    }
  }
}

extension RPCStatus {
  init(
    _ code: Code, _ message: String, reason: String, subject: String = "", retryAfterMilliseconds: Int64 = 0
  ) {
    let detail = V1.ErrorDetail(reason: reason, subject: subject, retryAfterMs: retryAfterMilliseconds)
    self.init(
      code: code, message: message,
      details: [Detail(typeURL: "type.googleapis.com/loci.v1.ErrorDetail", value: detail.encoded())])
  }
}
