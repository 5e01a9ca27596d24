// 128-bit routines of the base AArch64 instruction set; the dot product instructions where the compiler may use them.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels.h"

#include "float_kernels.inc"
#include "quantise.inc"
#include "keep.inc"
#include "scalar_kernels.inc"

#define LOCI_INLINE static inline __attribute__((always_inline))

// MARK: int8

// sum + the products of four signed bytes in each 32-bit lane.
LOCI_INLINE int32x4_t dot4(int32x4_t sum, int8x16_t a, int8x16_t b) {
#if defined(__ARM_FEATURE_DOTPROD)
  return vdotq_s32(sum, a, b);
#else
  int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
  return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
}

LOCI_INLINE int8x16_t centred(const uint8_t *codes) {
  return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(codes), vdupq_n_u8(128)));
}

LOCI_INLINE void tile(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *queries, size_t total,
                      size_t from, const size_t count, int32_t *scores, size_t stride) {
  for (size_t b = 0; b < blocks; b++) {
    int32x4_t sum[4][4];
    for (size_t q = 0; q < count; q++) {
      for (int part = 0; part < 4; part++) sum[q][part] = vdupq_n_s32(0);
    }
    const uint8_t *block = codes + b * groups * 64;
    for (size_t g = 0; g < groups; g++) {
      for (size_t q = 0; q < count; q++) {
        int32_t four;
        memcpy(&four, queries + (g * total + from + q) * 4, 4);
        int8x16_t query = vreinterpretq_s8_s32(vdupq_n_s32(four));
        for (int part = 0; part < 4; part++) {
          sum[q][part] = dot4(sum[q][part], centred(block + g * 64 + part * 16), query);
        }
      }
    }
    for (size_t q = 0; q < count; q++) {
      for (int part = 0; part < 4; part++) {
        vst1q_s32(scores + (from + q) * stride + b * 16 + (size_t)part * 4, sum[q][part]);
      }
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

static void int8_rows(const uint8_t *rows, size_t stride, const uint32_t *ids, size_t n, const int8_t *high,
                      const int8_t *low, int64_t *out) {
  enum { AHEAD = 8 };
  for (size_t i = 0; i < n; i++) {
    if (i + AHEAD < n) {
      const uint8_t *row = rows + ids[i + AHEAD] * stride;
      for (size_t j = 0; j < stride; j += 64) __builtin_prefetch(row + j);
    }
    const uint8_t *row = rows + ids[i] * stride;
    int32x4_t above = vdupq_n_s32(0), below = above;
    for (size_t j = 0; j < stride; j += 16) {
      int8x16_t code = centred(row + j);
      above = dot4(above, code, vld1q_s8(high + j));
      below = dot4(below, code, vld1q_s8(low + j));
    }
    out[i] = 128 * vaddlvq_s32(above) + vaddlvq_s32(below);
  }
}

// MARK: 4-bit codes

LOCI_INLINE void scan(const uint8_t *codes, size_t blocks, size_t subspaces, const uint8_t *tables,
                      const size_t count, uint16_t *scores, size_t stride, const uint8_t *next) {
  const uint8x16_t nibble = vdupq_n_u8(15);
  for (size_t b = 0; b < blocks; b++) {
    // Bytes 2 i and 2 i + 1 of a half belong to rows i and i + 16: even and odd bytes are widened apart.
    uint16x8_t even[LOCI_PQ_QUERIES][2], odd[LOCI_PQ_QUERIES][2];
    for (size_t q = 0; q < count; q++) {
      for (int half = 0; half < 2; half++) even[q][half] = odd[q][half] = vdupq_n_u16(0);
    }
    const uint8_t *block = codes + b * subspaces * 16;
    for (size_t m = 0; m < subspaces; m += 4) {
      if (count == 1) __builtin_prefetch(next + b * subspaces * 16 + m * 16);
      for (int half = 0; half < 2; half++) {
        uint8x16_t pair = vld1q_u8(block + m * 16 + half * 16), other = vld1q_u8(block + m * 16 + 32 + half * 16);
        for (size_t q = 0; q < count; q++) {
          const uint8_t *table = tables + (q * subspaces + m) * 16;
          uint8x16_t sum = vqtbl1q_u8(vld1q_u8(table), vandq_u8(pair, nibble));
          sum = vaddq_u8(sum, vqtbl1q_u8(vld1q_u8(table + 16), vshrq_n_u8(pair, 4)));
          sum = vaddq_u8(sum, vqtbl1q_u8(vld1q_u8(table + 32), vandq_u8(other, nibble)));
          sum = vaddq_u8(sum, vqtbl1q_u8(vld1q_u8(table + 48), vshrq_n_u8(other, 4)));
          uint16x8_t wide = vreinterpretq_u16_u8(sum);
          even[q][half] = vaddq_u16(even[q][half], vandq_u16(wide, vdupq_n_u16(255)));
          odd[q][half] = vaddq_u16(odd[q][half], vshrq_n_u16(wide, 8));
        }
      }
    }
    for (size_t q = 0; q < count; q++) {
      for (size_t half = 0; half < 2; half++) {
        vst1q_u16(scores + q * stride + b * 32 + half * 8, even[q][half]);
        vst1q_u16(scores + q * stride + b * 32 + 16 + half * 8, odd[q][half]);
      }
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

LOCI_DEFINE_APPEND(append_int32, int32_t)
LOCI_DEFINE_APPEND(append_uint16, uint16_t)

const loci_index_kernels loci_index_kernels_neon = {
    .isa = LOCI_INDEX_ISA_NEON,
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
