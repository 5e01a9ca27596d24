// 512-bit routines: AVX-512 F, BW, VL, DQ. Tails by masked loads.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,f16c"))), \
                             apply_to = function)

typedef __m512 vec;
#define LANES ((size_t)16)

static inline __mmask16 first(size_t n) { return (__mmask16)((1u << n) - 1); }

static inline vec vec_zero(void) { return _mm512_setzero_ps(); }
static inline vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vec vec_load_half(const uint16_t *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline vec vec_load_tail(const float *p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
static inline vec vec_load_half_tail(const uint16_t *p, size_t n) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p));
}
static inline vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline float vec_sum(vec v) { return _mm512_reduce_add_ps(v); }

#include "kernel_template.h"

static void f32_from_f16(const uint16_t *in, float *out, size_t n) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) _mm512_storeu_ps(out + i, vec_load_half(in + i));
  if (i < n) _mm512_mask_storeu_ps(out + i, first(n - i), vec_load_half_tail(in + i, n - i));
}

static inline __m256i narrow(vec v) {
  return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static void f16_from_f32(const float *in, uint16_t *out, size_t n) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    _mm256_storeu_si256((__m256i *)(void *)(out + i), narrow(vec_load(in + i)));
  }
  if (i < n) {
    _mm256_mask_storeu_epi16(out + i, first(n - i), narrow(vec_load_tail(in + i, n - i)));
  }
}

static size_t select_at_least(const float *scores, size_t n, float threshold, uint32_t *positions) {
  size_t count = 0;
  __m512 least = _mm512_set1_ps(threshold);
  for (size_t i = 0; i < n; i += LANES) {
    __mmask16 valid = n - i < LANES ? first(n - i) : 0xffff;
    vec block = _mm512_maskz_loadu_ps(valid, scores + i);
    unsigned mask = _mm512_mask_cmp_ps_mask(valid, block, least, _CMP_GE_OQ);
    for (; mask != 0; mask &= mask - 1) positions[count++] = (uint32_t)(i + (size_t)__builtin_ctz(mask));
  }
  return count;
}

#pragma clang attribute pop

const loci_kernels loci_kernels_avx512 = {
    .isa = LOCI_ISA_AVX512,
    .dot = dot,
    .squared_l2 = squared_l2,
    .dot_rows = dot_rows,
    .negative_l2_rows = negative_l2_rows,
    .dot_rows_f16 = dot_rows_f16,
    .negative_l2_rows_f16 = negative_l2_rows_f16,
    .f32_from_f16 = f32_from_f16,
    .f16_from_f32 = f16_from_f32,
    .all_finite = all_finite,
    .select_at_least = select_at_least,
};
#endif
