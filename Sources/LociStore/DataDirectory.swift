import Crypto
import Foundation
package import GRDB
package import LociCore
import LociLog

/// The folder that holds everything Loci keeps. `manifest.json` names the format, the log and the shard count,
/// with a checksum; `lock` keeps a second process out.
package struct DataDirectory: Sendable {
  /// 2: restored from a backup. A folder that never was is written as 1.
  package static let formatVersion = 2

  package struct Manifest: Codable, Sendable, Equatable {
    package var format: Int
    /// Random; a database that carries another id does not belong here.
    package var logID: String
    package var shards: Int
    /// How often the folder was restored from a backup; nil: never.
    package var restoreEpoch: UInt32?
  }

  private struct File: Codable {
    var manifest: Manifest
    var sha256: String
  }

  package let path: String
  package let manifest: Manifest
  private let lock: DirectoryLock

  /// Opens the folder, making it when it is not there.
  /// - Throws: `failedPrecondition` when another process has it, or when its format is newer than this Loci;
  ///   `dataLoss` when its manifest is damaged.
  package init(path: String, shardsIfNew: Int) throws(LociError) {
    self.path = path
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .failedPrecondition("cannot make the data directory: \(error.localizedDescription)")
    }
    lock = try DirectoryLock(path: path + "/lock")
    let file = path + "/manifest.json"
    if let bytes = FileManager.default.contents(atPath: file) {
      manifest = try Self.decode(bytes, file: file)
    } else {
      guard try !Self.holdsShards(path) else {
        throw .dataLoss(file: file, problem: "missing, although the folder holds shards")
      }
      manifest = Manifest(
        format: 1, logID: UUID().uuidString.lowercased(), shards: shardsIfNew)
      try Self.write(manifest, file: file)
    }
  }

  /// Lets another process have the folder. Call when every shard is closed.
  package func release() { lock.release() }

  package func shardPath(_ shard: ShardID) -> String { path + "/" + Self.fileName(of: shard) }

  package static func fileName(of shard: ShardID) -> String {
    let number = String(shard.rawValue)
    return "shard-" + String(repeating: "0", count: max(0, 4 - number.count)) + number + ".db"
  }

  /// Marks the closed folder at `path` and each of its shards as restored once more.
  package static func markRestored(
    _ path: String, prepare: @escaping @Sendable (Database) throws -> Void
  ) throws(LociError) {
    let directory = try DataDirectory(path: path, shardsIfNew: 1)
    defer { directory.release() }
    var manifest = directory.manifest
    manifest.format = formatVersion
    manifest.restoreEpoch = (manifest.restoreEpoch ?? 0) + 1
    for number in 0..<UInt32(manifest.shards) {
      let shard = ShardID(rawValue: number)
      let identity = directory.identity(of: shard)
      try ShardDatabase.reidentify(
        path: directory.shardPath(shard), from: identity,
        as: LogIdentity(
          logID: identity.logID, shard: shard, restoreEpoch: manifest.restoreEpoch ?? 0), prepare: prepare)
    }
    try write(manifest, file: path + "/manifest.json")
  }

  private static func holdsShards(_ path: String) throws(LociError) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.contains { $0.hasPrefix("shard-") }
  }

  private static func decode(_ bytes: Data, file: String) throws(LociError) -> Manifest {
    guard let stored = try? JSONDecoder().decode(File.self, from: bytes) else {
      throw .dataLoss(file: file, problem: "cannot be read")
    }
    guard stored.sha256 == checksum(stored.manifest) else {
      throw .dataLoss(file: file, problem: "checksum does not match")
    }
    guard stored.manifest.format <= formatVersion else {
      throw .failedPrecondition(
        "\(file) has format \(stored.manifest.format); this Loci reads up to \(formatVersion)")
    }
    guard (1...4096).contains(stored.manifest.shards) else {
      throw .dataLoss(file: file, problem: "names \(stored.manifest.shards) shards")
    }
    return stored.manifest
  }

  private static func checksum(_ manifest: Manifest) -> String {
    let epoch = manifest.restoreEpoch.map { " restored \($0)" } ?? ""
    let text = "loci \(manifest.format) \(manifest.logID) \(manifest.shards)\(epoch)"
    return SHA256.hash(data: Data(text.utf8)).hexadecimal
  }

  private static func write(_ manifest: Manifest, file: String) throws(LociError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do {
      let bytes = try encoder.encode(File(manifest: manifest, sha256: checksum(manifest)))
      try DurableFile.replace(file, with: bytes)
    } catch {
      throw LociError.failedPrecondition("cannot write \(file): \(error)")
    }
  }
}
