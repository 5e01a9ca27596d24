import Foundation
import GRDB
import LociCore
import LociProto
import LociStore
import LociText
import LociWire
import Synchronization

/// The server itself on the wire.
struct AdminService: AdminServiceProvider {
  let node: NodeParts
  let status: NodeStatus

  func echo(_ request: V1.EchoRequest, _ call: CallContext) throws -> V1.EchoResponse {
    V1.EchoResponse(payload: request.payload)
  }

  func health(_ request: V1.HealthRequest, _ call: CallContext) throws -> V1.HealthResponse {
    status.health(node)
  }

  func stats(_ request: V1.StatsRequest, _ call: CallContext) async throws -> V1.StatsResponse {
    var response = V1.StatsResponse()
    response.residentBytes = ProcessMemory.residentBytes
    status.addWire(to: &response)
    for shard in node.store.shards {
      response.shards.append(try await shardStats(shard))
      response.pendingEmbeddings += try await pending(in: shard)
    }
    if let asked = request.scope {
      try await addAgent(try Scope(tenant: asked.tenant, agent: asked.agent), &response)
    }
    return response
  }

  private func shardStats(_ shard: Shard) async throws -> V1.ShardStats {
    let commits = shard.commitCounts
    let counts = try await shard.read { db in
      try ["contexts", "messages", "memories"].map {
        UInt64(try Int64.fetchOne(db, sql: "SELECT count(*) FROM \($0)") ?? 0)
      }
    }
    return V1.ShardStats(
      shard: shard.id.rawValue, sequence: shard.position.sequence, contexts: counts[0], messages: counts[1],
      memories: counts[2], diskBytes: ProcessMemory.fileBytes(shard.path, shard.path + "-wal"),
      commits: commits.commits, commands: commits.commands)
  }

  private func pending(in shard: Shard) async throws -> UInt64 {
    try await shard.read { db in
      UInt64(try Int64.fetchOne(db, sql: "SELECT count(*) FROM pending") ?? 0)
    }
  }

  private func addAgent(_ scope: Scope, _ response: inout V1.StatsResponse) async throws {
    let counts = try await node.store.shard(of: scope).read { db -> [UInt64] in
      guard let row = try ScopeQueries.row(scope, in: db) else { return [0, 0, 0, 0] }
      let sums = [
        "SELECT count(*) FROM contexts WHERE scope = ?1", "SELECT count(*) FROM messages WHERE scope = ?1",
        "SELECT count(*) FROM memories WHERE scope = ?1",
        "SELECT count(*) FROM pending WHERE bucket IN (?1 * 2, ?1 * 2 + 1)"
      ]
      return try sums.map { UInt64(try Int64.fetchOne(db, sql: $0, arguments: [row]) ?? 0) }
    }
    (response.contexts, response.messages, response.memories) = (counts[0], counts[1], counts[2])
    response.pendingEmbeddings = counts[3]
  }
}

/// What the node says of itself.
final class NodeStatus: Sendable {
  static let version = "0.1.0"

  private let started = ContinuousClock.now
  private let draining = Atomic(false)
  private let wire = Locked<RPCServer?>(nil)

  func serving(_ server: RPCServer) { wire.withLock { $0 = server } }
  func drain() { draining.store(true, ordering: .relaxed) }

  func health(_ node: NodeParts) -> V1.HealthResponse {
    var problems = node.store.shards.compactMap { shard in
      shard.problem.map { "shard \(shard.id) refuses writes: \($0)" }
    }
    var status = problems.isEmpty ? V1.ServingStatus.serving : .notServing
    if node.encoder == nil {
      problems.append("no encoder is loaded: search finds words only")
      if status == .serving { status = .degraded }
    } else if node.encoder?.about.kind == .hashing {
      problems.append("no model is loaded: the hashing encoder compares words, not meanings")
      if status == .serving { status = .degraded }
    }
    if draining.load(ordering: .relaxed) {
      problems.append("the server is draining")
      status = .notServing
    }
    return V1.HealthResponse(
      status: status, problems: problems, version: Self.version,
      uptimeUs: (ContinuousClock.now - started).microseconds)
  }

  func addWire(to response: inout V1.StatsResponse) {
    guard let statistics = wire.withLock({ $0?.statistics }) else { return }
    response.connections = UInt64(statistics.connections)
    response.methods = statistics.methods.map { method in
      let calls = method.calls.values.reduce(0, +)
      return V1.MethodStats(
        method: "\(method.service)/\(method.method)", calls: UInt64(calls),
        failures: UInt64(calls - (method.calls[.ok] ?? 0)), p50Us: Self.microseconds(method.latency, 0.5),
        p99Us: Self.microseconds(method.latency, 0.99))
    }
  }
}

extension NodeStatus {
  private static func microseconds(_ latency: LatencyHistogram, _ fraction: Double) -> UInt64 {
    UInt64(latency.percentile(fraction)?.microseconds ?? 0)
  }
}

enum ProcessMemory {
  /// Resident set of this process in bytes, 0 where the system does not say.
  static var residentBytes: UInt64 {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
    return pages * UInt64(sysconf(CInt(_SC_PAGESIZE)))
  }

  static func fileBytes(_ paths: String...) -> UInt64 {
    paths.reduce(0) { sum, path in
      let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64
      return sum + (size ?? 0)
    }
  }
}
