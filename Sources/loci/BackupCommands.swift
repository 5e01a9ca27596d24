import ArgumentParser
import Foundation
import LociClient
import LociCore
import LociProto
import LociWire
import LociServer
import LociStore
import Logging

struct Backup: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copy everything that a running server holds into a folder.",
    discussion: """
      The server goes on reading and writing; each shard is copied as of one moment. Sums are compared, the copy is \
      opened for a trial and every record of its logs is checked before the folder gets its name. With access on, the \
      root key is needed. Segments of collections are not copied: a restored server makes them again.
      """)

  @OptionGroup var server: ServerOptions
  @Argument(help: "Folder to make; must not exist.") var folder: String

  func run() async throws {
    var options = CallOptions()
    options.timeout = .seconds(86_400)
    let manifest = try await server.withClient { client in
      let size = try await client.admin.stats(V1.StatsRequest()).shards.reduce(0) { $0 + $1.diskBytes }
      var progress = Progress(total: Int(size >> 10), unit: "KiB", isQuiet: server.json)
      defer { progress.finish() }
      return try await BackupFolder(path: folder, logger: .quiet).receive(
        client.admin.backup(V1.BackupRequest(), options: options), now: SystemWallClock().now()
      ) { bytes, _ in progress.update(Int(bytes >> 10)) }
    }
    try BackupReport(folder, manifest).print(json: server.json)
  }
}

struct Restore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a data folder of a backup.",
    discussion: """
      Every file is compared with its sum, the new folder is opened for a trial and every record is checked before it \
      gets its name. It is marked as restored once more (`restoreEpoch` in its manifest and logs).
      """)

  @Argument(help: "Folder that `loci backup` made.") var folder: String
  @Option(help: "Data folder to make; must not exist.") var data = "loci-data"
  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    do {
      let manifest = try await BackupFolder(path: data, logger: .quiet).restore(from: folder)
      try BackupReport(data, manifest).print(json: json)
    } catch { throw CommandFailure(error) }
  }
}

private struct BackupReport {
  let folder: String
  let files: Int
  let bytes: UInt64
  let events: UInt64
  let createdAtUs: Int64

  init(_ folder: String, _ manifest: BackupManifest) {
    self.folder = folder
    files = manifest.files.count
    bytes = manifest.files.reduce(0) { $0 + $1.bytes }
    events = manifest.shards.reduce(0) { $0 + $1.events }
    createdAtUs = manifest.createdAtUs
  }

  func print(json: Bool) throws {
    if json { return try JSONOutput.print(self) }
    Swift.print("\(folder): \(files) files, \(bytes) bytes, \(events) events, every record checked")
  }
}

extension Logger {
  fileprivate static var quiet: Logger {
    var logger = Logger(label: "loci", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .error
    return logger
  }
}
