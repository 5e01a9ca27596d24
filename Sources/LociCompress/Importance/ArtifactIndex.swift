/// Files, addresses, identifiers, numbers, dates and names of texts, each with the texts that have it: what compaction
/// must not lose.
package struct ArtifactIndex: Sendable {
  package enum Kind: Int32, Sendable, CaseIterable {
    case path = 1, url, identifier, number, date, name, error, email
  }

  package struct Artifact: Sendable, Equatable {
    package var kind: Kind
    package var value: String
    /// Places of the texts in the input, ascending.
    package var texts: [Int]
  }

  /// In order of first occurrence.
  package private(set) var artifacts: [Artifact] = []
  private var places: [String: Int] = [:]

  package init(_ texts: [SourceText]) {
    let participants = Speakers.keys(texts)
    for (index, text) in texts.enumerated() {
      let utf8 = Array(text.text.utf8)
      let scan = TextScanner.scan(text.text, participants: participants)
      for range in Self.groups(scan) {
        let words = scan.words[range]
        let value = words.map { String(decoding: utf8[$0.range], as: UTF8.self) }.joined(separator: " ")
        if let first = words.first { add(Self.kind(value, first), value, index) }
      }
    }
  }

  /// Runs of artifacts; names that follow each other are one.
  private static func groups(_ scan: ScannedText) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    for (number, word) in scan.words.enumerated() where word.isArtifact {
      let isName = word.traits.isDisjoint(with: [.number, .compound])
      if isName, let last = groups.last, last.upperBound == number,
        scan.words[number - 1].traits.isDisjoint(with: [.number, .compound]),
        word.range.lowerBound == scan.words[number - 1].range.upperBound + 1
      {
        groups[groups.count - 1] = last.lowerBound..<(number + 1)
      } else {
        groups.append(number..<(number + 1))
      }
    }
    return groups
  }

  private mutating func add(_ kind: Kind, _ value: String, _ text: Int) {
    if let place = places[value] {
      if artifacts[place].texts.last != text { artifacts[place].texts.append(text) }
    } else {
      places[value] = artifacts.count
      artifacts.append(Artifact(kind: kind, value: value, texts: [text]))
    }
  }

  static func kind(_ value: String, _ word: Word) -> Kind {
    if word.traits.isDisjoint(with: [.number, .compound]) {
      return value.hasSuffix("Error") || value.hasSuffix("Exception") ? .error : .name
    }
    if value.contains("://") || value.hasPrefix("www.") { return .url }
    if value.contains("@") { return .email }
    if value.hasSuffix("Error") || value.hasSuffix("Exception") { return .error }
    let digits = value.utf8.filter { (0x30...0x39).contains($0) }.count
    let letters = value.unicodeScalars.filter { ScalarClass.isLetter($0.value) }.count
    if digits > 0, letters <= 2 { return isDate(value) ? .date : .number }
    if value.contains("/") || value.contains("\\") { return .path }
    if value.contains("."), digits == 0, !value.contains("_") { return .path }
    return .identifier
  }

  /// Groups of digits with the separators of a date or a time of day, or a year.
  private static func isDate(_ value: String) -> Bool {
    let parts = value.split { "-/:.".contains($0) }
    guard parts.allSatisfy({ $0.allSatisfy { $0.isNumber || "TZapm".contains($0) } }) else { return false }
    if parts.count == 1 { return value.count == 4 && (value.hasPrefix("19") || value.hasPrefix("20")) }
    return value.contains(":") || (parts.count == 3 && parts.allSatisfy { $0.count <= 4 })
  }
}
