/// What outputs of tools look like.
enum OutputWords {
  private static let failures = [
    "error", "exception", "traceback", "failed", "failure", "fatal", "panic", "denied", "not found",
    "no such",
    "undefined", "cannot", "unable", "warning", "assert", "exit code", "timeout", "错误", "失败", "异常"
  ]

  static func reportsFailure(_ line: String) -> Bool {
    let line = line.lowercased()
    return failures.contains { line.contains($0) }
  }

  /// The line with every run of digits as one: lines that differ in numbers only have the same.
  static func shape(_ line: ArraySlice<UInt8>) -> WordKey {
    var shape: [UInt8] = []
    for byte in line {
      if (0x30...0x39).contains(byte) {
        if shape.last != 0x23 { shape.append(0x23) }
      } else {
        shape.append(byte)
      }
    }
    return WordKey(exact: shape)
  }

  /// Output, code, a log or JSON rather than something a person says: by its role, its lines and its signs.
  static func isOutput(_ text: SourceText) -> Bool {
    let bytes = text.text.utf8
    guard bytes.count >= 240 else { return false }
    if text.role == .tool { return true }
    var signs = 0
    var lines = 1
    var letters = 0
    for byte in bytes {
      switch byte {
      case 0x0A: lines += 1
      case 0x7B, 0x7D, 0x5B, 0x5D, 0x3D, 0x3C, 0x3E, 0x28, 0x29, 0x5F, 0x7C, 0x5C, 0x22, 0x3B, 0x2F:
        signs += 1
      case 0x41...0x5A, 0x61...0x7A: letters += 1
      default: letters += byte >= 0x80 ? 1 : 0
      }
    }
    return signs * 12 > letters && lines >= 4 || signs * 6 > letters
  }
}
