import Foundation
import LociCore
import LociLog

/// A folder that is removed with its owner. On a RAM disk where there is one: these tests open thousands of files.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    let base = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    path = base + "/loci-log-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

extension LogIdentity {
  static let sample = LogIdentity(logID: "6f1e0c9a-52c0-4d1b-9a57-6d2b1a3f0c11", shard: ShardID(rawValue: 3))
}

/// An event of `count` bytes that differs from those of other seeds.
func event(_ seed: Int, count: Int = 24) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: seed &* 31 &+ $0 &* 7 &+ seed >> 8) }
}
