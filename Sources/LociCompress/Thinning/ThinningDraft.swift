/// The texts while words are being taken: what is in, and what room is left.
struct ThinningDraft {
  let scans: [ScannedText]
  /// Tokens that are spent before the first word: legend, times, what is pinned.
  private(set) var fixedTokens = 0
  private var room = 0

  private let texts: [SourceText]
  private let cuts: [Int: OutputCutter.Cut]
  private let utf8: [[UInt8]]
  private let speakers: Speakers
  private let markerTokens: [Int]
  private let isSessionStart: [Bool]
  /// Of each text: its session, and the tokens of that session's time.
  private let sessions: [Int]
  private let headerTokens: [Int]
  private let legendTokens: Int
  private var openSessions: Set<Int> = []
  private let tokensBefore: [Int]
  let totalBefore: Int
  private var taken: [Set<Int>]
  private var takenTokens: [Int]
  private var isVerbatim: [Bool]
  private var scores: [Float]

  init(_ texts: [SourceText], cuts: [Int: OutputCutter.Cut], meter: inout TokenMeter) throws {
    self.texts = texts
    self.cuts = cuts
    let participants = Speakers.keys(texts)
    scans = texts.map { TextScanner.scan($0.text, participants: participants) }
    utf8 = texts.map { Array($0.text.utf8) }
    speakers = Speakers(texts)
    let sessionStarts = Sessions.starts(texts)
    var isSessionStart = [Bool](repeating: false, count: texts.count)
    for start in sessionStarts { isSessionStart[start] = true }
    self.isSessionStart = isSessionStart
    var tokensBefore: [Int] = []
    var markerTokens: [Int] = []
    var total = 0
    for text in texts {
      let tokens = try meter.count(text.text)
      tokensBefore.append(tokens)
      total += tokens + (text.speaker.isEmpty ? 0 : try meter.countWord(text.speaker + ":"))
      markerTokens.append(try speakers.markers[text.speaker].map { try meter.countWord($0) } ?? 0)
    }
    legendTokens = try meter.count(speakers.legend)
    fixedTokens = legendTokens
    var headerTokens: [Int] = []
    for start in sessionStarts {
      let tokens = try meter.count(Sessions.header(texts[start].createdAtUs))
      total += tokens
      fixedTokens += tokens
      headerTokens.append(tokens)
    }
    self.headerTokens = headerTokens
    var session = -1
    sessions = isSessionStart.map { isStart in
      if isStart { session += 1 }
      return session
    }
    self.tokensBefore = tokensBefore
    self.markerTokens = markerTokens
    totalBefore = total
    taken = Array(repeating: [], count: texts.count)
    isVerbatim = texts.map(\.isPinned)
    takenTokens = Array(repeating: 0, count: texts.count)
    scores = Array(repeating: 0, count: texts.count)
    for index in texts.indices {
      if texts[index].isPinned {
        fixedTokens += tokensBefore[index]
      } else {
        fixedTokens += cuts[index]?.tokens ?? 0
      }
      let before = isSessionStart[index] ? nil : index - 1
      if speakers.isMarked(texts[index], after: before.map { texts[$0] }) {
        fixedTokens += markerTokens[index]
      }
    }
  }

  /// Nothing is taken yet.
  mutating func begin(room: Int) {
    self.room = room
    for index in texts.indices {
      taken[index].removeAll(keepingCapacity: true)
      takenTokens[index] = 0
      isVerbatim[index] = texts[index].isPinned
    }
  }

  /// Nothing but what is pinned is taken yet; times of sessions and markers of speakers are paid for when a first text
  /// needs them.
  mutating func beginSelection(room: Int) {
    begin(room: room - legendTokens)
    openSessions.removeAll(keepingCapacity: true)
    for index in texts.indices where texts[index].isPinned {
      self.room -= tokensBefore[index] + markerTokens[index]
      enter(sessions[index])
    }
  }

  private mutating func enter(_ session: Int) {
    if openSessions.insert(session).inserted { room -= headerTokens[session] }
  }

  private func openingTokens(_ index: Int) -> Int {
    markerTokens[index] + (openSessions.contains(sessions[index]) ? 0 : headerTokens[sessions[index]])
  }

  /// Takes a text as it is if there is room for it.
  mutating func takeWhole(_ index: Int) -> Bool {
    let cost = tokensBefore[index] + openingTokens(index)
    guard cost <= room else { return false }
    enter(sessions[index])
    room -= tokensBefore[index] + markerTokens[index]
    isVerbatim[index] = true
    return true
  }

  /// Pays for the line that words of a text will stand in, if there is room for it and for a word.
  mutating func openLine(_ index: Int) -> Bool {
    guard openingTokens(index) < room else { return false }
    enter(sessions[index])
    room -= markerTokens[index]
    return true
  }

  /// Whether its words are not up for choice.
  func isSettled(_ index: Int) -> Bool { texts[index].isPinned || cuts[index] != nil }

  func beginsSession(_ index: Int) -> Bool { isSessionStart[index] }

  /// In how many texts each word stands.
  func textCounts() -> [WordKey: Int] {
    var counts: [WordKey: Int] = [:]
    for scan in scans {
      var seen: Set<WordKey> = []
      for word in scan.words where seen.insert(word.key).inserted { counts[word.key, default: 0] += 1 }
    }
    return counts
  }

  func written(_ word: Word, of text: Int) -> String {
    word.written ?? String(decoding: utf8[text][word.range], as: UTF8.self)
  }

  mutating func addScore(_ worth: Float, to text: Int) { scores[text] += worth }

  /// Takes a word if there is room for it.
  mutating func take(_ word: Int, of text: Int, tokens: Int) -> Bool {
    guard tokens <= room else { return false }
    room -= tokens
    taken[text].insert(word)
    takenTokens[text] += tokens
    return true
  }

  /// Gives texts back in full, those with the most worth for a token first.
  mutating func restore() {
    let order = texts.indices.filter { !isVerbatim[$0] }
      .map { (index: $0, worth: scores[$0] / Float(max(1, tokensBefore[$0]))) }
      .sorted { ($0.worth, -$0.index) > ($1.worth, -$1.index) }
    for (index, _) in order {
      let cost = tokensBefore[index] - tokens(index)
      guard cost <= room else { continue }
      room -= cost
      isVerbatim[index] = true
    }
  }

  private func tokens(_ index: Int) -> Int {
    if isVerbatim[index] { return tokensBefore[index] }
    return cuts[index]?.tokens ?? takenTokens[index]
  }

  private func line(_ index: Int) -> String {
    guard !isVerbatim[index] else { return texts[index].text }
    if let cut = cuts[index] { return cut.text }
    var line = ""
    var end = 0
    for number in taken[index].sorted() {
      let word = scans[index].words[number]
      let joins = word.traits.contains(.unspaced) && word.range.lowerBound == end
      if !line.isEmpty, !joins { line += " " }
      line += written(word, of: index)
      end = word.range.upperBound
    }
    return line
  }

  private func kept(_ index: Int) -> [Range<Int>] {
    guard !isVerbatim[index] else { return utf8[index].isEmpty ? [] : [0..<utf8[index].count] }
    if let cut = cuts[index] { return cut.kept }
    return taken[index].sorted().map { scans[index].words[$0].range }
  }

  func finish(meter: TokenMeter) throws -> CompressedText {
    var units: [CompressedUnit] = []
    var lines: [String] = speakers.legend.isEmpty ? [] : [speakers.legend]
    var before: SourceText?
    var header = ""
    for index in texts.indices {
      let line = line(index)
      if isSessionStart[index] {
        before = nil
        header = Sessions.header(texts[index].createdAtUs)
      }
      if !line.isEmpty {
        if !header.isEmpty { lines.append(header) }
        header = ""
        let marker =
          speakers.isMarked(texts[index], after: before) ? speakers.markers[texts[index].speaker] : nil
        lines.append(marker.map { "\($0) \(line)" } ?? line)
        before = texts[index]
      }
      units.append(
        CompressedUnit(
          id: texts[index].id, text: line, kept: kept(index), isVerbatim: isVerbatim[index],
          tokensBefore: tokensBefore[index], tokensAfter: tokens(index)))
    }
    let text = lines.joined(separator: "\n")
    return CompressedText(
      units: units, text: text, tokensBefore: totalBefore, tokensAfter: try meter.count(text))
  }
}
