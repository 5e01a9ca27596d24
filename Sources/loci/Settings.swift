import Configuration
import Foundation
import LociAccess
import LociRemote
import LociServer
import LociText
import LociWire
import SystemPackage

/// What the server can be told, and where each value came from: flag, then LOCI_* environment, then the YAML
/// file, then the default.
struct Settings {
  struct Setting {
    let key: String
    let type: ConfigType
    let fallback: ConfigContent
    let help: String
    /// Never printed.
    var isSecret = false
  }

  static let all: [Setting] = [
    Setting(key: "data", type: .string, fallback: .string("loci-data"), help: "folder of the data"),
    Setting(
      key: "model", type: .string, fallback: .string(""),
      help:
        "folder of the encoder's model; empty: the multilingual one in .models, else the English one, else hashing; "
        + "hashing: compares words, not meanings; none: words only"),
    Setting(
      key: "encoder-url", type: .string, fallback: .string(""),
      help: "a server with /embeddings under this address encodes instead, e.g. http://127.0.0.1:8080/v1"),
    Setting(key: "encoder-name", type: .string, fallback: .string(""), help: "that server's model"),
    Setting(
      key: "encoder-key", type: .string, fallback: .string(""), help: "that server's API key", isSecret: true),
    Setting(
      key: "encoder-dimension", type: .int, fallback: .int(0),
      help: "numbers of a vector; 0: the server is asked"),
    Setting(key: "encoder-query-prefix", type: .string, fallback: .string(""), help: "put before queries"),
    Setting(
      key: "encoder-document-prefix", type: .string, fallback: .string(""), help: "put before documents"),
    Setting(
      key: "encoding-cache-mib", type: .int, fallback: .int(64),
      help: "memory for vectors of texts encoded lately"),
    Setting(
      key: "summary-url", type: .string, fallback: .string(""),
      help:
        "a server with /chat/completions under this address writes summaries, e.g. http://127.0.0.1:8080/v1; "
        + "empty: they are made of the texts' own words"),
    Setting(key: "summary-model", type: .string, fallback: .string(""), help: "that server's model"),
    Setting(
      key: "summary-key", type: .string, fallback: .string(""), help: "that server's API key", isSecret: true),
    Setting(
      key: "summary-seconds", type: .int, fallback: .int(60),
      help: "how long one request for a summary may take"
    ),
    Setting(
      key: "listen", type: .string, fallback: .string("127.0.0.1:7420"),
      help: "HOST:PORT; port 0 takes a free one; beyond loopback only with TLS and authentication"),
    Setting(key: "socket", type: .string, fallback: .string(""), help: "a Unix socket to listen on as well"),
    Setting(
      key: "otlp", type: .string, fallback: .string(""),
      help:
        "HOST:PORT, on loopback, for OpenTelemetry's exporters (OTLP/HTTP); empty: none, usual: 127.0.0.1:4318"
    ),
    Setting(
      key: "webhook-hosts", type: .string, fallback: .string(""),
      help: "hosts that alerts may go to though they are on this machine or an internal network, by commas"),
    Setting(
      key: "authentication", type: .string, fallback: .string("none"),
      help: "required: callers show an API key, a token or a certificate; none: everyone may do everything"),
    Setting(
      key: "root-key", type: .string, fallback: .string(""),
      help: "a secret of at least 32 bytes that opens everything, for making the first keys", isSecret: true),
    Setting(
      key: "jwt-keys", type: .string, fallback: .string(""), help: "file with a JSON Web Key Set for tokens"),
    Setting(
      key: "jwt-secret", type: .string, fallback: .string(""), help: "secret of tokens signed with HS256",
      isSecret: true),
    Setting(
      key: "jwt-issuer", type: .string, fallback: .string(""), help: "what a token's iss must be; empty: any"),
    Setting(
      key: "jwt-audience", type: .string, fallback: .string(""),
      help: "what a token's aud must hold; empty: any"),
    Setting(
      key: "tls-certificate", type: .string, fallback: .string(""),
      help: "PEM file with the server's certificate and its issuers"),
    Setting(key: "tls-key", type: .string, fallback: .string(""), help: "PEM file with its key"),
    Setting(
      key: "tls-client-authority", type: .string, fallback: .string(""),
      help: "PEM file with who signs clients' certificates: only clients with one get in"),
    Setting(
      key: "calls-per-second", type: .int, fallback: .int(0),
      help: "calls a second of one tenant; 0: as many as it likes"),
    Setting(key: "shards", type: .int, fallback: .int(4), help: "shards of a new data folder, 1 to 4096"),
    Setting(key: "workers", type: .int, fallback: .int(0), help: "worker threads; 0: one for each core"),
    Setting(
      key: "vector-cache-mib", type: .int, fallback: .int(1_024), help: "memory for vectors of active agents"),
    Setting(
      key: "drain-seconds", type: .int, fallback: .int(20),
      help: "how long running calls may go on at SIGTERM"),
    Setting(
      key: "log-level", type: .string, fallback: .string("notice"),
      help: "trace, debug, info, notice, warning, error or critical")
  ]

  struct Resolved {
    let key: String
    let value: ConfigContent
    let origin: String
  }

  let resolved: [Resolved]

  /// - Parameters:
  ///   - flags: what the command line gave, by key.
  ///   - file: a YAML file; `nil` reads `loci.yaml` in the working folder when it is there.
  init(
    flags: [String: ConfigContent], file: String?,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) async throws {
    let path = file ?? environment["LOCI_CONFIG"] ?? "loci.yaml"
    let isChosen = file != nil || environment["LOCI_CONFIG"] != nil
    let yaml = try await FileProvider<YAMLSnapshot>(filePath: FilePath(path), allowMissing: !isChosen)
    let own = environment.filter { $0.key.hasPrefix("LOCI_") }
    let variables = EnvironmentVariablesProvider(environmentVariables: own).prefixKeys(with: "loci")
    resolved = try Self.all.map { setting in
      if let value = flags[setting.key] {
        return Resolved(key: setting.key, value: value, origin: "--\(setting.key)")
      }
      let key = AbsoluteConfigKey([setting.key])
      let fromEnvironment = try variables.value(forKey: key, type: setting.type)
      if let value = fromEnvironment.value {
        return Resolved(key: setting.key, value: value.content, origin: fromEnvironment.encodedKey)
      }
      if let value = try yaml.value(forKey: key, type: setting.type).value {
        return Resolved(key: setting.key, value: value.content, origin: path)
      }
      return Resolved(key: setting.key, value: setting.fallback, origin: "default")
    }
  }

  func string(_ key: String) -> String {
    guard case .string(let value)? = resolved.first(where: { $0.key == key })?.value else { return "" }
    return value
  }

  func int(_ key: String) -> Int {
    guard case .int(let value)? = resolved.first(where: { $0.key == key })?.value else { return 0 }
    return value
  }

  static let modelsFolder = ".models"

  /// The models that are taken when none is named, the first that is there.
  static let defaultModels = [CatalogueModel.multilingualE5.name, CatalogueModel.allMiniLM.name]

  /// Serves without an encoder.
  static let noModel = "none"

  /// Serves with the hashing encoder.
  static let hashingModel = "hashing"

  private static var defaultModelPath: String? {
    defaultModels.map { modelsFolder + "/" + $0 }.first {
      FileManager.default.fileExists(atPath: $0 + "/config.json")
    }
  }

  /// The encoder behind a server, when one is set.
  func remoteConfiguration() throws -> RemoteConfiguration? {
    let url = string("encoder-url")
    guard !url.isEmpty else { return nil }
    guard ["", Self.noModel].contains(string("model")) else {
      throw SettingsError(description: "model and encoder-url are both set; one encoder computes")
    }
    var remote = RemoteConfiguration(url: url, model: string("encoder-name"))
    remote.apiKey = string("encoder-key").isEmpty ? nil : string("encoder-key")
    remote.dimension = int("encoder-dimension") == 0 ? nil : int("encoder-dimension")
    remote.queryPrefix = string("encoder-query-prefix")
    remote.documentPrefix = string("encoder-document-prefix")
    try remote.validate()
    return remote
  }

  /// The summariser behind a server, when one is set.
  func summaryConfiguration() throws -> RemoteSummariser.Configuration? {
    guard let url = set("summary-url") else { return nil }
    var summary = RemoteSummariser.Configuration(url: url, model: string("summary-model"))
    summary.apiKey = set("summary-key")
    summary.timeout = .seconds(int("summary-seconds"))
    do { try summary.validate() } catch {
      throw SettingsError(description: "summary-url: the summariser \(error)")
    }
    return summary
  }

  /// What is set, or `nil` when it is empty.
  private func set(_ key: String) -> String? { string(key).isEmpty ? nil : string(key) }

  private func authentication() async throws -> Node.Authentication? {
    switch string("authentication") {
    case "none": return nil
    case "required": break
    case let other:
      throw SettingsError(description: "authentication: '\(other)' is neither none nor required")
    }
    var tokens = TokenVerifier.Configuration()
    tokens.keysPath = set("jwt-keys")
    tokens.secret = set("jwt-secret")
    tokens.issuer = set("jwt-issuer")
    tokens.audience = set("jwt-audience")
    var authentication = Node.Authentication()
    authentication.rootKey = set("root-key")
    authentication.tokens = tokens.isEmpty ? nil : try await TokenVerifier(tokens)
    return authentication
  }

  private var tls: TLSFiles? {
    let files = TLSFiles(
      certificatePath: set("tls-certificate"), keyPath: set("tls-key"),
      authorityPath: set("tls-client-authority"))
    return files == TLSFiles() ? nil : files
  }

  private func address(_ key: String) throws -> (host: String, port: Int) {
    let text = string(key)
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else {
      throw SettingsError(description: "\(key): '\(text)' is not HOST:PORT")
    }
    return (String(text[..<colon]).trimmingCharacters(in: ["[", "]"]), port)
  }

  func nodeConfiguration() async throws -> Node.Configuration {
    var configuration = Node.Configuration(dataPath: string("data"))
    switch string("model") {
    case Self.noModel: break
    case Self.hashingModel: configuration.embedder = HashingEncoder()
    case "":
      configuration.modelPath = Self.defaultModelPath
      if configuration.modelPath == nil { configuration.embedder = HashingEncoder() }
    case let path: configuration.modelPath = path
    }
    configuration.encodingCacheBytes = int("encoding-cache-mib") << 20
    (configuration.host, configuration.port) = try address("listen")
    if set("otlp") != nil { configuration.otlp = try address("otlp") }
    configuration.webhookHosts = Set(
      string("webhook-hosts").split(separator: ",").map {
        $0.trimmingCharacters(in: .whitespaces).lowercased()
      })
    configuration.unixSocketPath = string("socket").isEmpty ? nil : string("socket")
    configuration.shards = int("shards")
    configuration.workerThreads = int("workers")
    configuration.vectorCacheBytes = int("vector-cache-mib") << 20
    configuration.drainGrace = .seconds(int("drain-seconds"))
    configuration.tls = tls
    configuration.authentication = try await authentication()
    configuration.callsPerSecondMax = int("calls-per-second")
    try configuration.validate()
    return configuration
  }
}

struct SettingsError: Error, CustomStringConvertible {
  let description: String
}
