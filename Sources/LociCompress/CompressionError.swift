package import LociCore

/// Why texts could not be compressed or expanded.
package enum CompressionError: Error, Sendable, Equatable {
  /// The archive is cut, changed, or not one.
  case damagedArchive(String)
  /// A newer version wrote it.
  case unknownVersion(UInt8)
  /// The texts of an archive are more than the limit.
  case tooLarge(bytes: Int, limit: Int)
  /// A dictionary cannot be trained from so little text.
  case tooFewSamples(Int)
  /// zstd refused; the library's own words.
  case library(String)

  package var asLociError: LociError {
    switch self {
    case .damagedArchive(let problem): .invalid(field: "archive", problem: problem)
    case .unknownVersion(let version):
      .invalid(field: "archive", problem: "has version \(version), which is newer")
    case .tooLarge(let bytes, let limit): .tooLarge(what: "archive", bytes: bytes, limit: limit)
    case .tooFewSamples(let count): .failedPrecondition("\(count) texts are too few for a dictionary")
    case .library(let message): .internalError(detail: "zstd: \(message)")
    }
  }
}
