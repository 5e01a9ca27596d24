/// Which shard holds what an agent owns: rendezvous hashing (Thaler & Ravishankar 1998), so that another shard
/// count moves only the keys it must.
public struct ShardMap: Sendable {
  public let count: Int

  /// - Precondition: 1 ≤ count ≤ 4096.
  public init(count: Int) {
    precondition((1...4096).contains(count), "shard count \(count) outside 1...4096")
    self.count = count
  }

  public func shard(of scope: Scope) -> ShardID {
    let key = StableHash.of(scope.tenant.rawValue, scope.agent.rawValue)
    var best: (weight: UInt64, shard: UInt32) = (0, 0)
    for shard in 0..<UInt32(count) {
      let weight = StableHash.mix(key ^ StableHash.mix(UInt64(shard) &+ 0x9E37_79B9_7F4A_7C15))
      if shard == 0 || weight > best.weight { best = (weight, shard) }
    }
    return ShardID(rawValue: best.shard)
  }
}

/// A hash that never changes between versions, processes or machines (FNV-1a with a SplitMix64 finaliser).
/// For placement only: it does not resist an adversary.
public enum StableHash {
  public static func of(_ parts: String...) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for part in parts {
      for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3  // no UTF-8 byte is 0xFF: parts cannot run together
    }
    return mix(hash)
  }

  static func mix(_ value: UInt64) -> UInt64 {
    var x = value
    x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
    x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
    return x ^ (x >> 31)
  }
}
