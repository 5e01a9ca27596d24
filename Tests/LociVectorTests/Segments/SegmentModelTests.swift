import Foundation
import LociCore
import Testing

@testable import LociVector
import LociTestKit

/// Random histories against a dictionary with exact search.
struct SegmentModelTests {
  struct Setting: Sendable, CustomTestStringConvertible {
    var metric: VectorMetric
    var element = VectorStorage.float32
    var idKind = PointID.Kind.number
    var keepsOriginals = true
    var testDescription: String { "\(metric) \(element) \(idKind) originals \(keepsOriginals)" }
  }

  static let settings = [
    Setting(metric: .cosine), Setting(metric: .euclidean, element: .float16, idKind: .name),
    Setting(metric: .innerProduct, idKind: .name), Setting(metric: .cosine, keepsOriginals: false)
  ]

  /// Operations of each setting: `LOCI_MODEL_OPERATIONS` for a long run.
  static let operations =
    ProcessInfo.processInfo.environment["LOCI_MODEL_OPERATIONS"].flatMap { Int($0) } ?? 3_000

  @Test(arguments: settings, [UInt64(1), 2])
  func agreesWithADictionary(setting: Setting, seed: UInt64) throws {
    var model = try Model(setting, seed: seed)
    for _ in 0..<Self.operations { try model.step() }
    try model.compare()
    #expect(model.seals > 0 && model.merges > 0 && model.crashes > 0, "the history was too quiet")
    if setting.keepsOriginals { #expect(model.recall > 0.9) }
  }
}

/// A collection, its history, and what may happen to it.
private struct Model {
  static let dimension = 8
  private let layout: CollectionLayout
  private let identity = CollectionIdentity(high: 7, low: 9)
  private let folder: ScratchFolder
  private let history: History
  private var collection: SegmentedCollection
  private var rng: SplitMix64
  private let seed: UInt64
  private var hits = (found: 0, wanted: 0)
  private(set) var seals = 0
  private(set) var merges = 0
  private(set) var crashes = 0

  private static var policy: SegmentPolicy {
    var policy = SegmentPolicy()
    policy.sealRows = 48
    policy.sealChanges = 200
    policy.fanout = 3
    policy.rowsMax = 2_000
    return policy
  }

  var recall: Double { hits.wanted == 0 ? 1 : Double(hits.found) / Double(hits.wanted) }

  init(_ setting: SegmentModelTests.Setting, seed: UInt64) throws {
    var layout = CollectionLayout(
      dimension: Self.dimension, metric: setting.metric, element: setting.element, idKind: setting.idKind)
    layout.keepsOriginals = setting.keepsOriginals
    layout.indexFromRows = 150
    self.layout = layout
    self.seed = seed
    folder = try ScratchFolder()
    history = History(layout)
    rng = SplitMix64(seed: seed)
    collection = try SegmentedCollection(
      layout: layout, identity: identity, folder: folder.path + "/live", policy: Self.policy)
  }

  mutating func step() throws {
    switch Int.random(in: 0..<100, using: &rng) {
    case 0..<45: try upsert()
    case 45..<62: try delete()
    case 62..<88: try search()
    case 88..<93: try maintain()
    case 93..<96: try crash()
    case 96..<98: try reopen()
    case 98: try optimize()
    default: try damage()
    }
  }

  private mutating func id() -> PointID {
    let number = Int64.random(in: 0..<600, using: &rng)
    return layout.idKind == .number ? .number(number - 300) : .name("p\(number)")
  }

  private mutating func vector() -> [Float] {
    (0..<Self.dimension).map { _ in Float.random(in: -1...1, using: &rng) }
  }

  private mutating func upsert() throws {
    var points: [PointID: ([Float], [PointAttribute])] = [:]
    for _ in 0..<Int.random(in: 1...6, using: &rng) { points[id()] = (vector(), attributes()) }
    let ordered = points.sorted { $0.key < $1.key }.map { ($0.key, $0.value.0, $0.value.1) }
    let (change, sequence) = try history.upsert(ordered)
    try collection.apply(change, sequence: sequence)
  }

  private mutating func attributes() -> [PointAttribute] {
    var attributes: [PointAttribute] = []
    if Bool.random(using: &rng) {
      attributes.append(.init(key: "n", value: .integer(.random(in: -5...5, using: &rng))))
    }
    if Bool.random(using: &rng) {
      attributes.append(.init(key: "x", value: .number(.random(in: -1...1, using: &rng))))
    }
    if Bool.random(using: &rng) { attributes.append(.init(key: "f", value: .flag(.random(using: &rng)))) }
    switch Int.random(in: 0..<3, using: &rng) {
    case 0: attributes.append(.init(key: "t", value: .text(["a", "b", "é"].randomElement(using: &rng) ?? "")))
    case 1:
      attributes.append(
        .init(key: "t", value: .texts(["a", "b", "c", "a"].shuffled(using: &rng).dropLast(2))))
    default: break
    }
    return attributes
  }

  private mutating func filter(depth: Int = 0) -> PointFilter {
    switch Int.random(in: 0..<(depth < 2 ? 9 : 6), using: &rng) {
    case 0: return .oneOf(key: "t", texts: ["a", "é"])
    case 1: return .oneOf(key: "n", integers: [-3, 0, 2, 99], flags: [true])
    case 2:
      return .integers(
        key: "n", from: .random(in: -6...6, using: &rng), until: Bool.random(using: &rng) ? 3 : nil)
    case 3:
      return .numbers(
        key: Bool.random(using: &rng) ? "x" : "n", from: nil, until: .random(in: -1...1, using: &rng))
    case 4: return .exists(key: ["n", "x", "f", "t", "none"].randomElement(using: &rng) ?? "n")
    case 5: return .ids(Set((0..<20).map { _ in id() }))
    case 6: return .not(filter(depth: depth + 1))
    case 7: return .all([filter(depth: depth + 1), filter(depth: depth + 1)])
    default: return .any([filter(depth: depth + 1), filter(depth: depth + 1)])
    }
  }

  private mutating func delete() throws {
    let (change, sequence) = history.delete((0..<Int.random(in: 1...5, using: &rng)).map { _ in id() })
    try collection.apply(change, sequence: sequence)
  }

  // MARK: Comparison

  private mutating func search() throws {
    let filter = Bool.random(using: &rng) ? filter() : nil
    var parameters = SegmentSearchParameters()
    parameters.isExact = Bool.random(using: &rng)
    let queries = (0..<Int.random(in: 1...3, using: &rng)).map { _ in vector() }
    try check(
      collection, queries, k: Int.random(in: 1...20, using: &rng), filter: filter, parameters: parameters)
  }

  /// Everything, exactly.
  mutating func compare() throws {
    var parameters = SegmentSearchParameters()
    parameters.isExact = true
    try check(collection, [vector()], k: 700, filter: nil, parameters: parameters)
    #expect(collection.view.count == history.live.count)
  }

  private mutating func check(
    _ collection: SegmentedCollection, _ queries: [[Float]], k: Int, filter: PointFilter?,
    parameters: SegmentSearchParameters
  ) throws {
    let live = history.live
    let result = try repairing(collection) { view in
      try view.search(queries.flatMap { $0 }, k: k, filter: filter, parameters: parameters)
    }
    let passing = live.filter { filter?.passes($0.key, $0.value.attributes) ?? true }
    for (query, hits) in zip(queries, result.hits) {
      #expect(hits.count == min(k, passing.count), "seed \(seed): as many as there are")
      #expect(Set(hits.map(\.id)).count == hits.count, "seed \(seed): no point twice")
      // Scores of codes alone are approximate.
      let tolerance = layout.keepsOriginals ? 1e-4 : 0.08
      let exact = passing.mapValues { layout.score(query, $0.vector) }
      for hit in hits {
        guard let score = exact[hit.id] else {
          Issue.record("seed \(seed): \(hit.id) is not there or does not pass \(String(describing: filter))")
          continue
        }
        #expect(abs(score - Double(hit.score)) <= tolerance, "seed \(seed)")
        #expect(passing[hit.id]?.row == hit.row, "seed \(seed): an old version")
      }
      #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score }, "seed \(seed): best first")
      let best = exact.values.sorted(by: >).prefix(k)
      guard let worst = best.last, layout.keepsOriginals else { continue }
      let found = hits.count { Double($0.score) >= worst - 1e-4 }
      if parameters.isExact {
        #expect(found == best.count, "seed \(seed): exact")
      } else {
        self.hits.found += found
        self.hits.wanted += best.count
      }
    }
  }

  private func repairing<T>(
    _ collection: SegmentedCollection, _ body: (CollectionView) throws -> T
  ) throws -> T {
    for _ in 0..<20 {
      do { return try body(collection.view) } catch is SegmentDamaged { try collection.repair(history) }
    }
    return try body(collection.view)
  }

  // MARK: What happens to it

  private mutating func maintain() throws {
    let before = collection.view.parts.map(\.segment.id)
    try collection.maintain(history)
    count(before)
  }

  private mutating func optimize() throws {
    let before = collection.view.parts.map(\.segment.id)
    try collection.optimize(history)
    count(before)
    #expect(collection.view.parts.count <= 1 && collection.view.tailCount == 0)
  }

  private mutating func count(_ before: [UInt64]) {
    let after = collection.view.parts.map(\.segment.id)
    if !Set(after).isSubset(of: before) { seals += 1 }
    if before.contains(where: { !after.contains($0) }) { merges += 1 }
  }

  private mutating func reopen() throws {
    collection = try SegmentedCollection(
      layout: layout, identity: identity, folder: folder.path + "/live", policy: Self.policy)
    try history.replay(into: collection)
  }

  /// Copies the folder as a crash would leave it, at a random write of a segment and at the end, and opens the copies.
  private mutating func crash() throws {
    let target = folder.path
    let copies = Locked(0)
    let choice = Int.random(in: 1...3, using: &rng)
    let writes = Locked(0)
    func copy() {
      let number = copies.withLock { copies in
        copies += 1
        return copies
      }
      try? FileManager.default.copyItem(atPath: target + "/live", toPath: "\(target)/crash-\(number)")
    }
    try collection.sealTail(
      history,
      budget: MaintenanceBudget(pace: { _ in
        let number = writes.withLock { writes in
          writes += 1
          return writes
        }
        if number == choice {
          let number = copies.withLock { copies in
            copies += 1
            return copies
          }
          try? FileManager.default.copyItem(atPath: target + "/live", toPath: "\(target)/crash-\(number)")
        }
      }))
    copy()
    for number in 1...copies.withLock({ $0 }) {
      let path = "\(folder.path)/crash-\(number)"
      let copied = try SegmentedCollection(
        layout: layout, identity: identity, folder: path, policy: Self.policy)
      try history.replay(into: copied)
      var parameters = SegmentSearchParameters()
      parameters.isExact = true
      try check(copied, [vector()], k: 700, filter: nil, parameters: parameters)
      try FileManager.default.removeItem(atPath: path)
      crashes += 1
    }
  }

  /// Flips a bit of a segment or of the manifest, or cuts one short, and opens the collection anew.
  private mutating func damage() throws {
    let live = folder.path + "/live"
    let names = try FileManager.default.contentsOfDirectory(atPath: live).sorted()
    guard let name = names.randomElement(using: &rng) else { return }
    let path = live + "/" + name
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    guard !bytes.isEmpty else { return }
    if Bool.random(using: &rng) {
      bytes[Int.random(in: 0..<bytes.count, using: &rng)] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
    } else {
      bytes.removeLast(Int.random(in: 1...bytes.count, using: &rng))
    }
    // In place of the file, as the mapping of the old one must not change below its readers.
    try FileManager.default.removeItem(atPath: path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try reopen()
    var parameters = SegmentSearchParameters()
    parameters.isExact = Bool.random(using: &rng)
    try check(collection, [vector()], k: 700, filter: nil, parameters: parameters)
  }
}
