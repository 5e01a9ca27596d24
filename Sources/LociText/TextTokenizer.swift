/// The tokens of one text.
package struct TokenizedText: Sendable, Equatable {
  /// The opening token, the text's first tokens, the closing token: [CLS] … [SEP], or <s> … </s>.
  package let ids: [Int32]
  /// Tokens before truncation, the two around them included.
  package let tokenCount: Int
  package var isTruncated: Bool { tokenCount > ids.count }
}

/// The tokenizer that a model folder asks for.
package enum TextTokenizer: Sendable {
  case wordPiece(WordPieceTokenizer)
  case unigram(UnigramTokenizer)

  /// Reads tokenizer.json, or vocab.txt where there is none.
  package init(modelDirectory: String) throws(EncoderError) {
    let full = try TokenizerJSON(optional: modelDirectory + "/tokenizer.json")
    if full?.kind == "Unigram", let full {
      self = .unigram(try UnigramTokenizer(UnigramFiles(full, directory: modelDirectory)))
    } else {
      self = .wordPiece(try WordPieceTokenizer(TokenizerFiles(modelDirectory, full: full?.file())))
    }
  }

  /// The tokens of `text`, at most `maxTokens` ≥ 2 of them.
  package func encode(_ text: String, maxTokens: Int) throws(EncoderError) -> TokenizedText {
    switch self {
    case .wordPiece(let tokenizer): tokenizer.encode(text, maxTokens: maxTokens)
    case .unigram(let tokenizer): try tokenizer.encode(text, maxTokens: maxTokens)
    }
  }

  /// One more than the greatest id it can give.
  package var vocabularyCount: Int {
    switch self {
    case .wordPiece(let tokenizer): tokenizer.vocabularyCount
    case .unigram(let tokenizer): tokenizer.vocabularyCount
    }
  }

  /// "wordpiece" or "unigram".
  package var kind: String {
    switch self {
    case .wordPiece: "wordpiece"
    case .unigram: "unigram"
    }
  }
}
