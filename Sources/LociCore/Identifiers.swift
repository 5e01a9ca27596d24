/// A name that a caller chose or Loci generated. One type for each kind, so that they cannot be mixed up.
public protocol Identifier: RawRepresentable, Hashable, Sendable, CustomStringConvertible
where RawValue == String {
  init(unchecked rawValue: String)
  static var fieldName: String { get }
}

extension Identifier {
  /// 1 to 128 UTF-8 bytes, none of them a control character.
  /// - Throws: `LociError.invalid` naming the field.
  public init(validating rawValue: String) throws(LociError) {
    let count = rawValue.utf8.count
    guard count > 0 else { throw .invalid(field: Self.fieldName, problem: "must not be empty") }
    guard count <= identifierBytesMax else {
      throw .invalid(field: Self.fieldName, problem: "has \(count) bytes, at most \(identifierBytesMax)")
    }
    guard rawValue.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw .invalid(field: Self.fieldName, problem: "contains a control character")
    }
    self.init(unchecked: rawValue)
  }

  public init?(rawValue: String) {
    guard let value = try? Self(validating: rawValue) else { return nil }
    self = value
  }

  public var description: String { rawValue }

  public static func == (a: Self, b: Self) -> Bool { ExactText(a.rawValue) == ExactText(b.rawValue) }

  public func hash(into hasher: inout Hasher) { ExactText(rawValue).hash(into: &hasher) }
}

/// Longest identifier accepted, in UTF-8 bytes.
public let identifierBytesMax = 128

public struct TenantID: Identifier {
  public static let fieldName = "scope.tenant"
  public let rawValue: String
  public init(unchecked rawValue: String) { self.rawValue = rawValue }
}

public struct AgentID: Identifier {
  public static let fieldName = "scope.agent"
  public let rawValue: String
  public init(unchecked rawValue: String) { self.rawValue = rawValue }
}

public struct ContextID: Identifier {
  public static let fieldName = "context_id"
  public let rawValue: String
  public init(unchecked rawValue: String) { self.rawValue = rawValue }
}

public struct MessageID: Identifier {
  public static let fieldName = "message_id"
  public let rawValue: String
  public init(unchecked rawValue: String) { self.rawValue = rawValue }
}

public struct MemoryID: Identifier {
  public static let fieldName = "memory_id"
  public let rawValue: String
  public init(unchecked rawValue: String) { self.rawValue = rawValue }
}

public struct SessionID: Identifier {
  public static let fieldName = "session_id"
  public let rawValue: String
  public init(unchecked rawValue: String) { self.rawValue = rawValue }
}

public struct SnapshotID: Identifier {
  public static let fieldName = "snapshot_id"
  public let rawValue: String
  public init(unchecked rawValue: String) { self.rawValue = rawValue }
}
