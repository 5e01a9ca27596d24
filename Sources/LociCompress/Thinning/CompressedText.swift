/// What is left of one text, and where it came from.
package struct CompressedUnit: Sendable, Equatable {
  /// Of the text it stands for.
  package var id: String
  /// Without its speaker. Empty when nothing of it was worth a token.
  package var text: String
  /// UTF-8 ranges of the raw text that `text` repeats, ascending. The whole text when `isVerbatim`.
  package var kept: [Range<Int>]
  package var isVerbatim: Bool
  package var tokensBefore: Int
  /// Without the marker of its speaker.
  package var tokensAfter: Int
}

package struct CompressedText: Sendable, Equatable {
  /// One for each text of the input, in its order.
  package var units: [CompressedUnit]
  /// Everything as it is sent to a model: a legend of the speakers, a line with the time where a session begins, a line
  /// for each unit that has something left.
  package var text: String
  /// Of the input with speakers and times of sessions written out; of `text`.
  package var tokensBefore: Int
  package var tokensAfter: Int

  package var ratio: Double { tokensBefore == 0 ? 1 : Double(tokensAfter) / Double(tokensBefore) }
}
