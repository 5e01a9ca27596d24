// Product quantisation of residuals, 4 bits a subspace: training by k-means in each subspace, encoding.
#include <stdlib.h>
#include <string.h>

#include "build.h"

enum { TRAINING_ROWS = 24576, ITERATIONS = 16, CODEWORDS = 16, WIDTH_MAX = 64 };

typedef struct pq_training {
  loci_build *b;
  const float *rest;  // [count / 16][subspaces * width][16]: residuals of the sample, by columns
  size_t count;       // a multiple of 16
} pq_training;

static void train_subspace(void *argument, size_t m) {
  pq_training *t = argument;
  loci_build *b = t->b;
  size_t width = b->width, stride = b->subspaces * width * 16;
  float *codewords = b->codebook + m * width * CODEWORDS;
  const float *data = t->rest + m * width * 16;
  loci_random random = {b->options->seed ^ 0x7071 ^ (uint64_t)m << 32};
  for (int c = 0; c < CODEWORDS; c++) {
    size_t pick = loci_random_below(&random, t->count);
    for (size_t j = 0; j < width; j++) {
      codewords[j * CODEWORDS + c] = data[pick / 16 * stride + j * 16 + pick % 16];
    }
  }
  double sums[CODEWORDS * WIDTH_MAX];
  uint8_t codes[16];
  for (int iteration = 0; iteration < ITERATIONS; iteration++) {
    size_t counts[CODEWORDS] = {0};
    memset(sums, 0, sizeof *sums * CODEWORDS * width);
    for (size_t i = 0; i < t->count; i += 16) {
      const float *columns = data + i / 16 * stride;
      b->kernels->pq4_encode(codewords, 1, width, columns, codes);
      for (int r = 0; r < 16; r++) counts[codes[r]]++;
      for (size_t j = 0; j < width; j++) {
        for (int r = 0; r < 16; r++) sums[j * CODEWORDS + codes[r]] += columns[j * 16 + r];
      }
    }
    for (int c = 0; c < CODEWORDS; c++) {
      // A codeword without points moves to one of them.
      size_t pick = loci_random_below(&random, t->count);
      for (size_t j = 0; j < width; j++) {
        codewords[j * CODEWORDS + c] = counts[c] != 0 ? (float)(sums[j * CODEWORDS + c] / (double)counts[c])
                                                       : data[pick / 16 * stride + j * 16 + pick % 16];
      }
    }
  }
}

loci_index_status loci_build_codebook(loci_build *b) {
  // Fewer than 16 rows are repeated.
  size_t wide = b->subspaces * b->width, count = b->n < TRAINING_ROWS ? loci_round_up(b->n, 16) : TRAINING_ROWS;
  b->codebook = calloc(wide * CODEWORDS, sizeof *b->codebook);
  uint32_t *sample = malloc(count * sizeof *sample);
  float *rest = calloc(count * wide, sizeof *rest), *row = malloc(b->d * sizeof *row);
  if (b->codebook == NULL || sample == NULL || rest == NULL || row == NULL) {
    free(sample), free(rest), free(row);
    return LOCI_INDEX_OUT_OF_MEMORY;
  }
  loci_random random = {b->options->seed ^ 0x7265737473};
  loci_random_sample(&random, b->n, b->n < count ? b->n : count, sample);
  for (size_t i = 0; i < count; i++) {
    uint32_t from = sample[i % b->n];
    loci_build_row(b, from, row);
    // Every other one relative to its second list.
    uint32_t list = b->second != NULL && i % 2 != 0 ? b->second[from] : b->nearest[from];
    for (size_t j = 0; j < b->d; j++) {
      rest[i / 16 * wide * 16 + j * 16 + i % 16] = row[j] - b->means[list * b->d + j];
    }
  }
  pq_training t = {.b = b, .rest = rest, .count = count};
  loci_for_each(b->pool, b->subspaces, train_subspace, &t);
  free(sample), free(rest), free(row);
  return LOCI_INDEX_OK;
}

void loci_pq4_store(const uint8_t *codes, size_t subspaces, size_t r, uint8_t *block, size_t place) {
  size_t byte = 2 * (place % 16) + place / 16;
  for (size_t m = 0; m < subspaces; m += 2) {
    block[m / 2 * 32 + byte] = (uint8_t)(codes[m * 16 + r] | codes[(m + 1) * 16 + r] << 4);
  }
}
