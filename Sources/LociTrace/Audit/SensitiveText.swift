package import LociProto

/// Finds secrets and personal data in text: by form and, where one exists, by checksum, so that few finds are false.
package enum SensitiveText {
  package struct Find: Sendable, Equatable {
    package let kind: V1.SensitiveKind
    /// Bytes of the text's UTF-8.
    package let range: Range<Int>
  }

  /// Finds in order, without overlaps; of two that overlap, the one that begins first and is longer.
  package static func find(in text: String) -> [Find] {
    let bytes = Array(text.utf8)
    var finds: [Find] = []
    var at = 0
    while at < bytes.count {
      guard isStart(bytes, at), let find = find(bytes, at) else {
        at += 1
        continue
      }
      finds.append(find)
      at = max(at + 1, find.range.upperBound)
    }
    return finds
  }

  /// The text with each find replaced by `[kind]`.
  package static func redacted(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    var at = 0
    for find in find(in: text) {
      out += bytes[at..<find.range.lowerBound]
      out += Array("[\(find.kind.word)]".utf8)
      at = find.range.upperBound
    }
    return String(decoding: out + bytes[at...], as: UTF8.self)
  }

  /// The entry with what it holds noted and, on request, taken out.
  static func examine(_ entry: V1.AuditEntry, redact: Bool) -> V1.AuditEntry {
    var entry = entry
    let texts = [entry.object, entry.detail] + entry.attributes.map(\.value)
    let kinds = Set(texts.flatMap { find(in: $0).map(\.kind.rawValue) })
    entry.sensitive = kinds.sorted().map { V1.SensitiveKind(rawValue: $0) }
    entry.redacted = redact && !kinds.isEmpty
    guard entry.redacted else { return entry }
    entry.object = redacted(entry.object)
    entry.detail = redacted(entry.detail)
    for place in entry.attributes.indices {
      entry.attributes[place].value = redacted(entry.attributes[place].value)
    }
    return entry
  }

  // MARK: Forms

  /// Where a find may begin: not within a word or a number.
  private static func isStart(_ bytes: [UInt8], _ at: Int) -> Bool {
    at == 0 || !(isAlphanumeric(bytes[at - 1]) || bytes[at - 1] == UInt8(ascii: "_"))
  }

  private static func find(_ bytes: [UInt8], _ at: Int) -> Find? {
    let forms: [Form] =
      switch bytes[at] {
      case 0x30...0x39, UInt8(ascii: "+"), UInt8(ascii: "("): numeric
      case 0x41...0x5a, 0x61...0x7a: lettered
      case UInt8(ascii: "-"): [(.privateKey, privateKey)]
      default: []
      }
    for (kind, end) in forms {
      if let end = end(bytes, at) { return Find(kind: kind, range: at..<end) }
    }
    return nil
  }

  private typealias Form = (V1.SensitiveKind, @Sendable ([UInt8], Int) -> Int?)

  private static let numeric: [Form] = [
    (.chineseID, Checksums.chineseID), (.chineseCompany, Checksums.chineseCompany), (.email, email),
    (.usSsn, socialSecurity), (.ipAddress, address), (.paymentCard, Checksums.card), (.phone, phone)
  ]

  private static let lettered: [Form] = [
    (.jwt, token), (.secret, knownSecret), (.secret, assignedSecret), (.iban, Checksums.iban),
    (.chineseCompany, Checksums.chineseCompany), (.email, email)
  ]

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  static func isWord(_ byte: UInt8, _ others: StaticString) -> Bool {
    isAlphanumeric(byte) || others.withUTF8Buffer { unsafe $0.contains(byte) }
  }

  static func run(_ bytes: [UInt8], _ at: Int, max: Int = .max, _ isMember: (UInt8) -> Bool) -> Int {
    var end = at
    while end < bytes.count, end - at < max, isMember(bytes[end]) { end += 1 }
    return end
  }

  static func starts(_ bytes: [UInt8], _ at: Int, _ text: String) -> Bool {
    bytes[at...].starts(with: text.utf8)
  }

  private static func privateKey(_ bytes: [UInt8], _ at: Int) -> Int? {
    guard starts(bytes, at, "-----BEGIN ") else { return nil }
    let line = run(bytes, at, max: 80) { $0 != 0x0a }
    guard StepWords.count("PRIVATE KEY-----", in: Array(bytes[at..<line]), max: 1) == 1 else { return nil }
    let marker = Array("-----END ".utf8)
    var end = line
    while end < bytes.count {
      if bytes[end] == marker[0], bytes[end...].starts(with: marker) {
        return run(bytes, end) { $0 != 0x0a }
      }
      end += 1
    }
    return bytes.count
  }

  /// Three parts in base64url, the first of which is a JSON object.
  private static func token(_ bytes: [UInt8], _ at: Int) -> Int? {
    guard starts(bytes, at, "eyJ") else { return nil }
    var end = at
    for part in 0..<3 {
      let next = run(bytes, end) { isWord($0, "-_") }
      guard next - end >= (part == 2 ? 16 : 8) else { return nil }
      end = next
      guard part < 2 else { break }
      guard end < bytes.count, bytes[end] == UInt8(ascii: ".") else { return nil }
      end += 1
    }
    return end
  }

  /// Prefixes that services give their keys, with the least length of what follows.
  private static let secretPrefixes: [(String, Int)] = [
    ("AKIA", 16), ("ASIA", 16), ("sk-ant-", 20), ("sk-proj-", 20), ("sk-", 20), ("sk_live_", 16),
    ("rk_live_", 16), ("ghp_", 36), ("gho_", 36), ("ghs_", 36), ("github_pat_", 22), ("glpat-", 20),
    ("xoxb-", 20), ("xoxp-", 20), ("AIza", 35), ("hf_", 30), ("npm_", 36), ("LTAI", 12)
  ]

  private static func knownSecret(_ bytes: [UInt8], _ at: Int) -> Int? {
    for (prefix, length) in secretPrefixes where starts(bytes, at, prefix) {
      let start = at + prefix.utf8.count
      let end = run(bytes, start) { isWord($0, "-_") }
      if end - start >= length { return end }
    }
    return nil
  }

  private static let secretNames = [
    "password", "passwd", "secret", "api_key", "apikey", "api-key", "access_token", "auth_token",
    "client_secret"
  ]

  /// `password: …` and the like: eight or more bytes that are no plain word.
  private static func assignedSecret(_ bytes: [UInt8], _ at: Int) -> Int? {
    let end = run(bytes, at, max: 24) { isWord($0, "_-") }
    let name = StepWords.lowered(String(decoding: bytes[at..<end], as: UTF8.self))
    guard secretNames.contains(where: { name.elementsEqual($0.utf8) }) else { return nil }
    var value = run(bytes, end, max: 3) { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") || $0 == 0x20 }
    guard value < bytes.count, bytes[value] == UInt8(ascii: "=") || bytes[value] == UInt8(ascii: ":") else {
      return nil
    }
    value = run(bytes, value + 1, max: 3) {
      $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") || $0 == 0x20
    }
    let stop = run(bytes, value) { (0x21...0x7e).contains($0) && !"\"',;<>".utf8.contains($0) }
    let isPlain = bytes[value..<stop].allSatisfy { (0x61...0x7a).contains($0) }
    return stop - value >= 8 && !isPlain ? stop : nil
  }

  private static func email(_ bytes: [UInt8], _ at: Int) -> Int? {
    let sign = run(bytes, at, max: 64) { isWord($0, "._%+-") }
    guard sign > at, sign < bytes.count, bytes[sign] == UInt8(ascii: "@"), bytes[sign - 1] != 0x2e else {
      return nil
    }
    var end = run(bytes, sign + 1, max: 253) { isWord($0, ".-") }
    while end > sign, bytes[end - 1] == 0x2e || bytes[end - 1] == 0x2d { end -= 1 }
    let labels = bytes[(sign + 1)..<max(end, sign + 1)].split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.count > 1, labels.allSatisfy({ !$0.isEmpty }), let last = labels.last, last.count > 1,
      last.allSatisfy({ !isDigit($0) })
    else { return nil }
    return end
  }

  /// With a country code, or a Chinese mobile number (1[3-9] and nine digits), or ten digits in the American form.
  private static func phone(_ bytes: [UInt8], _ at: Int) -> Int? {
    if bytes[at] == UInt8(ascii: "1") {
      let end = run(bytes, at) { isDigit($0) }
      let isMobile = end - at == 11 && (0x33...0x39).contains(bytes[at + 1])
      return isMobile && isEnd(bytes, end) ? end : nil
    }
    var digits = 0
    var groups = 1
    var end = at
    var place = at
    while place < bytes.count, digits <= 15 {
      if isDigit(bytes[place]) {
        digits += 1
        end = place + 1
      } else if place > at, " -.()".utf8.contains(bytes[place]) {
        if isDigit(bytes[place - 1]) { groups += 1 }
      } else if place > at {
        break
      }
      place += 1
    }
    switch bytes[at] {
    case UInt8(ascii: "+"): return (8...15).contains(digits) && isEnd(bytes, end) ? end : nil
    case UInt8(ascii: "("): return digits == 10 && isEnd(bytes, end) ? end : nil
    default:
      let form = bytes[at..<end].map { isDigit($0) ? UInt8(ascii: "9") : $0 }
      return ["999-999-9999", "999.999.9999"].contains { form.elementsEqual($0.utf8) } && isEnd(bytes, end)
        ? end : nil
    }
  }

  static func isEnd(_ bytes: [UInt8], _ at: Int) -> Bool {
    at >= bytes.count || !(isAlphanumeric(bytes[at]) || bytes[at] == UInt8(ascii: "_"))
  }

  /// 999-99-9999, without the areas and groups that were never given out.
  private static func socialSecurity(_ bytes: [UInt8], _ at: Int) -> Int? {
    guard bytes.count >= at + 11, isEnd(bytes, at + 11) else { return nil }
    let form = Array(bytes[at..<at + 11])
    let matches = form.enumerated().allSatisfy { place, byte in
      place == 3 || place == 6 ? byte == UInt8(ascii: "-") : isDigit(byte)
    }
    guard matches else { return nil }
    let text = String(decoding: form, as: UTF8.self)
    guard !text.hasPrefix("000"), !text.hasPrefix("666"), !text.hasPrefix("9"),
      form[4...5].contains(where: { $0 != 0x30 }), form[7...].contains(where: { $0 != 0x30 })
    else { return nil }
    return at + 11
  }

  /// Four numbers up to 255; not 0.0.0.0, loopback, or a version number with a part above.
  private static func address(_ bytes: [UInt8], _ at: Int) -> Int? {
    let end = run(bytes, at) { isDigit($0) || $0 == UInt8(ascii: ".") }
    let parts = bytes[at..<end].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4, isEnd(bytes, end) else { return nil }
    let values = parts.map { part in part.count > 3 ? nil : Int(String(decoding: part, as: UTF8.self)) }
    guard values.allSatisfy({ ($0 ?? 256) <= 255 }), values[0] != 0, values[0] != 127 else { return nil }
    return end
  }
}
