// GELU to 1.4e-4, an eighth of what rounding to bfloat16 does at 1: Φ(x) − ½ as an odd polynomial on [-4, 4] (least
// maximum of the error times x, exact at the ends). To be included inside the target region of an AVX-512 file.
LOCI_INLINE __m512 gelu_half(__m512 v) {
  __m512 x = _mm512_range_ps(v, _mm512_set1_ps(4.0f), 2);  // the smaller magnitude, with the sign of v
  __m512 s = _mm512_mul_ps(x, x);
  __m512 p = _mm512_set1_ps(-4.39593215e-10f);
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(5.06299723e-08f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-2.31266871e-06f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(5.74350054e-05f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-8.83071252e-04f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(9.04081907e-03f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-6.50660477e-02f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(3.98187744e-01f));
  return _mm512_mul_ps(v, _mm512_fmadd_ps(p, x, _mm512_set1_ps(0.5f)));
}

LOCI_INLINE void store_tile(const loci_encoder_product *p, size_t at, __mmask16 mask, __m512 sum) {
  if (p->half_out) {
    _mm256_mask_storeu_epi16((uint16_t *)p->out + at, mask, (__m256i)_mm512_cvtneps_pbh(sum));
  } else {
    _mm512_mask_storeu_ps((float *)p->out + at, mask, sum);
  }
}
