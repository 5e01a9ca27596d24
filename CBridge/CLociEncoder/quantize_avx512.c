#if defined(__x86_64__)
#include "levels.h"
#include "product.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

LOCI_INLINE __m512 scaled(const float *x, const float *inverse, size_t i, __mmask16 mask) {
  __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
  return inverse == NULL ? v : _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, inverse + i));
}

LOCI_INLINE __mmask16 mask_at(size_t i, size_t n) {
  return n - i >= 16 ? 0xFFFF : (__mmask16)((1u << (n - i)) - 1);
}

void loci_avx512_quantize(
    const float *x, const float *inverse, uint8_t *out, size_t n, float *scale, float *zero) {
  __m512 lowest = _mm512_setzero_ps(), highest = _mm512_setzero_ps();
  for (size_t i = 0; i < n; i += 16) {
    __m512 v = scaled(x, inverse, i, mask_at(i, n));
    lowest = _mm512_min_ps(lowest, v);
    highest = _mm512_max_ps(highest, v);
  }
  float low = _mm512_reduce_min_ps(lowest), high = _mm512_reduce_max_ps(highest);
  float step = (high - low) / 255.0f;
  if (!(step > 1e-30f)) step = 1;
  float factor = 1.0f / step, offset = __builtin_rintf(-low * factor);
  *scale = step;
  *zero = offset;
  __m512i whole_offset = _mm512_set1_epi32((int32_t)offset);
  __m512 factors = _mm512_set1_ps(factor);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 mask = mask_at(i, n);
    __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(scaled(x, inverse, i, mask), factors));
    q = _mm512_max_epi32(_mm512_add_epi32(q, whole_offset), _mm512_setzero_si512());
    _mm_mask_storeu_epi8(out + i, mask, _mm512_cvtusepi32_epi8(q));
  }
}
#pragma clang attribute pop
#endif
