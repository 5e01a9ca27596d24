import Foundation

/// A folder that goes when its owner does.
final class TemporaryFolder: Sendable {
  let path = NSTemporaryDirectory() + "loci-test-\(UUID().uuidString)"
  deinit { try? FileManager.default.removeItem(atPath: path) }
}
