import Foundation
import LociCore
import LociTrace

/// The key that signs heads of audit logs: 32 bytes in `audit.key` of the data folder, readable by its owner only.
struct AuditKeyFile {
  static let name = "audit.key"

  private let path: String

  init(dataPath: String) { path = dataPath + "/" + Self.name }

  /// Makes the key when there is none.
  func signer() throws -> AuditSigner {
    if let bytes = FileManager.default.contents(atPath: path) {
      return try AuditSigner(rawKey: [UInt8](bytes))
    }
    let signer = AuditSigner()
    // Written whole under another name first: half a key would be none.
    let draft = path + ".new"
    guard
      FileManager.default.createFile(
        atPath: draft, contents: Data(signer.rawKey), attributes: [.posixPermissions: 0o600])
    else { throw LociError.unavailable("cannot write \(draft)") }
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: draft))
    try handle.synchronize()
    try handle.close()
    try FileManager.default.moveItem(atPath: draft, toPath: path)
    return signer
  }
}
