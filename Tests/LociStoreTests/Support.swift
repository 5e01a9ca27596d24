import Foundation
import GRDB
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import Logging

/// A clock that moves when it is told to, and a little with each look.
final class ManualClock: WallClock {
  private let time = Locked(Int64(1_700_000_000_000_000))
  func now() -> Timestamp {
    time.withLock {
      $0 += 1
      return Timestamp(microseconds: $0)
    }
  }

  func advance(by microseconds: Int64) { time.withLock { $0 += microseconds } }
}

/// A store with all slices over a temporary folder, without a server.
final class TestStore: Sendable {
  let path: String
  let store: Store
  let workers = WorkerPool(name: "test", width: 2, waitingMax: 1_024)
  let ids = UUIDv7Generator()
  let clock = ManualClock()
  let vectors: VectorCache
  let policies = MemoryPolicies()
  private let removesFolder: Bool

  /// `encoder` names the encoder that callers' vectors belong to; nothing is encoded here.
  init(
    path: String? = nil, shards: Int = 2, encoder: EncoderIdentity? = nil, cacheBytes: Int = 1 << 20,
    keepsFolder: Bool? = nil
  ) throws {
    self.path = path ?? NSTemporaryDirectory() + "loci-store-\(UUID().uuidString)"
    removesFolder = !(keepsFolder ?? (path != nil))
    var configuration = Store.Configuration(path: self.path)
    configuration.shardsIfNew = shards
    vectors = VectorCache(encoder: encoder, bytesMax: cacheBytes)
    let index = IndexSlice(sources: [MessageSource(), MemorySource()], vectors: vectors) { _ in }
    store = try Store(
      configuration,
      slices: [
        index, SessionSlice(), CheckpointSlice(), ContextSlice(index: index),
        MemorySlice(index: index, policies: policies)
      ],
      workers: workers,
      clock: clock, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
      prepare: KeywordIndex.register)
  }

  deinit { if removesFolder { try? FileManager.default.removeItem(atPath: path) } }

  func append(
    _ texts: [String], to context: String = "c", by agent: String = "a", create: Bool = true,
    requestID: String? = nil, messageID: String = ""
  ) async throws -> V1.AppendResponse {
    let scope = try Scope(tenant: "t", agent: agent)
    let request = V1.AppendRequest(
      contextID: context, messages: texts.map { V1.MessageDraft(id: messageID, role: .user, text: $0) },
      createContext: create)
    let key = requestID.map { RequestKey(id: $0, hash: Array(texts.joined(separator: "\u{1F}").utf8)) }
    return try await store.shard(of: scope).submit(
      AppendMessages(request, scope: scope, key: key, ids: ids))
  }

  func texts(of agent: String) async throws -> [String] {
    let scope = try Scope(tenant: "t", agent: agent)
    return try await store.shard(of: scope).read { db in
      try ContextQueries.export(
        after: 0, contextID: nil, scope: scope, countMax: 10_000, bytesMax: .max, in: db)?.messages.map(
          \.text) ?? []
    }
  }
}
