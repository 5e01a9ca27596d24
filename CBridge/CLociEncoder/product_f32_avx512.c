#if defined(__x86_64__)
// float32 products: tiles of 8 rows by 48 columns in 24 accumulators, the panel in the second-level cache.
#include "levels.h"
#include "product.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#include "math_avx512.h"
#include "tile_f32_avx512.h"

enum { PANEL = 48, ROWS = 8 };

LOCI_INLINE void block(const loci_encoder_product *p, size_t row, size_t panel, int rows, int vectors) {
  size_t column = panel * PANEL;
  __m512 sums[8][3];
  multiply_f32(
      rows, vectors, (const float *)p->in + row * p->in_stride, p->in_stride,
      (const float *)p->panels + column * p->depth, (size_t)vectors * 16, p->depth, sums);
  float *out = (float *)p->out + row * p->out_stride + column;
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    __m512 bias = _mm512_loadu_ps(p->bias + column + 16 * v);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[r][v] = _mm512_add_ps(sums[r][v], bias);
  }
  size_t left = p->columns - column - (size_t)(vectors - 1) * 16;
  __mmask16 last = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      __mmask16 mask = v == vectors - 1 ? last : 0xFFFF;
      float *at = out + r * p->out_stride + 16 * v;
      __m512 sum = sums[r][v];
      if (p->epilogue == LOCI_ENCODER_ADD) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, at));
      _mm512_mask_storeu_ps(at, mask, sum);
    }
  }
  if (p->epilogue != LOCI_ENCODER_GELU) return;
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) {
      __mmask16 mask = v == vectors - 1 ? last : 0xFFFF;
      float *at = out + r * p->out_stride + 16 * v;
      _mm512_mask_storeu_ps(at, mask, gelu_exact(_mm512_maskz_loadu_ps(mask, at)));
    }
  }
}

#define BLOCK(r, v) \
  static void block_##r##_##v(const loci_encoder_product *p, size_t row, size_t panel) { block(p, row, panel, r, v); }
#include "blocks_avx512.h"

void loci_avx512_product_f32(const loci_encoder_product *p) {
  loci_tiles tiles = loci_tiles_of(p->rows, ROWS);
  for (size_t panel = p->panel_from; panel < p->panel_to; panel++) {
    size_t vectors = (loci_min(PANEL, p->columns - panel * PANEL) + 15) / 16, row = 0;
    for (size_t t = 0; t < tiles.count; t++) {
      size_t rows = loci_tile_rows(&tiles, t);
      blocks[rows - 1][vectors - 1](p, row, panel);
      row += rows;
    }
  }
}
#pragma clang attribute pop
#endif
