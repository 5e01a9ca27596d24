/// Short names for those who speak: the shortest beginning of a name that no other shares.
struct Speakers {
  let markers: [String: String]
  /// "Caroline C, Melanie M, by turns"; the name alone when all texts are one speaker's.
  let legend: String
  /// Of two, the one who did not speak the line before speaks a line without a marker.
  private let isByTurns: Bool

  init(_ texts: [SourceText]) {
    var names: [String] = []
    for text in texts where !text.speaker.isEmpty && !names.contains(text.speaker) {
      names.append(text.speaker)
    }
    guard names.count > 1 else {
      markers = [:]
      legend = names.first ?? ""
      isByTurns = false
      return
    }
    var markers: [String: String] = [:]
    for name in names { markers[name] = Self.shortest(name, among: names) }
    self.markers = markers
    isByTurns = names.count == 2 && texts.allSatisfy { !$0.speaker.isEmpty }
    let list = names.map { name in
      let marker = markers[name] ?? name
      return marker == name ? name : "\(name) \(marker)"
    }.joined(separator: ", ")
    legend = isByTurns ? list + ", by turns" : list
  }

  /// Whether a line says who speaks. Of two, when it is the one who spoke before, or nobody did; of more, when it is
  /// another one than before.
  func isMarked(_ text: SourceText, after before: SourceText?) -> Bool {
    guard markers[text.speaker] != nil else { return false }
    // After a text of several lines nobody could count the turns.
    guard let before, !before.text.utf8.contains(0x0A) else { return true }
    return (text.speaker == before.speaker) == isByTurns
  }

  private static func shortest(_ name: String, among names: [String]) -> String {
    for length in 1..<max(2, name.count) {
      let marker = name.prefix(length)
      if !names.contains(where: { $0 != name && $0.lowercased().hasPrefix(marker.lowercased()) }) {
        return length == 1 ? marker.uppercased() : String(marker)
      }
    }
    return name
  }

  /// Keys of all words of the names: nobody needs to be told them again in each text.
  static func keys(_ texts: [SourceText]) -> Set<WordKey> {
    var seen: Set<String> = []
    var keys: Set<WordKey> = []
    for text in texts where !text.name.isEmpty && seen.insert(text.name).inserted {
      for word in TextScanner.scan(text.name).words { keys.insert(word.key) }
    }
    return keys
  }
}
