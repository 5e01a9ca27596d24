import LociCore
import LociProto

/// A command in the writer's queue, without its type.
protocol PendingCommand: Sendable {
  var costBytes: Int { get }
  /// Decides and applies inside `batch`. What it returns answers the caller, once the commit is durable.
  /// - Throws: `CommandRefused` when `decide` refused and nothing was changed; any other error when applying
  ///   failed and the transaction must not commit.
  func execute(_ batch: inout CommitBatch) throws -> @Sendable () -> Void
  func fail(_ error: LociError)
}

/// The command itself was refused, before it changed anything.
struct CommandRefused: Error {
  let reason: LociError
}

struct TypedPendingCommand<C: Command>: PendingCommand {
  let command: C
  let complete: @Sendable (Result<C.Answer, LociError>) -> Void

  var costBytes: Int { command.costBytes }

  func fail(_ error: LociError) { complete(.failure(error)) }

  func execute(_ batch: inout CommitBatch) throws -> @Sendable () -> Void {
    let decision: Decision<C.Answer>
    do {
      if let key = command.requestKey,
        let answer: C.Answer = try RequestSlice.remembered(key, scope: command.scope, batch.transaction)
      {
        return { [complete] in complete(.success(answer)) }
      }
      decision = try command.decide(batch.transaction)
      try batch.keepRoom(for: decision.events, scope: command.scope)
    } catch let error as LociError {
      throw CommandRefused(reason: error)
    }
    for kind in decision.events { try batch.append(kind, scope: command.scope) }
    var answer = decision.answer
    answer.position = V1.Position(
      shard: batch.transaction.shard.rawValue, sequence: batch.transaction.counters.applied)
    // One that changed nothing is remembered too: its retry must not find more to change than it did.
    if let key = command.requestKey {
      let request = LogV1.RequestAnswered(
        requestID: key.id, requestHash: key.hash, answer: decision.answer.encoded())
      try batch.append(.requestAnswered(request), scope: command.scope)
    }
    return { [complete, answer] in complete(.success(answer)) }
  }
}

/// The events of one group commit while they are being decided.
struct CommitBatch {
  let transaction: ProjectionTransaction
  let projection: Projection
  private let quotas: TenantQuotas
  private let room: KeptRoom
  private let at: Timestamp
  private let arena = Arena()
  private(set) var events: [[UInt8]] = []

  init(
    transaction: ProjectionTransaction, projection: Projection, quotas: TenantQuotas, room: KeptRoom
  ) {
    self.transaction = transaction
    self.quotas = quotas
    self.room = room
    self.projection = projection
    at = transaction.at
  }

  /// - Throws: `LociError.quotaExceeded` when the tenant has no room for what the events add.
  func keepRoom(for events: [LogV1.Event.Kind], scope: Scope) throws {
    guard quotas.isLimited(scope.tenant) else { return }
    let growth = try projection.growth(events, scope: scope, transaction)
    guard growth.items > 0 || growth.bytes > 0 else { return }
    try quotas.keep(growth, for: scope.tenant)
    room.add(growth, scope.tenant)
  }

  mutating func append(_ kind: LogV1.Event.Kind, scope: Scope) throws {
    let event = LogV1.Event(
      tenant: scope.tenant.rawValue, agent: scope.agent.rawValue, atUs: at.microseconds, kind: kind)
    events.append(event.encoded(in: arena))
    try projection.apply(event, transaction)
  }
}
