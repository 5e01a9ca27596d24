// Product quantisation of residuals, 4 bits a subspace: training by k-means in each subspace, encoding.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

enum { TRAINING_ROWS = 24576, ITERATIONS = 16, CODEWORDS = 16 };

// The nearest of 16 codewords [width][16]; written so that compilers keep the sixteen distances in lanes.
static inline uint8_t nearest(const float *codewords, size_t width, const float *x, float *distance) {
  float sums[CODEWORDS] = {0};
  for (size_t j = 0; j < width; j++) {
    for (int c = 0; c < CODEWORDS; c++) {
      float difference = x[j] - codewords[j * CODEWORDS + c];
      sums[c] += difference * difference;
    }
  }
  uint8_t best = 0;
  for (uint8_t c = 1; c < CODEWORDS; c++) best = sums[c] < sums[best] ? c : best;
  *distance = sums[best];
  return best;
}

typedef struct pq_training {
  loci_build *b;
  const float *rest;  // (count, subspaces * width)
  size_t count;
} pq_training;

static void train_subspace(void *argument, size_t m) {
  pq_training *t = argument;
  loci_build *b = t->b;
  size_t width = b->width, stride = b->subspaces * width;
  float *codewords = b->codebook + m * width * CODEWORDS;
  const float *data = t->rest + m * width;
  loci_random random = {b->options->seed ^ 0x7071 ^ (uint64_t)m << 32};
  for (int c = 0; c < CODEWORDS; c++) {
    size_t pick = loci_random_below(&random, t->count);
    for (size_t j = 0; j < width; j++) codewords[j * CODEWORDS + c] = data[pick * stride + j];
  }
  double sums[CODEWORDS * 64];
  for (int iteration = 0; iteration < ITERATIONS && width <= 64; iteration++) {
    size_t counts[CODEWORDS] = {0};
    memset(sums, 0, sizeof *sums * CODEWORDS * width);
    float worst = -1, distance;
    size_t farthest = 0;
    for (size_t i = 0; i < t->count; i++) {
      uint8_t c = nearest(codewords, width, data + i * stride, &distance);
      if (distance > worst) worst = distance, farthest = i;
      counts[c]++;
      for (size_t j = 0; j < width; j++) sums[j * CODEWORDS + c] += data[i * stride + j];
    }
    for (int c = 0; c < CODEWORDS; c++) {
      for (size_t j = 0; j < width; j++) {
        // A codeword without points moves to the point that is served worst.
        codewords[j * CODEWORDS + c] = counts[c] != 0 ? (float)(sums[j * CODEWORDS + c] / (double)counts[c])
                                                       : data[farthest * stride + j];
      }
    }
  }
}

loci_index_status loci_build_codebook(loci_build *b) {
  size_t wide = b->subspaces * b->width, count = b->n < TRAINING_ROWS ? b->n : TRAINING_ROWS;
  b->codebook = calloc(wide * CODEWORDS, sizeof *b->codebook);
  uint32_t *sample = malloc(count * sizeof *sample);
  float *rest = calloc(count * wide, sizeof *rest);
  if (b->codebook == NULL || sample == NULL || rest == NULL) {
    free(sample), free(rest);
    return LOCI_INDEX_OUT_OF_MEMORY;
  }
  loci_random random = {b->options->seed ^ 0x7265737473};
  loci_random_sample(&random, b->n, count, sample);
  for (size_t i = 0; i < count; i++) {
    float *x = rest + i * wide;
    loci_build_row(b, sample[i], x);
    // Every other one relative to its second list.
    uint32_t list = b->second != NULL && i % 2 != 0 ? b->second[sample[i]] : b->nearest[sample[i]];
    for (size_t j = 0; j < b->d; j++) x[j] -= b->means[list * b->d + j];
  }
  pq_training t = {.b = b, .rest = rest, .count = count};
  loci_for_each(b->pool, b->subspaces, train_subspace, &t);
  free(sample), free(rest);
  return LOCI_INDEX_OK;
}

void loci_pq4_encode(const loci_build *b, const float *rest, uint8_t *codes) {
  float distance;
  for (size_t m = 0; m < b->subspaces; m++) {
    codes[m] = nearest(b->codebook + m * b->width * CODEWORDS, b->width, rest + m * b->width, &distance);
  }
}

void loci_pq4_store(const uint8_t *codes, size_t subspaces, uint8_t *block, size_t r) {
  size_t byte = 2 * (r % 16) + r / 16;
  for (size_t m = 0; m < subspaces; m += 2) block[m / 2 * 32 + byte] = (uint8_t)(codes[m] | codes[m + 1] << 4);
}
