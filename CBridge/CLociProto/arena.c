#include "loci_arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGNMENT = 16, KEPT_BLOCK_BYTES = 64 << 10 };

typedef struct block {
  struct block *older;
  size_t capacity;
  alignas(ALIGNMENT) unsigned char bytes[];
} block;

struct loci_arena {
  ProtobufCAllocator allocator;
  block *newest;
  size_t offset; // in the newest block
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

static void free_older_than(block *kept) {
  block *next = kept->older;
  kept->older = NULL;
  while (next != NULL) {
    block *older = next->older;
    free(next);
    next = older;
  }
}

void loci_arena_destroy(loci_arena *arena) {
  if (arena == NULL) return;
  if (arena->newest != NULL) {
    free_older_than(arena->newest);
    free(arena->newest);
  }
  free(arena);
}

void loci_arena_reset(loci_arena *arena, size_t limit_bytes) {
  block *kept = NULL;
  for (block *at = arena->newest; at != NULL;) {
    block *older = at->older;
    if (kept == NULL && at->capacity == KEPT_BLOCK_BYTES) {
      kept = at;
      kept->older = NULL;
    } else {
      free(at);
    }
    at = older;
  }
  arena->newest = kept;
  arena->offset = 0;
  arena->used = 0;
  arena->limit = limit_bytes;
  arena->exhausted = false;
}

static bool add_block(loci_arena *arena, size_t bytes) {
  size_t capacity = bytes > KEPT_BLOCK_BYTES ? bytes : KEPT_BLOCK_BYTES;
  if (capacity > SIZE_MAX - sizeof(block)) return false;
  block *added = malloc(sizeof(block) + capacity);
  if (added == NULL) return false;
  added->older = arena->newest;
  added->capacity = capacity;
  arena->newest = added;
  arena->offset = 0;
  return true;
}

void *loci_arena_allocate(loci_arena *arena, size_t bytes) {
  if (bytes > SIZE_MAX - ALIGNMENT) goto refuse;
  // A request for nothing still needs an address of its own: protobuf-c takes NULL for a failure.
  size_t rounded = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  if (rounded > arena->limit - arena->used) goto refuse;
  if (arena->newest == NULL || rounded > arena->newest->capacity - arena->offset) {
    if (!add_block(arena, rounded)) goto refuse;
  }
  void *result = arena->newest->bytes + arena->offset;
  arena->offset += rounded;
  arena->used += rounded;
  return result;
refuse:
  arena->exhausted = true;
  return NULL;
}

bool loci_arena_is_exhausted(const loci_arena *arena) { return arena->exhausted; }
size_t loci_arena_used(const loci_arena *arena) { return arena->used; }
ProtobufCAllocator *loci_arena_allocator(loci_arena *arena) { return &arena->allocator; }
