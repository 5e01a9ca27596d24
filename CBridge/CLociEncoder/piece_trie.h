// Two tries over bytes in one table: pieces that start a word, and pieces that continue one. Edges are
// kept in an open-addressing hash table keyed by (node, byte).

#ifndef LOCI_PIECE_TRIE_H
#define LOCI_PIECE_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOCI_TRIE_STARTS = 0, LOCI_TRIE_CONTINUES = 1 };

typedef struct {
  uint32_t key;    // node << 8 | byte
  uint32_t child;  // 0 when the slot is free: no edge leads to a root
} loci_trie_edge;

typedef struct {
  loci_trie_edge *edges;
  int32_t *ids;  // of each node; -1 where no piece ends
  uint32_t shift, mask;
  uint32_t node_count, node_capacity;
} loci_trie;

/// Room for pieces of `bytes` bytes together. False when memory is short.
bool loci_trie_init(loci_trie *trie, size_t bytes);
void loci_trie_free(loci_trie *trie);

/// False when the trie is full.
bool loci_trie_insert(loci_trie *trie, uint32_t root, const uint8_t *piece, size_t count, int32_t id);

/// Length of the longest piece that `text` starts with, 0 when there is none; its id goes to `id`.
size_t loci_trie_longest(
    const loci_trie *trie, uint32_t root, const uint8_t *text, size_t count, int32_t *id);

#endif
