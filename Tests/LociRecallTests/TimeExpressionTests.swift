import LociCore
import LociProto
import Testing

@testable import LociRecall

/// Times that questions name, seen from Wednesday, 10 May 2023, 12:00 UTC.
@Suite struct TimeExpressionTests {
  private let now = Timestamp(microseconds: 1_683_720_000 * 1_000_000)

  private func days(_ text: String, offset: Int = 0) -> String? {
    guard let range = TimeExpression.range(in: text, now: now, offsetMinutes: offset) else { return nil }
    func day(_ microseconds: Int64) -> String {
      let date = CivilDate(Timestamp(microseconds: microseconds + Int64(offset) * 60_000_000))
      return "\(date.year)-\(date.month)-\(date.day)"
    }
    return "\(day(range.fromUs)) \(day(range.untilUs))"
  }

  @Test(arguments: [
    ("what did I do yesterday?", "2023-5-9 2023-5-10"), ("the day before yesterday", "2023-5-8 2023-5-9"),
    ("plans for today", "2023-5-10 2023-5-11"), ("last week's notes", "2023-5-1 2023-5-8"),
    ("this week", "2023-5-8 2023-5-15"), ("next week", "2023-5-15 2023-5-22"),
    ("what happened last month", "2023-4-1 2023-5-1"), ("last year", "2022-1-1 2023-1-1"),
    ("three days ago", "2023-5-7 2023-5-8"), ("two weeks ago", "2023-4-24 2023-5-1"),
    ("a month ago", "2023-4-1 2023-5-1"), ("in the last 3 days", "2023-5-8 2023-5-11"),
    ("the past two weeks", "2023-4-27 2023-5-11"), ("last Friday", "2023-5-5 2023-5-6"),
    ("last Wednesday", "2023-5-3 2023-5-4"), ("next Monday", "2023-5-15 2023-5-16"),
    ("last weekend", "2023-5-6 2023-5-8"), ("last March", "2023-3-1 2023-4-1"),
    ("last June", "2022-6-1 2022-7-1"), ("in June 2022", "2022-6-1 2022-7-1"),
    ("on 7 May 2023", "2023-5-7 2023-5-8"), ("May 7th, 2023", "2023-5-7 2023-5-8"),
    ("back in 2021", "2021-1-1 2022-1-1")
  ])
  func english(text: String, expected: String) { #expect(days(text) == expected) }

  @Test(arguments: [
    ("我昨天说了什么", "2023-5-9 2023-5-10"), ("前天的会议", "2023-5-8 2023-5-9"), ("大前天", "2023-5-7 2023-5-8"),
    ("上周的计划", "2023-5-1 2023-5-8"), ("上个月去了哪里", "2023-4-1 2023-5-1"), ("去年", "2022-1-1 2023-1-1"),
    ("三天前", "2023-5-7 2023-5-8"), ("2个月前", "2023-3-1 2023-4-1"), ("最近三天", "2023-5-8 2023-5-11"),
    ("过去两周", "2023-4-27 2023-5-11"), ("2022年6月", "2022-6-1 2022-7-1"), ("2023年5月7日", "2023-5-7 2023-5-8"),
    ("上週的計劃", "2023-5-1 2023-5-8")
  ])
  func chinese(text: String, expected: String) { #expect(days(text) == expected) }

  @Test(arguments: [
    "", "where does she live?", "may I ask?", "the march of time", "on 30 February 2023", "她住在哪里",
    "last but not least"
  ])
  func nothing(text: String) { #expect(days(text) == nil) }

  /// At 23:00 UTC it is the next day in Shanghai already.
  @Test func daysBeginWhereTheAskerIs() {
    let late = Timestamp(microseconds: now.microseconds + 11 * 3_600_000_000)
    let range = TimeExpression.range(in: "today", now: late, offsetMinutes: 480)
    #expect(range?.fromUs == Int64(1_683_676_800 + 16 * 3_600) * 1_000_000)
  }

  @Test func calendarAgreesWithItself() {
    for day in stride(from: -800_000, through: 800_000, by: 37) {
      let date = CivilDate(daysSinceEpoch: day)
      #expect(date.daysSinceEpoch == day)
      #expect((1...12).contains(date.month) && (1...31).contains(date.day))
    }
    #expect(CivilDate(year: 2023, month: 5, day: 10).weekday == 2)
  }
}
