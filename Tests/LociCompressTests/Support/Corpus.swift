import Foundation
import LociCompress

/// Evaluation data beside the package; absent on most machines.
enum Corpus {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/data")

  static func exists(_ set: String) -> Bool {
    let path = folder.appending(path: set).path
    let found = FileManager.default.fileExists(atPath: path)
    if !found { print("SKIPPED: \(path) is absent") }
    return found
  }

  static func rows<Row: Decodable>(_ path: String, as type: Row.Type = Row.self) throws -> [Row] {
    let data = try Data(contentsOf: folder.appending(path: path))
    return try data.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(Row.self, from: $0) }
  }
}

/// One conversation of LoCoMo with its questions.
struct Conversation {
  struct Turn: Decodable {
    var conv: String
    var session: Int
    var id: String
    var date: String
    var speaker: String
    var text: String
    var caption: String?

    var body: String { caption.map { "\(text) [shares \($0)]" } ?? text }
    var full: String { "\(speaker): \(body)" }
  }
  struct Question: Decodable {
    var conv: String
    var category: String
    var question: String
    var answer: String?
    var evidence: [String]

    private enum CodingKeys: String, CodingKey { case conv, category, question, answer, evidence }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      conv = try values.decode(String.self, forKey: .conv)
      category = try values.decode(String.self, forKey: .category)
      question = try values.decode(String.self, forKey: .question)
      evidence = try values.decode([String].self, forKey: .evidence)
      answer =
        (try? values.decode(String.self, forKey: .answer))
        ?? (try? values.decode(Int.self, forKey: .answer)).map(String.init)
        ?? (try? values.decode(Double.self, forKey: .answer)).map { "\($0)" }
    }
  }

  var id: String
  var turns: [Turn]
  var questions: [Question]

  static func all() throws -> [Conversation] {
    let turns = try Corpus.rows("locomo/turns.jsonl", as: Turn.self)
    let questions = try Corpus.rows("locomo/questions.jsonl", as: Question.self)
    var ids: [String] = []
    for turn in turns where !ids.contains(turn.conv) { ids.append(turn.conv) }
    return ids.map { id in
      Conversation(
        id: id, turns: turns.filter { $0.conv == id }, questions: questions.filter { $0.conv == id })
    }
  }

  var sources: [SourceText] {
    turns.map { turn in
      SourceText(id: turn.id, name: turn.speaker, text: turn.body, createdAtUs: Self.time(turn.date))
    }
  }

  /// "1:56 pm on 8 May, 2023".
  static func time(_ date: String) -> Int64 {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "h:mm a 'on' d MMMM, yyyy"
    return Int64((format.date(from: date)?.timeIntervalSince1970 ?? 0) * 1_000_000)
  }
}
