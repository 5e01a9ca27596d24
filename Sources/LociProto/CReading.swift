import CLociProto

/// Reads the parts of decoded C structs. Pointers are protobuf-c's: counts are right, and absent arrays are nil.
enum C {
  static func string(_ data: ProtobufCBinaryData, _ field: String) throws(WireDecodingError) -> String {
    guard data.len > 0 else { return "" }
    let bytes = UnsafeBufferPointer(start: data.data, count: data.len)
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8(field: field) }
    return text
  }

  static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    array(data.data, data.len)
  }

  static func array<T>(_ elements: UnsafeMutablePointer<T>?, _ count: Int) -> [T] {
    Array(UnsafeBufferPointer(start: elements, count: count))
  }

  static func strings(
    _ elements: UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: Int, _ field: String
  ) throws(WireDecodingError) -> [String] {
    var strings: [String] = []
    strings.reserveCapacity(count)
    guard let elements = elements else { return strings }
    for index in 0..<count { strings.append(try string(elements[index], field)) }
    return strings
  }

  static func blobs(_ elements: UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: Int) -> [[UInt8]] {
    array(elements, count).map { bytes($0) }
  }

  static func message<M: CConvertible>(
    _ pointer: UnsafeMutablePointer<M.CStruct>?
  ) throws(WireDecodingError) -> M? {
    guard let pointer = pointer else { return nil }
    return try M(c: UnsafePointer(pointer))
  }

  static func messages<M: CConvertible>(
    _ elements: UnsafeMutablePointer<UnsafeMutablePointer<M.CStruct>?>?, _ count: Int
  ) throws(WireDecodingError) -> [M] {
    var messages: [M] = []
    messages.reserveCapacity(count)
    guard let elements = elements else { return messages }
    for index in 0..<count {
      guard let element = elements[index] else { continue }
      messages.append(try M(c: UnsafePointer(element)))
    }
    return messages
  }

  static func view<T, V: MessageView>(_ pointer: UnsafeMutablePointer<T>?) -> V? {
    pointer.map { V(at: $0) }
  }
}

/// A protobuf enum: any number may arrive, and those without a name survive.
public protocol OpenEnum: RawRepresentable, Hashable, Sendable, CustomStringConvertible, ViewListElement
where RawValue == Int32 {
  init(rawValue: Int32)
}

/// Messages of the package loci.v1.
public enum V1 {}
/// Messages of the package loci.log.v1: what the log holds.
public enum LogV1 {}
