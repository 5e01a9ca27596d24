// Approximate nearest neighbours over an immutable image: IVF with product-quantised codes, and flat int8.
// Plain C11. A score is greater when nearer: the inner product, or the negative squared Euclidean distance.
// All matrices are row-major. Rows of an image are 0 ..< n.
#ifndef LOCI_INDEX_H
#define LOCI_INDEX_H

#include <stdbool.h>

#include "loci_index_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

typedef enum __attribute__((enum_extensibility(closed))) loci_index_metric : uint32_t {
  LOCI_INDEX_COSINE __attribute__((swift_name("cosine"))) = 1,  // rows and queries are normalised on entry
  LOCI_INDEX_INNER_PRODUCT __attribute__((swift_name("innerProduct"))) = 2,
  LOCI_INDEX_EUCLIDEAN __attribute__((swift_name("euclidean"))) = 3,
} loci_index_metric;

typedef enum __attribute__((enum_extensibility(closed))) loci_index_status : int32_t {
  LOCI_INDEX_OK __attribute__((swift_name("ok"))) = 0,
  LOCI_INDEX_OUT_OF_MEMORY __attribute__((swift_name("outOfMemory"))) = 1,
  LOCI_INDEX_CANCELLED __attribute__((swift_name("cancelled"))) = 2,
  LOCI_INDEX_BAD_ARGUMENT __attribute__((swift_name("badArgument"))) = 3,
  LOCI_INDEX_NOT_AN_IMAGE __attribute__((swift_name("notAnImage"))) = 4,       // magic, header checksum
  LOCI_INDEX_NEWER_VERSION __attribute__((swift_name("newerVersion"))) = 5,
  LOCI_INDEX_OUT_OF_BOUNDS __attribute__((swift_name("outOfBounds"))) = 6,     // a section, a list, a row
  LOCI_INDEX_BAD_CHECKSUM __attribute__((swift_name("badChecksum"))) = 7,
  LOCI_INDEX_LAPACK_FAILED __attribute__((swift_name("lapackFailed"))) = 8,
} loci_index_status;

// Runs task(argument, 0) ... task(argument, tasks - 1), at most `width` at once, and returns when all are done.
typedef struct loci_index_pool {
  size_t width;
  void *_Nullable context;
  void (*_Nullable run)(void *_Nullable context, size_t tasks, void (*task)(void *argument, size_t index),
                        void *argument);  // NULL: one after the other on the calling thread
} loci_index_pool;

// MARK: Building

typedef struct loci_index_build_options {
  loci_index_metric metric;
  uint32_t lists;        // 0: chosen from n
  uint32_t assignments;  // lists each row is in, 1 or 2 (the second by SOAR); 0: 2
  float soar_lambda;     // weight of the part of the second residual parallel to the first; negative: 1
  uint32_t subspace_width;  // dimensions of one 4-bit code; 0: chosen from d
  uint32_t head;            // PCA dimensions of the coarse search and the batch plane, a multiple of 16; 0: by variance
  // int8 over the head for each entry: batches are searched by it. Left out when the head has less than 65 % of the
  // energy of the rows less the mean of their list.
  bool batch_plane;
  uint32_t iterations;      // of k-means; 0: 10
  uint64_t seed;
  uint32_t tuning_queries;  // rows of the tuner's sample; 0: no curve
  bool (*_Nullable is_cancelled)(void *_Nullable context);
  void *_Nullable cancel_context;
} loci_index_build_options;

// What a build measured about its codes, all relative to the mean squared length of the rows.
typedef struct loci_index_build_report {
  uint32_t lists;
  double head_energy;     // share of the second moment that the head keeps
  double residual_head_energy;  // the same of the rows less the mean of their list
  double residual_error;  // mean |row - mean of its list|^2
  double code_error;      // mean |row - what list and 4-bit code give back|^2
  double int8_error;      // mean |row - int8 row|^2
  double seconds_kmeans, seconds_assign, seconds_codes, seconds_tune;  // wall time
} loci_index_build_report;

// Makes an IVF image of `rows` (n, d), finite float32, 1 <= n < 2^31, 1 <= d <= 4,096. On success *image is
// memory of *bytes, at least 64-byte aligned, to be freed with loci_rows_free of CLociMath. The same arguments give the same bytes on the same
// instruction level, whatever the pool.
loci_index_status loci_ivf_build(const float *rows, size_t n, size_t d, const loci_index_build_options *options,
                                 const loci_index_pool *pool, void *_Nullable *_Nonnull image,
                                 size_t *bytes, loci_index_build_report *report);

// Makes a flat image: int8 rows, scanned whole.
loci_index_status loci_flat_build(const float *rows, size_t n, size_t d, loci_index_metric metric,
                                  const loci_index_pool *pool, void *_Nullable *_Nonnull image, size_t *bytes);

// MARK: Product quantisation by itself

typedef struct loci_pq_options {
  uint32_t subspaces;  // divides d
  uint32_t bits;       // of a code: 4 or 8
  uint32_t iterations; // of k-means; 0: 16
  // Rounds of OPQ (Ge et al., CVPR 2013, non-parametric): a rotation before the split, fitted in turn with the
  // codebook. 0: no rotation.
  uint32_t rotations;
  uint64_t seed;
} loci_pq_options;

// Trains on rows (n, d). codebook: [subspaces][d / subspaces][1 << bits]. rotation (d, d): written when rotations > 0;
// a row is multiplied by it from the right. *error: mean squared distance of the rows to what their codes give back,
// relative to their mean squared length.
loci_index_status loci_pq_train(const float *rows, size_t n, size_t d, const loci_pq_options *options,
                                const loci_index_pool *pool, float *codebook, float *_Nullable rotation,
                                double *error);
// codes (n, subspaces), a byte each.
loci_index_status loci_pq_encode(const float *rows, size_t n, size_t d, const loci_pq_options *options,
                                 const float *codebook, const float *_Nullable rotation, uint8_t *codes);
// out (n, d): what the codes stand for, rotated back.
loci_index_status loci_pq_decode(const uint8_t *codes, size_t n, size_t d, const loci_pq_options *options,
                                 const float *codebook, const float *_Nullable rotation, float *out);

// MARK: Opening

// A view of an image; holds pointers into it and owns nothing.
typedef struct loci_index loci_index;

// Checks header and bounds, and with `verify` every checksum and every row number. *index is to be freed with
// loci_index_close; the image must outlive it. O(lists) without `verify`.
loci_index_status loci_index_open(const void *image, size_t bytes, bool verify,
                                  loci_index *_Nullable *_Nonnull index);
void loci_index_close(loci_index *_Nullable index);

typedef struct loci_index_facts {
  uint32_t kind;  // 1 IVF, 2 flat
  loci_index_metric metric;
  size_t rows, dimension, lists, entries, subspaces, head, bytes, curve_points;
  bool batch_plane;
} loci_index_facts;
loci_index_facts loci_index_describe(const loci_index *index);

// row as its int8 code gives it back, (dimension).
void loci_index_reconstruct(const loci_index *index, size_t row, float *out);

// One measured setting: recall@10 on the tuner's sample. Settings of a path come in order of rising cost, each with
// a better recall than those before it.
typedef struct loci_index_curve_point {
  uint32_t batch;  // 1: measured for batches, 0: for single queries
  uint32_t probes, candidates;
  float recall;            // without originals
  float originals_recall;  // when the 21 best are ranked by originals
  uint32_t zero;
} loci_index_curve_point;
loci_index_curve_point loci_index_curve_at(const loci_index *index, size_t point);

// MARK: Searching

typedef enum loci_index_element : uint32_t { LOCI_INDEX_NONE = 0, LOCI_INDEX_F32 = 1, LOCI_INDEX_F16 = 2 } loci_index_element;

typedef struct loci_index_parameters {
  size_t k;
  uint32_t probes;      // lists; 0: from `recall`
  uint32_t candidates;  // first-stage candidates that are ranked again by int8 rows; 0: from `recall`
  float recall;         // target in (0, 1) when probes or candidates is 0
  // Rows that may be returned, a bit each, n bits in whole words; NULL: all.
  const uint64_t *_Nullable live;
  // Full rows for the last ranking of the best `originals_ranked` (0: k + k / 2 + 6), `originals_stride` bytes
  // apart; for cosine normalised. NULL: none.
  const void *_Nullable originals;
  loci_index_element originals_type;
  size_t originals_stride;
  uint32_t originals_ranked;
  bool single_path;  // do not go list by list, whatever the number of queries (for comparisons)
} loci_index_parameters;

typedef struct loci_index_statistics {
  uint64_t lists_probed, codes_scanned, rows_ranked, originals_read;
  uint32_t probes, candidates;
  float expected_recall;  // 0 when there is no curve; 1 for an exact scan
} loci_index_statistics;

// The k best of `queries` (m, d): rows and scores (m, k), best first, equal scores by lower row; counts[q] of them
// are valid, min(k, live rows) always.
loci_index_status loci_index_search(const loci_index *index, const float *queries, size_t m,
                                    const loci_index_parameters *parameters, const loci_index_pool *pool,
                                    uint32_t *rows, float *scores, uint32_t *counts,
                                    loci_index_statistics *statistics);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
