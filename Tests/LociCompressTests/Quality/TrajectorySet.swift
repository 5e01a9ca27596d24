import Foundation
@testable import LociCompress

/// Runs of agents with their tools.
struct TrajectorySet {
  var name: String
  var runs: [[SourceText]]

  static func all() throws -> [TrajectorySet] {
    [try tau(), try sweAgent(), try whoAndWhen(), try memoryBank("zh"), try memoryBank("en")]
  }

  static func tau() throws -> TrajectorySet {
    struct Row: Decodable {
      struct Step: Decodable {
        struct Call: Decodable {
          struct Function: Decodable { var name: String?; var arguments: String? }
          var function: Function?
          var name: String?
          var arguments: String?
        }
        var role: String
        var content: String?
        var tool_calls: [Call]?
        var tool_name: String?
      }
      var steps: [Step]
    }
    return TrajectorySet(
      name: "tau-airline",
      runs: try Corpus.rows("tau-airline/trajectories.jsonl", as: Row.self).map { row in
        row.steps.enumerated().map { index, step in
          let calls = (step.tool_calls ?? []).map { call in
            "\(call.function?.name ?? call.name ?? "") \(call.function?.arguments ?? call.arguments ?? "")"
          }
          let role: SourceText.Role = step.role == "user" ? .user : step.role == "tool" ? .tool : .assistant
          return SourceText(
            id: "\(index)", role: role, text: ([step.content ?? ""] + calls).joined(separator: "\n"))
        }
      })
  }

  static func sweAgent() throws -> TrajectorySet {
    struct Row: Decodable {
      struct Step: Decodable { var action: String?; var observation: String?; var thought: String? }
      var steps: [Step]
    }
    return TrajectorySet(
      name: "swe-agent-demos",
      runs: try Corpus.rows("swe-agent-demos/trajectories.jsonl", as: Row.self).map { row in
        row.steps.enumerated().flatMap { index, step in
          [
            SourceText(
              id: "\(index)a", role: .assistant, text: "\(step.thought ?? "")\n\(step.action ?? "")"),
            SourceText(id: "\(index)o", role: .tool, text: step.observation ?? "")
          ]
        }
      })
  }

  static func whoAndWhen() throws -> TrajectorySet {
    struct Row: Decodable {
      struct Step: Decodable { var agent: String; var content: String }
      var steps: [Step]
    }
    return TrajectorySet(
      name: "who-and-when",
      runs: try Corpus.rows("who-and-when/traces.jsonl", as: Row.self).map { row in
        row.steps.enumerated().map {
          SourceText(id: "\($0)", role: .assistant, name: $1.agent, text: $1.content)
        }
      })
  }

  /// Dialogues of a user with a companion; a run is a user's ten days.
  static func memoryBank(_ language: String) throws -> TrajectorySet {
    struct Row: Decodable { var user, date, query, response: String }
    let rows = try Corpus.rows("memorybank-\(language)/history.jsonl", as: Row.self)
    var users: [String] = []
    for row in rows where !users.contains(row.user) { users.append(row.user) }
    return TrajectorySet(
      name: "memorybank-\(language)",
      runs: users.map { user in
        rows.filter { $0.user == user }.enumerated().flatMap { index, row in
          let time = (try? Date(row.date + "T00:00:00Z", strategy: .iso8601))?.timeIntervalSince1970 ?? 0
          return [
            SourceText(id: "\(index)q", role: .user, text: row.query, createdAtUs: Int64(time * 1e6)),
            SourceText(id: "\(index)r", role: .assistant, text: row.response, createdAtUs: Int64(time * 1e6))
          ]
        }
      })
  }

  struct Sums {
    var retention = (artifacts: 0.0, facts: 0.0, retrieval: 0.0)
    var ratio = 0.0
    var count = 0.0

    mutating func add(_ measured: Retention, _ text: CompressedText) {
      retention.artifacts += Double(measured.artifacts)
      retention.facts += Double(measured.facts)
      retention.retrieval += Double(measured.retrieval)
      ratio += text.ratio
      count += 1
    }

    var line: String {
      String(
        format: "%5.1f %%  %.3f  %.3f  %.3f", 100 * ratio / count, retention.artifacts / count,
        retention.facts / count, retention.retrieval / count)
    }
  }

  /// Whole steps until 30 % of the tokens are spent, or the head of each step.
  static func baseline(_ name: String, _ texts: [SourceText], _ count: @escaping (String) throws -> Int)
    throws
    -> CompressedText
  {
    var thinner = Thinner(meter: TokenMeter(count))
    var result = try thinner.thin(texts, budget: 0)
    var room = result.tokensBefore * 3 / 10
    let budget = room
    var seed = SeededGenerator(seed: 11)
    let order = name == "random" ? texts.indices.shuffled(using: &seed) : Array(texts.indices.reversed())
    for index in texts.indices { result.units[index].text = "" }
    for index in order {
      var text = texts[index].text
      if name == "head" { text = String(text.prefix(text.count * 3 / 10)) }
      let tokens = try count(text)
      guard tokens <= room else { continue }
      room -= tokens
      result.units[index].text = text
    }
    result.tokensAfter = budget - room
    return result
  }
}
