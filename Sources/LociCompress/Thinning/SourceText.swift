/// A message or a memory as the compressor sees it.
package struct SourceText: Sendable, Equatable {
  package enum Role: Int32, Sendable { case unknown = 0, user, assistant, system, tool }

  package var id: String
  package var role: Role
  /// Speaker's name; empty for none.
  package var name: String
  package var text: String
  /// Microseconds since the Unix epoch; 0: unknown.
  package var createdAtUs: Int64
  /// Kept as it is, whatever it costs.
  package var isPinned: Bool
  /// Log odds added to each of its words: above 0 it is thinned less than others, below 0 more.
  package var emphasis: Float

  package init(
    id: String, role: Role = .user, name: String = "", text: String, createdAtUs: Int64 = 0,
    isPinned: Bool = false,
    emphasis: Float = 0
  ) {
    self.id = id
    self.role = role
    self.name = name
    self.text = text
    self.createdAtUs = createdAtUs
    self.isPinned = isPinned
    self.emphasis = emphasis
  }

  /// Who speaks: the name, or else the role.
  var speaker: String {
    guard name.isEmpty else { return name }
    switch role {
    case .unknown: return ""
    case .user: return "user"
    case .assistant: return "assistant"
    case .system: return "system"
    case .tool: return "tool"
    }
  }
}
