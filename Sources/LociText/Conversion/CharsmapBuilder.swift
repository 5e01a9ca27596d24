import CLociUnicode
import Foundation

/// Compiles normalisation rules into SentencePiece's form: `u32 bytes of the array | array | replacements`, all
/// little-endian. The array is a double array in the format of Darts-clone (Yata et al. 2007, with 32-bit units): the
/// children of a unit lie at its base XOR the label, and a rule's replacement at its base.
struct CharsmapBuilder {
  private struct Node {
    var children: [(label: UInt8, node: Int)] = []
    var value: UInt32?
  }

  private var nodes = [Node()]
  private var replacements: [UInt8] = []
  private var offsets: [[UInt8]: UInt32] = [:]

  mutating func add(_ key: [UInt32], becomes replacement: [UInt32]) {
    var node = 0
    for byte in Self.utf8(key) {
      if let next = nodes[node].children.first(where: { $0.label == byte }) {
        node = next.node
      } else {
        nodes.append(Node())
        nodes[node].children.append((byte, nodes.count - 1))
        node = nodes.count - 1
      }
    }
    nodes[node].value = offset(of: Self.utf8(replacement))
  }

  /// Equal replacements are kept once.
  private mutating func offset(of replacement: [UInt8]) -> UInt32 {
    if let known = offsets[replacement] { return known }
    let offset = UInt32(replacements.count)
    offsets[replacement] = offset
    replacements += replacement + [0]
    return offset
  }

  private static func utf8(_ codes: [UInt32]) -> [UInt8] {
    codes.flatMap { code in Unicode.Scalar(code).map { Array(UTF8.encode($0) ?? .init()) } ?? [] }
  }

  func compiled() -> Data {
    var array = DoubleArray()
    var waiting = [(node: 0, place: 0)]
    while let (index, place) = waiting.popLast() {
      let node = nodes[index]
      var labels = node.children.map { $0.label }
      if node.value != nil { labels.append(0) }
      let base = array.place(labels)
      array.units[place] |= UInt32(place ^ base) << 10
      if let value = node.value {
        array.units[place] |= 1 << 8
        array.units[base] = 1 << 31 | value
      }
      for child in node.children.sorted(by: { $0.label > $1.label }) {
        let childPlace = base ^ Int(child.label)
        array.units[childPlace] = UInt32(child.label)
        waiting.append((child.node, childPlace))
      }
    }
    // Readers do not check what a missing label leads to; it stays within the block of 256 that the base lies in.
    while array.units.count % 256 != 0 { array.units.append(0) }
    var out = Data()
    for number in [UInt32(array.units.count * 4)] + array.units {
      unsafe withUnsafeBytes(of: number.littleEndian) { unsafe out.append(contentsOf: $0) }
    }
    return out + Data(replacements)
  }

  private struct DoubleArray {
    var units: [UInt32] = [0]
    private var isTaken = [true]
    private var isBase: Set<Int> = []
    private var firstFree = 1

    /// A base where all labels are free, and which no other unit has.
    mutating func place(_ labels: [UInt8]) -> Int {
      while firstFree < isTaken.count, isTaken[firstFree] { firstFree += 1 }
      let first = Int(labels.min() ?? 0)
      var place = firstFree
      while true {
        let base = place ^ first
        let isFree = labels.allSatisfy { label in
          let at = base ^ Int(label)
          return at != 0 && (at >= isTaken.count || !isTaken[at])
        }
        if base != 0, isFree, !isBase.contains(base) {
          isBase.insert(base)
          for label in labels { take(base ^ Int(label)) }
          return base
        }
        place += 1
      }
    }

    private mutating func take(_ place: Int) {
      while isTaken.count <= place {
        isTaken.append(false)
        units.append(0)
      }
      isTaken[place] = true
    }
  }
}

extension CharsmapBuilder {
  /// The rules for single code points as they are, and rules that compose: letters with their marks are one character,
  /// as SentencePiece's own rules have it.
  init(codePoints rules: [UInt32: [UInt32]]) {
    self.init()
    for (code, replacement) in rules.sorted(by: { $0.key < $1.key }) { add([code], becomes: replacement) }
    for code in UInt32(0xC0)...0xFFFF where Unicode.Scalar(code) != nil && !(0xAC00...0xD7A3).contains(code) {
      var parts = [UInt32](repeating: 0, count: Int(LOCI_UNICODE_DECOMPOSED_MAX))
      let count = unsafe loci_unicode_decompose(code, &parts)
      guard count > 1 else { continue }
      // A composed character that itself becomes something else is not the form to keep.
      let composed = rules[code] == nil
      if composed { add(Array(parts[..<count]), becomes: [code]) }
    }
  }
}
