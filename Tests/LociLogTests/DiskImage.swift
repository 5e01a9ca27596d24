import CLociFaultVFS
import Foundation
import LociTestKit

/// A folder's files as a power failure would find them, computed from recorded operations.
///
/// What a sync covered is there. Of what came after the last sync of a file, any part may be: each write is on the
/// disk as a whole, not at all, or by 512-byte sectors. Names made or deleted since the folder's last sync may be
/// there or not.
struct DiskImage {
  static let sectorBytes = 512

  /// A file's content, and what has happened to it since its last sync.
  private struct Inode {
    var durable: [UInt8] = []
    var pending: [FaultSession.Operation] = []
  }

  private enum NameChange { case linked(String, inode: Int), unlinked(String) }

  private var inodes: [Inode] = []
  private var names: [String: Int] = [:]
  private var durableNames: [String: Int] = [:]
  private var pendingNames: [NameChange] = []

  /// How much of the pending work reaches the disk.
  enum Loss: CaseIterable {
    /// As if the power had not failed: what killing the process leaves.
    case nothing
    /// Nothing that was not synced is there.
    case everything
    /// Each write and each name is there or not.
    case someWrites
    /// Each sector of each write is there or not.
    case someSectors
    /// One pending operation is torn by sectors, those before it are there, those after it are not.
    case tail
  }

  mutating func apply(_ operation: FaultSession.Operation) {
    switch operation.kind {
    case .create:
      inodes.append(Inode())
      names[operation.name] = inodes.count - 1
      pendingNames.append(.linked(operation.name, inode: inodes.count - 1))
    case .write, .truncate:
      guard let inode = names[operation.name] else { return }
      inodes[inode].pending.append(operation)
    case .sync:
      guard let inode = names[operation.name] else { return }
      for pending in inodes[inode].pending { Self.write(pending, to: &inodes[inode].durable) }
      inodes[inode].pending = []
    case .delete:
      names[operation.name] = nil
      pendingNames.append(.unlinked(operation.name))
    case .syncFolder:
      durableNames = names
      pendingNames = []
    case .mark: break
    }
  }

  /// The files of one crash.
  func files(losing loss: Loss, using random: inout some RandomNumberGenerator) -> [String: [UInt8]] {
    var present = durableNames
    for change in pendingNames where keepsName(loss, &random) {
      switch change {
      case .linked(let name, let inode): present[name] = inode
      case .unlinked(let name): present[name] = nil
      }
    }
    return present.mapValues { content(of: inodes[$0], losing: loss, using: &random) }
  }

  private func keepsName(_ loss: Loss, _ random: inout some RandomNumberGenerator) -> Bool {
    switch loss {
    case .nothing: true
    case .everything: false
    case .someWrites, .someSectors, .tail: Bool.random(using: &random)
    }
  }

  private func content(
    of inode: Inode, losing loss: Loss, using random: inout some RandomNumberGenerator
  ) -> [UInt8] {
    var bytes = inode.durable
    switch loss {
    case .nothing: for operation in inode.pending { Self.write(operation, to: &bytes) }
    case .everything: break
    case .someWrites:
      for operation in inode.pending where Bool.random(using: &random) { Self.write(operation, to: &bytes) }
    case .someSectors:
      // A different share in each state: half of the sectors of many writes nearly always means all are torn.
      let kept = Double.random(in: 0.02...0.98, using: &random)
      for operation in inode.pending { Self.tear(operation, keeping: kept, &bytes, &random) }
    case .tail:
      guard let torn = inode.pending.indices.randomElement(using: &random) else { break }
      for operation in inode.pending[..<torn] { Self.write(operation, to: &bytes) }
      Self.tear(inode.pending[torn], keeping: 0.5, &bytes, &random)
    }
    return bytes
  }

  private static func write(_ operation: FaultSession.Operation, to bytes: inout [UInt8]) {
    if operation.kind == .truncate {
      resize(&bytes, to: operation.offset)
    } else {
      write(operation.bytes[...], at: operation.offset, to: &bytes)
    }
  }

  private static func tear(
    _ operation: FaultSession.Operation, keeping kept: Double, _ bytes: inout [UInt8],
    _ random: inout some RandomNumberGenerator
  ) {
    func keeps() -> Bool { Double.random(in: 0..<1, using: &random) < kept }
    guard operation.kind == .write else {
      if keeps() { write(operation, to: &bytes) }
      return
    }
    var at = operation.offset
    let end = operation.offset + operation.bytes.count
    while at < end {
      let next = min(end, (at / sectorBytes + 1) * sectorBytes)
      if keeps() {
        write(operation.bytes[(at - operation.offset)..<(next - operation.offset)], at: at, to: &bytes)
      }
      at = next
    }
  }

  private static func write(_ content: ArraySlice<UInt8>, at offset: Int, to bytes: inout [UInt8]) {
    if bytes.count < offset + content.count { resize(&bytes, to: offset + content.count) }
    bytes.replaceSubrange(offset..<(offset + content.count), with: content)
  }

  private static func resize(_ bytes: inout [UInt8], to count: Int) {
    if bytes.count > count {
      bytes.removeLast(bytes.count - count)
    } else {
      bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
    }
  }
}
