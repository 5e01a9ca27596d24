import ArgumentParser
import Crypto
import Foundation
import SwiftASN1
import X509

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

struct Certificates: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cert", abstract: "Certificates for TLS.", subcommands: [Init.self, Client.self])

  struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make an authority of your own and a server's certificate signed by it.",
      discussion:
        "Writes ca.pem, ca-key.pem, server.pem and server-key.pem. An authority that is there is kept.")

    @Argument(help: "Folder to write into.") var folder: String
    @Option(help: "Names and addresses of the server.") var host: [String] = ["localhost", "127.0.0.1"]
    @Option(help: "Days that the server's certificate is valid.") var days = 397

    func validate() throws {
      guard (1...3_650).contains(days) else { throw ValidationError("--days must be 1 to 3650") }
    }

    func run() async throws {
      let files = CertificateFiles(folder: folder)
      let authority = try files.authority()
      try files.write(
        "server",
        try authority.sign("Loci server", names: host.map(SubjectNames.host), days: days, isServer: true))
      print("\(folder)/server.pem and server-key.pem for \(host.joined(separator: ", ")), signed by ca.pem")
    }
  }

  struct Client: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a client's certificate, signed by the authority that `init` made.")

    @Argument(help: "The folder of `init`.") var folder: String
    @Argument(help: "Name of the files.") var name: String
    @Option(help: "Tenant.") var tenant = ""
    @Option(help: "Agent; none: every agent of the tenant.") var agent = ""
    @Option(help: "reader, agent, tenant-admin or operator.") var role = RoleName.agent
    @Option(help: "Days that it is valid.") var days = 397

    func validate() throws {
      guard (1...3_650).contains(days) else { throw ValidationError("--days must be 1 to 3650") }
      guard (role == .operator) == tenant.isEmpty else {
        throw ValidationError("--tenant is needed, but for an operator, who has none")
      }
      guard name != "ca", name != "server", !name.contains("/"), !name.isEmpty else {
        throw ValidationError("'\(name)' cannot be the files' name")
      }
    }

    func run() async throws {
      let files = CertificateFiles(folder: folder)
      let authority = try files.authority()
      let uri = SubjectNames.principal(tenant: tenant, agent: agent, role: role)
      try files.write(name, try authority.sign(name, names: [uri], days: days, isServer: false))
      print("\(folder)/\(name).pem and \(name)-key.pem")
    }
  }
}

enum SubjectNames {
  static func host(_ text: String) -> GeneralName {
    if let bytes = address(text) { return .ipAddress(ASN1OctetString(contentBytes: bytes[...])) }
    return .dnsName(text)
  }

  /// `loci://TENANT/AGENT/ROLE`, by which the server knows the client.
  static func principal(tenant: String, agent: String, role: RoleName) -> GeneralName {
    let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
    func part(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: allowed) ?? "" }
    let name = role == .tenantAdmin ? "tenant_admin" : role.rawValue
    return .uniformResourceIdentifier("loci://\(part(tenant))/\(part(agent))/\(name)")
  }

  /// The four bytes of an IPv4 address, the sixteen of an IPv6 one.
  private static func address(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
    if unsafe inet_pton(AF_INET6, text, &bytes) == 1 { return bytes }
    return nil
  }
}

/// A certificate and its private key.
struct SignedCertificate {
  let certificate: Certificate
  let key: P256.Signing.PrivateKey
}

struct CertificateAuthority {
  let certificate: Certificate
  let key: P256.Signing.PrivateKey

  /// A new one, valid for ten years.
  init() throws {
    key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("Loci authority") }
    certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
      notValidBefore: Date(timeIntervalSinceNow: -3_600),
      notValidAfter: Date(timeIntervalSinceNow: 3_650 * 86_400),
      issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
      }, issuerPrivateKey: .init(key))
  }

  init(certificate: Certificate, key: P256.Signing.PrivateKey) {
    self.certificate = certificate
    self.key = key
  }

  func sign(_ name: String, names: [GeneralName], days: Int, isServer: Bool) throws -> SignedCertificate {
    let own = P256.Signing.PrivateKey()
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(own.publicKey),
      notValidBefore: Date(timeIntervalSinceNow: -3_600),
      notValidAfter: Date(timeIntervalSinceNow: Double(days) * 86_400), issuer: certificate.subject,
      subject: try DistinguishedName { CommonName(name) }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([isServer ? .serverAuth : .clientAuth])
        SubjectAlternativeNames(names)
      }, issuerPrivateKey: .init(key))
    return SignedCertificate(certificate: certificate, key: own)
  }
}

/// A folder with an authority and what it signed, as PEM files. Only their owner may read keys.
struct CertificateFiles {
  let folder: String

  func authority() throws -> CertificateAuthority {
    let path = "\(folder)/ca.pem"
    guard FileManager.default.fileExists(atPath: path) else {
      let authority = try CertificateAuthority()
      try write("ca", SignedCertificate(certificate: authority.certificate, key: authority.key))
      return authority
    }
    return CertificateAuthority(
      certificate: try Certificate(pemEncoded: text(path)),
      key: try P256.Signing.PrivateKey(pemRepresentation: text("\(folder)/ca-key.pem")))
  }

  func write(_ name: String, _ signed: SignedCertificate) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let key = "\(folder)/\(name)-key.pem"
    guard
      FileManager.default.createFile(
        atPath: key, contents: Data((signed.key.pemRepresentation + "\n").utf8),
        attributes: [.posixPermissions: 0o600])
    else { throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: key]) }
    let pem = try signed.certificate.serializeAsPEM().pemString + "\n"
    try Data(pem.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).pem"), options: .atomic)
  }

  private func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }
}
