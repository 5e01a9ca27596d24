#include "loci_arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

// Under the address sanitizer, what was not handed out is poisoned, and a red zone follows each allocation: the
// sanitizer then sees an overrun inside a block as it sees one of malloc's.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(start, bytes) ASAN_POISON_MEMORY_REGION(start, bytes)
#define UNPOISON(start, bytes) ASAN_UNPOISON_MEMORY_REGION(start, bytes)
enum { RED_ZONE = 16 };
#endif
#endif
#ifndef POISON
#define POISON(start, bytes) ((void)(start), (void)(bytes))
#define UNPOISON(start, bytes) ((void)(start), (void)(bytes))
enum { RED_ZONE = 0 };
#endif

enum {
  ALIGNMENT = 16,
  FIRST_BLOCK_BYTES = 4 << 10,
  // Each block is twice the one before it, up to this; one of them is kept from message to message.
  BLOCK_BYTES_MAX = 256 << 10,
  // What is larger gets a block of its own, so that the rest of the current one is not lost.
  SHARED_BYTES_MAX = 64 << 10,
};
// A single allocation beyond this is a mistake; refusing it keeps the sums below from wrapping.
static const size_t ALLOCATION_BYTES_MAX = (size_t)1 << 36;

typedef struct block {
  struct block *older;
  size_t capacity;
  alignas(ALIGNMENT) unsigned char bytes[];
} block;

struct loci_arena {
  ProtobufCAllocator allocator;
  block *current; // allocations come from here
  block *own;     // large allocations, one in each
  size_t offset;  // in the current block
  size_t used;
  size_t limit;
  bool exhausted;
};

static void *allocator_alloc(void *arena, size_t bytes) { return loci_arena_allocate(arena, bytes); }
static void allocator_free(void *arena, void *pointer) { (void)arena, (void)pointer; }

loci_arena *loci_arena_create(void) {
  loci_arena *arena = calloc(1, sizeof *arena);
  if (arena == NULL) return NULL;
  arena->allocator = (ProtobufCAllocator){allocator_alloc, allocator_free, arena};
  arena->limit = SIZE_MAX;
  return arena;
}

static void free_blocks(block *at) {
  while (at != NULL) {
    block *older = at->older;
    UNPOISON(at->bytes, at->capacity);
    free(at);
    at = older;
  }
}

void loci_arena_destroy(loci_arena *arena) {
  if (arena == NULL) return;
  free_blocks(arena->current);
  free_blocks(arena->own);
  free(arena);
}

void loci_arena_reset(loci_arena *arena, size_t limit_bytes) {
  free_blocks(arena->own);
  arena->own = NULL;
  if (arena->current != NULL) { // the largest
    free_blocks(arena->current->older);
    arena->current->older = NULL;
    POISON(arena->current->bytes, arena->current->capacity);
  }
  arena->offset = 0;
  arena->used = 0;
  arena->limit = limit_bytes;
  arena->exhausted = false;
}

static block *new_block(size_t capacity, block *older) {
  block *added = malloc(sizeof(block) + capacity);
  if (added == NULL) return NULL;
  added->older = older;
  added->capacity = capacity;
  POISON(added->bytes, capacity);
  return added;
}

static unsigned char *take(loci_arena *arena, size_t bytes) {
  if (bytes > SHARED_BYTES_MAX) {
    block *own = new_block(bytes, arena->own);
    if (own == NULL) return NULL;
    arena->own = own;
    return own->bytes;
  }
  if (arena->current == NULL || bytes > arena->current->capacity - arena->offset) {
    size_t capacity = arena->current == NULL ? FIRST_BLOCK_BYTES : 2 * arena->current->capacity;
    while (capacity < bytes) capacity *= 2;
    if (capacity > BLOCK_BYTES_MAX) capacity = BLOCK_BYTES_MAX;
    block *added = new_block(capacity, arena->current);
    if (added == NULL) return NULL;
    arena->current = added;
    arena->offset = 0;
  }
  unsigned char *taken = arena->current->bytes + arena->offset;
  arena->offset += bytes;
  return taken;
}

void *loci_arena_allocate(loci_arena *arena, size_t bytes) {
  // A request for nothing still needs an address of its own: protobuf-c takes NULL for a failure.
  size_t wanted = bytes == 0 ? 1 : bytes;
  if (wanted <= arena->limit - arena->used && wanted <= ALLOCATION_BYTES_MAX) {
    size_t rounded = (wanted + RED_ZONE + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    unsigned char *taken = take(arena, rounded);
    if (taken != NULL) {
      UNPOISON(taken, wanted);
      size_t left = arena->limit - arena->used;
      arena->used += rounded < left ? rounded : left;
      return taken;
    }
  }
  arena->exhausted = true;
  return NULL;
}

bool loci_arena_is_exhausted(const loci_arena *arena) { return arena->exhausted; }
size_t loci_arena_used(const loci_arena *arena) { return arena->used; }
ProtobufCAllocator *loci_arena_allocator(loci_arena *arena) { return &arena->allocator; }
