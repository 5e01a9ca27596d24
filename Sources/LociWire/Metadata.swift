/// Request metadata: keys to one or more values, in the order they were added. Keys are lower-cased.
public struct Metadata: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  public struct Entry: Sendable, Equatable {
    public let key: String
    public let value: String
  }

  public private(set) var entries: [Entry] = []

  public init() {}

  public init(dictionaryLiteral elements: (String, String)...) {
    for (key, value) in elements { add(value, for: key) }
  }

  public var isEmpty: Bool { entries.isEmpty }

  /// The first value, as `key` is usually read.
  public subscript(key: String) -> String? {
    let key = key.lowercased()
    return entries.first { $0.key == key }?.value
  }

  public func values(for key: String) -> [String] {
    let key = key.lowercased()
    return entries.compactMap { $0.key == key ? $0.value : nil }
  }

  public mutating func add(_ value: String, for key: String) {
    entries.append(Entry(key: key.lowercased(), value: value))
  }
}
