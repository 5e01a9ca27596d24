import CLociEncoder
import Foundation

/// What a model folder says of its Unigram tokenizer.
struct UnigramFiles {
  struct Step: Equatable {
    let kind: loci_unigram_step
    var from = ""
    var to = ""
  }

  struct AddedToken {
    let content: String
    let id: Int32
    let isSingleWord, takesLeft, takesRight: Bool
  }

  let json: TokenizerJSON
  private(set) var unknownID: Int32 = 0
  private(set) var hasByteFallback = false
  private(set) var charsmap: Data?
  private(set) var steps: [Step] = []
  private(set) var splitsWhiteSpace = false
  private(set) var splitsMetaspaces = true
  private(set) var prepend = loci_unigram_prepend.always
  private(set) var metaspace: UInt32 = 0x2581
  private(set) var addedTokens: [AddedToken] = []
  private(set) var openingToken = "<s>"
  private(set) var closingToken = "</s>"

  private let path: String

  init(_ json: TokenizerJSON, directory: String) throws(EncoderError) {
    self.json = json
    path = json.path
    let file = try json.settings()
    let model = file.object("model") ?? [:]
    guard let unknown = (model["unk_id"] as? NSNumber)?.int32Value, unknown >= 0 else {
      throw unsupported("a Unigram model without unk_id")
    }
    unknownID = unknown
    hasByteFallback = model["byte_fallback"] as? Bool ?? false
    if let normalizer = file.object("normalizer") { try readNormalizer(normalizer, isNested: false) }
    try readPreTokenizer(file.object("pre_tokenizer") ?? [:])
    for token in file.objects("added_tokens") { addedTokens.append(try addedToken(token)) }
    readConfig(try JSONFile(optional: directory + "/tokenizer_config.json"))
    try checkTemplate(file.object("post_processor"))
  }

  private func unsupported(_ problem: String) -> EncoderError { .unsupported(file: path, problem: problem) }

  // MARK: Normaliser

  private mutating func readNormalizer(_ part: [String: Any], isNested: Bool) throws(EncoderError) {
    let kind = part["type"] as? String ?? "none"
    switch kind {
    case "Sequence" where !isNested:
      for step in part["normalizers"] as? [[String: Any]] ?? [] { try readNormalizer(step, isNested: true) }
    case "Precompiled":
      guard charsmap == nil, steps.isEmpty else {
        throw unsupported("rules that come after other normalisers")
      }
      // Some converted models have none; then there is nothing to apply.
      guard let text = part["precompiled_charsmap"] as? String, !text.isEmpty else { return }
      guard let bytes = Data(base64Encoded: text) else {
        throw .malformed(file: path, problem: "has rules that are not base64")
      }
      charsmap = bytes
    case "Strip":
      if part["strip_left"] as? Bool ?? true { steps.append(Step(kind: .stripLeft)) }
      if part["strip_right"] as? Bool ?? true { steps.append(Step(kind: .stripRight)) }
    case "Replace":
      steps.append(try replacement(part))
    default:
      throw unsupported("the normaliser '\(kind)'; Precompiled, Strip and Replace are computed")
    }
  }

  private func replacement(_ part: [String: Any]) throws(EncoderError) -> Step {
    let pattern = part["pattern"] as? [String: Any] ?? [:]
    let content = part["content"] as? String ?? ""
    if let text = pattern["String"] as? String, !text.isEmpty {
      return Step(kind: .replace, from: text, to: content)
    }
    guard let expression = pattern["Regex"] as? String, expression == " {2,}" else {
      throw unsupported("the replaced pattern \(pattern)")
    }
    return Step(kind: .replaceRuns, from: " ", to: content)
  }

  // MARK: Pre-tokenizer

  private mutating func readPreTokenizer(_ part: [String: Any]) throws(EncoderError) {
    var parts = [part]
    if part["type"] as? String == "Sequence" { parts = part["pretokenizers"] as? [[String: Any]] ?? [] }
    if parts.first?["type"] as? String == "WhitespaceSplit" {
      splitsWhiteSpace = true
      parts.removeFirst()
    }
    guard parts.count == 1, let last = parts.first, last["type"] as? String == "Metaspace" else {
      let kinds = parts.map { $0["type"] as? String ?? "none" }.joined(separator: ", ")
      throw unsupported("the pre-tokenizer '\(kinds)'; Metaspace, also after WhitespaceSplit, is computed")
    }
    let replacement = last["replacement"] as? String ?? "\u{2581}"
    guard replacement.unicodeScalars.count == 1, let scalar = replacement.unicodeScalars.first else {
      throw .malformed(file: path, problem: "replaces spaces by '\(replacement)'")
    }
    metaspace = scalar.value
    splitsMetaspaces = last["split"] as? Bool ?? true
    // Older files say add_prefix_space.
    let old = last["add_prefix_space"] as? Bool ?? true
    switch last["prepend_scheme"] as? String ?? (old ? "always" : "never") {
    case "always": prepend = .always
    case "never": prepend = .never
    case "first" where !splitsWhiteSpace: prepend = .first
    case let scheme: throw unsupported("the prefix '\(scheme)' of its Metaspace")
    }
  }

  // MARK: Tokens

  private func addedToken(_ token: [String: Any]) throws(EncoderError) -> AddedToken {
    guard let content = token["content"] as? String, !content.isEmpty,
      let id = (token["id"] as? NSNumber)?.int32Value, id >= 0
    else { throw .malformed(file: path, problem: "has an added token without content or id") }
    guard (token["normalized"] as? Bool) != true else {
      throw unsupported("the added token '\(content)', looked for in normalised text")
    }
    func flag(_ name: String) -> Bool { token[name] as? Bool ?? false }
    return AddedToken(
      content: content, id: id, isSingleWord: flag("single_word"), takesLeft: flag("lstrip"),
      takesRight: flag("rstrip"))
  }

  private mutating func readConfig(_ file: JSONFile?) {
    func token(_ key: String) -> String? {
      file?.string(key) ?? file?.object(key)?["content"] as? String
    }
    openingToken = token("cls_token") ?? token("bos_token") ?? openingToken
    closingToken = token("sep_token") ?? token("eos_token") ?? closingToken
  }

  /// One text must become opening token, text, closing token.
  private func checkTemplate(_ part: [String: Any]?) throws(EncoderError) {
    guard let part, part["type"] as? String == "TemplateProcessing" else { return }
    let single = part["single"] as? [[String: Any]] ?? []
    let special = single.compactMap { ($0["SpecialToken"] as? [String: Any])?["id"] as? String }
    guard single.count == 3, special == [openingToken, closingToken], single[1]["Sequence"] != nil else {
      throw unsupported("a template other than \(openingToken) text \(closingToken)")
    }
  }
}
