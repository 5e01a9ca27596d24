// 256-bit routines: AVX2, FMA, F16C.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

typedef __m256 vec;
#define LANES ((size_t)8)

static inline vec vec_zero(void) { return _mm256_setzero_ps(); }
static inline vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
static inline vec vec_load_half(const uint16_t *p) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vec vec_load_tail(const float *p, size_t n) {
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
}
static inline vec vec_load_half_tail(const uint16_t *p, size_t n) {
  uint16_t padded[8] = {0};
  memcpy(padded, p, n * sizeof *p);
  return vec_load_half(padded);
}
static inline vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline float vec_sum(vec v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

#include "kernel_template.h"

static void f32_from_f16(const uint16_t *in, float *out, size_t n) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) _mm256_storeu_ps(out + i, vec_load_half(in + i));
  for (; i < n; i++) out[i] = loci_f32_from_f16_one(in[i]);
}

static void f16_from_f32(const float *in, uint16_t *out, size_t n) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128((__m128i *)(void *)(out + i), halves);
  }
  for (; i < n; i++) out[i] = loci_f16_from_f32_one(in[i]);
}

static size_t select_at_least(const float *scores, size_t n, float threshold, uint32_t *positions) {
  size_t count = 0, i = 0;
  __m256 least = _mm256_set1_ps(threshold);
  for (; i + LANES <= n; i += LANES) {
    __m256 reached = _mm256_cmp_ps(_mm256_loadu_ps(scores + i), least, _CMP_GE_OQ);
    unsigned mask = (unsigned)_mm256_movemask_ps(reached);
    for (; mask != 0; mask &= mask - 1) positions[count++] = (uint32_t)(i + (size_t)__builtin_ctz(mask));
  }
  for (; i < n; i++) {
    if (scores[i] >= threshold) positions[count++] = (uint32_t)i;
  }
  return count;
}

#pragma clang attribute pop

const loci_kernels loci_kernels_avx2 = {
    .isa = LOCI_ISA_AVX2,
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
