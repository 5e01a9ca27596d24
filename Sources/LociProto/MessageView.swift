import CLociProto

/// A decoded message read in place, with no copy into Swift values. It points into the arena it was decoded in, and
/// is valid until that is reset: use it inside `withView`, and let nothing of it out.
public protocol MessageView {}

/// Sub-messages of a view, by place.
public struct ViewArray<View> {
  public let count: Int
  private let element: (Int) -> View?

  init<T>(
    _ elements: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int,
    _ make: @escaping (UnsafePointer<T>) -> View
  ) {
    self.count = count
    element = { index in
      guard let pointer = elements?[index] else { return nil }
      return make(UnsafePointer(pointer))
    }
  }

  /// - Precondition: 0 ≤ index < count.
  public subscript(index: Int) -> View? {
    precondition((0..<count).contains(index), "index \(index) of \(count)")
    return element(index)
  }
}

protocol ViewableMessage: CConvertible {
  associatedtype View: MessageView
  static func view(_ c: UnsafePointer<CStruct>) -> View
}

extension ViewableMessage {
  /// Decodes `bytes` into `arena` and lends a view of it.
  static func lendView<T>(
    of bytes: UnsafeRawBufferPointer, arena: Arena, _ body: (View) throws -> T
  ) throws -> T {
    try body(view(unpack(bytes, arena)))
  }
}
