import LociCore

/// The connections a server has, and its limits on them.
final class ConnectionRegistry: Sendable {
  private struct State {
    var connections: [UInt64: ServerConnection] = [:]
    var perAddress: [String: Int] = [:]
  }

  private let totalMax: Int
  private let perAddressMax: Int
  private let state = Locked(State())

  init(totalMax: Int, perAddressMax: Int) {
    self.totalMax = totalMax
    self.perAddressMax = perAddressMax
  }

  var count: Int { state.withLock { $0.connections.count } }
  var all: [ServerConnection] { state.withLock { Array($0.connections.values) } }

  /// Why the connection may not stay; `nil` where it was added.
  /// - Parameter address: without the port; `nil` for Unix sockets, of which only the total counts.
  func add(_ connection: ServerConnection, address: String?) -> ServerStatistics.Rejection? {
    state.withLock { state in
      guard state.connections.count < totalMax else { return .connections }
      if let address {
        guard state.perAddress[address, default: 0] < perAddressMax else { return .connectionsPerAddress }
        state.perAddress[address, default: 0] += 1
      }
      state.connections[connection.identity.id] = connection
      return nil
    }
  }

  func remove(_ connection: ServerConnection, address: String?) {
    state.withLock { state in
      guard state.connections.removeValue(forKey: connection.identity.id) != nil, let address else { return }
      let left = state.perAddress[address, default: 1] - 1
      state.perAddress[address] = left > 0 ? left : nil
    }
  }
}
