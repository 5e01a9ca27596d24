import CLociProto

/// A decoded message read in place, with no copy into Swift values. It points into the arena it was decoded in, and
/// is valid until that is reset: use it inside `withView`, and let nothing of it out. Text is not checked to be
/// UTF-8: `String(validating:as:)` does both the check and the copy.
public protocol MessageView: ViewListElement {
  /// - Parameter message: a C struct of the view's own message.
  init(at message: UnsafeRawPointer)
}

/// What a repeated field may hold, and how it lies in memory.
public protocol ViewListElement {
  /// Bytes from one element to the next.
  static var strideBytes: Int { get }
  static func read(_ place: UnsafeRawPointer) -> Self
}

/// A repeated field read in place; as valid as the view it came from.
public struct ViewList<Element: ViewListElement>: RandomAccessCollection {
  private let start: UnsafeRawPointer?
  public let count: Int

  init(_ start: UnsafeRawPointer?, count: Int) {
    self.start = start
    self.count = start == nil ? 0 : count
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  /// - Precondition: 0 ≤ index < count.
  public subscript(index: Int) -> Element {
    guard let start = start, (0..<count).contains(index) else {
      preconditionFailure("index \(index) of \(count)")
    }
    return Element.read(start + index * Element.strideBytes)
  }
}

extension MessageView {
  public static var strideBytes: Int { MemoryLayout<UnsafeRawPointer>.stride }
  public static func read(_ place: UnsafeRawPointer) -> Self {
    Self(at: place.load(as: UnsafeRawPointer.self))
  }
}

extension OpenEnum {
  public static var strideBytes: Int { MemoryLayout<Int32>.stride }
  public static func read(_ place: UnsafeRawPointer) -> Self {
    Self(rawValue: place.load(as: Int32.self))
  }
}

extension Bool: ViewListElement {
  public static var strideBytes: Int { MemoryLayout<protobuf_c_boolean>.stride }
  public static func read(_ place: UnsafeRawPointer) -> Bool {
    place.load(as: protobuf_c_boolean.self) != 0
  }
}

/// Text and bytes.
extension UnsafeRawBufferPointer: ViewListElement {
  public static var strideBytes: Int { MemoryLayout<ProtobufCBinaryData>.stride }
  public static func read(_ place: UnsafeRawPointer) -> UnsafeRawBufferPointer {
    let data = place.load(as: ProtobufCBinaryData.self)
    return UnsafeRawBufferPointer(start: data.data, count: data.len)
  }
}

protocol ViewableMessage: CConvertible {
  associatedtype View: MessageView
}

extension ViewableMessage {
  /// Decodes `bytes` into `arena` and lends a view of it.
  static func lendView<T>(
    of bytes: UnsafeRawBufferPointer, arena: Arena, _ body: (View) throws -> T
  ) throws -> T {
    try body(View(at: unpack(bytes, arena)))
  }
}
