import ArgumentParser
import Foundation
import LociProto

/// Memories of mem0: `{"results": […]}`, `{"memories": […]}`, a list, or one a line.
///
/// A memory keeps its id, text and time. Who it is of, its hash and its metadata become attributes, its categories
/// tags, its run the context. mem0 infers its memories from conversations, so that is their source.
struct Mem0Format {
  let agent: String
  /// A field that names the agent of each memory, such as user_id.
  let agentField: String?

  private static let owners = [
    "user_id", "agent_id", "run_id", "app_id", "actor_id", "role", "hash", "updated_at"
  ]

  func records(_ source: ImportSource) throws -> [ImportRecord] {
    try source.list(under: ["results", "memories"], record)
  }

  private func record(_ entry: ImportSource.Entry) throws -> ImportRecord {
    guard let text = entry.text("memory") ?? entry.text("text") ?? entry.text("data"), !text.isEmpty else {
      throw entry.fail("has no text in 'memory'")
    }
    var attributes: [V1.Attribute] = []
    for key in Self.owners {
      if let value = entry.fields[key], let one = try entry.attribute(key, value) { attributes.append(one) }
    }
    let metadata = entry.fields["metadata"] as? [String: Any] ?? [:]
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where !Self.owners.contains(key) {
      if let one = try entry.attribute(key, value) { attributes.append(one) }
    }
    guard attributes.count <= 64 else { throw entry.fail("has \(attributes.count) fields, at most 64") }
    let tags = (entry.fields["categories"] as? [Any] ?? []).compactMap { $0 as? String }
    var owner = agent
    if let agentField {
      guard let name = entry.text(agentField), !name.isEmpty else {
        throw entry.fail("has no agent in '\(agentField)'")
      }
      owner = name
    }
    let id = entry.text("id") ?? DerivedID.of("mem0", entry.text("user_id") ?? "", text)
    let draft = V1.MemoryDraft(
      id: id, text: text, contextID: entry.text("run_id") ?? "", createdAtUs: try entry.time("created_at"),
      expiresAtUs: try entry.time("expiration_date"), attributes: attributes, source: .inferred,
      tags: tags.reduce(into: []) { if !$0.contains($1) { $0.append($1) } })
    return ImportRecord(agent: owner, item: .memory(draft))
  }
}
