package import LociCore
package import LociProto

/// The span of time that a question names relative to now, or by date: "last week", "three days ago", "in May 2023",
/// 上周, 三天前, 2023年5月. Weeks begin on Monday.
package enum TimeExpression {
  /// - Parameter offsetMinutes: the asker's clock east of UTC: where days begin.
  /// - Returns: the span of the first expression found, microseconds since the Unix epoch; `nil` when there is none.
  package static func range(in text: String, now: Timestamp, offsetMinutes: Int) -> V1.TimeRange? {
    let offset = Int64(offsetMinutes) * 60_000_000
    let today = CivilDate(Timestamp(microseconds: now.microseconds + offset))
    let lowered = text.lowercased()
    guard
      let days = english(words(lowered), today) ?? chinese(lowered, today) ?? absolute(text)
    else { return nil }
    let day = Int64(CivilDate.dayMicroseconds)
    return V1.TimeRange(
      fromUs: max(1, Int64(days.lowerBound) * day - offset),
      untilUs: max(1, Int64(days.upperBound) * day - offset))
  }

  // MARK: Spans in days since the epoch

  private typealias Days = Range<Int>

  private static func day(_ today: CivilDate, _ offset: Int) -> Days {
    let start = today.daysSinceEpoch + offset
    return start..<start + 1
  }

  private static func week(_ today: CivilDate, _ offset: Int) -> Days {
    let start = today.daysSinceEpoch - today.weekday + 7 * offset
    return start..<start + 7
  }

  private static func month(_ date: CivilDate, _ offset: Int) -> Days {
    let index = date.year * 12 + date.month - 1 + offset
    func first(_ index: Int) -> Int {
      let year = Int((Double(index) / 12).rounded(.down))
      return CivilDate(year: year, month: index - year * 12 + 1, day: 1).daysSinceEpoch
    }
    return first(index)..<first(index + 1)
  }

  private static func year(_ date: CivilDate, _ offset: Int) -> Days {
    CivilDate(year: date.year + offset, month: 1, day: 1)
      .daysSinceEpoch..<CivilDate(year: date.year + offset + 1, month: 1, day: 1).daysSinceEpoch
  }

  private enum Unit { case day, week, month, year }

  private static func span(_ unit: Unit, _ today: CivilDate, _ offset: Int) -> Days {
    switch unit {
    case .day: day(today, offset)
    case .week: week(today, offset)
    case .month: month(today, offset)
    case .year: year(today, offset)
    }
  }

  /// The last `count` units until now, today included.
  private static func past(_ count: Int, _ unit: Unit, _ today: CivilDate) -> Days {
    let end = today.daysSinceEpoch + 1
    let days =
      switch unit {
      case .day: count
      case .week: 7 * count
      case .month: month(today, 0).lowerBound - month(today, -count).lowerBound
      case .year: year(today, 0).lowerBound - year(today, -count).lowerBound
      }
    return end - days..<end
  }

  // MARK: English

  private static func words(_ text: String) -> [String] {
    text.split { !($0.isLetter || $0.isNumber) || $0.isUnspaced }.map(String.init)
  }

  private static let units: [String: Unit] = [
    "day": .day, "days": .day, "week": .week, "weeks": .week, "month": .month, "months": .month,
    "year": .year,
    "years": .year
  ]
  private static let numbers: [String: Int] = [
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "couple": 2, "few": 3
  ]
  private static let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

  private static func english(_ words: [String], _ today: CivilDate) -> Days? {
    for (index, word) in words.enumerated() {
      let next = index + 1 < words.count ? words[index + 1] : ""
      let afterNext = index + 2 < words.count ? words[index + 2] : ""
      switch word {
      case "today", "tonight": return day(today, 0)
      case "yesterday":
        let isDayBefore = index >= 2 && words[index - 2] == "day" && words[index - 1] == "before"
        return day(today, isDayBefore ? -2 : -1)
      case "tomorrow": return day(today, 1)
      case "this", "last", "past", "previous", "next":
        if let found = relative(word, next, afterNext, today) { return found }
      case "ago":
        if let found = ago(words[..<index], today) { return found }
      default: continue
      }
    }
    return nil
  }

  private static func relative(_ word: String, _ next: String, _ afterNext: String, _ today: CivilDate)
    -> Days?
  {
    let offset = word == "this" ? 0 : word == "next" ? 1 : -1
    if let unit = units[next], next.last != "s" {
      // "in the past week" reaches to now; "last week" is the one before this.
      return word == "past" ? past(1, unit, today) : span(unit, today, offset)
    }
    if let count = Int(next) ?? numbers[next], let unit = units[afterNext], offset < 0,
      (1...1_000).contains(count)
    {
      return past(count, unit, today)
    }
    if next == "weekend" {
      let start = week(today, offset).lowerBound + 5
      return start..<start + 2
    }
    if let weekday = weekdays.firstIndex(of: next) {
      var distance = weekday - today.weekday
      if offset < 0, distance >= 0 { distance -= 7 }
      if offset > 0, distance <= 0 { distance += 7 }
      return day(today, distance)
    }
    if let index = DateWords.monthNames.firstIndex(of: next), offset < 0 {
      let year = index + 1 < today.month ? today.year : today.year - 1
      return month(CivilDate(year: year, month: index + 1, day: 1), 0)
    }
    return nil
  }

  private static func ago(_ before: ArraySlice<String>, _ today: CivilDate) -> Days? {
    guard let unitWord = before.last, let unit = units[unitWord] else { return nil }
    let counting = before.dropLast()
    guard let word = counting.last, let count = Int(word) ?? numbers[word], (1...1_000).contains(count) else {
      return nil
    }
    return span(unit, today, -count)
  }

  // MARK: Chinese

  private static func chinese(_ text: String, _ today: CivilDate) -> Days? {
    let fixed: [(String, Unit, Int)] = [
      ("大前天", .day, -3), ("前天", .day, -2), ("昨天", .day, -1), ("昨晚", .day, -1), ("今天", .day, 0),
      ("今晚", .day, 0), ("明天", .day, 1), ("后天", .day, 2), ("後天", .day, 2), ("上上周", .week, -2),
      ("上周", .week, -1), ("上週", .week, -1), ("上星期", .week, -1), ("上个星期", .week, -1), ("上礼拜", .week, -1),
      ("本周", .week, 0), ("这周", .week, 0), ("这个星期", .week, 0), ("本週", .week, 0), ("下周", .week, 1),
      ("下週", .week, 1), ("上个月", .month, -1), ("上個月", .month, -1), ("上月", .month, -1), ("这个月", .month, 0),
      ("這個月", .month, 0), ("本月", .month, 0), ("下个月", .month, 1), ("下個月", .month, 1), ("前年", .year, -2),
      ("去年", .year, -1), ("今年", .year, 0), ("明年", .year, 1)
    ]
    for (word, unit, offset) in fixed where text.contains(word) { return span(unit, today, offset) }
    return counted(Array(text), today)
  }

  /// 三天前, 2个月前: that day, week or month. 最近三天, 过去两周: until now.
  private static func counted(_ text: [Character], _ today: CivilDate) -> Days? {
    let units: [(String, Unit)] = [
      ("天", .day), ("日", .day), ("个星期", .week), ("星期", .week), ("周", .week), ("週", .week), ("个月", .month),
      ("個月", .month), ("年", .year)
    ]
    for start in text.indices {
      guard let (count, after) = number(text, at: start), (1...1_000).contains(count) else { continue }
      for (word, unit) in units {
        let end = after + word.count
        guard end <= text.count, String(text[after..<end]) == word else { continue }
        if end < text.count, text[end] == "前" { return span(unit, today, -count) }
        let before = String(text[max(0, start - 2)..<start])
        if before.hasSuffix("最近") || before.hasSuffix("过去") || before.hasSuffix("過去") {
          return past(count, unit, today)
        }
      }
    }
    return nil
  }

  private static func number(_ text: [Character], at start: Int) -> (Int, after: Int)? {
    let digits: [Character: Int] = [
      "一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10, "几": 3
    ]
    if let value = digits[text[start]] { return (value, start + 1) }
    guard text[start].isASCII, text[start].isNumber, start == 0 || !text[start - 1].isNumber else {
      return nil
    }
    var end = start
    while end < text.count, text[end].isASCII, text[end].isNumber, end - start < 5 { end += 1 }
    return Int(String(text[start..<end])).map { ($0, end) }
  }

  // MARK: Dates

  /// A year, a month of a year, or a day: all that is named must be there from the largest down.
  private static func absolute(_ text: String) -> Days? {
    let dates = DateWords(text)
    guard dates.years.count == 1, let named = dates.years.first, dates.months.count <= 1,
      dates.days.count <= 1
    else { return nil }
    guard let inYear = dates.months.first else { return year(CivilDate(year: named, month: 1, day: 1), 0) }
    let first = CivilDate(year: named, month: inYear, day: 1)
    guard let inMonth = dates.days.first else { return month(first, 0) }
    let whole = month(first, 0)
    guard inMonth <= whole.count else { return nil }
    return whole.lowerBound + inMonth - 1..<whole.lowerBound + inMonth
  }
}
