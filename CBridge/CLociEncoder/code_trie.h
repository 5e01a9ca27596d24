// A trie over code points. Edges lie in an open-addressing hash table keyed by (node, code point).

#ifndef LOCI_CODE_TRIE_H
#define LOCI_CODE_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t key;    // node << 21 | code point
  uint32_t child;  // 0 when the slot is free: no edge leads to the root
  int32_t id;      // of the piece that ends here, or -1
} loci_code_edge;

typedef struct {
  loci_code_edge *edges;
  uint32_t shift, mask;
  uint32_t node_count;  // the root is node 0
} loci_code_trie;

/// False when memory is short.
bool loci_code_trie_init(loci_code_trie *trie);
void loci_code_trie_free(loci_code_trie *trie);

/// Gives the sequence of `count` > 0 code points the id `id`. False when memory is short.
bool loci_code_trie_insert(loci_code_trie *trie, const uint32_t *codes, size_t count, int32_t id);

/// The edge from `node` by `code`; its `child` is 0 when there is none.
static inline const loci_code_edge *loci_code_trie_edge(const loci_code_trie *trie, uint32_t node, uint32_t code) {
  const uint64_t key = (uint64_t)node << 21 | code;
  uint32_t slot = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> trie->shift);
  while (trie->edges[slot].child != 0 && trie->edges[slot].key != key) slot = (slot + 1) & trie->mask;
  return &trie->edges[slot];
}

#endif
