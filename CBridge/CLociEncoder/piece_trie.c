#include "piece_trie.h"

#include <stdlib.h>

enum { ROOTS = 2 };

static uint32_t slot_of(const loci_trie *trie, uint32_t key) {
  return (key * 0x9E3779B1u) >> trie->shift;
}

bool loci_trie_init(loci_trie *trie, size_t bytes) {
  uint32_t bits = 4;
  while (((size_t)1 << bits) < 2 * (bytes + 1)) bits++;
  trie->shift = 32 - bits;
  trie->mask = (1u << bits) - 1;
  trie->node_count = ROOTS;
  trie->node_capacity = (uint32_t)bytes + ROOTS;
  trie->edges = calloc((size_t)1 << bits, sizeof *trie->edges);
  trie->ids = malloc(trie->node_capacity * sizeof *trie->ids);
  if (trie->edges == NULL || trie->ids == NULL) {
    loci_trie_free(trie);
    return false;
  }
  for (uint32_t node = 0; node < trie->node_capacity; node++) trie->ids[node] = -1;
  return true;
}

void loci_trie_free(loci_trie *trie) {
  free(trie->edges);
  free(trie->ids);
  trie->edges = NULL;
  trie->ids = NULL;
}

/// The slot of the edge from `node` by `byte`, or the free slot where it would go.
static loci_trie_edge *find(const loci_trie *trie, uint32_t node, uint8_t byte) {
  const uint32_t key = node << 8 | byte;
  uint32_t slot = slot_of(trie, key);
  while (trie->edges[slot].child != 0 && trie->edges[slot].key != key) slot = (slot + 1) & trie->mask;
  return &trie->edges[slot];
}

bool loci_trie_insert(loci_trie *trie, uint32_t root, const uint8_t *piece, size_t count, int32_t id) {
  uint32_t node = root;
  for (size_t i = 0; i < count; i++) {
    loci_trie_edge *edge = find(trie, node, piece[i]);
    if (edge->child == 0) {
      if (trie->node_count == trie->node_capacity) return false;
      *edge = (loci_trie_edge){node << 8 | piece[i], trie->node_count++};
    }
    node = edge->child;
  }
  trie->ids[node] = id;
  return true;
}

size_t loci_trie_longest(
    const loci_trie *trie, uint32_t root, const uint8_t *text, size_t count, int32_t *id) {
  size_t longest = 0;
  uint32_t node = root;
  for (size_t i = 0; i < count; i++) {
    node = find(trie, node, text[i])->child;
    if (node == 0) break;
    if (trie->ids[node] >= 0) {
      longest = i + 1;
      *id = trie->ids[node];
    }
  }
  return longest;
}
