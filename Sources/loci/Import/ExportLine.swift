import Foundation
import LociProto

/// Lines of an export. Fields that say nothing are left out.
enum ExportLine {
  static func context(_ context: V1.Context) -> [String: Any] {
    var line = Fields(kind: "context")
    line.text("id", context.id)
    line.text("title", context.title)
    line.name("type", context.type)
    line.text("trace_id", context.traceID)
    line.text("session_id", context.sessionID)
    line.number("max_history", Int64(context.maxHistory))
    line.attributes(context.attributes)
    return line.values
  }

  /// - Parameter isNamed: whether the line says that it is a message.
  static func message(_ message: V1.Message, isNamed: Bool) -> [String: Any] {
    var line = Fields(kind: isNamed ? "message" : nil)
    line.text("id", message.id)
    line.text("context_id", message.contextID)
    line.number("number", Int64(message.number))
    line.values["role"] = Text.role(message.role)
    line.values["text"] = message.text
    line.number("created_at_us", message.createdAtUs)
    line.text("name", message.name)
    line.text("trace_id", message.traceID)
    line.text("tool_call_id", message.toolCallID)
    line.number("token_count", Int64(message.tokenCount))
    if !message.data.isEmpty { line.values["data"] = Data(message.data).base64EncodedString() }
    if message.pinned { line.values["pinned"] = true }
    line.attributes(message.attributes)
    return line.values
  }

  static func memory(_ memory: V1.Memory) -> [String: Any] {
    var line = Fields(kind: "memory")
    line.text("id", memory.id)
    line.name("type", memory.type)
    line.text("text", memory.text)
    line.text("context_id", memory.contextID)
    line.text("trace_id", memory.traceID)
    line.values["importance"] = Double(memory.importance)
    line.values["confidence"] = Double(memory.confidence)
    line.name("source", memory.source)
    line.name("trust", memory.trust)
    line.number("created_at_us", memory.createdAtUs)
    line.number("expires_at_us", memory.expiresAtUs)
    line.number("valid_from_us", memory.validFromUs)
    line.number("valid_until_us", memory.validUntilUs)
    if !memory.tags.isEmpty { line.values["tags"] = memory.tags }
    line.attributes(memory.attributes)
    return line.values
  }

  static func session(_ session: V1.Session, _ variables: [V1.Variable]) -> [String: Any] {
    var line = Fields(kind: "session")
    line.text("id", session.id)
    line.text("title", session.title)
    line.name("state", session.state)
    line.text("reason", session.reason)
    line.text("context_id", session.contextID)
    line.text("parent_id", session.parentID)
    line.text("trace_id", session.traceID)
    line.number("timeout_ms", session.timeoutMs)
    line.attributes(session.attributes)
    if !variables.isEmpty {
      line.values["variables"] = Dictionary(
        variables.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last })
    }
    return line.values
  }

  private struct Fields {
    var values: [String: Any]

    init(kind: String?) { values = kind.map { ["kind": $0] } ?? [:] }

    mutating func text(_ key: String, _ value: String) { if !value.isEmpty { values[key] = value } }
    mutating func number(_ key: String, _ value: Int64) {
      if value != 0 { values[key] = NSNumber(value: value) }
    }
    mutating func name(_ key: String, _ value: some OpenEnum) {
      if value.rawValue != 0 { values[key] = value.description.lowercased() }
    }
    mutating func attributes(_ list: [V1.Attribute]) {
      guard !list.isEmpty else { return }
      values["attributes"] = Dictionary(
        list.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    }
  }
}
