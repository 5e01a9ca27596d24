import CLociProto
import LociProto
import Testing
import LociTestKit

struct ArenaTests {
  @Test(arguments: UInt64(1)...20)
  func blocksAreAlignedApartAndKeepTheirContents(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let arena = try #require(loci_arena_create())
    defer { loci_arena_destroy(arena) }
    for _ in 0..<4 {
      loci_arena_reset(arena, Int.max)
      var blocks: [UnsafeMutableRawBufferPointer] = []
      for index in 0..<200 {
        let sizes = [0, 1, 15, 16, 17, 400, 4096] + (index % 50 == 0 ? [70_000, 300_000] : [])
        let size = try #require(sizes.randomElement(using: &random))
        let start = try #require(loci_arena_allocate(arena, size))
        #expect(Int(bitPattern: start) % 16 == 0)
        let block = UnsafeMutableRawBufferPointer(start: start, count: size)
        for place in block.indices { block[place] = UInt8(truncatingIfNeeded: index) }
        blocks.append(block)
      }
      #expect(Set(blocks.map { $0.baseAddress }).count == blocks.count)
      for (index, block) in blocks.enumerated() {
        #expect(block.allSatisfy { $0 == UInt8(truncatingIfNeeded: index) })
      }
    }
  }

  @Test func theLimitHolds() throws {
    let arena = try #require(loci_arena_create())
    defer { loci_arena_destroy(arena) }
    for limit in [0, 1, 16, 100, 4096, 1 << 20] {
      loci_arena_reset(arena, limit)
      #expect(loci_arena_allocate(arena, limit + 1) == nil)
      #expect(loci_arena_is_exhausted(arena))
      loci_arena_reset(arena, limit)
      #expect(!loci_arena_is_exhausted(arena) && loci_arena_used(arena) == 0)
      while loci_arena_allocate(arena, 7) != nil { #expect(loci_arena_used(arena) <= limit) }
      #expect(loci_arena_is_exhausted(arena))
    }
  }

  @Test func absurdSizesAreRefused() throws {
    let arena = try #require(loci_arena_create())
    defer { loci_arena_destroy(arena) }
    for size in [Int.max, Int.max - 15, Int(bitPattern: UInt.max), Int(bitPattern: UInt.max - 15)] {
      #expect(loci_arena_allocate(arena, size) == nil)
    }
    #expect(loci_arena_allocate(arena, 16) != nil)
  }
}
