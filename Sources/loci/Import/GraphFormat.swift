import ArgumentParser
import Foundation
import LociProto

/// The memory file of the MCP memory server: entities with observations, and relations between them, one a line.
///
/// Each observation becomes a memory that begins with its entity's name, each relation a short sentence. Ids follow from
/// the content, so that a file that grew is imported again without doubles.
struct GraphFormat {
  let agent: String

  func records(_ source: ImportSource) throws -> [ImportRecord] {
    var seen: Set<String> = []
    var records: [ImportRecord] = []
    for drafts in try source.lines(memories) {
      for draft in drafts where seen.insert(draft.id).inserted {
        records.append(ImportRecord(agent: agent, item: .memory(draft)))
      }
    }
    return records
  }

  private func memories(_ entry: ImportSource.Entry) throws -> [V1.MemoryDraft] {
    switch entry.text("type") {
    case "entity": return try entity(entry)
    case "relation": return [try relation(entry)]
    case let other: throw entry.fail("has the type '\(other ?? "")', not entity or relation")
    }
  }

  private func entity(_ entry: ImportSource.Entry) throws -> [V1.MemoryDraft] {
    let name = try required("name", entry)
    let type = entry.text("entityType") ?? ""
    guard let observations = (entry.fields["observations"] ?? [Any]()) as? [String] else {
      throw entry.fail("has observations that are not texts")
    }
    var attributes = [V1.Attribute(key: "entity", value: name)]
    if !type.isEmpty { attributes.append(V1.Attribute(key: "entity_type", value: type)) }
    let tags = type.isEmpty ? [] : [type]
    // An entity of which nothing is said is still known to be there.
    guard !observations.isEmpty else {
      return [
        V1.MemoryDraft(
          id: DerivedID.of("entity", name), text: type.isEmpty ? name : "\(name) (\(type))",
          attributes: attributes, tags: tags)
      ]
    }
    return try observations.map { observation in
      guard !observation.isEmpty else { throw entry.fail("has an empty observation") }
      return V1.MemoryDraft(
        id: DerivedID.of("observation", name, observation), text: "\(name): \(observation)",
        attributes: attributes, tags: tags)
    }
  }

  private func relation(_ entry: ImportSource.Entry) throws -> V1.MemoryDraft {
    let (from, to) = (try required("from", entry), try required("to", entry))
    let type = try required("relationType", entry)
    return V1.MemoryDraft(
      id: DerivedID.of("relation", from, type, to),
      text: "\(from) \(type.replacing("_", with: " ")) \(to)",
      attributes: [
        V1.Attribute(key: "from", value: from), V1.Attribute(key: "relation", value: type),
        V1.Attribute(key: "to", value: to)
      ], tags: ["relation"])
  }

  private func required(_ key: String, _ entry: ImportSource.Entry) throws -> String {
    guard let value = entry.text(key), !value.isEmpty else { throw entry.fail("has no text in '\(key)'") }
    guard value.utf8.count <= (key == "name" || key == "from" || key == "to" ? 4_096 : 128) else {
      throw entry.fail("has \(value.utf8.count) bytes in '\(key)'")
    }
    return value
  }
}
