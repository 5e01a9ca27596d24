// The parts of a build. Private to CLociIndex.
#ifndef LOCI_INDEX_BUILD_H
#define LOCI_INDEX_BUILD_H

#include "image.h"

#pragma clang assume_nonnull begin

// A deterministic stream of numbers (SplitMix64).
typedef struct loci_random {
  uint64_t state;
} loci_random;
static inline uint64_t loci_random_next(loci_random *random) {
  uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}
// Uniform in 0 ..< bound, bound > 0.
static inline uint64_t loci_random_below(loci_random *random, uint64_t bound) {
  return (uint64_t)((unsigned __int128)loci_random_next(random) * bound >> 64);
}
// `count` different numbers below n, ascending; count <= n.
void loci_random_sample(loci_random *random, size_t n, size_t count, uint32_t *out);

typedef struct loci_build {
  const float *input;  // (n, d) as given
  size_t n, d;
  const loci_index_build_options *options;
  const loci_index_pool *pool;
  loci_index_build_report *report;
  const loci_index_kernels *kernels;
  size_t head, groups, lists, lists_padded, subspaces, width;
  float *origin, *head_matrix, *head_step;  // as in the image
  float *centroids;                         // (lists, d): what lists are chosen by
  uint8_t *centroid_codes;
  float *centroid_bias;
  uint32_t *nearest, *second;  // (n) lists of each row; `second` NULL when there is one
  float *means;
  float *codebook;
  uint32_t *held_out;   // rows of the tuner, ascending; not trained on
  size_t held_out_count;
  double mean_squared;  // of the rows, origin subtracted
} loci_build;

static inline bool loci_cancelled(const loci_build *b) {
  return b->options->is_cancelled != NULL && b->options->is_cancelled(b->options->cancel_context);
}
void loci_for_each(const loci_index_pool *pool, size_t tasks, void (*task)(void *, size_t), void *argument);
double loci_seconds(void);

// Row `index`, origin subtracted, normalised for cosine, into out (d).
void loci_build_row(const loci_build *b, size_t index, float *out);
// Int8 codes of a head: query side. codes (head), returns the step; *sum their sum.
float loci_quantise_head(const float *head, const float *head_step, size_t count, int8_t *codes, int32_t *sum);
// Packs heads of `rows` (count, head) into blocks of 16, [count / 16][groups][16][4], in units of head_step.
void loci_pack_heads(const float *heads, const float *head_step, size_t head, size_t count, uint8_t *blocks);

loci_index_status loci_build_head(loci_build *b);       // origin, head_matrix, head_step
loci_index_status loci_build_centroids(loci_build *b);  // k-means
loci_index_status loci_build_assign(loci_build *b);     // nearest and second lists, means
loci_index_status loci_build_codebook(loci_build *b);
// Measures the curve and writes it into the image's section, shortening that to the points found.
enum { LOCI_CURVE_POINTS_MAX = 64 };
loci_index_status loci_build_curve(loci_build *b, uint8_t *image, loci_image_header *header);
// Sets the nibbles of row `place` of a block [subspaces / 2][32], from row r of codes [subspaces][16].
void loci_pq4_store(const uint8_t *codes, size_t subspaces, size_t r, uint8_t *block, size_t place);

#pragma clang assume_nonnull end
#endif
