package import GRDB
package import LociCore
import LociLog
package import Logging

/// All shards of a data directory.
package final class Store: Sendable {
  package struct Configuration: Sendable {
    /// Folder; made when it is not there.
    package var path: String
    /// Only when the folder is new: the count is fixed from then on.
    package var shardsIfNew = 4
    /// Connections that read each shard.
    package var readersPerShard = 4

    package init(path: String) { self.path = path }

    package func validate() throws(LociError) {
      guard !path.isEmpty else { throw .invalid(field: "data", problem: "must name a folder") }
      guard (1...4096).contains(shardsIfNew) else {
        throw .invalid(field: "shards", problem: "is \(shardsIfNew), must be 1 to 4096")
      }
      guard (1...64).contains(readersPerShard) else {
        throw .invalid(field: "readers", problem: "is \(readersPerShard), must be 1 to 64")
      }
    }
  }

  package let directory: DataDirectory
  package let shards: [Shard]
  package let map: ShardMap
  package let quotas = TenantQuotas()
  let projection: Projection
  let prepare: @Sendable (Database) throws -> Void

  /// Opens every shard. `prepare` runs for each database connection before its first use.
  package init(
    _ configuration: Configuration, slices: [any Slice], workers: WorkerPool,
    clock: any WallClock = SystemWallClock(), logger: Logger,
    prepare: @escaping @Sendable (Database) throws -> Void
  ) throws(LociError) {
    try configuration.validate()
    let directory = try DataDirectory(path: configuration.path, shardsIfNew: configuration.shardsIfNew)
    let projection = Projection(slices: slices, quotas: quotas)
    var shards: [Shard] = []
    for number in 0..<UInt32(directory.manifest.shards) {
      let id = ShardID(rawValue: number)
      shards.append(
        try Shard(
          id: id, path: directory.shardPath(id), identity: directory.identity(of: id),
          projection: projection, quotas: quotas, readers: configuration.readersPerShard, clock: clock,
          workers: workers,
          logger: logger, limits: GroupCommit.Limits(), prepare: prepare))
    }
    self.directory = directory
    self.projection = projection
    self.shards = shards
    self.prepare = prepare
    map = ShardMap(count: shards.count)
  }

  package func shard(of scope: Scope) -> Shard {
    shards[Int(map.shard(of: scope).rawValue)]
  }

  /// - Throws: `invalid` when a position names a shard that does not exist.
  package func validate(_ consistency: Consistency) throws(LociError) {
    guard case .atLeast(let positions) = consistency else { return }
    for position in positions where Int(position.shard.rawValue) >= shards.count {
      throw .invalid(
        field: "consistency.after",
        problem: "names shard \(position.shard); this server has \(shards.count)")
    }
  }

  /// Answers everything that was accepted, closes every file, and lets another process have the folder.
  package func close() async throws {
    defer { directory.release() }
    var failure: (any Error)?
    for shard in shards {
      do { try await shard.close() } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }
}

extension DataDirectory {
  func identity(of shard: ShardID) -> LogIdentity {
    LogIdentity(logID: manifest.logID, shard: shard, restoreEpoch: manifest.restoreEpoch ?? 0)
  }
}
