import NIOCore
import NIOSSL

/// Certificates and keys in PEM files.
public struct TLSFiles: Sendable, Equatable {
  /// Own certificate, followed by its issuers.
  public var certificatePath: String?
  public var keyPath: String?
  /// Who may have signed the other side's certificate. A client without it trusts the system's authorities; a server with
  /// it accepts only clients that show a certificate.
  public var authorityPath: String?
  /// For clients: the name that the server's certificate must have; `nil` for the host that was asked for.
  public var serverName: String?

  public init(
    certificatePath: String? = nil, keyPath: String? = nil, authorityPath: String? = nil,
    serverName: String? = nil
  ) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    self.authorityPath = authorityPath
    self.serverName = serverName
  }

  /// - Throws: NIOSSL's error for a file that is missing or no PEM.
  func serverContext() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try chain(), privateKey: .privateKey(try key()))
    configuration.minimumTLSVersion = .tlsv12
    if let authorityPath {
      configuration.trustRoots = .file(authorityPath)
      configuration.certificateVerification = .noHostnameVerification
    }
    return try NIOSSLContext(configuration: configuration)
  }

  func clientContext() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if let authorityPath { configuration.trustRoots = .file(authorityPath) }
    if certificatePath != nil {
      configuration.certificateChain = try chain()
      configuration.privateKey = .privateKey(try key())
    }
    return try NIOSSLContext(configuration: configuration)
  }

  private func chain() throws -> [NIOSSLCertificateSource] {
    try NIOSSLCertificate.fromPEMFile(certificatePath ?? "").map { .certificate($0) }
  }

  private func key() throws -> NIOSSLPrivateKey { try NIOSSLPrivateKey(file: keyPath ?? "", format: .pem) }
}
