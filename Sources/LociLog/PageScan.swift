import CLociSQLite
package import LociCore

/// Every page of a closed database compared with its checksum, those that hold no data included.
package struct PageScan: Sendable, Equatable {
  package let pages: UInt64
  /// What is damaged, naming the page; `nil` when all are sound.
  package let damage: LociError?

  /// Reads only. The database at `path` must not be open.
  /// - Throws: `dataLoss` when the file is no checked database, `unavailable` when it cannot be read.
  package init(path: String) throws(LociError) {
    var scan = loci_scan()
    switch unsafe loci_sqlite_scan_pages(path, &scan) {
    case .ok: break
    case .cannotOpen, .readFailed: throw .unavailable("\(path) cannot be read")
    case .notChecked: throw .dataLoss(file: path, problem: "its header is not that of a checked database")
    case .noMemory: throw .overloaded(queue: "memory", limit: 0)
    }
    pages = scan.pages
    guard scan.pages_damaged > 0 else {
      damage = nil
      return
    }
    damage = .dataLoss(
      file: path,
      problem: "\(scan.pages_damaged) pages fail their checksum, the first is page \(scan.first_damaged_page)"
    )
  }
}
