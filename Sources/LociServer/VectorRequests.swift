import Foundation
import LociCollection
import LociCore
import LociProto
import LociVector

extension V1.CreateCollectionRequest: MutatingRequest {}
extension V1.DropCollectionRequest: MutatingRequest {}
extension V1.SetAliasRequest: MutatingRequest {}
extension V1.DeleteAliasRequest: MutatingRequest {}
extension V1.UpsertRequest: MutatingRequest {}
extension V1.DeletePointsRequest: MutatingRequest {}

extension V1.Vectors {
  /// The numbers, whichever form they came in.
  func floats(field: String) throws(LociError) -> [Float] {
    guard !data.isEmpty else { return values }
    guard values.isEmpty else { throw .invalid(field: field, problem: "has both values and data") }
    let storage: VectorStorage
    switch element {
    case .unspecified, .float32: storage = .float32
    case .float16: storage = .float16
    default: throw .invalid(field: "\(field).element", problem: "is not an element")
    }
    guard data.count % storage.bytesPerElement == 0 else {
      throw .invalid(
        field: "\(field).data", problem: "has \(data.count) bytes, which is no whole number of elements")
    }
    return StoredVectors.decode(data, element: storage)
  }
}

extension Optional<V1.Vectors> {
  /// - Parameter counts: how many vectors there may be.
  func floats(dimension: Int, counts: ClosedRange<Int>, field: String) throws(LociError) -> [Float] {
    guard let self else { throw .invalid(field: field, problem: "is missing") }
    let floats = try self.floats(field: field)
    let (count, rest) = floats.count.quotientAndRemainder(dividingBy: dimension)
    guard rest == 0 else {
      throw .invalid(
        field: field, problem: "has \(floats.count) numbers, no multiple of the dimension \(dimension)")
    }
    guard counts.contains(count) else {
      throw .invalid(
        field: field, problem: "has \(count) vectors, must be \(counts.lowerBound) to \(counts.upperBound)")
    }
    return floats
  }
}

extension Optional<V1.PointIds> {
  /// Empty when absent.
  func ids(_ kind: PointID.Kind, field: String) throws(LociError) -> PointIDs {
    guard let self, !(self.numbers.isEmpty && self.names.isEmpty) else { return PointIDs(kind: kind) }
    guard self.numbers.isEmpty || self.names.isEmpty else {
      throw .invalid(field: field, problem: "has both numbers and names")
    }
    return self.numbers.isEmpty ? .names(self.names) : .numbers(self.numbers)
  }
}

extension V1.PointIds {
  init(_ ids: PointIDs) {
    self.init()
    switch ids {
    case .numbers(let numbers): self.numbers = numbers
    case .names(let names): self.names = names
    }
  }
}

extension V1.Point {
  init(_ id: PointID) {
    self.init()
    switch id {
    case .number(let number): self.id = .number(number)
    case .name(let name): self.id = .name(name)
    }
  }
}

extension Optional<V1.VectorSearchParameters> {
  func checked() throws(LociError) -> SegmentSearchParameters {
    var parameters = SegmentSearchParameters()
    guard let self else { return parameters }
    guard self.recallTarget >= 0, self.recallTarget <= 1 else {
      throw .invalid(
        field: "parameters.recall_target", problem: "is \(self.recallTarget), must be above 0 to 1")
    }
    if self.recallTarget > 0 { parameters.recallTarget = self.recallTarget }
    if self.lists > 0 { parameters.lists = Int(self.lists) }
    if self.candidates > 0 { parameters.candidates = Int(self.candidates) }
    parameters.isExact = self.exact
    return parameters
  }
}

/// A number of results, 0 for the default.
func checkedLimit(_ limit: UInt32, default standard: Int, max: Int) throws(LociError) -> Int {
  if limit == 0 { return standard }
  guard limit <= UInt32(max) else {
    throw .invalid(field: "limit", problem: "is \(limit), must be 1 to \(max)")
  }
  return Int(limit)
}

extension V1.VectorSearchReport {
  init(_ statistics: SegmentSearchStatistics, since started: ContinuousClock.Instant, position: V1.Position) {
    self.init(
      rowsScanned: UInt64(statistics.rowsScanned), segments: UInt32(statistics.segments),
      tailPoints: UInt64(statistics.tailRows), expectedRecall: statistics.expectedRecall,
      elapsedUs: Int64((ContinuousClock.now - started) / .microseconds(1)), position: position)
  }
}

extension V1.CollectionState {
  init(_ state: SegmentedCollection.State) {
    self.init(
      points: UInt64(state.points), tailPoints: UInt64(state.tailPoints), tailBytes: UInt64(state.tailBytes),
      segments: state.segments.map { segment in
        V1.SegmentState(
          id: segment.id, index: segment.isInverted ? .ivfPq : .flat, rows: UInt64(segment.rows),
          liveRows: UInt64(segment.liveRows), fileBytes: UInt64(segment.fileBytes))
      },
      coveredSequence: state.covered, isOptimizing: state.isRunning, segmentsBuilt: state.built,
      segmentsRebuilt: state.rebuilt, problem: state.problem ?? "")
  }
}
