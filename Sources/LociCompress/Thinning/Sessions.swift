/// Where one sitting ends and the next begins, and how its time is written.
enum Sessions {
  /// A pause that ends a session, microseconds.
  static let pauseUs: Int64 = 3_600_000_000

  /// Indexes of the texts that begin a session; the first text does.
  static func starts(_ texts: [SourceText]) -> [Int] {
    var starts: [Int] = []
    var last: Int64 = 0
    for (index, text) in texts.enumerated() {
      if index == 0 || (text.createdAtUs != 0 && last != 0 && text.createdAtUs - last > pauseUs) {
        starts.append(index)
      }
      if text.createdAtUs != 0 { last = text.createdAtUs }
    }
    return starts
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
  ]

  /// "8 May 2023 13:56", UTC; empty for an unknown time. Days to civil dates: H. Hinnant, "chrono-compatible
  /// low-level date algorithms".
  static func header(_ microseconds: Int64) -> String {
    guard microseconds > 0 else { return "" }
    let minutes = microseconds / 60_000_000
    let (days, minute) = (minutes / 1_440, minutes % 1_440)
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return "\(day) \(months[Int(month) - 1]) \(year) \(two(minute / 60)):\(two(minute % 60))"
  }

  private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
