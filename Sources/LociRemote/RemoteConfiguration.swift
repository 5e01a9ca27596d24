package import LociText

/// Which server encodes, and how it is asked.
package struct RemoteConfiguration: Sendable {
  /// Up to and including the version, e.g. "https://api.example.com/v1"; "/embeddings" is added.
  package var url: String
  package var model: String
  /// Sent as a bearer token; never logged.
  package var apiKey: String?
  /// `nil` asks for it with a first request.
  package var dimension: Int?
  package var queryPrefix = ""
  package var documentPrefix = ""
  /// Vectors as base64 of float32, a quarter of the bytes. Servers that do not know it may ignore it.
  package var usesBase64 = true
  /// Texts in one request.
  package var batchTexts = 64
  /// Requests at once.
  package var concurrency = 4
  package var timeout = Duration.seconds(30)
  /// Tries of one request, the first included.
  package var attempts = 4
  /// Pause before the second try; doubled for each further one, with a random part, at most `backoffMax`.
  package var backoff = Duration.milliseconds(200)
  package var backoffMax = Duration.seconds(5)
  /// Failures in a row after which the server is left alone for `breakerPause`.
  package var breakerFailures = 5
  package var breakerPause = Duration.seconds(10)
  package var responseBytesMax = 64 << 20

  package init(url: String, model: String) {
    self.url = url
    self.model = model
  }

  /// - Throws: `EncoderError.remote` that names what is wrong.
  package func validate() throws(EncoderError) {
    func refuse(_ problem: String) -> EncoderError { .remote(problem: problem, mayPass: false) }
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw refuse("has the address '\(url)', which is not http:// or https://")
    }
    guard !model.isEmpty, model.utf8.count <= 256 else { throw refuse("needs the name of a model") }
    guard dimension.map({ (1...65_536).contains($0) }) ?? true else {
      throw refuse("cannot have that dimension")
    }
    guard (1...2_048).contains(batchTexts), (1...64).contains(concurrency), (1...16).contains(attempts),
      timeout > .zero, backoff >= .zero, responseBytesMax > 0
    else { throw refuse("is asked in a way that is out of range") }
  }

  var callPolicy: CallPolicy {
    CallPolicy(
      apiKey: apiKey, timeout: timeout, attempts: attempts, backoff: backoff, backoffMax: backoffMax,
      breakerFailures: breakerFailures, breakerPause: breakerPause, responseBytesMax: responseBytesMax)
  }

  /// Depends on what is computed, not on where: the model, its length and the prefixes.
  func fingerprint(dimension: Int) -> EncoderFingerprint {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in [model, queryPrefix, documentPrefix].joined(separator: "\0").utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
    let digits = String(hash, radix: 16)
    return EncoderFingerprint(
      description: "remote-\(dimension)-" + String(repeating: "0", count: 16 - digits.count) + digits)
  }
}
