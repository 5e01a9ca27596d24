import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

/// Which server, and how to print. Shared by every command that talks to one.
struct ServerOptions: ParsableArguments {
  @Option(help: "Server address, HOST:PORT or unix:PATH. Also LOCI_TARGET.")
  var target: String = ProcessInfo.processInfo.environment["LOCI_TARGET"] ?? "127.0.0.1:7420"

  @OptionGroup var credentials: CredentialOptions

  @Option(help: "Seconds that one call may take.")
  var timeout: Double = 30

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard timeout > 0, timeout <= 86_400 else {
      throw ValidationError("--timeout must be 0 to 86400 seconds")
    }
    _ = try Target(target)
  }

  /// Opens a client, runs `body`, and closes it.
  func withClient<T>(_ body: (LociClient) async throws -> T) async throws -> T {
    var configuration = LociClient.Configuration()
    configuration.timeout = .milliseconds(Int64(timeout * 1_000))
    credentials.apply(to: &configuration.transport)
    let client = try Target(target).client(configuration)
    do {
      let result = try await body(client)
      await client.close()
      return result
    } catch {
      await client.close()
      throw CommandFailure(error)
    }
  }
}

/// Who the caller is, and whom it trusts.
struct CredentialOptions: ParsableArguments {
  @Option(help: ArgumentHelp("API key or token. Better: LOCI_API_KEY.", visibility: .hidden))
  var apiKey: String?
  @Flag(help: "Connect with TLS. Implied by --tls-authority. Also LOCI_TLS=1.")
  var tls = false
  @Option(help: "PEM file with who signs the server's certificate. Also LOCI_TLS_AUTHORITY.")
  var tlsAuthority: String?
  @Option(help: "PEM file with an own certificate. Also LOCI_TLS_CERTIFICATE.")
  var tlsCertificate: String?
  @Option(help: "PEM file with its key. Also LOCI_TLS_KEY.")
  var tlsKey: String?

  func apply(to transport: inout RPCClient.Configuration) {
    let environment = ProcessInfo.processInfo.environment
    if let secret = apiKey ?? environment["LOCI_API_KEY"] { transport.authorization = "Bearer \(secret)" }
    let files = TLSFiles(
      certificatePath: tlsCertificate ?? environment["LOCI_TLS_CERTIFICATE"],
      keyPath: tlsKey ?? environment["LOCI_TLS_KEY"],
      authorityPath: tlsAuthority ?? environment["LOCI_TLS_AUTHORITY"])
    if tls || files != TLSFiles() || environment["LOCI_TLS"] == "1" { transport.tls = files }
  }
}

/// Whose data.
struct ScopeOptions: ParsableArguments {
  @Option(help: "Tenant. Also LOCI_TENANT.")
  var tenant: String = ProcessInfo.processInfo.environment["LOCI_TENANT"] ?? "default"

  @Option(help: "Agent. Also LOCI_AGENT.")
  var agent: String = ProcessInfo.processInfo.environment["LOCI_AGENT"] ?? "default"

  var scope: V1.Scope { V1.Scope(tenant: tenant, agent: agent) }
}

enum Target {
  case tcp(host: String, port: Int)
  case unix(path: String)

  init(_ text: String) throws {
    if text.hasPrefix("unix:") {
      self = .unix(path: String(text.dropFirst(5)))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port)
    else { throw ValidationError("'\(text)' is not HOST:PORT or unix:PATH") }
    self = .tcp(host: String(text[..<colon]).trimmingCharacters(in: ["[", "]"]), port: port)
  }

  func client(_ configuration: LociClient.Configuration) -> LociClient {
    switch self {
    case .tcp(let host, let port): LociClient(host: host, port: port, configuration: configuration)
    case .unix(let path): LociClient(unixSocketPath: path, configuration: configuration)
    }
  }
}

/// A failed call, as a person reads it.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String

  init(_ error: any Error) {
    if let status = error as? RPCStatus {
      description = "\(status.code): \(status.message)"
    } else {
      description = "\(error)"
    }
  }
}
