import Foundation
import Testing

@testable import LociText

/// Texts longer than the model reads, as windows.
struct LongTextTests {
  private let encoder: TextEncoder

  init() throws {
    let folder = try TinyModel().write()
    encoder = try TextEncoder(modelDirectory: folder.path)
  }

  @Test func windowsAreTheWeightedMeanOfTheirParts() throws {
    // 10 content tokens a window: 10 and 4.
    let words = ["un", "want", "a", "中", "s"]
    let text = (0..<14).map { words[$0 % 5] }
    func vector(_ words: ArraySlice<String>) throws -> [Float] {
      try encoder.encode([words.joined(separator: " ")], kind: .document).vectors
    }
    let whole = try encoder.encode(
      [text.joined(separator: " "), "a"], kind: .document, longTexts: .windows(most: 8))
    #expect(whole.tokenCounts == [16, 3])
    #expect(whole.truncated == [false, false])
    #expect(isClose(Array(whole.vectors[8...]), try vector(["a"])))
    // Parts have unit length here, windows had not when they were joined: compare by what lies between.
    let (first, second) = (try vector(text[..<10]), try vector(text[10...]))
    let joined = Array(whole.vectors[..<8])
    #expect(!isClose(joined, first))
    #expect(cosine(joined[...], first[...]) > cosine(second[...], first[...]))
    let length = joined.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(length - 1) < 1e-5)
  }

  @Test func windowsBeyondTheMostAreTruncated() throws {
    let long = String(repeating: "a ", count: 1_000)
    let two = try encoder.encode([long], kind: .document, longTexts: .windows(most: 2))
    #expect(two.truncated == [true])
    #expect(two.tokenCounts == [1_002])
    let one = try encoder.encode([long], kind: .document, longTexts: .windows(most: 1))
    #expect(isClose(one.vectors, try encoder.encode([long], kind: .document).vectors))
  }

  @Test func cuttingIntoWindowsLosesNothing() {
    for count in [0, 1, 9, 10, 11, 20, 21, 35] {
      let text = TokenizedText(ids: [100] + (0..<Int32(count)) + [101], tokenCount: count + 2)
      let windows = TokenWindows([text, text], tokensMax: 12)
      #expect(windows.sequences.allSatisfy { $0.count <= 12 && $0.first == 100 && $0.last == 101 })
      let content = windows.sequences.flatMap { $0.dropFirst().dropLast() }
      #expect(content == (0..<Int32(count)) + Array(0..<Int32(count)))
      #expect(windows.owners == windows.owners.sorted())
      #expect(Set(windows.owners) == [0, 1])
    }
  }

  @Test func aMeanIsWeightedByTokens() {
    let long = TokenizedText(ids: [0, 1, 1, 1, 1, 1, 2], tokenCount: 7)  // 3 + 2 content tokens
    let windows = TokenWindows([long], tokensMax: 5)
    #expect(windows.joined([1, 0, 0, 1], dimension: 2, texts: 1) == [3.0 / 5, 2.0 / 5])
  }
}
