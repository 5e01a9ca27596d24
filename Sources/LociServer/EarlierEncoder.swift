import Foundation
import LociCore
import LociText

/// The encoder that made stored vectors, looked for by its fingerprint.
enum EarlierEncoder {
  /// Models that lie in the same folder as the one of now are loaded until one fits.
  /// - Returns: `nil` when none does.
  static func find(_ fingerprints: Set<String>, besideModel path: String?) throws -> (any TextEmbedder)? {
    let hashing = HashingEncoder()
    if fingerprints.contains(hashing.about.fingerprint.description) { return hashing }
    // Without a model of now, where models are usually kept.
    let own = URL(fileURLWithPath: path ?? ".models/none").standardizedFileURL
    let folder = own.deletingLastPathComponent().path
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    for name in names where name != own.lastPathComponent && !name.hasPrefix(".") {
      guard let encoder = try? TextEncoder(modelDirectory: folder + "/" + name),
        fingerprints.contains(encoder.fingerprint.description)
      else { continue }
      return LocalEmbedder(encoder, workers: WorkerPool(name: "earlier-encoder", width: 2, waitingMax: 64))
    }
    return nil
  }
}
