import Foundation
import LociCompress
import LociText

/// The default encoder's WordPiece, in which all budgets of the measures are counted.
enum Tokens {
  static let folder =
    ProcessInfo.processInfo.environment["LOCI_MODEL_DIR"]
    ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: ".models/all-MiniLM-L6-v2").path

  static var exists: Bool {
    let found = FileManager.default.fileExists(atPath: folder + "/vocab.txt")
    if !found { print("SKIPPED: no model in \(folder)") }
    return found
  }

  static func counter() throws -> (String) throws -> Int {
    let tokenizer = try TextTokenizer(modelDirectory: folder)
    return { max(0, try tokenizer.encode($0, maxTokens: 2).tokenCount - 2) }
  }
}
