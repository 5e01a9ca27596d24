// 512-bit routines: AVX-512 F, BW, VL, DQ, VBMI and VNNI (Zen 4, Ice Lake and later).
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vnni,avx2,fma"))), \
    apply_to = function)

#include "float_kernels.inc"

#define LOCI_INLINE static inline __attribute__((always_inline))

static inline __mmask16 first(size_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }

// MARK: int8

// Codes come from memory in the order of addresses; processors do not prefetch across pages by themselves.
#ifndef PREFETCH_BYTES
#define PREFETCH_BYTES 6144
#endif

// `wide` blocks at a time, so that at least four sums are in flight (the latency of a product is 4 cycles).
LOCI_INLINE void tile_blocks(const uint8_t *block, size_t groups, const int8_t *queries, const int32_t *sums,
                             const size_t count, const size_t wide, int32_t *scores, size_t stride) {
  __m512i sum[2][LOCI_INT8_QUERIES];
  for (size_t w = 0; w < wide; w++) {
    for (size_t q = 0; q < count; q++) sum[w][q] = _mm512_set1_epi32(-128 * sums[q]);
  }
  for (size_t g = 0; g < groups; g++) {
    __m512i code[2];
    for (size_t w = 0; w < wide; w++) {
      code[w] = _mm512_loadu_si512(block + (w * groups + g) * 64);
      _mm_prefetch((const char *)block + (w * groups + g) * 64 + PREFETCH_BYTES, _MM_HINT_T0);
    }
    for (size_t q = 0; q < count; q++) {
      int32_t four;
      memcpy(&four, queries + (g * count + q) * 4, 4);
      __m512i query = _mm512_set1_epi32(four);
      for (size_t w = 0; w < wide; w++) sum[w][q] = _mm512_dpbusd_epi32(sum[w][q], code[w], query);
    }
  }
  for (size_t w = 0; w < wide; w++) {
    for (size_t q = 0; q < count; q++) _mm512_storeu_si512(scores + q * stride + w * 16, sum[w][q]);
  }
}

LOCI_INLINE void tile(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *queries,
                      const int32_t *sums, const size_t count, int32_t *scores, size_t stride) {
  size_t b = 0;
  for (; b + 2 <= blocks; b += 2) {
    tile_blocks(codes + b * groups * 64, groups, queries, sums, count, 2, scores + b * 16, stride);
  }
  if (b < blocks) tile_blocks(codes + b * groups * 64, groups, queries, sums, count, 1, scores + b * 16, stride);
}

// One query: two blocks and two halves of the groups at a time, so that four sums are in flight.
static void tile_one(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *query, int32_t total,
                     int32_t *scores) {
  __m512i start = _mm512_set1_epi32(-128 * total), zero = _mm512_setzero_si512();
  size_t b = 0;
  for (; b < blocks; b += 2) {
    const uint8_t *left = codes + b * groups * 64, *right = b + 1 < blocks ? left + groups * 64 : left;
    __m512i a0 = start, a1 = zero, b0 = start, b1 = zero;
    size_t g = 0;
    for (; g + 2 <= groups; g += 2) {
      int32_t four[2];
      memcpy(four, query + g * 4, 8);
      __m512i q0 = _mm512_set1_epi32(four[0]), q1 = _mm512_set1_epi32(four[1]);
      a0 = _mm512_dpbusd_epi32(a0, _mm512_loadu_si512(left + g * 64), q0);
      b0 = _mm512_dpbusd_epi32(b0, _mm512_loadu_si512(right + g * 64), q0);
      a1 = _mm512_dpbusd_epi32(a1, _mm512_loadu_si512(left + g * 64 + 64), q1);
      b1 = _mm512_dpbusd_epi32(b1, _mm512_loadu_si512(right + g * 64 + 64), q1);
    }
    if (g < groups) {
      int32_t four;
      memcpy(&four, query + g * 4, 4);
      __m512i q0 = _mm512_set1_epi32(four);
      a0 = _mm512_dpbusd_epi32(a0, _mm512_loadu_si512(left + g * 64), q0);
      b0 = _mm512_dpbusd_epi32(b0, _mm512_loadu_si512(right + g * 64), q0);
    }
    _mm512_storeu_si512(scores + b * 16, _mm512_add_epi32(a0, a1));
    if (b + 1 < blocks) _mm512_storeu_si512(scores + b * 16 + 16, _mm512_add_epi32(b0, b1));
  }
}

static void int8_tile(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *queries,
                      const int32_t *sums, size_t count, int32_t *scores, size_t stride) {
  switch (count) {
    case 1: tile_one(codes, blocks, groups, queries, sums[0], scores); break;
    case 2: tile(codes, blocks, groups, queries, sums, 2, scores, stride); break;
    case 3: tile(codes, blocks, groups, queries, sums, 3, scores, stride); break;
    case 4: tile(codes, blocks, groups, queries, sums, 4, scores, stride); break;
    case 5: tile(codes, blocks, groups, queries, sums, 5, scores, stride); break;
    case 6: tile(codes, blocks, groups, queries, sums, 6, scores, stride); break;
    case 7: tile(codes, blocks, groups, queries, sums, 7, scores, stride); break;
    default: tile(codes, blocks, groups, queries, sums, 8, scores, stride); break;
  }
}

static void int8_rows(const uint8_t *rows, size_t stride, const uint32_t *ids, size_t n, const int8_t *high,
                      const int8_t *low, int64_t *out) {
  // What the offset of 128 adds to each sum is the same for all rows.
  __m512i high_sum = _mm512_setzero_si512(), low_sum = high_sum, ones = _mm512_set1_epi8(1);
  for (size_t j = 0; j < stride; j += 64) {
    high_sum = _mm512_dpbusd_epi32(high_sum, ones, _mm512_loadu_si512(high + j));
    low_sum = _mm512_dpbusd_epi32(low_sum, ones, _mm512_loadu_si512(low + j));
  }
  int64_t offset = 128 * (128 * (int64_t)_mm512_reduce_add_epi32(high_sum) + _mm512_reduce_add_epi32(low_sum));
  enum { AHEAD = 10 };
  for (size_t i = 0; i < n && i < AHEAD; i++) {
    const uint8_t *row = rows + ids[i] * stride;
    for (size_t j = 0; j < stride; j += 64) _mm_prefetch((const char *)row + j, _MM_HINT_T0);
  }
  for (size_t i = 0; i < n; i++) {
    if (i + AHEAD < n) {
      const uint8_t *row = rows + ids[i + AHEAD] * stride;
      for (size_t j = 0; j < stride; j += 64) _mm_prefetch((const char *)row + j, _MM_HINT_T0);
    }
    const uint8_t *row = rows + ids[i] * stride;
    __m512i above = _mm512_setzero_si512(), below = above;
    for (size_t j = 0; j < stride; j += 64) {
      __m512i code = _mm512_loadu_si512(row + j);
      above = _mm512_dpbusd_epi32(above, code, _mm512_loadu_si512(high + j));
      below = _mm512_dpbusd_epi32(below, code, _mm512_loadu_si512(low + j));
    }
    out[i] = 128 * (int64_t)_mm512_reduce_add_epi32(above) + _mm512_reduce_add_epi32(below) - offset;
  }
}

// MARK: 4-bit codes

// 256 bits: 512-bit byte shuffles are no faster where one is two 256-bit operations, and blocks of 32 rows pad
// short lists less.
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

static float pq4_quantise(const float *products, size_t subspaces, uint8_t *table, float *base) {
  float widest = 0, sum = 0;
  for (size_t m = 0; m < subspaces; m++) {
    __m512 row = _mm512_loadu_ps(products + m * 16);
    float least = _mm512_reduce_min_ps(row);
    sum += least;
    widest = fmaxf(widest, _mm512_reduce_max_ps(row) - least);
  }
  float scale = widest > 0 ? 63 / widest : 0;
  for (size_t m = 0; m < subspaces; m++) {
    __m512 row = _mm512_loadu_ps(products + m * 16);
    row = _mm512_mul_ps(_mm512_sub_ps(row, _mm512_set1_ps(_mm512_reduce_min_ps(row))), _mm512_set1_ps(scale));
    __m512i whole = _mm512_cvttps_epi32(_mm512_add_ps(row, _mm512_set1_ps(0.5f)));
    _mm_storeu_si128((__m128i *)(table + m * 16), _mm512_cvtepi32_epi8(whole));
  }
  *base = sum;
  return widest > 0 ? widest / 63 : 0;
}

// MARK: Selection

LOCI_INLINE size_t append(__m512 raw, const float *bias, const uint32_t *ids, __mmask16 valid, __m512 scale,
                          __m512 offset, __m512 threshold, float *scores, uint32_t *out_ids) {
  __m512 add = bias != NULL ? _mm512_add_ps(_mm512_maskz_loadu_ps(valid, bias), offset) : offset;
  __m512 score = _mm512_fmadd_ps(raw, scale, add);
  __mmask16 reached = _mm512_mask_cmp_ps_mask(valid, score, threshold, _CMP_GE_OQ);
  // Without a branch, which would be mispredicted at every hit; to a register first, since compressing into memory is
  // microcode on Zen 4.
  _mm512_storeu_ps(scores, _mm512_maskz_compress_ps(reached, score));
  _mm512_storeu_si512(out_ids, _mm512_maskz_compress_epi32(reached, _mm512_maskz_loadu_epi32(valid, ids)));
  return (size_t)__builtin_popcount(reached);
}

static size_t append_int32(const int32_t *raw, const float *bias, const uint32_t *ids, size_t n, float scale,
                           float offset, float threshold, float *scores, uint32_t *out_ids) {
  size_t count = 0;
  __m512 factor = _mm512_set1_ps(scale), add = _mm512_set1_ps(offset), least = _mm512_set1_ps(threshold);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 valid = first(n - i);
    __m512 block = _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(valid, raw + i));
    count += append(block, bias != NULL ? bias + i : NULL, ids + i, valid, factor, add, least, scores + count,
                    out_ids + count);
  }
  return count;
}

static size_t append_uint16(const uint16_t *raw, const float *bias, const uint32_t *ids, size_t n, float scale,
                            float offset, float threshold, float *scores, uint32_t *out_ids) {
  size_t count = 0;
  __m512 factor = _mm512_set1_ps(scale), add = _mm512_set1_ps(offset), least = _mm512_set1_ps(threshold);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 valid = first(n - i);
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(valid, raw + i));
    count += append(_mm512_cvtepi32_ps(wide), bias != NULL ? bias + i : NULL, ids + i, valid, factor, add, least,
                    scores + count, out_ids + count);
  }
  return count;
}

static size_t keep_at_least(float *scores, uint32_t *ids, size_t n, float threshold) {
  size_t count = 0;
  __m512 least = _mm512_set1_ps(threshold);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 valid = first(n - i);
    __m512 score = _mm512_maskz_loadu_ps(valid, scores + i);
    __m512i id = _mm512_maskz_loadu_epi32(valid, ids + i);
    __mmask16 reached = _mm512_mask_cmp_ps_mask(valid, score, least, _CMP_GE_OQ);
    size_t found = (size_t)__builtin_popcount(reached);
    _mm512_mask_storeu_ps(scores + count, first(found), _mm512_maskz_compress_ps(reached, score));
    _mm512_mask_storeu_epi32(ids + count, first(found), _mm512_maskz_compress_epi32(reached, id));
    count += found;
  }
  return count;
}

#pragma clang attribute pop

const loci_index_kernels loci_index_kernels_avx512 = {
    .isa = LOCI_INDEX_ISA_AVX512,
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
