import Foundation
package import LociCore
package import LociProto

/// OpenTelemetry spans (`opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`) as steps.
package enum OTLPImport {
  /// Values inside values.
  static let depthMax = 16

  /// - Returns: the steps, and how many spans had no usable id.
  /// - Throws: `invalid` when the bytes are no such message.
  package static func steps(from request: [UInt8]) throws(LociError) -> (steps: [V1.Step], rejected: Int) {
    do {
      var steps: [V1.Step] = []
      var rejected = 0
      var reader = ProtoReader(request[...])
      while let (field, value) = try reader.next() {
        guard field == 1, case .bytes(let spans) = value else { continue }
        try resourceSpans(spans, &steps, &rejected)
      }
      return (steps, rejected)
    } catch {
      throw .invalid(field: "request", problem: "is no ExportTraceServiceRequest")
    }
  }

  private static func resourceSpans(
    _ bytes: ArraySlice<UInt8>, _ steps: inout [V1.Step], _ rejected: inout Int
  ) throws(ProtoReader.Malformed) {
    var resource: [V1.Attribute] = []
    var scopes: [ArraySlice<UInt8>] = []
    var reader = ProtoReader(bytes)
    while let (field, value) = try reader.next() {
      guard case .bytes(let content) = value else { continue }
      if field == 1 { resource = try attributes(content, field: 1) }
      if field == 2 { scopes.append(content) }
    }
    let service = resource.first { $0.key == "service.name" }?.value ?? ""
    for scope in scopes {
      var reader = ProtoReader(scope)
      while let (field, value) = try reader.next() {
        guard field == 2, case .bytes(let span) = value else { continue }
        if let step = try step(span, service: service) { steps.append(step) } else { rejected += 1 }
      }
    }
  }

  private static func attributes(
    _ bytes: ArraySlice<UInt8>, field wanted: UInt64
  ) throws(ProtoReader.Malformed) -> [V1.Attribute] {
    var found: [V1.Attribute] = []
    var reader = ProtoReader(bytes)
    while let (field, value) = try reader.next() {
      guard field == wanted, case .bytes(let pair) = value else { continue }
      found.append(try attribute(pair))
    }
    return found
  }

  private static func attribute(_ bytes: ArraySlice<UInt8>) throws(ProtoReader.Malformed) -> V1.Attribute {
    var attribute = V1.Attribute()
    var reader = ProtoReader(bytes)
    while let (field, value) = try reader.next() {
      guard case .bytes(let content) = value else { continue }
      if field == 1 { attribute.key = text(content) }
      if field == 2 { attribute.value = try OTLPValue.text(content) }
    }
    return attribute
  }

  static func text(_ bytes: ArraySlice<UInt8>) -> String {
    // No text column keeps U+0000.
    String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self)
  }

  /// - Returns: `nil` for a span without a usable id.
  private static func step(
    _ bytes: ArraySlice<UInt8>, service: String
  ) throws(ProtoReader.Malformed) -> V1.Step? {
    var step = V1.Step()
    var attributes: [V1.Attribute] = []
    var status = ""
    var reader = ProtoReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let id)): step.traceID = TraceKey(bytes: id)?.text ?? ""
      case (2, .bytes(let id)): step.spanID = id.count == 8 ? Hex.text(id) : ""
      case (4, .bytes(let id)):
        step.parentSpanID = id.count == 8 && id.contains { $0 != 0 } ? Hex.text(id) : ""
      case (5, .bytes(let name)): step.name = text(name)
      case (7, .fixed64(let time)): step.startedAtUs = Int64(time / 1_000)
      case (8, .fixed64(let time)): step.endedAtUs = Int64(time / 1_000)
      case (9, .bytes(let pair)): attributes.append(try attribute(pair))
      case (11, .bytes(let event)): try apply(event: event, to: &step)
      case (13, .bytes(let link)): try apply(link: link, to: &step)
      case (15, .bytes(let content)):
        var inner = ProtoReader(content)
        while let (field, value) = try inner.next() {
          if field == 2, case .bytes(let message) = value { status = text(message) }
          if field == 3, case .varint(let code) = value {
            step.status = code == 2 ? .error : code == 1 ? .ok : .unspecified
          }
        }
      default: break
      }
    }
    guard TraceKey(step.traceID) != nil, SpanKey.parse(step.spanID) ?? 0 != 0,
      step.parentSpanID != step.spanID
    else { return nil }
    if step.status == .error, step.error.isEmpty { step.error = status }
    OTLPConventions.apply(attributes, service: service, to: &step)
    return step.trimmedToLimits()
  }

  /// An exception's message is the step's error.
  private static func apply(
    event bytes: ArraySlice<UInt8>, to step: inout V1.Step
  ) throws(ProtoReader.Malformed) {
    let found = try attributes(bytes, field: 3)
    let type = found.first { $0.key == "exception.type" }?.value ?? ""
    let message = found.first { $0.key == "exception.message" }?.value ?? ""
    guard !type.isEmpty || !message.isEmpty, step.error.isEmpty else { return }
    step.error = type.isEmpty ? message : message.isEmpty ? type : "\(type): \(message)"
  }

  private static func apply(
    link bytes: ArraySlice<UInt8>, to step: inout V1.Step
  ) throws(ProtoReader.Malformed) {
    var trace = ""
    var span = ""
    var reader = ProtoReader(bytes)
    while let (field, value) = try reader.next() {
      guard case .bytes(let id) = value else { continue }
      if field == 1 { trace = TraceKey(bytes: id)?.text ?? "" }
      if field == 2, id.count == 8 { span = Hex.text(id) }
    }
    guard !trace.isEmpty, !span.isEmpty, step.links.count < StepLimits.listMax else { return }
    step.links.append(V1.StepLink(kind: .step, id: "\(trace)-\(span)"))
  }
}

/// OpenTelemetry's `AnyValue` as text: arrays and lists of pairs as JSON.
enum OTLPValue {
  static func text(_ bytes: ArraySlice<UInt8>) throws(ProtoReader.Malformed) -> String {
    switch try value(bytes, depth: 0) {
    case let text as String: return text
    case let other:
      let data = try? JSONSerialization.data(
        withJSONObject: other, options: [.sortedKeys, .withoutEscapingSlashes, .fragmentsAllowed])
      return data.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
  }

  private static func value(_ bytes: ArraySlice<UInt8>, depth: Int) throws(ProtoReader.Malformed) -> Any {
    guard depth < OTLPImport.depthMax else { throw ProtoReader.Malformed() }
    var result: Any = ""
    var reader = ProtoReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let text)): result = OTLPImport.text(text)
      case (2, .varint(let flag)): result = flag != 0
      case (3, .varint(let number)): result = Int64(bitPattern: number)
      case (4, .fixed64(let bits)):
        let number = Double(bitPattern: bits)
        result = number.isFinite ? number : "\(number)"
      case (5, .bytes(let list)):
        var items: [Any] = []
        var inner = ProtoReader(list)
        while let (field, item) = try inner.next() {
          if field == 1, case .bytes(let content) = item {
            items.append(try Self.value(content, depth: depth + 1))
          }
        }
        result = items
      case (6, .bytes(let pairs)): result = try dictionary(pairs, depth: depth + 1)
      case (7, .bytes(let data)): result = Data(data).base64EncodedString()
      default: break
      }
    }
    return result
  }

  private static func dictionary(
    _ bytes: ArraySlice<UInt8>, depth: Int
  ) throws(ProtoReader.Malformed) -> [String: Any] {
    var result: [String: Any] = [:]
    var reader = ProtoReader(bytes)
    while let (field, value) = try reader.next() {
      guard field == 1, case .bytes(let pair) = value else { continue }
      var key = ""
      var content: Any = ""
      var inner = ProtoReader(pair)
      while let (field, value) = try inner.next() {
        guard case .bytes(let bytes) = value else { continue }
        if field == 1 { key = OTLPImport.text(bytes) }
        if field == 2 { content = try Self.value(bytes, depth: depth) }
      }
      result[key] = content
    }
    return result
  }
}

extension V1.Step {
  /// What others send is cut to what a step may hold, rather than refused.
  func trimmedToLimits() -> V1.Step {
    func cut(_ text: String, _ bytesMax: Int) -> String {
      guard text.utf8.count > bytesMax else { return text }
      var bytes = Array(text.utf8.prefix(bytesMax))
      while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
      if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
      return String(decoding: bytes, as: UTF8.self)
    }
    func name(_ text: String, _ bytesMax: Int = identifierBytesMax) -> String {
      cut(String(decoding: text.utf8.filter { $0 >= 0x20 && $0 != 0x7f }, as: UTF8.self), bytesMax)
    }
    var step = self
    step.name = cut(step.name, StepLimits.nameBytesMax)
    step.actor = name(step.actor)
    step.model = name(step.model)
    step.input = cut(step.input, StepLimits.textBytesMax)
    step.output = cut(step.output, StepLimits.textBytesMax)
    step.error = cut(step.error, StepLimits.errorBytesMax)
    var seen: Set<String> = []
    step.attributes = step.attributes.compactMap { attribute in
      let key = name(attribute.key)
      guard !key.isEmpty, seen.insert(key).inserted else { return nil }
      return V1.Attribute(key: key, value: cut(attribute.value, 4_096))
    }
    step.attributes = Array(step.attributes.prefix(StepLimits.listMax))
    step.links = step.links.compactMap { link in
      let id = name(link.id)
      return id.isEmpty ? nil : V1.StepLink(kind: link.kind, id: id)
    }
    if step.endedAtUs != 0 { step.endedAtUs = max(step.endedAtUs, step.startedAtUs) }
    return step
  }
}
