#if defined(__x86_64__)
#include "levels.h"
#include "product.h"

#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), apply_to = function)
#include "tile_bf16_avx512.h"
#include "transpose_avx512.h"

// 2^x for x ≤ 0 to 7.5e-5, a twentieth of what rounding to bfloat16 does; 0 far below.
LOCI_INLINE __m512 power_half(__m512 x) {
  __m512 r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
  __m512 p = _mm512_set1_ps(7.802447e-2f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.2606716e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.9583354e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.9992522e-1f));
  return _mm512_scalef_ps(p, x);
}

// (length, dimension) → for each 32 columns, pairs of rows: (length / 2, 32, 2).
static void pack_values(const loci_encoder_attention *a, const loci_attention_parts *parts) {
  const __m512i order = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16,
      0);
  size_t pairs = (a->length + 1) / 2, blocks = (a->dimension + 31) / 32 * 2;
  for (size_t pair = 0; pair < pairs; pair++) {
    const uint16_t *from = (const uint16_t *)a->value + 2 * pair * a->stride;
    for (size_t b = 0; b < blocks && 16 * b < a->dimension; b++) {
      __m256i first = _mm256_loadu_si256((const __m256i *)(from + 16 * b));
      __m256i second = 2 * pair + 1 < a->length
          ? _mm256_loadu_si256((const __m256i *)(from + a->stride + 16 * b)) : _mm256_setzero_si256();
      __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
      uint16_t *out = (uint16_t *)parts->values + (b / 2 * pairs + pair) * 64 + b % 2 * 32;
      _mm512_store_si512(out, _mm512_permutexvar_epi16(order, both));
    }
  }
}

#define HALF 1
#define ELEMENT uint16_t
#define MULTIPLY multiply_bf16
#define POWER power_half
#define STORE_WEIGHTS(at, power) _mm256_store_si256((__m256i *)(at), (__m256i)_mm512_cvtneps_pbh(power))
#define STORE_HALF(out, mask, sum) _mm256_mask_storeu_epi16(out, mask, (__m256i)_mm512_cvtneps_pbh(sum))
#define PACK_VALUES pack_values
#define VALUES(a, parts, column) ((const uint16_t *)(parts)->values + (column) / 32 * (((a)->length + 1) / 2) * 64)
#define VALUE_STRIDE(a) 64
#include "attention_avx512.inc"

void loci_avx512_attention_bf16(const loci_encoder_attention *a) { attend(a); }
#pragma clang attribute pop
#endif
