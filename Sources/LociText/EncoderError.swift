/// Why a model cannot be loaded, or a text not encoded. Each case says what to do about it.
package enum EncoderError: Error, Sendable, Equatable {
  /// A file of the model folder is missing.
  case missing(file: String, advice: String)
  /// A file is damaged or contradicts another one.
  case malformed(file: String, problem: String)
  /// Sound, but not something this encoder computes.
  case unsupported(file: String, problem: String)
  /// Nothing is wrong with the request; there is no room for it now.
  case overloaded(String)
  /// A queue before the encoder holds all it may.
  case full(limit: Int, of: String)
  /// A remote encoder does not answer, or not as it should. `mayPass`: another attempt later may succeed.
  case remote(problem: String, mayPass: Bool)
  case cancelled
}

extension EncoderError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missing(let file, let advice): "\(file) is missing: \(advice)"
    case .malformed(let file, let problem): "\(file) \(problem)"
    case .unsupported(let file, let problem): "\(file) is not supported: \(problem)"
    case .overloaded(let what): what
    case .full(let limit, let unit): "the encoder's queue is full (\(limit) \(unit))"
    case .remote(let problem, _): "the remote encoder \(problem)"
    case .cancelled: "the encoding was cancelled"
    }
  }
}
