import Crypto
import Foundation
import LociCore
import LociLog
import LociProto
import LociStore
import LociWire

extension AdminService {
  private static let chunkBytes = 1 << 20

  func backup(
    _ request: V1.BackupRequest, _ call: CallContext, _ responses: ResponseStream<V1.BackupResponse>
  ) async throws {
    try node.backups.begin()
    defer { node.backups.end() }
    let data = node.store.directory.path
    let scratch = BackupScratch(dataPath: data)
    try scratch.make()
    defer { scratch.remove() }
    for shard in node.store.shards {
      try call.checkCancellation()
      let name = DataDirectory.fileName(of: shard.id)
      let head = try await shard.copy(to: scratch.path + "/" + name)
      try await send(
        scratch.path, name, call, responses,
        closing: V1.BackupResponse(shard: shard.id.rawValue, events: head.sequence))
      try await send(scratch.path, name + ".head", call, responses)
      try scratch.empty()
    }
    for name in ["manifest.json", AuditKeyFile.name] { try await send(data, name, call, responses) }
  }

  private func send(
    _ folder: String, _ name: String, _ call: CallContext, _ responses: ResponseStream<V1.BackupResponse>,
    closing: V1.BackupResponse = V1.BackupResponse()
  ) async throws {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder + "/" + name))
    defer { try? file.close() }
    var hash = SHA256()
    while true {
      try call.checkCancellation()
      let chunk = try await node.workers.run { try file.read(upToCount: Self.chunkBytes) ?? Data() }
      if chunk.isEmpty { break }
      hash.update(data: chunk)
      try await responses.send(V1.BackupResponse(file: name, content: [UInt8](chunk)))
    }
    var end = closing
    (end.file, end.last, end.sha256) = (name, true, [UInt8](hash.finalize()))
    try await responses.send(end)
  }
}

/// One backup at a time.
final class BackupTurn: Sendable {
  private let taken = Locked(false)

  func begin() throws(LociError) {
    let isFree = taken.withLock { taken in
      defer { taken = true }
      return !taken
    }
    guard isFree else { throw .unavailable("another backup runs") }
  }

  func end() { taken.withLock { $0 = false } }
}

/// Where copies lie while they are sent. What a stopped server left behind goes when the next one starts.
struct BackupScratch {
  let path: String

  init(dataPath: String) { path = dataPath + "/backup.tmp" }

  func make() throws {
    remove()
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  func empty() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: path) {
      try FileManager.default.removeItem(atPath: path + "/" + name)
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
