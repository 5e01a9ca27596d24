import CLociFaultVFS
import Foundation
import LociCore
import LociStore
import Testing

/// A full disk refuses and goes on; a disk that fails otherwise stops the shard. Neither loses what was acknowledged.
@Suite struct DiskTests {
  /// Several writers, each append with a request id; what is acknowledged, and what is not.
  private final class Load {
    private(set) var acknowledged: Set<String> = []
    private(set) var refused: [String: LociError] = [:]

    func run(_ names: some Sequence<String>, on test: TestStore) async {
      await withTaskGroup(of: (String, LociError?).self) { group in
        for name in names {
          group.addTask {
            do {
              let text = name + " " + String(repeating: "x", count: name.utf8.count * 97 % 900)
              _ = try await test.append([text], requestID: name)
              return (name, nil)
            } catch { return (name, LociError(wrapping: error)) }
          }
        }
        for await (name, error) in group {
          refused[name] = error
          if error == nil { acknowledged.insert(name) }
        }
      }
    }

    /// Sends again, under its request id, what was refused; then everything must be there once.
    func completes(on test: TestStore) async throws {
      let missing = refused.keys.sorted()
      let stored = try await names(in: test)
      #expect(Set(stored).isSuperset(of: acknowledged), "an acknowledged write is lost")
      #expect(stored.count == Set(stored).count, "a write is doubled")
      await run(missing, on: test)
      #expect(refused.isEmpty)
      let all = try await names(in: test)
      #expect(all.count == acknowledged.count && Set(all) == acknowledged)
      let report = try await test.store.verifyByRebuilding(test.store.shards[0], workers: test.workers)
      #expect(report.differences == [])
    }

    private func names(in test: TestStore) async throws -> [String] {
      try await test.texts(of: "a").map { String($0.prefix { $0 != " " }) }
    }
  }

  private static func names(_ prefix: String, _ count: Int) -> [String] {
    (0..<count).map { "\(prefix)\($0)" }
  }

  private static func folder() throws -> String {
    let path = NSTemporaryDirectory() + "loci-disk-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  @Test(arguments: [500_000, 600_001, 700_003, 900_000])
  func aFullDiskRefusesAndGoesOnWithSpace(quota: Int) async throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let disk = FaultyDisk(folder: folder)
    let test = try TestStore(path: folder, shards: 1)
    disk.setQuota(quota)
    let load = Load()
    for round in 0..<30 { await load.run(Self.names("a\(round)-", 40), on: test) }
    #expect(!load.refused.isEmpty && !load.acknowledged.isEmpty)
    #expect(
      load.refused.values.allSatisfy { $0 == .storageFull }, "\(Set(load.refused.values.map { "\($0)" }))")
    #expect(test.store.shards[0].problem == nil, "a full disk does not stop a shard")
    #expect(try await test.texts(of: "a").count == load.acknowledged.count, "reads go on")
    disk.setQuota(-1)
    try await load.completes(on: test)
    try await test.store.close()
    let again = try TestStore(path: folder)
    try await load.completes(on: again)
    try await again.store.close()
  }

  /// The n-th write finds no space; later ones find it again.
  @Test(arguments: 1...40)
  func noSpaceFromCall(n: Int) async throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let disk = FaultyDisk(folder: folder)
    let test = try TestStore(path: folder, shards: 1)
    let load = Load()
    await load.run(Self.names("a", 10), on: test)
    disk.fail(from: n, .noSpace)
    for round in 0..<6 { await load.run(Self.names("b\(round)-", 5), on: test) }
    #expect(load.refused.values.allSatisfy { $0 == .storageFull })
    disk.stopFailing()
    try await load.completes(on: test)
    try await test.store.close()
  }

  /// After a failed sync nothing more is written; reads go on; opened anew, everything acknowledged is there.
  @Test(arguments: 1...12)
  func aFailedSyncStopsTheShard(n: Int) async throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let disk = FaultyDisk(folder: folder)
    let test = try TestStore(path: folder, shards: 1)
    let load = Load()
    await load.run(Self.names("a", 10), on: test)
    disk.failSyncs(from: n)
    for round in 0..<12 { await load.run(Self.names("b\(round)-", 5), on: test) }
    #expect(disk.failures > 0 && test.store.shards[0].problem != nil)
    #expect(!load.refused.isEmpty)
    for error in load.refused.values {
      guard case .unavailable = error else {
        Issue.record("\(error)")
        continue
      }
    }
    disk.stopFailing()
    let before = test.store.shards[0].position
    await load.run(["after"], on: test)
    #expect(load.refused["after"] != nil, "a disk that failed is not tried again")
    #expect(test.store.shards[0].position == before)
    #expect(try await test.texts(of: "a").count >= load.acknowledged.count)
    try? await test.store.close()
    let again = try TestStore(path: folder)
    try await load.completes(on: again)
    try await again.store.close()
  }
}

extension LociError {
  fileprivate init(wrapping error: any Error) {
    self = error as? LociError ?? .internalError(detail: "\(error)")
  }
}
