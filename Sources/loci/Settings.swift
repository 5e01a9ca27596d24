import Configuration
import Foundation
import LociServer
import SystemPackage

/// What the server can be told, and where each value came from: flag, then LOCI_* environment, then the YAML
/// file, then the default.
struct Settings {
  struct Setting {
    let key: String
    let type: ConfigType
    let fallback: ConfigContent
    let help: String
  }

  static let all: [Setting] = [
    Setting(key: "data", type: .string, fallback: .string("loci-data"), help: "folder of the data"),
    Setting(
      key: "model", type: .string, fallback: .string(""),
      help:
        "folder of the encoder's model; empty: .models/all-MiniLM-L6-v2 when it is there; none: words only"),
    Setting(
      key: "listen", type: .string, fallback: .string("127.0.0.1:7420"),
      help: "HOST:PORT; port 0 takes a free one; loopback only"),
    Setting(key: "socket", type: .string, fallback: .string(""), help: "a Unix socket to listen on as well"),
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

  /// Where `make setup` puts the default model.
  static let defaultModelPath = ".models/all-MiniLM-L6-v2"

  /// Serves without an encoder.
  static let noModel = "none"

  func nodeConfiguration() throws -> Node.Configuration {
    var configuration = Node.Configuration(dataPath: string("data"))
    let model = string("model")
    if !model.isEmpty {
      configuration.modelPath = model == Self.noModel ? nil : model
    } else if FileManager.default.fileExists(atPath: Self.defaultModelPath) {
      configuration.modelPath = Self.defaultModelPath
    }
    let listen = string("listen")
    guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
      throw SettingsError(description: "listen: '\(listen)' is not HOST:PORT")
    }
    configuration.host = String(listen[..<colon]).trimmingCharacters(in: ["[", "]"])
    configuration.port = port
    configuration.unixSocketPath = string("socket").isEmpty ? nil : string("socket")
    configuration.shards = int("shards")
    configuration.workerThreads = int("workers")
    configuration.vectorCacheBytes = int("vector-cache-mib") << 20
    configuration.drainGrace = .seconds(int("drain-seconds"))
    try configuration.validate()
    return configuration
  }
}

struct SettingsError: Error, CustomStringConvertible {
  let description: String
}
