/// A clause's end that is nothing but a point in time: "at 9:00", "Monday", "put off until May", "九点".
struct TimeValue {
  /// Stems of the time itself.
  let words: Set<String>
  /// "Until 9:00": it was at another time before.
  let isMoved: Bool

  private static let marks: Set<String> = ["点", "时", "月", "日", "号", "周", "星"]
  private static let beside: Set<String> = ["期", "分", "半", "刻", "上", "下", "午", "早", "晚", "天", "年", "整"]
  private static let moves: Set<String> = ["until", "till", "to"]

  /// `nil` where anything else is said, or no time.
  init?(_ tokens: ArraySlice<StatementText.Token>) {
    guard let last = tokens.last else { return nil }
    if last.isCJK {
      let said = tokens.filter { !StatementText.isStop($0) }
      guard said.contains(where: { Self.marks.contains($0.stem) }),
        said.allSatisfy({
          StatementText.isNumber($0) || Self.marks.contains($0.stem) || Self.beside.contains($0.stem)
        })
      else { return nil }
      (words, isMoved) = (Set(said.map(\.stem)), false)
      return
    }
    var start = tokens.endIndex
    while start > tokens.startIndex, Self.isTime(tokens[start - 1]) { start -= 1 }
    guard start < tokens.endIndex else { return nil }
    words = Set(tokens[start...].map(\.stem))
    let before = tokens[..<start]
    if before.allSatisfy(StatementText.isStop) {
      isMoved = false
    } else if let mark = before.last, Self.moves.contains(mark.stem), before.count <= 4 {
      isMoved = true
    } else {
      return nil
    }
  }

  /// A clock time, a weekday or a month; a bare number is none.
  private static func isTime(_ token: StatementText.Token) -> Bool {
    if StatementText.calendar.contains(token.stem) { return true }
    let text = token.surface.lowercased()
    guard text.first?.isNumber == true else { return false }
    let parts = text.split(separator: ":")
    if parts.count == 2 { return parts.allSatisfy { $0.allSatisfy(\.isNumber) } }
    return text.hasSuffix("am") || text.hasSuffix("pm")
  }
}
