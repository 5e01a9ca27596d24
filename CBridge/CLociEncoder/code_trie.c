#include "code_trie.h"

#include <stdlib.h>

enum { BITS_MIN = 12, BITS_MAX = 30 };

static bool allocate(loci_code_trie *trie, uint32_t bits) {
  if (bits > BITS_MAX) return false;
  trie->edges = calloc((size_t)1 << bits, sizeof *trie->edges);
  trie->shift = 64 - bits;
  trie->mask = (1u << bits) - 1;
  return trie->edges != NULL;
}

bool loci_code_trie_init(loci_code_trie *trie) {
  *trie = (loci_code_trie){.node_count = 1};
  return allocate(trie, BITS_MIN);
}

void loci_code_trie_free(loci_code_trie *trie) {
  free(trie->edges);
  trie->edges = NULL;
}

static loci_code_edge *slot_of(const loci_code_trie *trie, uint64_t key) {
  uint32_t slot = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> trie->shift);
  while (trie->edges[slot].child != 0 && trie->edges[slot].key != key) slot = (slot + 1) & trie->mask;
  return &trie->edges[slot];
}

static bool grow(loci_code_trie *trie) {
  loci_code_trie larger = *trie;
  if (!allocate(&larger, 64 - trie->shift + 1)) return false;
  for (size_t i = 0; i <= trie->mask; i++) {
    if (trie->edges[i].child != 0) *slot_of(&larger, trie->edges[i].key) = trie->edges[i];
  }
  free(trie->edges);
  *trie = larger;
  return true;
}

bool loci_code_trie_insert(loci_code_trie *trie, const uint32_t *codes, size_t count, int32_t id) {
  uint32_t node = 0;
  loci_code_edge *edge = NULL;
  for (size_t i = 0; i < count; i++) {
    // At most half full: a search that finds nothing stays short.
    if (trie->node_count > trie->mask / 2 && !grow(trie)) return false;
    const uint64_t key = (uint64_t)node << 21 | codes[i];
    edge = slot_of(trie, key);
    if (edge->child == 0) *edge = (loci_code_edge){key, trie->node_count++, -1};
    node = edge->child;
  }
  if (edge != NULL) edge->id = id;
  return edge != NULL;
}
