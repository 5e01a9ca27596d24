/// Text compared byte by byte. Swift calls two strings equal that Unicode calls equivalent, "é" as one scalar and as two;
/// a name or a stored text is its bytes, as SQLite and every other client see it.
public struct ExactText: Hashable, Sendable {
  public let value: String

  public init(_ value: String) { self.value = value }

  public static func == (a: Self, b: Self) -> Bool { a.value.utf8.elementsEqual(b.value.utf8) }

  public func hash(into hasher: inout Hasher) {
    var value = value
    value.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(0xFF as UInt8)  // no UTF-8 byte is 0xFF: names cannot run together
  }
}

extension Sequence<String> {
  /// Each once, in order of its first occurrence.
  public func withoutRepeats() -> [String] {
    var seen: Set<ExactText> = []
    return filter { seen.insert(ExactText($0)).inserted }
  }

  public var hasRepeats: Bool {
    var seen: Set<ExactText> = []
    return contains { !seen.insert(ExactText($0)).inserted }
  }
}
