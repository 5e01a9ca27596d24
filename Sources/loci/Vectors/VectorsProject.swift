import ArgumentParser
import Foundation
import LociClient
import LociProto

struct VectorsProject: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "project",
    abstract: "Where the points of a collection lie along its principal axes.",
    discussion: "One line a point: its id, and its coordinates separated by tabs.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The collection.") var collection: String
  @Option(help: "Axes, 1 to the dimension.") var components: UInt32 = 2
  @Option(help: "The first points by id, 1 to 8192.") var points: UInt32 = 1_024
  @Flag(help: "Divide each coordinate by its axis' standard deviation.") var whiten = false

  func run() async throws {
    let answer = try await server.withClient { client in
      try await client.embeddings.project(
        V1.ProjectRequest(
          scope: who.scope, collection: collection, points: points, components: components, whiten: whiten))
    }
    if server.json { return try JSONOutput.print(answer) }
    let width = Int(answer.components)
    for row in 0..<Int(answer.rows) {
      var cells = [answer.ids.map { Self.id($0, row) } ?? ""]
      for value in answer.coordinates[row * width..<(row + 1) * width] {
        cells.append(String(format: "%.6f", value))
      }
      print(cells.joined(separator: "\t"))
    }
    let kept = answer.variances.reduce(0, +) / max(answer.totalVariance, .leastNormalMagnitude)
    FileHandle.standardError.write(
      Data(String(format: "%.1f %% of the variance is along these axes\n", kept * 100).utf8))
  }

  private static func id(_ ids: V1.PointIds, _ row: Int) -> String {
    ids.names.isEmpty ? String(ids.numbers[row]) : Text.line(ids.names[row])
  }
}
