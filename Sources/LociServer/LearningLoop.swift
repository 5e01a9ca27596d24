import GRDB
import LociCore
import LociLearn
import LociProto
import LociStore
import Logging

/// Runs a learning cycle for every agent that has something new since its last one. One loop on one node.
struct LearningLoop: Sendable {
  let node: NodeParts
  let interval: Duration
  let logger: Logger

  /// Works until the task is cancelled.
  func run() async {
    while (try? await Task.sleep(for: interval)) != nil {
      for shard in node.store.shards {
        guard let due = try? await shard.read(.eventual, { db in try LearningQueue.due(in: db) }) else {
          continue
        }
        for scope in due {
          if Task.isCancelled { return }
          do { _ = try await node.runLearningCycle(of: scope) } catch {
            logger.warning("learning cycle failed", metadata: ["shard": "\(shard.id)", "error": "\(error)"])
          }
        }
      }
    }
  }
}
