package import LociProto

extension StepColumns {
  /// Where each step's bytes begin in `texts`; one more element, the end.
  package func offsets() -> [Int] {
    var offsets: [Int] = []
    offsets.reserveCapacity(count + 1)
    var at = 0
    for index in 0..<count {
      offsets.append(at)
      at +=
        Int(inputLengths[index]) + Int(outputLengths[index]) + Int(errorLengths[index])
        + Int(restLengths[index])
    }
    offsets.append(at)
    return offsets
  }

  /// One step as the contract has it.
  /// - Parameters:
  ///   - start: where its bytes begin in `texts`.
  ///   - outline: leaves texts and attributes out, except the error.
  package func step(_ index: Int, start: Int, trace: String, outline: Bool = false) throws -> V1.Step {
    var step = V1.Step()
    step.traceID = trace
    step.spanID = SpanKey.text(spans[index])
    step.parentSpanID = SpanKey.text(parents[index])
    step.kind = V1.StepKind(rawValue: Int32(kinds[index]))
    step.status = V1.StepStatus(rawValue: Int32(statuses[index]))
    step.startedAtUs = starts[index]
    step.endedAtUs = durations[index] < 0 ? 0 : starts[index] &+ durations[index]
    (step.inputTokens, step.outputTokens) = (inputTokens[index], outputTokens[index])
    step.costNanoUsd = costs[index]
    step.name = dictionary[Int(names[index])]
    step.actor = dictionary[Int(actors[index])]
    step.model = dictionary[Int(models[index])]
    step.number = first &+ UInt32(index)
    var at = start
    func next(_ length: UInt32) -> ArraySlice<UInt8> {
      defer { at += Int(length) }
      return texts[at..<at + Int(length)]
    }
    let input = next(inputLengths[index])
    let output = next(outputLengths[index])
    step.error = String(decoding: next(errorLengths[index]), as: UTF8.self)
    if flags[index] & Self.inputIsBlob != 0 { step.inputBlob = Hex.text(input) }
    if flags[index] & Self.outputIsBlob != 0 { step.outputBlob = Hex.text(output) }
    guard !outline else { return step }
    if step.inputBlob.isEmpty { step.input = String(decoding: input, as: UTF8.self) }
    if step.outputBlob.isEmpty { step.output = String(decoding: output, as: UTF8.self) }
    if restLengths[index] > 0 {
      let rest = try V1.Step(decoding: Array(next(restLengths[index])))
      (step.attributes, step.links, step.state) = (rest.attributes, rest.links, rest.state)
    }
    return step
  }

  /// All steps, in order of their numbers.
  package func steps(trace: String, outline: Bool = false) throws -> [V1.Step] {
    let offsets = offsets()
    return try (0..<count).map { try step($0, start: offsets[$0], trace: trace, outline: outline) }
  }

  /// A 64-bit hash (FNV-1a over words) of each step's input, or output. Equal texts have equal hashes.
  package func textHashes() -> (inputs: [UInt64], outputs: [UInt64]) {
    var inputs: [UInt64] = []
    var outputs: [UInt64] = []
    inputs.reserveCapacity(count)
    outputs.reserveCapacity(count)
    var at = 0
    unsafe texts.withUnsafeBytes { bytes in
      for index in 0..<count {
        let input = Int(inputLengths[index])
        let output = Int(outputLengths[index])
        inputs.append(unsafe Self.hash(bytes[at..<at + input]))
        outputs.append(unsafe Self.hash(bytes[at + input..<at + input + output]))
        at += input + output + Int(errorLengths[index]) + Int(restLengths[index])
      }
    }
    return (inputs, outputs)
  }

  private static func hash(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt64 {
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: bytes)
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
    var at = 0
    while at + 8 <= bytes.count {
      let word = unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 32
      at += 8
    }
    while at < bytes.count {
      hash = (hash ^ UInt64(unsafe bytes[at])) &* 0x0000_0100_0000_01b3
      at += 1
    }
    return hash
  }
}
