import Foundation
import LociAccess
import LociCollection
import LociCore
import LociLog
import LociRecall
import LociStore
package import Logging

/// Looks a closed data folder over: every page against its checksum, the head file, every record of the log against
/// its chain, and on request every table against a projection made anew from the log.
package struct Checkup: Sendable {
  package struct ShardReport: Sendable {
    package let shard: UInt32
    package let pages: UInt64
    package let events: UInt64
    /// Rows compared with the rebuilt projection; 0 without `rebuild`.
    package let rows: Int
  }

  package struct Report: Sendable {
    package var shards: [ShardReport] = []
    /// One line each, naming the file and the place.
    package var problems: [String] = []
  }

  private let dataPath: String
  private let rebuild: Bool
  private let logger: Logger

  package init(dataPath: String, rebuild: Bool, logger: Logger) {
    self.dataPath = dataPath
    self.rebuild = rebuild
    self.logger = logger
  }

  package func run() async -> Report {
    var report = Report()
    do { try await examine(&report) } catch {
      report.problems.append(Self.describe(error))
    }
    return report
  }

  private func examine(_ report: inout Report) async throws {
    let pages = try scanPages(&report)
    guard report.problems.isEmpty else { return }
    let workers = WorkerPool(name: "doctor", width: 2, waitingMax: 64)
    let store = try Node.openStore(
      path: dataPath,
      index: IndexSlice(
        sources: Node.sources, vectors: VectorCache(encoder: nil, bytesMax: 1 << 20)
      ) { _ in },
      collections: CollectionSlice(changed: { _ in }), access: AccessSlice(AccessDirectory()),
      workers: workers,
      logger: logger)
    for shard in store.shards {
      do {
        let events = try await store.verifyLog(of: shard, workers: workers)
        var rows = 0
        if rebuild {
          let result = try await store.verifyByRebuilding(shard, workers: workers)
          rows = result.rows
          report.problems += result.differences.map { "shard \(shard.id): \($0)" }
        }
        report.shards.append(
          ShardReport(
            shard: shard.id.rawValue, pages: pages[shard.path] ?? 0, events: events, rows: rows))
      } catch {
        report.problems.append(Self.describe(error))
      }
    }
    try await store.close()
  }

  /// Before anything is opened for writing: opening may check-point, and would fold good frames over bad pages.
  private func scanPages(_ report: inout Report) throws -> [String: UInt64] {
    var pages: [String: UInt64] = [:]
    let directory = try DataDirectory(path: dataPath, shardsIfNew: 1)
    defer { directory.release() }
    for number in 0..<UInt32(directory.manifest.shards) {
      let path = directory.shardPath(ShardID(rawValue: number))
      do {
        let scan = try PageScan(path: path)
        pages[path] = scan.pages
        if let damage = scan.damage { report.problems.append(Self.describe(damage)) }
      } catch {
        report.problems.append(Self.describe(error))
      }
    }
    return pages
  }

  private static func describe(_ error: any Error) -> String {
    if case .dataLoss(let file, let problem)? = error as? LociError { return "\(file): \(problem)" }
    return "\(error)"
  }
}
