import LociCore
import Testing

@testable import LociRecall

@Suite struct QueryReadingTests {
  @Test(arguments: [
    ("When did Caroline go hiking?", ["caroline"], "When did go hiking?"),
    ("What is Caroline's plan?", ["Caroline"], "What is plan?"),
    ("CAROLINE’s dog and caroline", ["Caroline"], "dog and"),
    ("Where is Carolines house?", ["Caroline"], "Where is Carolines house?"),
    ("张曼婷喜欢什么", ["张曼婷"], "喜欢什么"),
    ("Caroline?", ["Caroline"], "Caroline?"), ("Anna and Ann", ["Ann", "Anna"], "and")
  ])
  func namesAreCutOut(query: String, names: [String], expected: String) {
    #expect(QueryReading(query, speakers: names).text == expected)
  }

  @Test func oneNameSaysWhoseTurnsAreMeant() {
    let one = QueryReading("What does Caroline like?", speakers: ["Caroline"])
    #expect(
      one.isAbout("caroline") && one.isAbout("Caroline Smith") && !one.isAbout("Carol") && !one.isAbout(""))
    #expect(!QueryReading("Caroline and Melanie", speakers: ["Caroline", "Melanie"]).isAbout("Caroline"))
    #expect(!QueryReading("Who?", speakers: []).isAbout("Caroline"))
  }

  @Test func whatMayBeAName() {
    #expect(QueryReading.nameCandidates("Is Ann's e-mail a@b.org?").contains("Ann"))
    #expect(QueryReading.nameCandidates("张曼婷喜欢").contains("张曼婷"))
    #expect(QueryReading.nameCandidates("").isEmpty)
    #expect(QueryReading.nameCandidates("when will Will go?") == ["when", "Will", "go"])
    #expect(QueryReading.nameCandidates(String(repeating: "x y ", count: 9_000), most: 5).count == 2)
  }

  @Test(arguments: [
    ("When did she go?", TextCues.asksWhen), ("How long was it?", .asksWhen),
    ("In what year was that", .asksWhen),
    ("他什么时候去的", .asksWhen), ("How many dogs?", .asksCount), ("有多少只", .asksCount), ("I went yesterday", .time),
    ("in 2019", .time), ("昨天去了", .time), ("We have two cats", .number), ("my dog", .firstPerson),
    ("我喜欢", .firstPerson),
    ("Really？", .question)
  ])
  func cues(text: String, expected: TextCues) { #expect(TextCues(of: text).contains(expected), "\(text)") }

  @Test func cuesThatAreNotThere() {
    #expect(TextCues(of: "").isEmpty)
    #expect(TextCues(of: "The cat sleeps on the keyboard").isEmpty)
    // A conjunction, not a question.
    #expect(!TextCues(of: "She smiles when it rains").contains(.asksWhen))
    #expect(!TextCues(of: "Miami is a city").contains(.firstPerson))
  }

  /// Every prefix, so that no cut character is read past its end.
  @Test func cuesOfCutTexts() {
    let text = Array("什么时候 how many？昨天".utf8)
    for end in 0...text.count {
      _ = TextCues(of: String(decoding: text[..<end], as: UTF8.self))
    }
  }

  @Test func datesFitInParts() {
    let day = Timestamp(microseconds: 1_683_720_000 * 1_000_000)  // 10 May 2023
    #expect(DateWords("on 10 May 2023").fit(day) == 1)
    #expect(DateWords("in May 2022").fit(day) == 0.5)
    #expect(DateWords("5月").fit(day) == 1)
    #expect(DateWords("June").fit(day) == 0)
    #expect(DateWords("may I come in?").isEmpty)
    #expect(DateWords("she is 30").isEmpty)
  }
}
