import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

/// What `loci export --all` wrote. Contexts come first, sessions last: a session takes the context that is there.
struct ExportFile {
  private struct Session {
    let request: V1.CreateSessionRequest
    let state: V1.SessionState
    let reason: String
  }

  private var contexts: [V1.CreateContextRequest] = []
  private(set) var records: [ImportRecord] = []
  private var sessions: [Session] = []

  /// Reads everything, so that a file with a malformed line stores nothing.
  init(_ source: ImportSource, _ scope: V1.Scope) throws {
    var memories: [ImportRecord] = []
    _ = try source.lines { entry in
      switch entry.text("kind") {
      case "context": contexts.append(try Self.context(entry, scope))
      case "message":
        let context = try Self.required("context_id", entry)
        records.append(
          ImportRecord(agent: scope.agent, item: .message(context: context, try Self.message(entry))))
      case "memory": memories.append(ImportRecord(agent: scope.agent, item: .memory(try Self.memory(entry))))
      case "session": sessions.append(try Self.session(entry, scope))
      default: throw entry.fail("has no kind that `loci export --all` writes")
      }
    }
    records += memories
  }

  /// Those that are there already stay as they are.
  func storeContexts(_ client: LociClient) async throws {
    for request in contexts {
      try await unlessThere { _ = try await client.contexts.createContext(request) }
    }
  }

  func storeSessions(_ client: LociClient) async throws {
    for session in sessions {
      try await unlessThere {
        _ = try await client.sessions.createSession(session.request)
        guard session.state != .created, session.state != .active else { return }
        // Only the server lets a session expire: what had expired is over for another reason.
        _ = try await client.sessions.transitionSession(
          V1.TransitionSessionRequest(
            scope: session.request.scope, sessionID: session.request.id,
            state: session.state == .expired ? .cancelled : session.state, reason: session.reason))
      }
    }
  }

  private func unlessThere(_ body: () async throws -> Void) async throws {
    do { try await body() } catch let status as RPCStatus where status.code == .alreadyExists {}
  }

  // MARK: Lines

  private static func context(
    _ entry: ImportSource.Entry, _ scope: V1.Scope
  ) throws -> V1.CreateContextRequest {
    V1.CreateContextRequest(
      scope: scope, id: try required("id", entry), title: entry.text("title") ?? "",
      attributes: try attributes(entry), type: try name("type", entry), traceID: entry.text("trace_id") ?? "",
      maxHistory: UInt32(clamping: number("max_history", entry)))
  }

  private static func session(_ entry: ImportSource.Entry, _ scope: V1.Scope) throws -> Session {
    let state: V1.SessionState = try name("state", entry)
    let variables = entry.fields["variables"] as? [String: String] ?? [:]
    let request = V1.CreateSessionRequest(
      scope: scope, id: try required("id", entry), title: entry.text("title") ?? "",
      contextID: entry.text("context_id") ?? "", parentID: entry.text("parent_id") ?? "",
      traceID: entry.text("trace_id") ?? "", attributes: try attributes(entry),
      timeoutMs: number("timeout_ms", entry),
      variables: variables.sorted { $0.key < $1.key }.map {
        V1.VariableChange(name: $0.key, value: $0.value)
      },
      activate: state != .created)
    return Session(request: request, state: state, reason: entry.text("reason") ?? "imported")
  }

  private static func message(_ entry: ImportSource.Entry) throws -> V1.MessageDraft {
    guard let role = entry.text("role").flatMap(RoleArgument.init(rawValue:)) else {
      throw entry.fail("has no role")
    }
    guard let data = Data(base64Encoded: entry.text("data") ?? "") else {
      throw entry.fail("has data that is not base64")
    }
    return V1.MessageDraft(
      id: try required("id", entry), role: role.value, text: entry.text("text") ?? "",
      name: entry.text("name") ?? "", createdAtUs: number("created_at_us", entry),
      traceID: entry.text("trace_id") ?? "", toolCallID: entry.text("tool_call_id") ?? "",
      attributes: try attributes(entry), tokenCount: UInt32(clamping: number("token_count", entry)),
      data: [UInt8](data), pinned: entry.fields["pinned"] as? Bool ?? false)
  }

  private static func memory(_ entry: ImportSource.Entry) throws -> V1.MemoryDraft {
    var draft = V1.MemoryDraft(
      id: try required("id", entry), type: try name("type", entry), text: try required("text", entry),
      contextID: entry.text("context_id") ?? "", traceID: entry.text("trace_id") ?? "",
      createdAtUs: number("created_at_us", entry), expiresAtUs: number("expires_at_us", entry),
      attributes: try attributes(entry), source: try name("source", entry), trust: try name("trust", entry),
      validFromUs: number("valid_from_us", entry), validUntilUs: number("valid_until_us", entry),
      tags: entry.fields["tags"] as? [String] ?? [])
    draft.importance = (entry.fields["importance"] as? NSNumber)?.floatValue
    draft.confidence = (entry.fields["confidence"] as? NSNumber)?.floatValue
    return draft
  }

  private static func required(_ key: String, _ entry: ImportSource.Entry) throws -> String {
    guard let text = entry.text(key), !text.isEmpty else { throw entry.fail("has no text in '\(key)'") }
    return text
  }

  private static func number(_ key: String, _ entry: ImportSource.Entry) -> Int64 {
    (entry.fields[key] as? NSNumber)?.int64Value ?? 0
  }

  private static func attributes(_ entry: ImportSource.Entry) throws -> [V1.Attribute] {
    let map = entry.fields["attributes"] as? [String: Any] ?? [:]
    return try map.sorted { $0.key < $1.key }.compactMap { try entry.attribute($0.key, $0.value) }
  }

  /// A value of an enum by its name; the first value where there is none.
  private static func name<Value: OpenEnum>(_ key: String, _ entry: ImportSource.Entry) throws -> Value {
    guard let text = entry.text(key) else { return Value(rawValue: 0) }
    for number in Int32(0)..<32 where Value(rawValue: number).description.lowercased() == text {
      return Value(rawValue: number)
    }
    throw entry.fail("has '\(text)' in '\(key)'")
  }
}
