// The routines that scans are made of. Integer routines give the same bits at every instruction level.
#ifndef LOCI_INDEX_KERNELS_H
#define LOCI_INDEX_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

typedef enum __attribute__((enum_extensibility(closed))) loci_index_isa : int32_t {
  LOCI_INDEX_ISA_SCALAR __attribute__((swift_name("scalar"))) = 0,
  LOCI_INDEX_ISA_NEON __attribute__((swift_name("neon"))) = 1,
  LOCI_INDEX_ISA_AVX2 __attribute__((swift_name("avx2"))) = 2,      // with FMA
  LOCI_INDEX_ISA_AVX512 __attribute__((swift_name("avx512"))) = 3,  // F, BW, VL, DQ, VBMI and VNNI
} loci_index_isa;

enum {
  LOCI_INT8_BLOCK = 16,   // rows of one block of int8 codes
  LOCI_INT8_QUERIES = 8,  // queries of one int8 tile
  LOCI_PQ_BLOCK = 32,     // rows of one block of 4-bit codes
  LOCI_PQ_QUERIES = 4,    // queries of one scan of 4-bit codes
  LOCI_APPEND_SLACK = 16  // what `append_*` may write behind the last hit it reports
};

typedef struct loci_index_kernels {
  loci_index_isa isa;

  // scores[q * stride + r] = sum_j (codes(r, j) - 128) * query(q, j), for `blocks` blocks of 16 rows.
  // codes: [blocks][groups][16 rows][4], unsigned with 128 for zero. queries: [groups][count][4], signed, in
  // [-127, 127]. sums[q] = sum_j query(q, j). 1 <= count <= 8. 4 * groups <= 65,536.
  void (*int8_tile)(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *queries,
                    const int32_t *sums, size_t count, int32_t *scores, size_t stride);

  // scores[q * stride + r] = sum_m table(q, m, code(r, m)), for `blocks` blocks of 32 rows; entries of tables
  // are at most 63. codes: [blocks][subspaces / 2][32]: the byte at 2 * (r % 16) + r / 16 belongs to row r and
  // holds the codes of two subspaces, the even one in its low half. tables: [count][subspaces][16].
  // subspaces is a multiple of 4, at most 1,040. 1 <= count <= 4. With count 1, memory from `next` on is
  // prefetched while it computes; NULL: none.
  void (*pq4_scan)(const uint8_t *codes, size_t blocks, size_t subspaces, const uint8_t *tables, size_t count,
                   uint16_t *scores, size_t stride, const uint8_t *_Nullable next);

  // Appends (score, id) of every i < n whose score = raw[i] * scale + (bias[i] + offset) reaches `threshold`; returns how
  // many. bias may be NULL, which is all zero. Up to LOCI_APPEND_SLACK elements behind them are overwritten.
  size_t (*append_int32)(const int32_t *raw, const float *_Nullable bias, const uint32_t *ids, size_t n,
                         float scale, float offset, float threshold, float *scores, uint32_t *out_ids);
  size_t (*append_uint16)(const uint16_t *raw, const float *_Nullable bias, const uint32_t *ids, size_t n,
                          float scale, float offset, float threshold, float *scores, uint32_t *out_ids);

  // out[i] = sum_j (row(ids[i], j) - 128) * (128 * high_j + low_j), rows of `stride` bytes, stride a multiple of
  // 64, at most 65,536. high and low in [-127, 127], zero beyond the dimension.
  void (*int8_rows)(const uint8_t *rows, size_t stride, const uint32_t *ids, size_t n, const int8_t *high,
                    const int8_t *low, int64_t *out);

  // Keeps, in place and in order, the pairs whose score reaches `threshold`; returns how many.
  size_t (*keep_at_least)(float *scores, uint32_t *ids, size_t n, float threshold);
  // scores[i] = raw[i] * scale + bias[i], and maxima[j] the greatest of each of n / 8 groups of eight of them.
  // n is a multiple of 128.
  void (*group_maxima)(const int32_t *raw, const float *bias, size_t n, float scale, float *scores,
                       float *maxima);
  // The least and the greatest score, n > 0.
  void (*range)(const float *scores, size_t n, float *least, float *greatest);
  // How many of the n scores are at least `threshold`.
  size_t (*count_at_least)(const float *scores, size_t n, float threshold);
  // The first position of the greatest of raw[i] * scale + bias[i], n > 0.
  size_t (*best_int32)(const int32_t *raw, const float *bias, size_t n, float scale);

  // out(q, o) = <queries(q), row o of matrix>, o < 16 * panels. matrix: [panels][d][16]. queries (count, d),
  // out (count, 16 * panels), both row-major. Sums in float32 in the order of d.
  void (*project)(const float *matrix, size_t d, size_t panels, const float *queries, size_t count, float *out);

  // out[m * 16 + c] = <part m of query, codeword c of subspace m>. codebook: [subspaces][width][16]; query has
  // subspaces * width numbers.
  void (*pq4_products)(const float *codebook, size_t subspaces, size_t width, const float *query, float *out);
  // codes[m * 16 + r] = the codeword of subspace m nearest to part m of row r, the first of equal ones.
  // codebook as above; columns: [subspaces * width][16 rows].
  void (*pq4_encode)(const float *codebook, size_t subspaces, size_t width, const float *columns,
                     uint8_t *codes);
  // Tables of one byte for pq4_scan: table[m * 16 + c] = round((products - least of m) * scale), with `scale`
  // such that the widest subspace ends at 63. Returns the step 1 / scale; *base = sum of the least ones.
  float (*pq4_quantise)(const float *products, size_t subspaces, uint8_t *table, float *base);
} loci_index_kernels;

// The best routines this processor has, no newer than `cap`.
const loci_index_kernels *loci_index_kernels_get(loci_index_isa cap);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
