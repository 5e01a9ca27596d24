// The lists of each row: the nearest centroid, and a second one by SOAR's loss (Sun et al., NeurIPS 2023): the
// one of the next dozen for which |r'|^2 + lambda * <r, r'>^2 / |r|^2 is least, r and r' the residuals. A query
// for which r is unlucky, being parallel to it, then meets an r' that is not.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "loci_math.h"

enum { TASK_ROWS = 512, CANDIDATES = 12 };

typedef struct assignment {
  loci_build *b;
  bool failed;
} assignment;

typedef struct nearby {
  float scores[CANDIDATES];
  uint32_t lists[CANDIDATES];
  size_t count;
} nearby;

// The best of raw[l] * step + bias[l], by insertion; most lists fail the first comparison.
static void find_nearby(const int32_t *raw, const float *bias, size_t lists, float step, float *scores,
                        nearby *out) {
  out->count = 0;
  for (size_t l = 0; l < lists; l++) scores[l] = (float)raw[l] * step + bias[l];
  float floor = -INFINITY;
  for (size_t from = 0; from < lists; from += 64) {
    size_t to = from + 64 < lists ? from + 64 : lists;
    float most = -INFINITY;
    for (size_t l = from; l < to; l++) most = scores[l] > most ? scores[l] : most;
    if (most <= floor) continue;
    for (size_t l = from; l < to; l++) {
      if (!(scores[l] > floor)) continue;
      size_t at = out->count < CANDIDATES ? out->count++ : CANDIDATES - 1;
      for (; at > 0 && out->scores[at - 1] < scores[l]; at--) {
        out->scores[at] = out->scores[at - 1], out->lists[at] = out->lists[at - 1];
      }
      out->scores[at] = scores[l], out->lists[at] = (uint32_t)l;
      if (out->count == CANDIDATES) floor = out->scores[CANDIDATES - 1];
    }
  }
}

static void assign_row(const loci_build *b, size_t row, const float *x, const nearby *near) {
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  size_t d = b->d, best = 0;
  float products[CANDIDATES], squares[CANDIDATES], distances[CANDIDATES];
  float length = math->dot(x, x, d), top = -INFINITY;
  for (size_t i = 0; i < near->count; i++) {
    const float *centroid = b->centroids + near->lists[i] * d;
    products[i] = math->dot(x, centroid, d);
    squares[i] = math->dot(centroid, centroid, d);
    distances[i] = length - 2 * products[i] + squares[i];
    float score = products[i] + b->centroid_bias[near->lists[i]];
    if (score > top) top = score, best = i;
  }
  b->nearest[row] = near->lists[best];
  if (b->second == NULL) return;
  const float *first = b->centroids + near->lists[best] * d;
  float least = INFINITY;
  size_t chosen = best;
  for (size_t i = 0; i < near->count; i++) {
    if (i == best) continue;
    // <x - c, x - c'> = |x|^2 - <x, c> - <x, c'> + <c, c'>
    const float *other = b->centroids + near->lists[i] * d;
    float parallel = length - products[best] - products[i] + math->dot(first, other, d);
    float nearest = distances[best] > 0 ? distances[best] : FLT_MIN;
    float loss = distances[i] + b->options->soar_lambda * parallel * parallel / nearest;
    if (loss < least) least = loss, chosen = i;
  }
  b->second[row] = near->lists[chosen];
}

static void assign_task(void *argument, size_t task) {
  assignment *a = argument;
  loci_build *b = a->b;
  size_t first = task * TASK_ROWS, last = first + TASK_ROWS < b->n ? first + TASK_ROWS : b->n;
  float *rows = malloc(8 * b->d * sizeof *rows), *heads = malloc(8 * b->head * sizeof *heads);
  float *scores = malloc(b->lists_padded * sizeof *scores);
  int32_t *raw = malloc(8 * b->lists_padded * sizeof *raw);
  int8_t *codes = malloc(8 * b->head), *tile = malloc(8 * b->head);
  if (rows == NULL || heads == NULL || scores == NULL || raw == NULL || codes == NULL || tile == NULL) {
    __atomic_store_n(&a->failed, true, __ATOMIC_RELAXED);
  } else {
    for (size_t i = first; i < last && !loci_cancelled(b); i += 8) {
      size_t count = last - i < 8 ? last - i : 8;
      int32_t sums[8];
      float steps[8];
      for (size_t r = 0; r < count; r++) loci_build_row(b, i + r, rows + r * b->d);
      b->kernels->project(b->head_matrix, b->d, b->head / 16, rows, count, heads);
      for (size_t r = 0; r < count; r++) {
        steps[r] = loci_quantise_head(heads + r * b->head, b->head_step, b->head, codes + r * b->head, &sums[r]);
        for (size_t g = 0; g < b->groups; g++) memcpy(tile + (g * count + r) * 4, codes + r * b->head + g * 4, 4);
      }
      b->kernels->int8_tile(b->centroid_codes, b->lists_padded / 16, b->groups, tile, sums, count, raw,
                            b->lists_padded);
      for (size_t r = 0; r < count; r++) {
        nearby near;
        find_nearby(raw + r * b->lists_padded, b->centroid_bias, b->lists, steps[r], scores, &near);
        assign_row(b, i + r, rows + r * b->d, &near);
      }
    }
  }
  free(rows), free(heads), free(scores), free(raw), free(codes), free(tile);
}

static loci_index_status find_means(loci_build *b) {
  float *row = malloc(b->d * sizeof *row);
  size_t *counts = calloc(b->lists, sizeof *counts);
  b->means = calloc(b->lists * b->d, sizeof *b->means);
  if (row == NULL || counts == NULL || b->means == NULL) {
    free(row), free(counts);
    return LOCI_INDEX_OUT_OF_MEMORY;
  }
  for (size_t i = 0; i < b->n; i++) {
    loci_build_row(b, i, row);
    for (int a = 0; a < (b->second != NULL ? 2 : 1); a++) {
      uint32_t list = a == 0 ? b->nearest[i] : b->second[i];
      float *sum = b->means + list * b->d;
      for (size_t j = 0; j < b->d; j++) sum[j] += row[j];
      counts[list]++;
    }
  }
  for (size_t l = 0; l < b->lists; l++) {
    for (size_t j = 0; j < b->d && counts[l] > 0; j++) b->means[l * b->d + j] /= (float)counts[l];
  }
  free(row), free(counts);
  return LOCI_INDEX_OK;
}

loci_index_status loci_build_assign(loci_build *b) {
  bool two = b->options->assignments != 1 && b->lists > 1;
  b->nearest = malloc(b->n * sizeof *b->nearest);
  b->second = two ? malloc(b->n * sizeof *b->second) : NULL;
  if (b->nearest == NULL || (two && b->second == NULL)) return LOCI_INDEX_OUT_OF_MEMORY;
  assignment a = {.b = b};
  loci_for_each(b->pool, (b->n + TASK_ROWS - 1) / TASK_ROWS, assign_task, &a);
  if (a.failed) return LOCI_INDEX_OUT_OF_MEMORY;
  if (loci_cancelled(b)) return LOCI_INDEX_CANCELLED;
  return find_means(b);
}
