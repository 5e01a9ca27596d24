import LociText
import Testing
import LociTestKit

struct SentenceSplitterTests {
  @Test(
    arguments: [
      ("", []), ("  \n ", []), ("No stop", ["No stop"]), ("One. Two! Three?", ["One.", "Two!", "Three?"]),
      (
        "Dr. Smith met J. Doe at 3.14 p.m. in v1.2.3. Fine.",
        ["Dr. Smith met J. Doe at 3.14 p.m. in v1.2.3.", "Fine."]
      ),
      ("今天下雨。我们在家！好吗？", ["今天下雨。", "我们在家！", "好吗？"]),
      ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
      ("He said \"Go.\" Then he left.", ["He said \"Go.\"", "Then he left."]),
      ("Wait... what?! Yes", ["Wait...", "what?!", "Yes"]), ("a\nb", ["a", "b"]),
      ("用Swift写的. 很快", ["用Swift写的.", "很快"])
    ] as [(String, [String])])
  func splits(text: String, wanted: [String]) {
    #expect(SentenceSplitter.sentences(in: text).map { String(text[$0]) } == wanted)
  }

  @Test(arguments: UInt64(1)...20) func losesNothingButWhiteSpace(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let parts = ["a", "B", ".", "。", "!", " ", "\n", "”", "中", "Mr", "1", "…", "é", "\u{301}", "😀"]
    for _ in 0..<200 {
      let text = (0..<Int.random(in: 0..<20, using: &random)).map { _ in
        parts.randomElement(using: &random) ?? ""
      }
      .joined()
      let kept = SentenceSplitter.sentences(in: text).flatMap { text.unicodeScalars[$0] }
      let wanted = text.unicodeScalars.filter { !$0.properties.isWhitespace }
      #expect(kept.filter { !$0.properties.isWhitespace } == Array(wanted))
    }
  }
}
