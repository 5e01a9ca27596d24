/// What names a point of a collection.
package enum PointID: Hashable, Sendable {
  case number(Int64)
  case name(String)

  package enum Kind: UInt8, Sendable { case number = 1, name = 2 }

  package var kind: Kind {
    switch self {
    case .number: .number
    case .name: .name
    }
  }

  // Names are bytes: what Unicode calls equivalent are two.
  package static func == (a: PointID, b: PointID) -> Bool {
    switch (a, b) {
    case (.number(let a), .number(let b)): a == b
    case (.name(let a), .name(let b)): a.utf8.elementsEqual(b.utf8)
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .number(let number): hasher.combine(number)
    case .name(let name):
      var name = name
      name.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }
}

extension PointID: Comparable {
  /// Numbers by value, names by their bytes.
  package static func < (a: PointID, b: PointID) -> Bool {
    switch (a, b) {
    case (.number(let a), .number(let b)): a < b
    case (.name(let a), .name(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
    case (.number, .name): true
    case (.name, .number): false
    }
  }
}

/// Ids of one kind.
package enum PointIDs: Sendable, Equatable {
  case numbers([Int64])
  case names([String])

  package init(kind: PointID.Kind) {
    switch kind {
    case .number: self = .numbers([])
    case .name: self = .names([])
    }
  }

  package var kind: PointID.Kind {
    switch self {
    case .numbers: .number
    case .names: .name
    }
  }

  package var count: Int {
    switch self {
    case .numbers(let numbers): numbers.count
    case .names(let names): names.count
    }
  }

  package subscript(index: Int) -> PointID {
    switch self {
    case .numbers(let numbers): .number(numbers[index])
    case .names(let names): .name(names[index])
    }
  }

  /// - Precondition: the id is of this kind.
  package mutating func append(_ id: PointID) {
    switch (self, id) {
    case (.numbers(var numbers), .number(let number)):
      self = .numbers([])
      numbers.append(number)
      self = .numbers(numbers)
    case (.names(var names), .name(let name)):
      self = .names([])
      names.append(name)
      self = .names(names)
    default: preconditionFailure("an id of another kind")
    }
  }
}
