import LociCore

/// Years, months and days that a question names: "in June 2023", "on 7 May", 2023年5月7日. How much of it fits a day is a
/// signal for ranking, not a filter.
struct DateWords: Sendable, Equatable {
  private(set) var years: Set<Int> = []
  private(set) var months: Set<Int> = []
  private(set) var days: Set<Int> = []

  var isEmpty: Bool { years.isEmpty && months.isEmpty && days.isEmpty }

  static let monthNames = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december"
  ]

  init(_ text: String) {
    let words = Self.words(text.lowercased())
    for (index, word) in words.enumerated() {
      if let month = Self.month(word, at: index, in: words) {
        months.insert(month)
        // "7 May", "the 7th of May", "May 7th"
        for near in [index - 2, index - 1, index + 1] where words.indices.contains(near) {
          if near == index - 2, words[index - 1] != "of" { continue }
          if let day = Self.number(words[near]), (1...31).contains(day) { days.insert(day) }
        }
      } else if let number = Int(word) {
        let unit = index + 1 < words.count ? words[index + 1] : ""
        switch unit.first {
        case "月": if (1...12).contains(number) { months.insert(number) }
        case "日", "号", "號": if (1...31).contains(number) { days.insert(number) }
        default: if (1900...2100).contains(number) { years.insert(number) }
        }
      }
    }
  }

  /// The share of what is named that the day of `at`, UTC, fits: 0 to 1.
  func fit(_ at: Timestamp) -> Float {
    guard !isEmpty else { return 0 }
    let date = CivilDate(at)
    var (named, fits) = (0, 0)
    for (values, value) in [(years, date.year), (months, date.month), (days, date.day)] where !values.isEmpty
    {
      named += 1
      if values.contains(value) { fits += 1 }
    }
    return Float(fits) / Float(named)
  }

  /// Runs of digits and runs of other letters, each by itself: "5月7日" has four.
  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    var isOpen = false
    var wasDigit = false
    for character in text {
      guard character.isLetter || character.isNumber else {
        isOpen = false
        continue
      }
      let isDigit = character.isNumber
      if isOpen, isDigit == wasDigit {
        words[words.count - 1].append(character)
      } else {
        words.append(String(character))
      }
      (isOpen, wasDigit) = (true, isDigit)
    }
    return words.filter { !["st", "nd", "rd", "th"].contains($0) }
  }

  /// "may" is a month only beside a number or after a preposition of time.
  private static func month(_ word: String, at index: Int, in words: [String]) -> Int? {
    guard let month = monthNames.firstIndex(of: word) else { return nil }
    guard word == "may" || word == "march" else { return month + 1 }
    let before = index > 0 ? words[index - 1] : ""
    let after = index + 1 < words.count ? words[index + 1] : ""
    let prepositions = [
      "in", "on", "of", "since", "until", "by", "during", "from", "to", "early", "late", "last", "next"
    ]
    return prepositions.contains(before) || number(before) != nil || number(after) != nil ? month + 1 : nil
  }

  private static func number(_ word: String) -> Int? { Int(word) }
}

/// A day of the proleptic Gregorian calendar in UTC, by arithmetic: no time zones, no locale.
struct CivilDate: Sendable, Equatable {
  let year: Int
  let month: Int
  let day: Int

  init(year: Int, month: Int, day: Int) { (self.year, self.month, self.day) = (year, month, day) }

  /// H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
  init(daysSinceEpoch: Int) {
    let shifted = daysSinceEpoch + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  init(_ at: Timestamp) {
    self.init(daysSinceEpoch: Int((Double(at.microseconds) / Self.dayMicroseconds).rounded(.down)))
  }

  static let dayMicroseconds = 86_400.0 * 1e6

  var daysSinceEpoch: Int {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// 0 is Monday.
  var weekday: Int { ((daysSinceEpoch + 3) % 7 + 7) % 7 }
}
