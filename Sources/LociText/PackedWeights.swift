import CLociEncoder
import Dispatch
import Foundation
import LociCore
import Synchronization

/// All layers in the layout that one instruction level computes with. Immutable once made.
@safe final class PackedWeights: Sendable {
  let format: loci_encoder_format
  let byteCount: Int
  private nonisolated(unsafe) let start: UnsafeMutableRawPointer  // written by init alone

  /// Packs the layers, several at a time.
  /// - Parameter smoothing: what int8 divides inputs by, two rows of `hidden` numbers a layer; or empty.
  /// - Throws: `malformed` when a weight is not finite.
  init(
    _ weights: EncoderWeights, _ format: loci_encoder_format, smoothing: [[Float]] = []
  ) throws(EncoderError) {
    self.format = format
    var (shape, format) = (weights.shape, format)
    let layerBytes = unsafe loci_encoder_layer_bytes(&shape, &format)
    byteCount = layerBytes * shape.layers
    let start = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
    unsafe self.start = start
    let failed = Atomic(-1)
    let target = unsafe SendablePointer(start)
    let (fixedShape, fixedFormat) = (shape, format)
    DispatchQueue.concurrentPerform(iterations: shape.layers) { index in
      let memory = unsafe target.pointer + index * layerBytes
      let rows = index < smoothing.count ? smoothing[index] : nil
      if unsafe !Self.pack(weights, index, fixedShape, fixedFormat, rows, memory) {
        failed.store(index, ordering: .relaxed)
      }
    }
    let bad = failed.load(ordering: .relaxed)
    guard bad < 0 else {
      throw .malformed(file: weights.path, problem: "has numbers in layer \(bad) that are not finite")
    }
  }

  deinit { unsafe start.deallocate() }

  /// Valid as long as the object lives.
  var pointer: UnsafeRawPointer { unsafe UnsafeRawPointer(start) }

  /// Packs one layer into `memory`. False: a weight is not finite.
  static func pack(
    _ weights: EncoderWeights, _ index: Int, _ shape: loci_encoder_shape, _ format: loci_encoder_format,
    _ smoothing: [Float]?, _ memory: UnsafeMutableRawPointer
  ) -> Bool {
    var (shape, format) = (shape, format)
    return unsafe weights.withLayer(index) { layer in
      unsafe loci_encoder_pack_layer(&shape, &format, layer, smoothing, memory)
    }
  }
}

/// Carries a pointer into a concurrent closure whose iterations write to disjoint parts.
@unsafe private struct SendablePointer: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer

  init(_ pointer: UnsafeMutableRawPointer) { unsafe self.pointer = pointer }
}

/// Scratch memory for forward passes, kept between them: a fresh block each time would be faulted in anew.
@safe final class ScratchPool: Sendable {
  private static let kept = 4
  private let free = Locked<[ScratchBlock]>([])

  /// Lends at least `byteCount` bytes, aligned to a cache line.
  func with<T>(byteCount: Int, _ body: (UnsafeMutableRawPointer) -> T) -> T {
    let found = free.withLock { blocks in
      blocks.lastIndex { $0.byteCount >= byteCount }.map { blocks.remove(at: $0) }
    }
    let block = found ?? ScratchBlock(byteCount: byteCount)
    defer {
      free.withLock { blocks in
        blocks.append(block)
        if blocks.count > Self.kept,
          let least = blocks.indices.min(by: { blocks[$0].byteCount < blocks[$1].byteCount })
        {
          blocks.remove(at: least)
        }
      }
    }
    return unsafe body(block.start)
  }
}

@safe private final class ScratchBlock: @unchecked Sendable {
  // One holder at a time: in the pool, or with the pass that took it out.
  let start: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    unsafe start = .allocate(byteCount: max(byteCount, 64), alignment: 64)
  }

  deinit { unsafe start.deallocate() }
}
