/// The raw texts of a compression, with everything that `expand` needs: a cold block of six columns.
///
/// Ids, names and texts are texts of the block; roles, times and pins are one further text of decimal numbers.
package enum Archive {
  package static func pack(_ texts: [SourceText]) throws(CompressionError) -> [UInt8] {
    let facts = texts.map { "\($0.role.rawValue) \($0.createdAtUs) \($0.isPinned ? 1 : 0)" }
    return try ColdBlock.pack(
      texts.map(\.id) + texts.map(\.name) + texts.map(\.text) + [facts.joined(separator: "\n")])
  }

  /// The texts as they were, byte for byte; without emphasis.
  package static func expand(_ archive: [UInt8]) throws(CompressionError) -> [SourceText] {
    let columns = try ColdBlock.unpack(archive)
    guard let facts = columns.last, columns.count % 3 == 1 else {
      throw .damagedArchive("its columns differ in length")
    }
    let count = columns.count / 3
    let lines = facts.isEmpty ? [] : facts.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == count else { throw .damagedArchive("its columns differ in length") }
    var texts: [SourceText] = []
    texts.reserveCapacity(count)
    for (index, line) in lines.enumerated() {
      let numbers = line.split(separator: " ").compactMap { Int64($0) }
      guard numbers.count == 3, let role = SourceText.Role(rawValue: Int32(clamping: numbers[0])) else {
        throw .damagedArchive("a text of it has no role")
      }
      texts.append(
        SourceText(
          id: columns[index], role: role, name: columns[count + index], text: columns[2 * count + index],
          createdAtUs: numbers[1], isPinned: numbers[2] == 1))
    }
    return texts
  }
}
