// What the kernels of all levels share.
#ifndef LOCI_ENCODER_PRODUCT_H
#define LOCI_ENCODER_PRODUCT_H

#include "loci_encoder_kernels.h"

#include <string.h>

#define LOCI_INLINE static inline __attribute__((always_inline))

static inline size_t loci_round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }
static inline size_t loci_min(size_t a, size_t b) { return a < b ? a : b; }

/// Rows of tile `index` when `rows` are shared evenly among tiles of at most `tile` rows: 9 are 5 and 4, not 8 and 1.
typedef struct loci_tiles {
  size_t count, base, larger;
} loci_tiles;

static inline loci_tiles loci_tiles_of(size_t rows, size_t tile) {
  loci_tiles t = {.count = (rows + tile - 1) / tile};
  if (t.count == 0) return t;
  t.base = rows / t.count;
  t.larger = rows % t.count;
  return t;
}

static inline size_t loci_tile_rows(const loci_tiles *t, size_t index) { return t->base + (index < t->larger); }

static inline float loci_from_bf16(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// Rounded to nearest even; NaN stays one.
static inline uint16_t loci_to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/// Keys of a text in attention's scratch: whole panels of 48, which every level's vectors divide.
enum { LOCI_KEY_PANEL = 48, LOCI_QUERY_ROWS = 8 };

/// Parts of attention's scratch: keys transposed, values, scores and probabilities of a tile of queries.
typedef struct loci_attention_parts {
  void *keys, *values;
  float *scores;
  void *weights;
} loci_attention_parts;

static inline loci_attention_parts loci_attention_split(const loci_encoder_attention *a) {
  size_t padded = loci_round_up(a->length, LOCI_KEY_PANEL), deep = loci_round_up(a->dimension, 16);
  char *at = a->scratch;
  loci_attention_parts parts = {.keys = at};
  parts.values = at += padded * deep * sizeof(float);
  parts.scores = (float *)(at += padded * loci_round_up(deep, 32) * sizeof(float));
  parts.weights = at + padded * LOCI_QUERY_ROWS * sizeof(float);
  return parts;
}

#endif
