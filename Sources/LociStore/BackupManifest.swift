import Crypto
import Foundation
package import LociCore

/// What a backup holds: `backup.json` beside its files. A backup is a data folder of its own, in which every shard is a
/// copy as of one moment; each shard has its own.
///
/// Not in it: segments of collections, which a restored server makes again from the log.
package struct BackupManifest: Codable, Sendable, Equatable {
  package static let fileName = "backup.json"
  package static let formatVersion = 1

  package struct File: Codable, Sendable, Equatable {
    package var name: String
    package var bytes: UInt64
    /// Hexadecimal.
    package var sha256: String
  }

  package struct Shard: Codable, Sendable, Equatable {
    package var shard: UInt32
    /// Events in the shard's log.
    package var events: UInt64

    package init(shard: UInt32, events: UInt64) { (self.shard, self.events) = (shard, events) }
  }

  package var format = Self.formatVersion
  /// When the copying began, microseconds since the Unix epoch.
  package var createdAtUs: Int64
  package var shards: [Shard]
  package var files: [File]

  private struct Sealed: Codable {
    var backup: BackupManifest
    /// Of the files' names, sizes and sums, of the shards and of the time.
    var sha256: String
  }

  /// Hashes `names` in `folder` and writes the manifest, which makes the folder a backup.
  package static func seal(
    _ folder: String, names: [String], shards: [Shard], createdAtUs: Int64
  ) throws -> BackupManifest {
    let manifest = BackupManifest(
      createdAtUs: createdAtUs, shards: shards,
      files: try names.map { try File(measuring: folder + "/" + $0, name: $0) })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try DurableFile.replace(
      folder + "/" + fileName, with: encoder.encode(Sealed(backup: manifest, sha256: manifest.checksum)))
    return manifest
  }

  /// Reads the manifest of `folder` and compares every file with it.
  /// - Throws: `dataLoss` naming the first file that is missing or differs; `failedPrecondition` for a folder that is no
  ///   backup, or one of a newer Loci.
  package static func verify(_ folder: String) throws(LociError) -> BackupManifest {
    let path = folder + "/" + fileName
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw .failedPrecondition("\(folder) is no backup, or one that was not finished: it has no \(fileName)")
    }
    guard let sealed = try? JSONDecoder().decode(Sealed.self, from: bytes) else {
      throw .dataLoss(file: path, problem: "cannot be read")
    }
    let manifest = sealed.backup
    guard sealed.sha256 == manifest.checksum else {
      throw .dataLoss(file: path, problem: "checksum does not match")
    }
    guard manifest.format <= formatVersion else {
      throw .failedPrecondition(
        "\(path) has format \(manifest.format); this Loci reads up to \(formatVersion)")
    }
    for file in manifest.files {
      let found: File
      do { found = try File(measuring: folder + "/" + file.name, name: file.name) } catch {
        throw .dataLoss(file: folder + "/" + file.name, problem: "missing or unreadable")
      }
      guard found == file else {
        throw .dataLoss(
          file: folder + "/" + file.name,
          problem: found.bytes == file.bytes
            ? "checksum does not match" : "\(found.bytes) bytes where \(file.bytes) should be")
      }
    }
    return manifest
  }

  private var checksum: String {
    var hash = SHA256()
    func add(_ text: String) { hash.update(data: Data((text + "\n").utf8)) }
    add("loci backup \(format) \(createdAtUs)")
    for shard in shards { add("shard \(shard.shard) \(shard.events)") }
    for file in files { add("file \(file.bytes) \(file.sha256) \(file.name)") }
    return hash.finalize().hexadecimal
  }
}

extension BackupManifest.File {
  init(measuring path: String, name: String) throws {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    var hash = SHA256()
    var bytes: UInt64 = 0
    while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty {
      hash.update(data: chunk)
      bytes += UInt64(chunk.count)
    }
    self.init(name: name, bytes: bytes, sha256: hash.finalize().hexadecimal)
  }
}
