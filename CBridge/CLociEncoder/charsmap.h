// SentencePiece's compiled normalisation rules, as HuggingFace's tokenizers apply them.
//
//   u32 little-endian: bytes of the array | double array of u32 (Darts-clone) | replacements, each ended by a 0
//
// A rule found in the array gives the offset of its replacement. Any bytes are safe to read.

#ifndef LOCI_CHARSMAP_H
#define LOCI_CHARSMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t *units;
  size_t unit_count;
  uint8_t *replacements;
  size_t replacement_bytes;
  uint8_t single[128];  // whether an ASCII character alone stays what it is
} loci_charsmap;

/// Copies the rules. False when they are malformed or memory is short.
bool loci_charsmap_init(loci_charsmap *map, const uint8_t *bytes, size_t count);
void loci_charsmap_free(loci_charsmap *map);

/// The replacement by the shortest rule that `text` starts with, `length` bytes; NULL when there is none.
const uint8_t *loci_charsmap_find(const loci_charsmap *map, const uint8_t *text, size_t count, size_t *length);

#endif
