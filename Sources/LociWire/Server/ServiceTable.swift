import CLociWire

/// A service and its methods.
package struct ServiceDescription: Sendable {
  /// The full proto name, "loci.v1.ContextService".
  package let name: String
  package let methods: [MethodDescription]

  package init(name: String, methods: [MethodDescription]) {
    self.name = name
    self.methods = methods
  }
}

/// One method of one service, with its counters. One object per method for the life of the table.
package final class MethodBinding: Sendable {
  package let service: String
  package let method: String
  package let kind: CallKind
  let body: MethodDescription.Body
  let statistics = MethodStatistics()

  init(service: String, description: MethodDescription) {
    self.service = service
    method = description.name
    kind = description.kind
    body = description.body
  }
}

/// Every method a server has. Knows no transport. Look-up takes the names as they lie in the read buffer and
/// allocates nothing.
package struct ServiceTable: Sendable {
  package enum Lookup {
    case method(MethodBinding)
    case unknownService, unknownMethod
  }

  package let methods: [MethodBinding]
  /// Open addressing; indexes of `methods`, -1 for none. A power of two, at most half full.
  private let slots: [Int32]
  private let services: Set<String>

  /// - Precondition: no two methods have the same service and name.
  package init(_ services: [ServiceDescription]) {
    let methods = services.flatMap { service in
      service.methods.map { MethodBinding(service: service.name, description: $0) }
    }
    var slots = [Int32](repeating: -1, count: 16)
    while slots.count < methods.count * 2 { slots += slots }
    for (index, binding) in methods.enumerated() {
      var slot = unsafe binding.withNames { unsafe Self.hash($0, $1) } & (slots.count - 1)
      while slots[slot] >= 0 {
        let other = methods[Int(slots[slot])]
        precondition(
          other.service != binding.service || other.method != binding.method,
          "\(binding.service).\(binding.method) is there twice")
        slot = (slot + 1) & (slots.count - 1)
      }
      slots[slot] = Int32(index)
    }
    self.methods = methods
    self.slots = slots
    self.services = Set(services.map(\.name))
  }

  package func lookup(service: UnsafeRawBufferPointer, method: UnsafeRawBufferPointer) -> Lookup {
    var slot = unsafe Self.hash(service, method) & (slots.count - 1)
    while slots[slot] >= 0 {
      let binding = methods[Int(slots[slot])]
      let isSame = unsafe binding.withNames { unsafe Self.equal($0, service) && Self.equal($1, method) }
      if isSame { return .method(binding) }
      slot = (slot + 1) & (slots.count - 1)
    }
    return unsafe services.contains(String(decoding: service, as: UTF8.self))
      ? .unknownMethod : .unknownService
  }

  private static func hash(_ service: UnsafeRawBufferPointer, _ method: UnsafeRawBufferPointer) -> Int {
    unsafe Int(
      truncatingIfNeeded: loci_wire_method_hash(service.octets, service.count, method.octets, method.count))
  }

  private static func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    unsafe a.count == b.count && a.elementsEqual(b)
  }
}

extension MethodBinding {
  fileprivate func withNames<R>(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> R) -> R {
    var (service, method) = (service, method)
    return service.withUTF8 { service in
      method.withUTF8 { method in
        unsafe body(UnsafeRawBufferPointer(service), UnsafeRawBufferPointer(method))
      }
    }
  }
}
