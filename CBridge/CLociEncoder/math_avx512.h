// Functions of sixteen floats. To be included inside the target region of an AVX-512 file.

// 0.5 + erf(x / √2) / 2 times x, erf to 2 ulp: a ratio of polynomials on [-4, 4].
LOCI_INLINE __m512 gelu_exact(__m512 v) {
  __m512 limit = _mm512_set1_ps(4.0f);
  __m512 x = _mm512_mul_ps(v, _mm512_set1_ps(0.70710678118654752f));
  x = _mm512_max_ps(_mm512_min_ps(x, limit), _mm512_sub_ps(_mm512_setzero_ps(), limit));
  __m512 s = _mm512_mul_ps(x, x);
  __m512 p = _mm512_set1_ps(-2.72614225801306e-10f);
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(2.77068142495902e-08f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-2.10102402082508e-06f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-5.69250639462346e-05f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-7.34990630326855e-04f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-2.95459980854025e-03f));
  p = _mm512_fmadd_ps(p, s, _mm512_set1_ps(-1.60960333262415e-02f));
  __m512 q = _mm512_set1_ps(-1.45660718464996e-05f);
  q = _mm512_fmadd_ps(q, s, _mm512_set1_ps(-2.13374055278905e-04f));
  q = _mm512_fmadd_ps(q, s, _mm512_set1_ps(-1.68282697438203e-03f));
  q = _mm512_fmadd_ps(q, s, _mm512_set1_ps(-7.37332916720468e-03f));
  q = _mm512_fmadd_ps(q, s, _mm512_set1_ps(-1.42647390514189e-02f));
  __m512 erf = _mm512_div_ps(_mm512_mul_ps(x, p), q);
  __m512 half = _mm512_mul_ps(v, _mm512_set1_ps(0.5f));
  return _mm512_fmadd_ps(half, erf, half);
}

// 2^x to float precision; 0 far below.
LOCI_INLINE __m512 power_exact(__m512 x) {
  __m512 r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEAREST_INT);
  __m512 p = _mm512_set1_ps(1.535336188319500e-4f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.339887440266574e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.618437357674640e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.550332471162809e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.402264791363012e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.931472028550421e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, _mm512_sub_ps(x, r));
}
