// 256-bit routines: AVX2 and FMA.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "float_kernels.inc"

#define LOCI_INLINE static inline __attribute__((always_inline))

// MARK: int8

// Products of signed bytes: |q| times x with the sign of q. Both are at most 127 in magnitude, so a pair fits
// 16 bits (2 * 127 * 127 = 32,258); codes keep 0, which would be -128, out.
LOCI_INLINE __m256i dot4(__m256i sum, __m256i code, __m256i query) {
  __m256i products = _mm256_maddubs_epi16(_mm256_abs_epi8(query), _mm256_sign_epi8(code, query));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
}

LOCI_INLINE void tile(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *queries,
                      size_t total, size_t from, const size_t count, int32_t *scores, size_t stride) {
  const __m256i middle = _mm256_set1_epi8(-128);
  for (size_t b = 0; b < blocks; b++) {
    __m256i low[4], high[4];
    for (size_t q = 0; q < count; q++) low[q] = high[q] = _mm256_setzero_si256();
    const uint8_t *block = codes + b * groups * 64;
    for (size_t g = 0; g < groups; g++) {
      const __m256i *at = (const __m256i *)(block + g * 64);
      __m256i first = _mm256_xor_si256(_mm256_loadu_si256(at), middle);
      __m256i second = _mm256_xor_si256(_mm256_loadu_si256(at + 1), middle);
      for (size_t q = 0; q < count; q++) {
        int32_t four;
        memcpy(&four, queries + (g * total + from + q) * 4, 4);
        __m256i query = _mm256_set1_epi32(four);
        low[q] = dot4(low[q], first, query);
        high[q] = dot4(high[q], second, query);
      }
    }
    for (size_t q = 0; q < count; q++) {
      __m256i *out = (__m256i *)(scores + (from + q) * stride + b * 16);
      _mm256_storeu_si256(out, low[q]);
      _mm256_storeu_si256(out + 1, high[q]);
    }
  }
}

static void int8_tile(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *queries,
                      const int32_t *sums, size_t count, int32_t *scores, size_t stride) {
  (void)sums;
  for (size_t q = 0; q < count; q += 4) {
    switch (count - q) {
      case 1: tile(codes, blocks, groups, queries, count, q, 1, scores, stride); break;
      case 2: tile(codes, blocks, groups, queries, count, q, 2, scores, stride); break;
      case 3: tile(codes, blocks, groups, queries, count, q, 3, scores, stride); break;
      default: tile(codes, blocks, groups, queries, count, q, 4, scores, stride); break;
    }
  }
}

static inline int32_t sum_lanes(__m256i v) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

static void int8_rows(const uint8_t *rows, size_t stride, const uint32_t *ids, size_t n, const int8_t *high,
                      const int8_t *low, int64_t *out) {
  const __m256i middle = _mm256_set1_epi8(-128);
  enum { AHEAD = 10 };
  for (size_t i = 0; i < n; i++) {
    if (i + AHEAD < n) {
      const uint8_t *row = rows + ids[i + AHEAD] * stride;
      for (size_t j = 0; j < stride; j += 64) _mm_prefetch((const char *)row + j, _MM_HINT_T0);
    }
    const uint8_t *row = rows + ids[i] * stride;
    __m256i above = _mm256_setzero_si256(), below = above;
    for (size_t j = 0; j < stride; j += 32) {
      __m256i code = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(row + j)), middle);
      above = dot4(above, code, _mm256_loadu_si256((const __m256i *)(high + j)));
      below = dot4(below, code, _mm256_loadu_si256((const __m256i *)(low + j)));
    }
    out[i] = 128 * (int64_t)sum_lanes(above) + sum_lanes(below);
  }
}

// MARK: 4-bit codes

LOCI_INLINE void scan(const uint8_t *codes, size_t blocks, size_t subspaces, const uint8_t *tables,
                      const size_t count, uint16_t *scores, size_t stride, const uint8_t *next) {
  const __m256i nibble = _mm256_set1_epi8(15), byte = _mm256_set1_epi16(255);
  const size_t table_bytes = subspaces * 16;
  for (size_t b = 0; b < blocks; b++) {
    __m256i even[LOCI_PQ_QUERIES], odd[LOCI_PQ_QUERIES];
    for (size_t q = 0; q < count; q++) even[q] = odd[q] = _mm256_setzero_si256();
    const uint8_t *block = codes + b * subspaces * 16;
    for (size_t m = 0; m < subspaces; m += 4) {
      if (count == 1) _mm_prefetch((const char *)next + b * subspaces * 16 + m * 16, _MM_HINT_T0);
      __m256i pair = _mm256_loadu_si256((const __m256i *)(block + m * 16));
      __m256i next = _mm256_loadu_si256((const __m256i *)(block + m * 16 + 32));
      __m256i c0 = _mm256_and_si256(pair, nibble), c1 = _mm256_and_si256(_mm256_srli_epi16(pair, 4), nibble);
      __m256i c2 = _mm256_and_si256(next, nibble), c3 = _mm256_and_si256(_mm256_srli_epi16(next, 4), nibble);
      for (size_t q = 0; q < count; q++) {
        const __m128i *table = (const __m128i *)(tables + q * table_bytes + m * 16);
        __m256i s0 = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(table)), c0);
        __m256i s1 = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(table + 1)), c1);
        __m256i s2 = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(table + 2)), c2);
        __m256i s3 = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(table + 3)), c3);
        __m256i sum = _mm256_add_epi8(_mm256_add_epi8(s0, s1), _mm256_add_epi8(s2, s3));
        even[q] = _mm256_add_epi16(even[q], _mm256_and_si256(sum, byte));
        odd[q] = _mm256_add_epi16(odd[q], _mm256_srli_epi16(sum, 8));
      }
    }
    for (size_t q = 0; q < count; q++) {
      _mm256_storeu_si256((__m256i *)(scores + q * stride + b * 32), even[q]);
      _mm256_storeu_si256((__m256i *)(scores + q * stride + b * 32 + 16), odd[q]);
    }
  }
}

static void pq4_scan(const uint8_t *codes, size_t blocks, size_t subspaces, const uint8_t *tables, size_t count,
                     uint16_t *scores, size_t stride, const uint8_t *next) {
  switch (count) {
    case 1: scan(codes, blocks, subspaces, tables, 1, scores, stride, next != NULL ? next : codes); break;
    case 2: scan(codes, blocks, subspaces, tables, 2, scores, stride, codes); break;
    case 3: scan(codes, blocks, subspaces, tables, 3, scores, stride, codes); break;
    default: scan(codes, blocks, subspaces, tables, 4, scores, stride, codes); break;
  }
}

// MARK: Selection

LOCI_INLINE size_t append(__m256 raw, const float *bias, const uint32_t *ids, __m256 scale, __m256 offset,
                          __m256 threshold, float *scores, uint32_t *out_ids) {
  __m256 add = bias != NULL ? _mm256_add_ps(_mm256_loadu_ps(bias), offset) : offset;
  __m256 score = _mm256_fmadd_ps(raw, scale, add);
  unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(score, threshold, _CMP_GE_OQ));
  float values[8];
  if (mask != 0) _mm256_storeu_ps(values, score);
  size_t count = 0;
  for (; mask != 0; mask &= mask - 1) {
    int lane = __builtin_ctz(mask);
    scores[count] = values[lane];
    out_ids[count++] = ids[lane];
  }
  return count;
}

#define LOCI_DEFINE_WIDE_APPEND(NAME, RAW, LOAD)                                                            \
  static size_t NAME(const RAW *raw, const float *bias, const uint32_t *ids, size_t n, float scale,         \
                     float offset, float threshold, float *scores, uint32_t *out_ids) {                     \
    size_t count = 0, i = 0;                                                                                \
    __m256 factor = _mm256_set1_ps(scale), add = _mm256_set1_ps(offset), least = _mm256_set1_ps(threshold); \
    for (; i + 8 <= n; i += 8) {                                                                            \
      count += append(_mm256_cvtepi32_ps(LOAD(raw + i)), bias != NULL ? bias + i : NULL, ids + i, factor,   \
                      add, least, scores + count, out_ids + count);                                              \
    }                                                                                                       \
    for (; i < n; i++) {                                                                                    \
      float score = fmaf((float)raw[i], scale, bias != NULL ? bias[i] + offset : offset);                   \
      if (score >= threshold) scores[count] = score, out_ids[count++] = ids[i];                             \
    }                                                                                                       \
    return count;                                                                                           \
  }

LOCI_INLINE __m256i load_int32(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
LOCI_INLINE __m256i load_uint16(const uint16_t *p) {
  return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
}
LOCI_DEFINE_WIDE_APPEND(append_int32, int32_t, load_int32)
LOCI_DEFINE_WIDE_APPEND(append_uint16, uint16_t, load_uint16)

#include "quantise.inc"
#include "keep.inc"

#pragma clang attribute pop

const loci_index_kernels loci_index_kernels_avx2 = {
    .isa = LOCI_INDEX_ISA_AVX2,
    .int8_tile = int8_tile,
    .pq4_scan = pq4_scan,
    .append_int32 = append_int32,
    .append_uint16 = append_uint16,
    .int8_rows = int8_rows,
    .keep_at_least = keep_at_least,
    .group_maxima = group_maxima,
    .range = range,
    .count_at_least = count_at_least,
    .best_int32 = best_int32,
    .project = project,
    .pq4_products = pq4_products,
    .pq4_encode = pq4_encode,
    .pq4_quantise = pq4_quantise,
};
#endif
