import Foundation
import LociCore

/// What lies at a database's path before SQLite sees it. SQLite would delete the log of an empty file and open a
/// foreign one unchecked.
enum FileState: Equatable {
  case new, existing

  init(path: String) throws(LociError) {
    let file = FileHandle(forReadingAtPath: path)
    defer { try? file?.close() }
    let header = (try? file?.read(upToCount: 100)).flatMap { $0 } ?? Data()
    guard !header.isEmpty else {
      guard Self.size(of: path + "-wal") == 0 else {
        throw .dataLoss(file: path, problem: "missing or empty, although its write-ahead log is there")
      }
      self = .new
      return
    }
    guard header.count == 100 else {
      throw .dataLoss(file: path, problem: "cut off within its header")
    }
    // A crash while the file was being made leaves a journal that restores the empty file.
    if Self.size(of: path + "-journal") > 0 {
      self = .new
      return
    }
    let isMarked = header[20] == 8 || Array(header[68..<72]) == Array("LOCI".utf8)
    guard isMarked else {
      let isDatabase = header.starts(with: Array("SQLite format 3\0".utf8))
      throw isDatabase
        ? .failedPrecondition("\(path) is not a Loci database")
        : .dataLoss(file: path, problem: "its header is not that of a database")
    }
    self = .existing
  }

  private static func size(of path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
  }
}
