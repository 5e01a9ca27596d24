package import LociProto

/// Steps of one trace in columns, one array for each field: what a stored block is made of, and what analysis reads.
/// All arrays have one element for each step.
package struct StepColumns: Sendable, Equatable {
  /// Number of the first step in its trace.
  package var first: UInt32
  package var spans: [UInt64] = []
  package var parents: [UInt64] = []
  /// Microseconds since the Unix epoch.
  package var starts: [Int64] = []
  /// Microseconds; -1: not ended.
  package var durations: [Int64] = []
  package var kinds: [UInt8] = []
  package var statuses: [UInt8] = []
  package var inputTokens: [UInt32] = []
  package var outputTokens: [UInt32] = []
  package var costs: [Int64] = []
  /// Places in `dictionary`.
  package var names: [UInt16] = []
  package var actors: [UInt16] = []
  package var models: [UInt16] = []
  /// Bit 0: the input's bytes in `texts` are the SHA-256 of a blob. Bit 1: so are the output's.
  package var flags: [UInt8] = []
  /// Bytes of each step in `texts`, which holds input, output, error and the rest (a `Step` with attributes, links
  /// and state alone), one step after the other.
  package var inputLengths: [UInt32] = []
  package var outputLengths: [UInt32] = []
  package var errorLengths: [UInt32] = []
  package var restLengths: [UInt32] = []
  package var dictionary: [String] = []
  package var texts: [UInt8] = []
  private var places: [String: UInt16] = [:]

  package static let inputIsBlob: UInt8 = 1
  package static let outputIsBlob: UInt8 = 2

  package init(first: UInt32) { self.first = first }

  package var count: Int { spans.count }

  package static func == (a: Self, b: Self) -> Bool {
    a.first == b.first && a.spans == b.spans && a.parents == b.parents && a.starts == b.starts
      && a.durations == b.durations && a.kinds == b.kinds && a.statuses == b.statuses
      && a.inputTokens == b.inputTokens && a.outputTokens == b.outputTokens && a.costs == b.costs
      && a.names == b.names && a.actors == b.actors && a.models == b.models && a.flags == b.flags
      && a.inputLengths == b.inputLengths && a.outputLengths == b.outputLengths
      && a.errorLengths == b.errorLengths && a.restLengths == b.restLengths && a.dictionary == b.dictionary
      && a.texts == b.texts
  }

  package mutating func reserve(_ count: Int) {
    spans.reserveCapacity(count)
    parents.reserveCapacity(count)
    starts.reserveCapacity(count)
    durations.reserveCapacity(count)
    texts.reserveCapacity(256 * count)
  }

  // MARK: Writing

  /// Adds a step whose ids were checked. Its blobs were taken out: `inputBlob` and `outputBlob` hold their hashes.
  /// - Parameter arena: for encoding; the caller's own, when there are many.
  package mutating func append(_ step: V1.Step, span: UInt64, parent: UInt64, arena: Arena = Arena()) {
    spans.append(span)
    parents.append(parent)
    starts.append(step.startedAtUs)
    durations.append(step.endedAtUs == 0 ? -1 : step.endedAtUs - step.startedAtUs)
    kinds.append(UInt8(truncatingIfNeeded: step.kind.rawValue))
    statuses.append(UInt8(truncatingIfNeeded: step.status.rawValue))
    inputTokens.append(step.inputTokens)
    outputTokens.append(step.outputTokens)
    costs.append(step.costNanoUsd)
    names.append(place(step.name))
    actors.append(place(step.actor))
    models.append(place(step.model))
    var flag: UInt8 = 0
    inputLengths.append(appendText(step.input, blob: step.inputBlob, Self.inputIsBlob, &flag))
    outputLengths.append(appendText(step.output, blob: step.outputBlob, Self.outputIsBlob, &flag))
    flags.append(flag)
    errorLengths.append(appendText(step.error))
    guard !(step.attributes.isEmpty && step.links.isEmpty && step.state.isEmpty) else {
      return restLengths.append(0)
    }
    let rest = V1.Step(attributes: step.attributes, links: step.links, state: step.state).encoded(in: arena)
    texts.append(contentsOf: rest)
    restLengths.append(UInt32(rest.count))
  }

  private mutating func place(_ text: String) -> UInt16 {
    if let place = places[text] { return place }
    let place = UInt16(dictionary.count)
    dictionary.append(text)
    places[text] = place
    return place
  }

  private mutating func appendText(_ text: String, blob: String, _ bit: UInt8, _ flag: inout UInt8) -> UInt32
  {
    guard !blob.isEmpty, let hash = Hex.bytes(blob) else { return appendText(text) }
    flag |= bit
    texts.append(contentsOf: hash)
    return UInt32(hash.count)
  }

  private mutating func appendText(_ text: String) -> UInt32 {
    var text = text
    return text.withUTF8 { bytes in
      unsafe texts.append(contentsOf: bytes)
      return UInt32(bytes.count)
    }
  }
}
