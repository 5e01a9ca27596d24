/// Numbers with check digits. Each takes bytes and where a number may begin, and gives where it ends.
enum Checksums {
  private static let cardGroups = [[4, 4, 4, 4], [4, 6, 5], [4, 6, 4], [4, 4, 4, 4, 3]]

  /// Payment cards: 13 to 19 digits, together or in the groups that are printed on cards, by spaces or dashes, a known
  /// first digit, and Luhn's check (ISO/IEC 7812-1, annex B).
  static func card(_ bytes: [UInt8], _ at: Int) -> Int? {
    guard (0x32...0x36).contains(bytes[at]) else { return nil }
    var digits: [Int] = []
    var groups = [0]
    var place = at
    var end = at
    while place < bytes.count {
      let byte = bytes[place]
      if SensitiveText.isDigit(byte) {
        digits.append(Int(byte) - 0x30)
        groups[groups.count - 1] += 1
        end = place + 1
      } else if (byte == 0x20 || byte == 0x2d) && place + 1 < bytes.count
        && SensitiveText.isDigit(bytes[place + 1])
      {
        groups.append(0)
      } else {
        break
      }
      place += 1
      if digits.count > 19 { return nil }
    }
    guard groups.count == 1 || cardGroups.contains(groups) else { return nil }
    guard (13...19).contains(digits.count), SensitiveText.isEnd(bytes, end), Set(digits).count > 1 else {
      return nil
    }
    return luhn(digits) ? end : nil
  }

  static func luhn(_ digits: [Int]) -> Bool {
    var sum = 0
    for (place, digit) in digits.reversed().enumerated() {
      let doubled = place % 2 == 1 ? 2 * digit : digit
      sum += doubled > 9 ? doubled - 9 : doubled
    }
    return sum % 10 == 0
  }

  /// International bank account numbers, 15 to 34 characters, groups by single spaces allowed (ISO 13616; ISO 7064
  /// mod 97-10).
  static func iban(_ bytes: [UInt8], _ at: Int) -> Int? {
    func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) }
    var account: [UInt8] = []
    var ends: [Int] = []
    var place = at
    while place < bytes.count, account.count < 34 {
      let byte = bytes[place]
      if SensitiveText.isDigit(byte) || isUpper(byte) {
        account.append(byte)
        ends.append(place + 1)
      } else if !(byte == 0x20 && account.count % 4 == 0 && !account.isEmpty) {
        break
      }
      place += 1
    }
    guard account.count >= 15, isUpper(account[0]), isUpper(account[1]),
      account[2...3].allSatisfy(SensitiveText.isDigit)
    else { return nil }
    // What follows in capitals may be no part of it: the longest prefix with a right check is taken.
    for length in stride(from: account.count, through: 15, by: -1) {
      let end = ends[length - 1]
      guard SensitiveText.isEnd(bytes, end) else { continue }
      if mod97(account[4..<length] + account[0..<4]) == 1 { return end }
    }
    return nil
  }

  static func mod97(_ characters: some Sequence<UInt8>) -> Int {
    characters.reduce(0) { rest, byte in
      SensitiveText.isDigit(byte)
        ? (rest * 10 + Int(byte) - 0x30) % 97 : (rest * 100 + Int(byte) - 0x41 + 10) % 97
    }
  }

  /// Chinese citizen numbers: region, date of birth, order, check (GB 11643-1999; ISO 7064 mod 11-2).
  static func chineseID(_ bytes: [UInt8], _ at: Int) -> Int? {
    guard bytes.count >= at + 18, SensitiveText.isEnd(bytes, at + 18) else { return nil }
    let number = Array(bytes[at..<at + 18])
    guard number[0] != 0x30, number.dropLast().allSatisfy(SensitiveText.isDigit) else { return nil }
    let digits = number.dropLast().map { Int($0) - 0x30 }
    func value(_ range: Range<Int>) -> Int { digits[range].reduce(0) { 10 * $0 + $1 } }
    let month = value(10..<12)
    let day = value(12..<14)
    guard (1900...2100).contains(value(6..<10)), (1...12).contains(month), day >= 1,
      day <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    else { return nil }
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    let sum = zip(digits, weights).reduce(0) { $0 + $1.0 * $1.1 }
    let check = Array("10X98765432".utf8)[sum % 11]
    let last = number[17] == UInt8(ascii: "x") ? UInt8(ascii: "X") : number[17]
    return last == check ? at + 18 : nil
  }

  /// Chinese unified social credit codes, 18 characters without I, O, Z, S, V (GB 32100-2015).
  static func chineseCompany(_ bytes: [UInt8], _ at: Int) -> Int? {
    guard bytes.count >= at + 18, SensitiveText.isEnd(bytes, at + 18) else { return nil }
    let alphabet = Array("0123456789ABCDEFGHJKLMNPQRTUWXY".utf8)
    let places = bytes[at..<at + 18].compactMap { alphabet.firstIndex(of: $0) }
    guard places.count == 18, bytes[(at + 2)..<(at + 8)].allSatisfy(SensitiveText.isDigit),
      "159NAY".utf8.contains(bytes[at])
    else { return nil }
    var weight = 1
    var sum = 0
    for place in places.dropLast() {
      sum += place * weight
      weight = weight * 3 % 31
    }
    return (31 - sum % 31) % 31 == places[17] ? at + 18 : nil
  }
}
