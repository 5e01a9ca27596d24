package import GRDB
package import LociCore
package import LociProto

/// A page of a list, checked. A token names the place after the last item of the page before, by the values that
/// order the list: "1.1732444.17".
package struct PageRequest: Sendable {
  package static let sizeDefault = 100
  package static let sizeMax = 1_000

  package let size: Int
  private let token: String

  /// - Throws: `LociError.invalid` for a size outside 0...1000.
  package init(_ page: V1.Page?) throws(LociError) {
    let size = Int(page?.size ?? 0)
    guard (0...Self.sizeMax).contains(size) else {
      throw .invalid(field: "page.size", problem: "is \(size), must be 1 to \(Self.sizeMax)")
    }
    self.size = size == 0 ? Self.sizeDefault : size
    token = page?.token ?? ""
  }

  /// The values in the token; `nil` for the first page.
  /// - Throws: `LociError.invalid` when the token is not one of this list's.
  package func after(orders count: Int) throws(LociError) -> [Int64]? {
    guard !token.isEmpty else { return nil }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    let values = parts.dropFirst().compactMap { Int64($0) }
    guard parts.first == Self.version, parts.count == count + 1, values.count == count else {
      throw .invalid(field: "page.token", problem: "is not a token of this list")
    }
    return values
  }

  /// Reads one page. `rows` yields one more than `size`, so that it shows whether another page follows; a page also
  /// ends early where it would outgrow an answer.
  /// - Parameter cost: bytes of an item in an answer; roughly.
  package func read<Item>(
    _ rows: RowCursor, _ item: (Row) throws -> Item, cost: (Item) -> Int, key: (Row) -> [Int64]
  ) throws -> ([Item], V1.PageInfo) {
    var (items, bytes): ([Item], Int) = ([], 0)
    var last: [Int64] = []
    while let row = try rows.next() {
      let next = try item(row)
      bytes += cost(next)
      guard items.isEmpty || (items.count < size && bytes <= AnswerSize.bytesMax) else {
        let token = ([String(Self.version)] + last.map { String($0) }).joined(separator: ".")
        return (items, V1.PageInfo(nextToken: token))
      }
      items.append(next)
      last = key(row)
    }
    return (items, V1.PageInfo())
  }

  private static let version: Substring = "1"
}

/// How much goes into one answer.
package enum AnswerSize {
  /// Well below a frame.
  package static let bytesMax = 3 << 20

  /// Bytes of a message or a memory in an answer, at most.
  package static func of(_ text: String, _ attributes: [V1.Attribute]) -> Int {
    text.utf8.count + of(attributes) + 1_024
  }

  package static func of(_ attributes: [V1.Attribute]) -> Int {
    attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 16 }
  }
}

/// What a search found, as far as it goes into one answer: taken best first.
package struct FetchedItems<Item: Sendable>: Sendable {
  package private(set) var byItem: [Int64: Item] = [:]
  /// Whether some were left out at the end.
  package private(set) var isTruncated = false
  private var bytes = 0

  package init() {}

  /// - Parameter size: bytes in an answer.
  /// - Returns: whether it fits. The first always does; what comes after one that does not is not to be taken.
  package mutating func take(_ item: Int64, _ value: Item, size: Int) -> Bool {
    bytes += size
    isTruncated = !byItem.isEmpty && bytes > AnswerSize.bytesMax
    if !isTruncated { byItem[item] = value }
    return !isTruncated
  }
}
