import Foundation

/// Writes float32 tensors as one safetensors file, one after the other.
struct SafetensorsWriter {
  struct Entry {
    let name: String
    let shape: [Int]
    var count: Int { shape.reduce(1, *) }
  }

  /// `u64 little-endian length | header`, padded by spaces to a multiple of 64 so that the tensors are aligned. Names
  /// need no escapes.
  static func header(_ entries: [Entry]) -> Data {
    var parts = [#""__metadata__":{"format":"pt"}"#]
    var offset = 0
    for entry in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      let end = offset + entry.count * 4
      parts.append(
        #""\#(entry.name)":{"dtype":"F32","shape":[\#(shape)],"data_offsets":[\#(offset),\#(end)]}"#)
      offset = end
    }
    var json = Data("{\(parts.joined(separator: ","))}".utf8)
    json += Data(repeating: UInt8(ascii: " "), count: (64 - (8 + json.count) % 64) % 64)
    var out = Data()
    unsafe withUnsafeBytes(of: UInt64(json.count).littleEndian) { unsafe out.append(contentsOf: $0) }
    return out + json
  }
}
