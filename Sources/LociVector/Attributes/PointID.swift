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
    // Taken out of `self` first: an array that two values hold would be copied for each id.
    switch id {
    case .number(let number):
      guard case .numbers(var numbers) = self else { preconditionFailure("an id of another kind") }
      self = .numbers([])
      numbers.append(number)
      self = .numbers(numbers)
    case .name(let name):
      guard case .names(var names) = self else { preconditionFailure("an id of another kind") }
      self = .names([])
      names.append(name)
      self = .names(names)
    }
  }

  /// The ids of `hits`, in their order.
  /// - Precondition: they are of this kind.
  package init(of hits: [[PointHit]], kind: PointID.Kind) {
    let count = hits.reduce(0) { $0 + $1.count }
    switch kind {
    case .number:
      var numbers: [Int64] = []
      numbers.reserveCapacity(count)
      for list in hits {
        for hit in list {
          guard case .number(let number) = hit.id else { preconditionFailure("an id of another kind") }
          numbers.append(number)
        }
      }
      self = .numbers(numbers)
    case .name:
      var names: [String] = []
      names.reserveCapacity(count)
      for list in hits {
        for hit in list {
          guard case .name(let name) = hit.id else { preconditionFailure("an id of another kind") }
          names.append(name)
        }
      }
      self = .names(names)
    }
  }
}
