import CLociMath

/// Scratch memory of floats, freed when it goes out of scope.
@safe struct FloatBuffer: ~Copyable {
  let count: Int
  let base: UnsafeMutablePointer<Float>

  init(count: Int) {
    self.count = count
    unsafe base = .allocate(capacity: max(count, 1))
    unsafe base.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { unsafe base.deallocate() }
}

/// The k best of what is pushed: by greater score, then lower id.
@safe struct TopK: ~Copyable {
  private var heap: loci_topk

  init(capacity: Int) {
    unsafe heap = loci_topk(hits: .allocate(capacity: max(capacity, 1)), capacity: max(capacity, 0), count: 0)
  }

  deinit { unsafe heap.hits.deallocate() }

  /// Scores below this cannot enter any more.
  var threshold: Float { mutating get { unsafe loci_topk_threshold(&heap) } }

  mutating func push(score: Float, id: Int64, slot: RowSlot) {
    _ = unsafe loci_topk_push(&heap, loci_hit(score: score, id: id, slot: slot.packed))
  }

  /// Best first. Nothing can be pushed afterwards.
  mutating func sorted() -> [VectorHit] {
    unsafe loci_topk_sort(&heap)
    return (0..<(unsafe heap.count)).map {
      unsafe VectorHit(id: heap.hits[$0].id, score: heap.hits[$0].score)
    }
  }

  /// Best first, with the slots. Nothing can be pushed afterwards.
  mutating func sortedPlaces() -> [(id: Int64, score: Float, slot: RowSlot)] {
    unsafe loci_topk_sort(&heap)
    return (0..<(unsafe heap.count)).map {
      unsafe (heap.hits[$0].id, heap.hits[$0].score, RowSlot(packed: heap.hits[$0].slot))
    }
  }

  /// What was kept, in no order.
  var kept: [(id: Int64, slot: RowSlot)] {
    (0..<(unsafe heap.count)).map { unsafe (heap.hits[$0].id, RowSlot(packed: heap.hits[$0].slot)) }
  }
}

/// Space for the scores of one block of rows and for the positions of those worth a look.
@safe struct ScanScratch: ~Copyable {
  let scores: FloatBuffer
  private let positions: UnsafeMutablePointer<UInt32>

  init(count: Int) {
    scores = FloatBuffer(count: count)
    unsafe positions = .allocate(capacity: max(count, 1))
  }

  deinit { unsafe positions.deallocate() }

  /// Calls `body` with each position, ascending, of the `count` scores from `offset` on that reach
  /// `threshold`.
  func select(
    _ count: Int, offset: Int = 0, atLeast threshold: Float, kernels: VectorKernels,
    _ body: (Int, Float) -> Void
  ) {
    precondition(offset >= 0 && count >= 0 && offset + count <= scores.count)
    let base = unsafe scores.base + offset
    let found = unsafe kernels.table.pointee.select_at_least(base, count, threshold, positions)
    for index in 0..<found {
      let position = unsafe Int(positions[index])
      unsafe body(position, base[position])
    }
  }
}
