import ArgumentParser
import Configuration
import Foundation
import LociRemote
import LociServer
import LociTrace
import Logging
import ServiceLifecycle
import UnixSignals

/// Flags of the server; each overrides LOCI_* and the file.
struct ServeOptions: ParsableArguments {
  @Option(help: "YAML file with settings. Also LOCI_CONFIG.") var config: String?
  @Option(help: "Folder of the data.") var data: String?
  @Option(help: "Folder of the encoder's model.") var model: String?
  @Option(help: "HOST:PORT to listen on.") var listen: String?
  @Option(help: "Unix socket to listen on as well.") var socket: String?
  @Option(help: "HOST:PORT for OpenTelemetry's exporters (OTLP/HTTP), on loopback.") var otlp: String?
  @Option(help: "none or required.") var authentication: String?
  @Option(help: "PEM file with the server's certificate and its issuers.") var tlsCertificate: String?
  @Option(help: "PEM file with its key.") var tlsKey: String?
  @Option(help: "PEM file with who signs clients' certificates.") var tlsClientAuthority: String?
  @Option(help: "Shards of a new data folder.") var shards: Int?
  @Option(help: "Worker threads.") var workers: Int?
  @Option(help: "Memory for vectors, MiB.") var vectorCacheMib: Int?
  @Option(help: "Seconds that running calls may go on at SIGTERM.") var drainSeconds: Int?
  @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?

  func settings() async throws -> Settings {
    var flags: [String: ConfigContent] = [:]
    let strings = [
      "data": data, "model": model, "listen": listen, "socket": socket, "log-level": logLevel, "otlp": otlp,
      "authentication": authentication, "tls-certificate": tlsCertificate, "tls-key": tlsKey,
      "tls-client-authority": tlsClientAuthority
    ]
    for (key, value) in strings { if let value { flags[key] = .string(value) } }
    let numbers = [
      "shards": shards, "workers": workers, "vector-cache-mib": vectorCacheMib, "drain-seconds": drainSeconds
    ]
    for (key, value) in numbers { if let value { flags[key] = .int(value) } }
    return try await Settings(flags: flags, file: config)
  }
}

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Run the server.")

  @OptionGroup var options: ServeOptions
  @Option(help: "Write HOST:PORT into this file once the server listens.") var portFile: String?

  func run() async throws {
    let settings = try await options.settings()
    guard let level = Logger.Level(rawValue: settings.string("log-level")) else {
      throw ValidationError("log-level: '\(settings.string("log-level"))' is not a level")
    }
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    var logger = Logger(label: "loci")
    logger.logLevel = level
    var configuration = try await settings.nodeConfiguration()
    if let remote = try settings.remoteConfiguration() {
      configuration.embedder = try await RemoteEncoder.connect(remote)
      configuration.embedderWidth = remote.concurrency
    } else if configuration.embedder != nil {
      logger.notice("no model: texts are compared by their words; `loci models fetch multilingual-e5-small`")
    }
    configuration.alertSender = WebhookSender(hosts: WebhookHosts(allowed: configuration.webhookHosts))
    configuration.summariser = try settings.summaryConfiguration().map { try RemoteSummariser($0) }
    let node = try Node(configuration, logger: logger)
    let service = NodeService(node: node, portFile: portFile)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
  }
}

private struct NodeService: Service {
  let node: Node
  let portFile: String?

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await node.run { addresses in
        guard let portFile, let address = addresses.first else { return }
        // Renamed into place, so that whoever waits for the file never reads half of it.
        try Data((address + "\n").utf8).write(to: URL(fileURLWithPath: portFile), options: .atomic)
      }
    } onGracefulShutdown: {
      node.stop()
    }
  }
}

struct Config: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the server's settings.", subcommands: [Show.self], defaultSubcommand: Show.self)

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print each setting with its value and origin.")

    @OptionGroup var options: ServeOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
      let settings = try await options.settings()
      if json {
        let rows = settings.resolved.map { ["key": $0.key, "value": $0.shownText, "origin": $0.origin] }
        return try JSONOutput.print(rows)
      }
      for setting in settings.resolved {
        print(
          setting.key.padding(toLength: 25, withPad: " ", startingAt: 0)
            + setting.shownText.padding(
              toLength: max(28, setting.shownText.count + 2), withPad: " ", startingAt: 0)
            + setting.origin)
      }
    }
  }
}

extension Settings.Resolved {
  /// What may be printed: of a secret only that it is set.
  var shownText: String {
    guard Settings.all.first(where: { $0.key == key })?.isSecret == true, !text.isEmpty else { return text }
    return "(set)"
  }

  var text: String {
    switch value {
    case .string(let text): text
    case .int(let number): String(number)
    default: "\(value)"
    }
  }
}
