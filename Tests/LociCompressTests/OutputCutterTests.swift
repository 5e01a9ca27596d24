import Testing

@testable import LociCompress

/// Outputs of tools are cut to their lines of substance.
@Suite struct OutputCutterTests {
  private static let log =
    (1...200).map { "2026-11-24 12:00:\($0 % 60) INFO request \($0) served in \($0) ms" } + [
      "2026-11-24 12:03:20 ERROR cannot open /var/lib/app/state.db: permission denied",
      "Traceback (most recent call last):", "  File \"main.py\", line 7, in run", "ValueError: bad state"
    ]

  private static func cut(_ lines: [String], budget: Int) throws -> OutputCutter.Cut {
    var seen: Set<WordKey> = []
    var meter = TokenMeter.estimated()
    return try OutputCutter.cut(lines.joined(separator: "\n"), budget: budget, seen: &seen, meter: &meter)
  }

  @Test func failuresStayAndRepeatsGo() throws {
    let cut = try Self.cut(Self.log, budget: 120)
    #expect(cut.text.contains("permission denied"))
    #expect(cut.text.contains("ValueError: bad state"))
    #expect(cut.text.contains(" cut]"))
    #expect(cut.tokens <= 120)
  }

  @Test func linesAreWholeAndWhereTheyWere() throws {
    let text = Self.log.joined(separator: "\n")
    let utf8 = Array(text.utf8)
    let cut = try Self.cut(Self.log, budget: 300)
    let kept = cut.kept.map { String(decoding: utf8[$0], as: UTF8.self) }
    #expect(kept == cut.text.split(separator: "\n").map(String.init).filter { !$0.hasSuffix(" cut]") })
    #expect(Set(kept).isSubset(of: Set(Self.log)))
  }

  @Test func whatFitsIsLeftAlone() throws {
    #expect(try Self.cut(["a", "", "b"], budget: 100).text == "a\n\nb")
    #expect(try Self.cut([""], budget: 0).text.isEmpty)
  }

  @Test func oneLongLineOfJSONIsBrokenIntoParts() throws {
    let json =
      "[" + (0..<80).map { "{\"flight_number\": \"HAT\($0)\", \"price\": \($0 * 7)}" }.joined(separator: ", ")
      + "]"
    let cut = try Self.cut([json], budget: 200)
    #expect(cut.tokens <= 200)
    #expect(cut.kept.count > 3)
  }

  @Test func outputIsToldFromSpeech() {
    func isOutput(_ text: String, _ role: SourceText.Role = .assistant) -> Bool {
      OutputWords.isOutput(SourceText(id: "", role: role, text: text))
    }
    let speech = String(
      repeating: "I went to the market and bought some apples, then I came home. ", count: 6)
    let code = String(repeating: "for (int i = 0; i < n; i++) {\n  a[i] = b[i] + c[i];\n}\n", count: 8)
    #expect(!isOutput(speech))
    #expect(isOutput(speech, .tool))
    #expect(isOutput(code))
  }
}
