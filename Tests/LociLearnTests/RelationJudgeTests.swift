import Foundation
import LociMemory
import Testing

/// How two memories stand to each other, without embeddings.
@Suite struct RelationJudgeTests {
  private struct Pair: Decodable { let language, first, second, label, kind: String }

  /// 200 generated pairs of each language (bench/harness/consolidation_pairs.py, seed 1, held-out half).
  private static func pairs(file: String = #filePath) throws -> [Pair] {
    let path = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(
      "consolidation-pairs.jsonl")
    let text = try String(contentsOf: path, encoding: .utf8)
    return try text.split(separator: "\n").map {
      try JSONDecoder().decode(Pair.self, from: Data($0.utf8))
    }
  }

  private static func label(_ kind: MemoryJudgement.Kind) -> String {
    switch kind {
    case .duplicate: "duplicate"
    case .unrelated: "unrelated"
    case .update, .contradiction: "conflict"
    }
  }

  @Test(arguments: ["en", "zh"]) func generatedPairsAreTold(language: String) throws {
    let pairs = try Self.pairs().filter { $0.language == language }
    #expect(pairs.count == 200)
    let judged = pairs.map { ($0, Self.label(RelationJudge.judge($0.first, $0.second, cosine: nil).kind)) }
    for (label, precisionMin, recallMin) in [("duplicate", 0.95, 0.85), ("conflict", 0.85, 0.85)] {
      let right = Double(judged.count { $0.0.label == label && $0.1 == label })
      let precision = right / Double(max(1, judged.count { $0.1 == label }))
      let recall = right / Double(max(1, judged.count { $0.0.label == label }))
      let wrong = judged.filter { ($0.0.label == label) != ($0.1 == label) }.prefix(8).map {
        "\($0.0.first) | \($0.0.second) | \($0.1)"
      }
      print("\(language) \(label): precision \(precision), recall \(recall)")
      #expect(precision >= precisionMin && recall >= recallMin, "\(wrong)")
    }
  }

  @Test(arguments: [
    ("Anna lives in Berlin.", "Berlin is where Anna lives.", MemoryJudgement.Kind.duplicate),
    ("Anna lives in Berlin.", "Anna moved from Berlin to Munich.", .update),
    ("Anna lives in Berlin.", "Anna no longer lives in Berlin.", .update),
    ("Anna lives in Berlin.", "Ben lives in Berlin.", .unrelated),
    ("Anna lives in Berlin.", "Anna's brother lives in Munich.", .unrelated),
    ("Anna's doctor is Kim.", "Anna's new doctor is Lee.", .update),
    ("Anna's doctor is Kim.", "Anna's new bicycle is red.", .unrelated),
    ("Anna's lesson starts at 9:00.", "The time of Anna's lesson is 9:00.", .duplicate),
    ("Anna's lesson starts at 9:00.", "Anna's lesson was pushed back until 10:15.", .update),
    ("Anna's lesson starts at 9:00.", "Anna's lesson is not at 9:00.", .contradiction),
    ("Anna's lesson starts at 9:00.", "Anna's brother starts at 10:15.", .unrelated),
    ("Anna's lesson starts at 9:00.", "Anna's lesson was a pleasure.", .unrelated),
    ("张敏的课是九点。", "张敏的课的时间是九点。", .duplicate), ("张敏的课是九点。", "张敏的课是两点。", .update),
    ("张敏的医生是金。", "张敏的新医生是李。", .update),
    ("Anna grows roses in pots.", "Anna's aunt grows roses in pots.", .unrelated),
    ("Anna grows many roses in pots.", "Anna grows many roses in the pots.", .duplicate),
    ("张敏的火车一点开。", "张敏的火车十一点开。", .update), ("张敏种玫瑰。", "张敏的姑姑种玫瑰。", .unrelated),
    ("Anna likes tea.", "Anna likes coffee.", .unrelated),
    ("Anna likes tea.", "Anna can't stand tea.", .contradiction),
    ("张敏住在北京。", "张敏的家在北京。", .duplicate), ("张敏住在北京。", "张敏从北京搬到了上海。", .update),
    ("张敏住在北京。", "李强住在北京。", .unrelated), ("张敏对花生过敏。", "张敏对花生不过敏。", .contradiction),
    ("爬山是张敏的爱好。", "张敏喜欢爬山。", .duplicate), ("", "", .unrelated), ("a", "b", .unrelated)
  ])
  func examples(first: String, second: String, kind: MemoryJudgement.Kind) {
    let judgement = RelationJudge.judge(first, second, cosine: nil)
    #expect(judgement.kind == kind, "\(judgement)")
  }

  /// The order tells which is later, and nothing else.
  @Test func theRelationIsSymmetric() throws {
    for pair in try Self.pairs() {
      let forth = RelationJudge.judge(pair.first, pair.second, cosine: nil).kind
      let back = RelationJudge.judge(pair.second, pair.first, cosine: nil).kind
      #expect(forth == back, "\(pair.first) | \(pair.second)")
    }
  }

  @Test func anythingCanBeJudged() {
    let texts = ["", " ", "。", "'s", "not", "是", "is", "不不不", "a.b.c", "从", "到 to to", "最的是", "🙂", "\u{0}"]
    for first in texts {
      for second in texts { _ = RelationJudge.judge(first, second, cosine: 0.99) }
    }
  }
}
