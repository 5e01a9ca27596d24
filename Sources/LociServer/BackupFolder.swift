import Crypto
import Foundation
package import LociCore
package import LociProto
import LociRecall
package import LociStore
package import Logging

/// A backup while it is received, and what is made of one. It lies under another name until it is whole.
package struct BackupFolder: Sendable {
  package let path: String
  private let logger: Logger

  package init(path: String, logger: Logger) {
    self.path = path
    self.logger = logger
  }

  private var draft: String { path + ".partial" }

  /// Writes what a server sends to the folder, compares its sums, opens the copy for a trial, checks every record of
  /// every log, and only then gives it its name.
  /// - Parameter progress: bytes received so far, and the file at hand.
  /// - Throws: `failedPrecondition` when the folder exists; `dataLoss` when what arrived is not what was sent.
  package func receive(
    _ parts: some AsyncSequence<V1.BackupResponse, any Error>, now: Timestamp,
    progress: (UInt64, String) -> Void = { _, _ in }
  ) async throws -> BackupManifest {
    try refuseExisting()
    try startDraft()
    var shards: [BackupManifest.Shard] = []
    var names: [String] = []
    var bytes: UInt64 = 0
    var open: (file: FileHandle, name: String, hash: SHA256)?
    for try await part in parts {
      if open == nil { open = (try create(part.file), part.file, SHA256()) }
      guard open?.name == part.file else {
        throw LociError.dataLoss(file: part.file, problem: "the file before it was not complete")
      }
      try open?.file.write(contentsOf: part.content)
      open?.hash.update(data: part.content)
      bytes += UInt64(part.content.count)
      progress(bytes, part.file)
      guard part.last, let done = open else { continue }
      guard done.hash.finalize().elementsEqual(part.sha256) else {
        throw LociError.dataLoss(file: part.file, problem: "what arrived is not what was sent")
      }
      try done.file.synchronize()
      try done.file.close()
      open = nil
      names.append(part.file)
      if part.file.hasSuffix(".db") { shards.append(.init(shard: part.shard, events: part.events)) }
    }
    guard open == nil, !shards.isEmpty else {
      throw LociError.dataLoss(file: draft, problem: "the stream ended before the backup was complete")
    }
    try await tryOut(shards)
    let manifest = try BackupManifest.seal(
      draft, names: names, shards: shards, createdAtUs: now.microseconds)
    try FileManager.default.moveItem(atPath: draft, toPath: path)
    return manifest
  }

  /// Makes a data folder of the backup at `source`: compares every file with its sum, copies, marks the copy as
  /// restored, opens it for a trial, checks every record, and only then gives it its name.
  package func restore(from source: String) async throws -> BackupManifest {
    let manifest = try BackupManifest.verify(source)
    try refuseExisting()
    try startDraft()
    for file in manifest.files {
      try FileManager.default.copyItem(atPath: source + "/" + file.name, toPath: draft + "/" + file.name)
    }
    try DataDirectory.markRestored(draft, prepare: KeywordIndex.register)
    try await tryOut(manifest.shards)
    try FileManager.default.moveItem(atPath: draft, toPath: path)
    return manifest
  }

  private func refuseExisting() throws(LociError) {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw .failedPrecondition("\(path) exists already")
    }
  }

  private func startDraft() throws {
    try? FileManager.default.removeItem(atPath: draft)
    try FileManager.default.createDirectory(
      atPath: draft, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  /// Names come from the other side: none may lead out of the folder.
  private func create(_ name: String) throws -> FileHandle {
    let file = draft + "/" + name
    guard !name.isEmpty, !name.hasPrefix("."), name.utf8.allSatisfy({ $0 != UInt8(ascii: "/") && $0 > 32 }),
      !FileManager.default.fileExists(atPath: file),
      FileManager.default.createFile(atPath: file, contents: nil, attributes: [.posixPermissions: 0o600]),
      let handle = FileHandle(forWritingAtPath: file)
    else { throw LociError.invalid(field: "file", problem: "'\(name.prefix(64))' cannot be written") }
    return handle
  }

  private func tryOut(_ shards: [BackupManifest.Shard]) async throws {
    let report = await Checkup(dataPath: draft, rebuild: false, logger: logger).run()
    if let problem = report.problems.first { throw LociError.dataLoss(file: draft, problem: problem) }
    let found = report.shards.map { BackupManifest.Shard(shard: $0.shard, events: $0.events) }
    guard found == shards else {
      throw LociError.dataLoss(file: draft, problem: "its logs end elsewhere than the server said")
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: draft)
    where name == "lock" || name.hasSuffix("-wal") || name.hasSuffix("-shm") {
      try FileManager.default.removeItem(atPath: draft + "/" + name)
    }
  }
}
