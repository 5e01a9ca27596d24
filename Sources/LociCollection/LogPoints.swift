import GRDB
import LociCore
import LociLog
import LociProto
import LociStore
import LociVector

/// Reads a collection's points from the log, one record at a time. For one snapshot.
final class LogPoints {
  private let db: Database
  private let collection: Int64
  /// The record read last: several events of a collection often share one.
  private var record: LogRecord?

  init(_ collection: Int64, in db: Database) {
    self.collection = collection
    self.db = db
  }

  /// What the event `sequence` did to the collection.
  func change(_ sequence: LogSequence) throws -> PointChange {
    guard let change = try PointChange(event(sequence).kind) else {
      throw LociError.internalError(detail: "event \(sequence) is none of points")
    }
    return change
  }

  private func event(_ sequence: LogSequence) throws -> LogV1.Event {
    if record.map({ !($0.first...$0.last).contains(sequence) }) ?? true {
      record = try LogTable.record(holding: sequence, in: db)
    }
    guard let record else { throw LociError.internalError(detail: "no record") }
    return try LogV1.Event(decoding: record.events[Int(sequence - record.first)])
  }

  /// Calls `body` with the vector of each of `rows`, which rise.
  func forEachVector(rows: [Int64], rowBytes: Int, _ body: (Int, [UInt8]) throws -> Void) throws {
    guard let first = rows.first, let last = rows.last else { return }
    var writes = try CollectionQueries.writes(of: first...last, collection, in: db)[...]
    var current: (rows: Range<Int64>, vectors: [UInt8])?
    for (index, row) in rows.enumerated() {
      if current.map({ !$0.rows.contains(row) }) ?? true {
        while let write = writes.first, write.rows.upperBound <= row { writes.removeFirst() }
        guard let write = writes.first, write.rows.contains(row),
          case .pointsUpserted(let event) = try event(write.sequence).kind,
          event.vectors.count == write.rows.count * rowBytes
        else { throw LociError.internalError(detail: "no event wrote row \(row)") }
        current = (write.rows, event.vectors)
      }
      guard let current else { continue }
      let offset = Int(row - current.rows.lowerBound) * rowBytes
      try body(index, Array(current.vectors[offset..<(offset + rowBytes)]))
    }
  }

  func forEachLivePoint(
    rows range: ClosedRange<Int64>, rowBytes: Int,
    _ body: (Int64, PointID, [PointAttribute], [UInt8]) throws -> Void
  ) throws {
    let live = try CollectionQueries.live(rows: range, collection, in: db)
    try forEachVector(rows: live.map(\.row), rowBytes: rowBytes) { index, vector in
      let point = live[index]
      try body(point.row, point.id, try PointAttributeColumn.decode(point.attributes), vector)
    }
  }

  /// Where the record with `sequence` ends, and its hash.
  func stamp(covering sequence: LogSequence) throws -> [UInt8] {
    guard sequence > 0 else { return [] }
    guard let head = try LogTable.end(ofRecordHolding: sequence, in: db) else {
      throw LociError.internalError(detail: "the log has no event \(sequence)")
    }
    return unsafe withUnsafeBytes(of: head.sequence.littleEndian) { unsafe Array($0) } + head.hash.bytes
  }
}

/// A collection's points as background work reads them: a snapshot for each question.
struct ShardPoints: PointSource {
  let shard: Shard
  let collection: Int64
  let rowBytes: Int

  func forEachLivePoint(
    rows: ClosedRange<Int64>, _ body: (Int64, PointID, [PointAttribute], [UInt8]) throws -> Void
  ) throws {
    try shard.withDatabase { db in
      try LogPoints(collection, in: db).forEachLivePoint(rows: rows, rowBytes: rowBytes, body)
    }
  }

  func forEachVector(rows: [Int64], _ body: (Int, [UInt8]) throws -> Void) throws {
    try shard.withDatabase { db in
      try LogPoints(collection, in: db).forEachVector(rows: rows, rowBytes: rowBytes, body)
    }
  }

  func stamp(covering sequence: UInt64) throws -> [UInt8] {
    try shard.withDatabase { db in try LogPoints(collection, in: db).stamp(covering: sequence) }
  }
}

/// The same within a snapshot that is open already, and on its thread only.
struct SnapshotPoints: PointSource, @unchecked Sendable {
  let points: LogPoints
  let rowBytes: Int

  func forEachLivePoint(
    rows: ClosedRange<Int64>, _ body: (Int64, PointID, [PointAttribute], [UInt8]) throws -> Void
  ) throws { try points.forEachLivePoint(rows: rows, rowBytes: rowBytes, body) }

  func forEachVector(rows: [Int64], _ body: (Int, [UInt8]) throws -> Void) throws {
    try points.forEachVector(rows: rows, rowBytes: rowBytes, body)
  }

  func stamp(covering sequence: UInt64) throws -> [UInt8] { try points.stamp(covering: sequence) }
}
