// sums[rows][vectors] = Σ_k a[row][k] · b[k][…], `rows` and `vectors` constants at the call. To be included inside the
// target region of an AVX-512 file.
LOCI_INLINE void multiply_f32(
    int rows, int vectors, const float *a, size_t a_stride, const float *b, size_t b_stride, size_t depth,
    __m512 sums[8][3]) {
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_setzero_ps();
  }
#pragma clang loop unroll_count(2)
  for (size_t k = 0; k < depth; k++) {
    __m512 right[3];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = _mm512_loadu_ps(b + k * b_stride + 16 * v);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      __m512 left = _mm512_set1_ps(a[r * a_stride + k]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_fmadd_ps(left, right[v], sums[r][v]);
    }
  }
}
