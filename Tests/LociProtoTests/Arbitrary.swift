import LociProto
import LociTestKit

/// What random contents can be made of. Defaults come up often: they are what a wire format leaves out.
protocol Arbitrary {
  static func arbitrary(_ random: inout SplitMix64) -> Self
}

/// What the generated code says of each message, for the tests.
protocol TestedMessage: WireMessage, Equatable, Arbitrary {
  associatedtype View: MessageView
  /// Names and numbers of the fields that must be UTF-8.
  static var textFields: [(name: String, number: Int)] { get }
  /// The value that a view shows.
  static func rebuilt(_ view: View) -> Self
  static func withView<T>(
    of bytes: UnsafeRawBufferPointer, arena: Arena, _ body: (View) throws -> T
  ) throws -> T
}

extension String: Arbitrary {
  private static let alphabet: [Character] = ["a", "Z", " ", "\0", "\n", "é", "语", "🙂", "ß", "\u{10FFFF}"]

  static func arbitrary(_ random: inout SplitMix64) -> String {
    let length = [0, 1, 3, 7, 8, 15, 16, 17, 40].randomElement(using: &random) ?? 0
    return String((0..<length).map { _ in alphabet.randomElement(using: &random) ?? "x" })
  }
}

extension Bool: Arbitrary {
  static func arbitrary(_ random: inout SplitMix64) -> Bool { .random(using: &random) }
}

extension FixedWidthInteger {
  static func arbitrary(_ random: inout SplitMix64) -> Self {
    switch random.next() % 4 {
    case 0: 0
    case 1: [.min, .max, 1].randomElement(using: &random) ?? 0
    case 2: Self(truncatingIfNeeded: random.next() % 200)
    default: Self(truncatingIfNeeded: random.next())
    }
  }
}

extension UInt8: Arbitrary {}
extension Int32: Arbitrary {}
extension Int64: Arbitrary {}
extension UInt32: Arbitrary {}
extension UInt64: Arbitrary {}

extension Float: Arbitrary {
  /// Finite, and never -0: protobuf-c leaves that out of a message as it does 0.
  static func arbitrary(_ random: inout SplitMix64) -> Float {
    random.next() % 4 == 0 ? 0 : .random(in: 0.001..<1e9, using: &random)
  }
}

extension Double: Arbitrary {
  static func arbitrary(_ random: inout SplitMix64) -> Double {
    random.next() % 4 == 0 ? 0 : .random(in: 0.001..<1e18, using: &random)
  }
}

extension OpenEnum {
  /// Often a number that has no name.
  static func arbitrary(_ random: inout SplitMix64) -> Self { Self(rawValue: .arbitrary(&random)) }
}

extension Array: Arbitrary where Element: Arbitrary {
  static func arbitrary(_ random: inout SplitMix64) -> [Element] {
    (0..<Int(random.next() % 4)).map { _ in .arbitrary(&random) }
  }
}

extension Optional: Arbitrary where Wrapped: Arbitrary {
  static func arbitrary(_ random: inout SplitMix64) -> Wrapped? {
    Bool.random(using: &random) ? .arbitrary(&random) : nil
  }
}
