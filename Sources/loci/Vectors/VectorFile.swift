import ArgumentParser
import Foundation
import LociProto

/// A file of vectors of one dimension.
protocol VectorFile: Sendable {
  var count: Int { get }
  var dimension: Int { get }
  func block(_ rows: Range<Int>) throws -> VectorBlock
}

struct VectorBlock {
  /// Little-endian, shape (rows, dimension).
  var float32: [UInt8]
  /// What the file says; nil: rows are numbered.
  var ids: V1.PointIds?
  var attributes: [V1.PointAttributes] = []
}

struct VectorFileError: Error, CustomStringConvertible {
  let description: String
}

/// Opens a file of vectors by its extension.
enum VectorFiles {
  static func open(_ path: String) throws -> any VectorFile {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw VectorFileError(description: "\(path): \(error.localizedDescription)")
    }
    switch (path as NSString).pathExtension.lowercased() {
    case "npy": return try NumpyFile(data, path)
    case "fvecs": return try LengthPrefixedFile(data, path, isInteger: false)
    case "ivecs": return try LengthPrefixedFile(data, path, isInteger: true)
    case "jsonl", "ndjson": return try JSONLinesFile(data, path)
    default: throw VectorFileError(description: "\(path): not a .npy, .fvecs, .ivecs or .jsonl file")
    }
  }
}

/// Elements as they lie in files.
enum FileElement {
  case float16, float32, float64, int8, int16, int32

  var bytes: Int {
    switch self {
    case .int8: 1
    case .float16, .int16: 2
    case .float32, .int32: 4
    case .float64: 8
    }
  }

  /// Appends one element of `data` at `offset` as float32.
  func append(_ data: Data, at offset: Int, to target: inout [UInt8]) {
    let start = data.startIndex + offset
    var bits: UInt64 = 0
    for index in 0..<bytes { bits |= UInt64(data[start + index]) << UInt64(8 * index) }
    let value: Float
    switch self {
    case .float16: value = Self.widened(UInt16(truncatingIfNeeded: bits))
    case .float32: value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
    case .float64: value = Float(Double(bitPattern: bits))
    case .int8: value = Float(Int8(truncatingIfNeeded: bits))
    case .int16: value = Float(Int16(truncatingIfNeeded: bits))
    case .int32: value = Float(Int32(truncatingIfNeeded: bits))
    }
    Self.append(value, to: &target)
  }

  /// Appends a number as little-endian float32.
  static func append(_ value: Float, to target: inout [UInt8]) {
    let bits = value.bitPattern
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      target.append(UInt8(truncatingIfNeeded: bits >> shift))
    }
  }

  /// IEEE half precision. By hand, since `Float16` is not there on every processor.
  private static func widened(_ half: UInt16) -> Float {
    let sign: Float = half >> 15 == 1 ? -1 : 1
    let exponent = Int(half >> 10 & 31)
    let fraction = Float(half & 1_023)
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default:
      return sign * (1 + fraction / 1_024) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }
}

/// NumPy's format, versions 1 to 3: two dimensions, C order, little-endian.
struct NumpyFile: VectorFile {
  let count, dimension: Int
  private let data: Data
  private let start: Int
  private let element: FileElement

  init(_ data: Data, _ path: String) throws {
    func fail(_ problem: String) -> VectorFileError { VectorFileError(description: "\(path): \(problem)") }
    guard data.count >= 12, data.prefix(6).elementsEqual([0x93] + Array("NUMPY".utf8)) else {
      throw fail("not a .npy file")
    }
    let version = data[6]
    let lengthBytes = version == 1 ? 2 : 4
    guard (1...3).contains(version) else { throw fail("version \(version) of the format is not known") }
    let length = (0..<lengthBytes).reduce(0) { $0 | Int(data[8 + $1]) << (8 * $1) }
    start = 8 + lengthBytes + length
    guard start <= data.count, let header = String(bytes: data[(8 + lengthBytes)..<start], encoding: .utf8)
    else {
      throw fail("the header is cut short")
    }
    guard let type = header.firstMatch(of: #/'descr':\s*'([<|>=]?)([fi])(\d)'/#),
      let order = header.firstMatch(of: #/'fortran_order':\s*(True|False)/#),
      let shape = header.firstMatch(of: #/'shape':\s*\((\d+),\s*(\d+),?\s*\)/#),
      let count = Int(shape.1), let dimension = Int(shape.2)
    else { throw fail("not an array of two dimensions of plain numbers") }
    guard type.1 != ">", order.1 == "False" else { throw fail("must be little-endian and in C order") }
    switch (type.2, type.3) {
    case ("f", "2"): element = .float16
    case ("f", "4"): element = .float32
    case ("f", "8"): element = .float64
    case ("i", "1"): element = .int8
    case ("i", "2"): element = .int16
    case ("i", "4"): element = .int32
    default: throw fail("elements of type \(type.2)\(type.3) are not read")
    }
    guard dimension > 0, count == 0 || (data.count - start) / element.bytes / dimension >= count else {
      throw fail("is cut short")
    }
    (self.count, self.dimension, self.data) = (count, dimension, data)
  }

  func block(_ rows: Range<Int>) throws -> VectorBlock {
    let rowBytes = dimension * element.bytes
    let range = (start + rows.lowerBound * rowBytes)..<(start + rows.upperBound * rowBytes)
    if element == .float32 {
      return VectorBlock(
        float32: [UInt8](data[(data.startIndex + range.lowerBound)..<(data.startIndex + range.upperBound)]))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(rows.count * dimension * 4)
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: element.bytes) {
      element.append(data, at: offset, to: &bytes)
    }
    return VectorBlock(float32: bytes)
  }
}

/// .fvecs and .ivecs: each row is its dimension as int32, then so many float32 or int32.
struct LengthPrefixedFile: VectorFile {
  let count, dimension: Int
  private let data: Data
  private let element: FileElement

  init(_ data: Data, _ path: String, isInteger: Bool) throws {
    guard data.count >= 4 else { throw VectorFileError(description: "\(path): is empty") }
    dimension = Self.length(data, at: 0)
    guard (1...1 << 20).contains(dimension), data.count % (4 + dimension * 4) == 0 else {
      throw VectorFileError(description: "\(path): not made of rows of one dimension")
    }
    count = data.count / (4 + dimension * 4)
    element = isInteger ? .int32 : .float32
    self.data = data
  }

  private static func length(_ data: Data, at offset: Int) -> Int {
    let bits = (0..<4).reduce(UInt32(0)) {
      $0 | UInt32(data[data.startIndex + offset + $1]) << UInt32(8 * $1)
    }
    return Int(Int32(bitPattern: bits))
  }

  func block(_ rows: Range<Int>) throws -> VectorBlock {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(rows.count * dimension * 4)
    let rowBytes = 4 + dimension * 4
    for row in rows {
      let start = row * rowBytes
      guard Self.length(data, at: start) == dimension else {
        throw VectorFileError(description: "row \(row) has another dimension than the first")
      }
      if element == .float32 {
        bytes += data[(data.startIndex + start + 4)..<(data.startIndex + start + rowBytes)]
      } else {
        for index in 0..<dimension { element.append(data, at: start + 4 + index * 4, to: &bytes) }
      }
    }
    return VectorBlock(float32: bytes)
  }
}

/// One object a line: {"id": 7 or "name", "vector": [...], "attributes": {...}}.
struct JSONLinesFile: VectorFile {
  let count, dimension: Int
  private let lines: [Data]
  private let path: String

  init(_ data: Data, _ path: String) throws {
    lines = data.split(separator: UInt8(ascii: "\n")).filter { $0.contains { $0 > 0x20 } }
    count = lines.count
    self.path = path
    guard let first = lines.first else { throw VectorFileError(description: "\(path): is empty") }
    dimension = try Self.parse(first, path, 1).vector.count
  }

  private struct Line {
    var id: Any?
    var vector: [NSNumber]
    var attributes: [String: Any]
  }

  private static func parse(_ line: Data, _ path: String, _ number: Int) throws -> Line {
    guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
      let vector = object["vector"] as? [NSNumber], !vector.isEmpty
    else { throw VectorFileError(description: "\(path): line \(number) is no object with a 'vector'") }
    return Line(id: object["id"], vector: vector, attributes: object["attributes"] as? [String: Any] ?? [:])
  }

  func block(_ rows: Range<Int>) throws -> VectorBlock {
    var block = VectorBlock(float32: [])
    var ids = V1.PointIds()
    for row in rows {
      let line = try Self.parse(lines[row], path, row + 1)
      guard line.vector.count == dimension else {
        throw VectorFileError(
          description: "\(path): line \(row + 1) has \(line.vector.count) numbers, not \(dimension)")
      }
      for number in line.vector { FileElement.append(number.floatValue, to: &block.float32) }
      switch line.id {
      case let name as String: ids.names.append(name)
      case let number as NSNumber: ids.numbers.append(number.int64Value)
      default: break
      }
      block.attributes.append(V1.PointAttributes(attributes: try attributes(line.attributes, row + 1)))
    }
    let idCount = ids.names.count + ids.numbers.count
    guard idCount == 0 || ids.names.count == rows.count || ids.numbers.count == rows.count else {
      throw VectorFileError(description: "\(path): ids must be all numbers, all texts, or all missing")
    }
    if idCount > 0 { block.ids = ids }
    if block.attributes.allSatisfy(\.attributes.isEmpty) { block.attributes = [] }
    return block
  }

  private func attributes(_ object: [String: Any], _ line: Int) throws -> [V1.TypedAttribute] {
    try object.sorted { $0.key < $1.key }.map { key, value in
      switch value {
      case let text as String: return V1.TypedAttribute(key: key, value: .text(text))
      case let number as NSNumber:
        if isBoolean(number) { return V1.TypedAttribute(key: key, value: .flag(number.boolValue)) }
        if let integer = Int64(exactly: number.doubleValue), !"\(number)".contains(".") {
          return V1.TypedAttribute(key: key, value: .integer(integer))
        }
        return V1.TypedAttribute(key: key, value: .number(number.doubleValue))
      case let texts as [String]:
        return V1.TypedAttribute(key: key, value: .texts(V1.TextList(texts: texts)))
      default:
        throw VectorFileError(description: "\(path): line \(line): attribute '\(key)' is of no known kind")
      }
    }
  }

  /// JSON's true and false, which Foundation gives as numbers.
  private func isBoolean(_ number: NSNumber) -> Bool { unsafe String(cString: number.objCType) == "c" }
}
