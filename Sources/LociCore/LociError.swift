/// Why a request could not be served. Cases carry facts; the server maps each to a gRPC status and a reason
/// in one place, and nothing here is meant for parsing.
public enum LociError: Error, Sendable, Equatable {
  /// The caller sent something that can never be accepted.
  case invalid(field: String, problem: String)
  /// Absent, deleted, expired, or another tenant's: the answer is the same for all four.
  case notFound(ObjectKind, id: String)
  case alreadyExists(ObjectKind, id: String)
  /// The `request_id` was used before with a different body.
  case requestReused(id: String)
  /// The state forbids it now (a closed context, an encoder that was not loaded, …).
  case failedPrecondition(String)
  /// A bounded queue is full. The caller may retry after a pause.
  case overloaded(queue: String, limit: Int)
  case tooLarge(what: String, bytes: Int, limit: Int)
  case deadlineExceeded
  case cancelled
  /// The server is starting, draining, or waiting for positions that did not arrive in time.
  case unavailable(String)
  /// The tenant has no room for what the call adds: `of` is "items" or "bytes".
  case quotaExceeded(tenant: String, of: String, used: Int64, adds: Int64, limit: Int64)
  /// The disk is full; what was acknowledged is safe and reads go on.
  case storageFull
  /// Stored data is damaged. Named precisely and never served.
  case dataLoss(file: String, problem: String)
  /// Our defect. `detail` is logged and never leaves the server.
  case internalError(detail: String)
}

/// What an id names, for errors.
public enum ObjectKind: String, Sendable {
  case context, message, memory, session, snapshot, checkpoint, shard, collection, point, model, compaction
  case trace, step, blob, record
  case experience, decision, adjustment, consolidation, key, erasure
}
