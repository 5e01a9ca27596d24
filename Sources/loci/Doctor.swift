import ArgumentParser
import Foundation
import LociServer
import Logging

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a data folder that no server uses: every page, every record of the log, every table.",
    discussion: """
      Exit 0: sound. Exit 1: damaged, with the file, page or record named. With --rebuild each projection is made \
      anew from its log in a temporary file and compared byte for byte; nothing is changed.
      """)

  @Option(help: "Folder of the data.") var data = "loci-data"
  @Flag(help: "Rebuild every projection from the log and compare.") var rebuild = false
  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    guard FileManager.default.fileExists(atPath: data) else {
      throw ValidationError("there is no folder '\(data)'")
    }
    var logger = Logger(label: "loci", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .error
    let report = await Checkup(dataPath: data, rebuild: rebuild, logger: logger).run()
    if json {
      try JSONOutput.print(report)
    } else {
      for shard in report.shards {
        print(
          "shard \(shard.shard): \(shard.events) events, \(shard.pages) pages, \(shard.rows) rows compared")
      }
      for problem in report.problems { print("DAMAGED  \(problem)") }
      if report.problems.isEmpty { print("sound") }
    }
    if !report.problems.isEmpty { throw ExitCode.failure }
  }
}
