#if defined(__x86_64__)
// int8 products with vpdpbusd: four terms an element and instruction, int32 sums. A row's zero is taken out by the sum
// of each column's weights, which packing has made.
#include "levels.h"
#include "product.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,avx2,fma"))), apply_to = function)
#include "gelu_avx512.h"

enum { PANEL = 48, ROWS = 8 };

LOCI_INLINE void multiply(
    int rows, int vectors, const uint8_t *a, size_t a_stride, const int8_t *b, size_t quads, __m512i sums[8][3]) {
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_setzero_si512();
  }
#pragma clang loop unroll_count(2)
  for (size_t k = 0; k < quads; k++) {
    __m512i right[3];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = _mm512_loadu_si512(b + (k * (size_t)vectors + (size_t)v) * 64);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      int32_t quad;
      memcpy(&quad, a + r * a_stride + 4 * k, sizeof quad);
      __m512i left = _mm512_set1_epi32(quad);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], left, right[v]);
    }
  }
}

LOCI_INLINE void block(const loci_encoder_product *p, size_t row, size_t panel, int rows, int vectors) {
  size_t column = panel * PANEL, quads = (p->depth + 3) / 4;
  __m512i whole[8][3];
  multiply(
      rows, vectors, (const uint8_t *)p->in + row * p->in_stride, p->in_stride,
      (const int8_t *)p->panels + column * 4 * quads, quads, whole);
  __m512 sums[8][3];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    __m512 bias = _mm512_loadu_ps(p->bias + column + 16 * v);
    __m512 scale = _mm512_loadu_ps(p->column_scale + column + 16 * v);
    __m512 column_sum = _mm512_loadu_ps(p->column_sum + column + 16 * v);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      __m512 sum = _mm512_cvtepi32_ps(whole[r][v]);
      sum = _mm512_fnmadd_ps(_mm512_set1_ps(p->row_zero[row + r]), column_sum, sum);
      sums[r][v] = _mm512_fmadd_ps(_mm512_mul_ps(sum, _mm512_set1_ps(p->row_scale[row + r])), scale, bias);
    }
  }
  size_t left = p->columns - column - (size_t)(vectors - 1) * 16;
  __mmask16 last = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1);
#include "finish_avx512.h"
}

#define BLOCK(r, v) \
  static void block_##r##_##v(const loci_encoder_product *p, size_t row, size_t panel) { block(p, row, panel, r, v); }
#include "blocks_avx512.h"

void loci_avx512_product_i8(const loci_encoder_product *p) {
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
