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

  /// Cuts the one item more that was fetched to see whether another page follows.
  package func cut<Row, Item>(
    _ rows: [Row], _ item: (Row) throws -> Item, key: (Row) -> [Int64]
  ) rethrows -> ([Item], V1.PageInfo) {
    let page = rows.prefix(size)
    var info = V1.PageInfo()
    if rows.count > size, let last = page.last {
      info.nextToken = ([String(Self.version)] + key(last).map { String($0) }).joined(separator: ".")
    }
    return (try page.map(item), info)
  }

  private static let version: Substring = "1"
}
