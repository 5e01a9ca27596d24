import CLociEncoder
import Foundation

/// A mapped safetensors file: `u64 little-endian header length | JSON header | packed row-major data`.
///
/// The header maps names to `{dtype, shape, data_offsets: [begin, end]}`, offsets counted from the end of the header.
/// Everything is checked before anything is used: sizes, ranges, overlaps, shapes.
struct Safetensors: Sendable {
  enum ElementType: String, Sendable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"

    var byteCount: Int { self == .float32 ? 4 : 2 }

    var number: loci_encoder_number {
      switch self {
      case .float32: .f32
      case .float16: .f16
      case .bfloat16: .bf16
      }
    }
  }

  struct Tensor: Sendable, Equatable {
    /// As the file spells it; not every type is read.
    let dtype: String
    let shape: [Int]
    /// Bytes in the file.
    let range: Range<Int>
  }

  static let headerBytesMax = 100 << 20
  private static let tensorsMax = 100_000

  let path: String
  private let file: MappedFile
  private let tensors: [String: Tensor]

  init(path: String) throws(EncoderError) {
    self.path = path
    let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()  // model caches link to their files
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.path),
      let size = attributes[.size] as? NSNumber, attributes[.type] as? FileAttributeType == .typeRegular
    else { throw .missing(file: path, advice: "the folder must hold the weights as safetensors") }
    guard size.intValue >= 8 else { throw .malformed(file: path, problem: "is cut off within its header") }
    guard let file = MappedFile(path: url.path) else {
      throw .missing(file: path, advice: "the folder must hold the weights as safetensors")
    }
    self.file = file
    tensors = unsafe try Self.parse(file.bytes, path: path)
  }

  /// Header bytes: what identifies the file without reading the weights.
  var header: Data {
    let bytes = unsafe file.bytes
    let length = unsafe Int(UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)))
    return unsafe Data(bytes.prefix(8 + length))
  }

  var byteCount: Int { file.byteCount }

  /// Where a tensor lies in the mapped file, which lives as long as `self`; at any alignment.
  /// - Throws: when it is absent, has another shape, or a type that is not read.
  func tensor(_ name: String, shape: [Int]) throws(EncoderError) -> loci_encoder_tensor {
    guard let tensor = tensors[name] else { throw .malformed(file: path, problem: "has no tensor '\(name)'") }
    guard let type = ElementType(rawValue: tensor.dtype) else {
      throw .unsupported(file: path, problem: "'\(name)' in \(tensor.dtype); F32, F16 and BF16 are read")
    }
    guard tensor.shape == shape else {
      throw .malformed(file: path, problem: "has '\(name)' of shape \(tensor.shape), not \(shape)")
    }
    guard let start = unsafe file.bytes.baseAddress else {
      throw .malformed(file: path, problem: "is empty")
    }
    return unsafe loci_encoder_tensor(data: start + tensor.range.lowerBound, number: type.number)
  }

  /// The tensor as float32, widened when it is stored in half precision.
  /// - Throws: as `tensor`, and when it holds a number that is not finite.
  func floats(_ name: String, shape: [Int]) throws(EncoderError) -> [Float] {
    var tensor = unsafe try tensor(name, shape: shape)
    let count = shape.reduce(1, *)
    var finite = true
    let values = unsafe [Float](unsafeUninitializedCapacity: count) { target, initialized in
      if let target = target.baseAddress {
        finite = unsafe loci_encoder_tensor_floats(&tensor, 0, count, target)
      }
      initialized = count
    }
    guard finite else {
      throw .malformed(file: path, problem: "has numbers in '\(name)' that are not finite")
    }
    return values
  }

  /// Gives the memory of what was read back to the system.
  func release() { file.release() }

  func contains(_ name: String) -> Bool { tensors[name] != nil }

  // MARK: Header

  private static func parse(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(EncoderError) -> [String: Tensor] {
    func malformed(_ problem: String) -> EncoderError { .malformed(file: path, problem: problem) }
    guard bytes.count >= 8 else { throw malformed("is cut off within its header") }
    let length = unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= headerBytesMax else { throw malformed("declares a header of \(length) bytes") }
    guard bytes.count - 8 >= Int(length) else { throw malformed("is cut off within its header") }
    let header = unsafe Data(bytes[8..<8 + Int(length)])
    guard let object = try? JSONSerialization.jsonObject(with: header) as? [String: Any] else {
      throw malformed("has a header that is not a JSON object")
    }
    guard object.count <= tensorsMax else { throw malformed("names \(object.count) tensors") }
    let start = 8 + Int(length)
    var tensors: [String: Tensor] = [:]
    for (name, value) in object where name != "__metadata__" {
      tensors[name] = try tensor(name, value, start: start, end: bytes.count, path: path)
    }
    try checkOverlaps(tensors, path: path)
    return tensors
  }

  private static func tensor(
    _ name: String, _ value: Any, start: Int, end: Int, path: String
  ) throws(EncoderError) -> Tensor {
    guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String,
      let shape = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int],
      offsets.count == 2
    else { throw .malformed(file: path, problem: "describes '\(name)' in a way that is none") }
    let (from, to) = (offsets[0], offsets[1])
    guard from >= 0, from <= to, to <= end - start else {
      throw .malformed(file: path, problem: "places '\(name)' outside the file")
    }
    let range = start + from..<start + to
    var elements = 1
    for dimension in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow, product <= end else {
        throw .malformed(file: path, problem: "gives '\(name)' the shape \(shape)")
      }
      elements = product
    }
    // Other types (position ids as I64) are of no use here: their place is checked, their size is not.
    guard ElementType(rawValue: dtype).map({ elements * $0.byteCount == range.count }) ?? true else {
      throw .malformed(
        file: path, problem: "gives '\(name)' \(range.count) bytes for the shape \(shape) of \(dtype)")
    }
    return Tensor(dtype: dtype, shape: shape, range: range)
  }

  private static func checkOverlaps(_ tensors: [String: Tensor], path: String) throws(EncoderError) {
    var end = 0
    for (name, tensor) in tensors.sorted(by: { $0.value.range.lowerBound < $1.value.range.lowerBound })
    where !tensor.range.isEmpty {
      guard tensor.range.lowerBound >= end else {
        throw .malformed(file: path, problem: "places '\(name)' over another tensor")
      }
      end = tensor.range.upperBound
    }
  }
}
