// As tile_f32, over pairs: a (row, pair) and b (pair, 16 × vectors) of two bfloat16 each.
LOCI_INLINE void multiply_bf16(
    int rows, int vectors, const uint16_t *a, size_t a_stride, const uint16_t *b, size_t b_stride, size_t pairs,
    __m512 sums[8][3]) {
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_setzero_ps();
  }
#pragma clang loop unroll_count(2)
  for (size_t k = 0; k < pairs; k++) {
    __m512bh right[3];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = (__m512bh)_mm512_loadu_si512(b + k * b_stride + 32 * v);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      int32_t pair;
      memcpy(&pair, a + r * a_stride + 2 * k, sizeof pair);
      __m512bh left = (__m512bh)_mm512_set1_epi32(pair);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], left, right[v]);
    }
  }
}
