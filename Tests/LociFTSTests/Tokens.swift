import CLociFTS

struct Token: Equatable, CustomStringConvertible {
  var text: String
  var kind: loci_fts_kind
  var range: Range<Int>

  var description: String { "\(text)(\(kind), \(range))" }
}

/// All tokens of `text`, before stemming.
func split(_ text: [UInt8]) -> [Token] {
  final class Sink { var tokens: [Token] = [] }
  let sink = Sink()
  let stopped = unsafe text.withUnsafeBytes { bytes in
    unsafe loci_fts_split(
      bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count,
      Unmanaged.passUnretained(sink).toOpaque()
    ) { context, token in
      guard let context = unsafe context else { return 1 }
      let token = unsafe token.pointee
      let bytes = unsafe UnsafeRawBufferPointer(start: token.bytes, count: token.count)
      unsafe Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue().tokens.append(
        Token(text: String(decoding: bytes, as: UTF8.self), kind: token.kind, range: token.start..<token.end))
      return 0
    }
  }
  precondition(stopped == 0)
  return sink.tokens
}

func split(_ text: String) -> [Token] { split(Array(text.utf8)) }

func words(_ text: String) -> [String] { split(text).map(\.text) }

func stem(_ word: String) -> String {
  var letters = word.utf8.map { CChar(bitPattern: $0) }
  let count = unsafe loci_fts_stem(&letters, letters.count)
  return String(decoding: letters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
