// Arithmetic on vectors: distances, selection, half precision. Plain C11, no allocation in kernels,
// no state besides constant tables. All arrays are contiguous; `rows` is row-major (n, dim).
#ifndef LOCI_MATH_H
#define LOCI_MATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

// Instruction levels, each a superset of the ones before it on the same architecture.
typedef enum __attribute__((enum_extensibility(closed))) loci_isa : int32_t {
  LOCI_ISA_SCALAR __attribute__((swift_name("scalar"))) = 0,
  LOCI_ISA_NEON __attribute__((swift_name("neon"))) = 1,
  LOCI_ISA_AVX2 __attribute__((swift_name("avx2"))) = 2,      // with FMA and F16C
  LOCI_ISA_AVX512 __attribute__((swift_name("avx512"))) = 3,  // F, BW, VL, DQ
} loci_isa;

// One instruction level's routines. Sums are float32 with an order of additions that depends on the level and
// on `dim` only: the score of a row is the same bits whether it is scanned in a block or alone. Levels differ
// from each other by rounding, at most about dim * 2^-24 * sum |a_i b_i|.
typedef struct loci_kernels {
  loci_isa isa;

  // Inner product, and squared Euclidean distance, of a and b, both (n).
  float (*dot)(const float *a, const float *b, size_t n);
  float (*squared_l2)(const float *a, const float *b, size_t n);

  // scores[i] = <query, rows[i]>, or -|query - rows[i]|^2: greater is nearer. query (dim), rows (n, dim).
  void (*dot_rows)(const float *query, const float *rows, size_t n, size_t dim, float *scores);
  void (*negative_l2_rows)(const float *query, const float *rows, size_t n, size_t dim, float *scores);

  // The same over rows of IEEE half precision, widened exactly and summed in float32.
  void (*dot_rows_f16)(const float *query, const uint16_t *rows, size_t n, size_t dim, float *scores);
  void (*negative_l2_rows_f16)(const float *query, const uint16_t *rows, size_t n, size_t dim, float *scores);

  // Half precision to float32 (exact) and back (round to nearest, ties to even; beyond 65504 + half a step to
  // infinity; a NaN stays one, made quiet, with the top bits of its payload). Same bits at every level.
  void (*f32_from_f16)(const uint16_t *in, float *out, size_t n);
  void (*f16_from_f32)(const float *in, uint16_t *out, size_t n);

  // Whether no element is NaN or infinite. True for n = 0.
  bool (*all_finite)(const float *a, size_t n);

  // Writes the positions i, ascending, where scores[i] >= threshold, and returns how many. A NaN is never
  // selected. `positions` has room for n; n < 2^32.
  size_t (*select_at_least)(const float *scores, size_t n, float threshold, uint32_t *positions);
} loci_kernels;

// The best routines this processor has, no newer than `cap` (tests lower it to compare every level).
const loci_kernels *loci_kernels_get(loci_isa cap);

// out = a / |a|, both (n), may be the same memory; returns |a|, 0 for a zero vector (out is then zero).
// No overflow or underflow for any finite a.
float loci_normalise(const loci_kernels *kernels, const float *a, float *out, size_t n);

// MARK: The k best

// One candidate: `slot` is the caller's own and takes no part in the order.
typedef struct loci_hit {
  float score;
  int64_t id;
  uint64_t slot;
} loci_hit;

// The k best of what is pushed, by greater score, then lower id, whatever the order of pushes. A bounded heap
// over memory of the caller, the worst kept one on top.
typedef struct loci_topk {
  loci_hit *hits;  // room for `capacity`
  size_t capacity;
  size_t count;
} loci_topk;

// The score below which nothing can enter any more: -infinity until full, +infinity when capacity is 0.
float loci_topk_threshold(const loci_topk *heap);
// Whether the hit was kept. A NaN score never is.
bool loci_topk_push(loci_topk *heap, loci_hit hit);
// Sorts hits best first. The heap must not be pushed to afterwards.
void loci_topk_sort(loci_topk *heap);

// MARK: Matrix products

// scores = queries * rows^T: queries (m, dim), rows (n, dim), scores (m, n) with each row `stride` >= n long.
// By cblas_sgemm on the calling thread.
void loci_scores_matrix(const float *queries, size_t m, const float *rows, size_t n, size_t dim,
                        float *scores, size_t stride);
// Which library answers for BLAS, such as "OpenBLAS 0.3.21 ... SkylakeX", or "unknown". Lives for ever.
// The first call of this or of loci_scores_matrix holds OpenBLAS to one thread: the caller has its own.
const char *loci_blas_name(void);
// Whether that library is one known to be optimised (OpenBLAS). The reference BLAS takes some 20 times as
// long as loci_kernels for the same products.
bool loci_blas_is_fast(void);

// MARK: Principal axes

// moment += rows^T * rows; rows (n, dim), moment (dim, dim), symmetric. By cblas_ssyrk. dim < 2^15.
void loci_add_second_moment(const float *rows, size_t n, size_t dim, float *moment);
// Replaces a symmetric matrix (dim, dim) by its eigenvectors, one a row, unit length, and writes their
// eigenvalues, rising, into values (dim). By LAPACK's ssyevd. false when it does not converge or memory is short.
bool loci_eigen_symmetric(float *matrix, size_t dim, float *values);

// Replaces a square matrix (dim, dim) by the orthogonal matrix nearest to it: U V^T of its singular value
// decomposition, by LAPACK's sgesdd. false when it does not converge or memory is short.
bool loci_nearest_rotation(float *matrix, size_t dim);
// out (n, m) = a (n, k) * b (k, m); with transposes_a, a is (k, n) and taken transposed. By cblas_sgemm.
void loci_multiply(const float *a, const float *b, size_t n, size_t k, size_t m, bool transposes_a, float *out);

// MARK: Symmetric positive definite systems, float64, row-major, n < 2^15

// Replaces a symmetric matrix (n, n) by its Cholesky factor L, lower, zero above: L L^T is the matrix. Reads the lower
// triangle only. By LAPACK's dpotrf. false when it is not positive definite; its content is then undefined.
bool loci_cholesky(double *matrix, size_t n);
// Replaces each of `count` right-hand sides, right (count, n), by the solution. By dpotrs.
bool loci_cholesky_solve(const double *factor, size_t n, double *right, size_t count);
// Replaces the factor (n, n) by the inverse of what it is the factor of, both triangles. By dpotri.
bool loci_cholesky_inverse(double *factor, size_t n);
// Replaces x (n) by L^-1 x, or L^-T x. By cblas_dtrsv.
void loci_triangular_solve(const double *factor, size_t n, bool transposes, double *x);
// matrix (n, n) += weight * x x^T.
void loci_add_outer(const double *x, size_t n, double weight, double *matrix);
// x^T matrix x.
double loci_quadratic_form(const double *matrix, const double *x, size_t n);
// out (dim, dim) = rows^T diag(weights) rows; rows (n, dim), scratch (n, dim). By cblas_dgemm.
void loci_weighted_gram(const double *rows, const double *weights, size_t n, size_t dim, double *scratch,
                        double *out);

// MARK: Memory for rows

// Zeroed memory aligned to a cache line, or to a 2 MiB page from that size on, with huge pages asked for.
// NULL when there is none. Free with loci_rows_free.
void *_Nullable loci_rows_alloc(size_t bytes);
void loci_rows_free(void *_Nullable memory, size_t bytes);

// A word written by one thread while others read it.
static inline uint64_t loci_atomic_load(const uint64_t *word) {
  return __atomic_load_n(word, __ATOMIC_RELAXED);
}
static inline void loci_atomic_store(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

// MARK: Checksums

// CRC32C of `bytes`, continuing from `crc` (0 to begin): by the processor's instruction, or bit by bit.
uint32_t loci_math_crc32c(uint32_t crc, const void *_Nullable bytes, size_t count);
uint32_t loci_math_crc32c_scalar(uint32_t crc, const void *_Nullable bytes, size_t count);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
