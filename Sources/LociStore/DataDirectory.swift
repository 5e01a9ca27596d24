import Crypto
import Foundation
package import LociCore

/// The folder that holds everything Loci keeps. `manifest.json` names the format, the log and the shard count,
/// with a checksum; `lock` keeps a second process out.
package struct DataDirectory: Sendable {
  package static let formatVersion = 1

  package struct Manifest: Codable, Sendable, Equatable {
    package var format: Int
    /// Random; a database that carries another id does not belong here.
    package var logID: String
    package var shards: Int
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
        format: Self.formatVersion, logID: UUID().uuidString.lowercased(), shards: shardsIfNew)
      try Self.write(manifest, file: file)
    }
  }

  /// Lets another process have the folder. Call when every shard is closed.
  package func release() { lock.release() }

  package func shardPath(_ shard: ShardID) -> String {
    let number = String(shard.rawValue)
    return path + "/shard-" + String(repeating: "0", count: max(0, 4 - number.count)) + number + ".db"
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
    let text = "loci \(manifest.format) \(manifest.logID) \(manifest.shards)"
    return SHA256.hash(data: Data(text.utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
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
