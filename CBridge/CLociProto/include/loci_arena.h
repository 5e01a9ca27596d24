// A bump allocator for one protobuf-c message tree: every allocation of an unpack comes from here, nothing is freed
// one by one, and a reset makes the memory ready for the next message.
#ifndef LOCI_ARENA_H
#define LOCI_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct loci_arena loci_arena;

/// An empty arena without a limit; NULL when there is no memory. Free with loci_arena_destroy.
loci_arena *loci_arena_create(void);
void loci_arena_destroy(loci_arena *arena);

/// Forgets everything allocated. From now on at most `limit_bytes` may be allocated until the next reset. Keeps one
/// block for reuse, and gives back what a large message needed beyond it.
void loci_arena_reset(loci_arena *arena, size_t limit_bytes);

/// `bytes` of uninitialised memory, aligned to 16; NULL when the limit would be passed or memory is short.
void *loci_arena_allocate(loci_arena *arena, size_t bytes);

/// Whether an allocation was refused since the last reset.
bool loci_arena_is_exhausted(const loci_arena *arena);

/// Bytes allocated since the last reset.
size_t loci_arena_used(const loci_arena *arena);

/// For protobuf_c_message_unpack. Its `free` does nothing: never call free_unpacked on a message of an arena.
ProtobufCAllocator *loci_arena_allocator(loci_arena *arena);

#endif
