// Centroids of the lists: k-means over heads, assignment by the int8 tile.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

enum { SAMPLES_PER_LIST = 48, TASK_SAMPLES = 256 };

typedef struct training {
  const loci_build *b;
  const uint32_t *sample;
  size_t count;
  float *heads;     // (count, head)
  int8_t *codes;    // (count, head)
  int32_t *sums;    // (count)
  float *steps;     // (count)
  uint32_t *lists;  // (count)
  const uint8_t *centroid_codes;
  const float *bias;
  bool failed;
} training;

static void project_samples(void *argument, size_t task) {
  training *t = argument;
  const loci_build *b = t->b;
  size_t first = task * TASK_SAMPLES, last = first + TASK_SAMPLES < t->count ? first + TASK_SAMPLES : t->count;
  float *row = malloc(8 * b->d * sizeof *row);
  if (row == NULL) {
    __atomic_store_n(&t->failed, true, __ATOMIC_RELAXED);
    return;
  }
  for (size_t i = first; i < last; i += 8) {
    size_t rows = last - i < 8 ? last - i : 8;
    for (size_t r = 0; r < rows; r++) loci_build_row(b, t->sample[i + r], row + r * b->d);
    b->kernels->project(b->head_matrix, b->d, b->head / 16, row, rows, t->heads + i * b->head);
    for (size_t r = i; r < i + rows; r++) {
      t->steps[r] = loci_quantise_head(t->heads + r * b->head, b->head_step, b->head, t->codes + r * b->head,
                                       &t->sums[r]);
    }
  }
  free(row);
}

static void assign_samples(void *argument, size_t task) {
  training *t = argument;
  const loci_build *b = t->b;
  size_t first = task * TASK_SAMPLES, last = first + TASK_SAMPLES < t->count ? first + TASK_SAMPLES : t->count;
  int32_t *raw = malloc(8 * b->lists_padded * sizeof *raw);
  int8_t *tile = malloc(8 * b->head);
  if (raw == NULL || tile == NULL) {
    __atomic_store_n(&t->failed, true, __ATOMIC_RELAXED);
    free(raw), free(tile);
    return;
  }
  for (size_t i = first; i < last; i += 8) {
    size_t rows = last - i < 8 ? last - i : 8;
    for (size_t g = 0; g < b->groups; g++) {
      for (size_t r = 0; r < rows; r++) memcpy(tile + (g * rows + r) * 4, t->codes + (i + r) * b->head + g * 4, 4);
    }
    b->kernels->int8_tile(t->centroid_codes, b->lists_padded / 16, b->groups, tile, t->sums + i, rows, raw,
                          b->lists_padded);
    for (size_t r = 0; r < rows; r++) {
      t->lists[i + r] =
          (uint32_t)b->kernels->best_int32(raw + r * b->lists_padded, t->bias, b->lists, t->steps[i + r]);
    }
  }
  free(raw), free(tile);
}

// Means of the samples of each list; a list without any takes half of the largest one.
static void update(const training *t, float *centroids, size_t *counts, loci_random *random) {
  const loci_build *b = t->b;
  size_t head = b->head;
  memset(centroids, 0, b->lists * head * sizeof *centroids);
  memset(counts, 0, b->lists * sizeof *counts);
  for (size_t i = 0; i < t->count; i++) {
    float *sum = centroids + t->lists[i] * head;
    for (size_t j = 0; j < head; j++) sum[j] += t->heads[i * head + j];
    counts[t->lists[i]]++;
  }
  for (size_t l = 0; l < b->lists; l++) {
    for (size_t j = 0; j < head && counts[l] > 0; j++) centroids[l * head + j] /= (float)counts[l];
  }
  for (size_t l = 0; l < b->lists; l++) {
    if (counts[l] != 0) continue;
    size_t largest = 0;
    for (size_t o = 1; o < b->lists; o++) largest = counts[o] > counts[largest] ? o : largest;
    counts[l] = counts[largest] / 2;
    counts[largest] -= counts[l];
    for (size_t j = 0; j < head; j++) {
      float shift = (loci_random_next(random) & 1) != 0 ? 1.0f / 64 : -1.0f / 64;
      centroids[l * head + j] = centroids[largest * head + j] * (1 + shift);
      centroids[largest * head + j] *= 1 - shift;
    }
  }
}

// Unit length for cosine; else the bias that makes the best inner product the nearest centroid.
static void finish(const loci_build *b, float *centroids, size_t d, float *bias) {
  for (size_t l = 0; l < b->lists_padded; l++) bias[l] = l < b->lists ? 0 : -FLT_MAX;
  for (size_t l = 0; l < b->lists; l++) {
    float squared = 0;
    for (size_t j = 0; j < d; j++) squared += centroids[l * d + j] * centroids[l * d + j];
    if (b->options->metric != LOCI_INDEX_COSINE) {
      bias[l] = -squared / 2;
      continue;
    }
    float scale = squared > 0 ? 1 / sqrtf(squared) : 0;
    for (size_t j = 0; j < d; j++) centroids[l * d + j] *= scale;
  }
}

static loci_index_status train(training *t, loci_build *b, float *centroids, size_t *counts) {
  loci_random random = {b->options->seed ^ 0x6b6d65616e73};
  size_t tasks = (t->count + TASK_SAMPLES - 1) / TASK_SAMPLES;
  loci_for_each(b->pool, tasks, project_samples, t);
  uint32_t *start = malloc(b->lists * sizeof *start);
  if (start == NULL || t->failed) {
    free(start);
    return LOCI_INDEX_OUT_OF_MEMORY;
  }
  loci_random_sample(&random, t->count, b->lists, start);
  for (size_t l = 0; l < b->lists; l++) {
    memcpy(centroids + l * b->head, t->heads + start[l] * b->head, b->head * sizeof *centroids);
  }
  free(start);
  uint32_t iterations = b->options->iterations != 0 ? b->options->iterations : 10;
  for (uint32_t i = 0; i < iterations; i++) {
    if (loci_cancelled(b)) return LOCI_INDEX_CANCELLED;
    finish(b, centroids, b->head, b->centroid_bias);
    loci_pack_heads(centroids, b->head_step, b->head, b->lists, b->centroid_codes);
    loci_for_each(b->pool, tasks, assign_samples, t);
    if (t->failed) return LOCI_INDEX_OUT_OF_MEMORY;
    update(t, centroids, counts, &random);
  }
  // Centroids in all dimensions, from the last assignment.
  float *row = malloc(b->d * sizeof *row);
  if (row == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  memset(counts, 0, b->lists * sizeof *counts);
  for (size_t i = 0; i < t->count; i++) {
    float *sum = b->centroids + t->lists[i] * b->d;
    loci_build_row(b, t->sample[i], row);
    for (size_t j = 0; j < b->d; j++) sum[j] += row[j];
    counts[t->lists[i]]++;
  }
  for (size_t l = 0; l < b->lists; l++) {
    float *sum = b->centroids + l * b->d;
    for (size_t j = 0; j < b->d && counts[l] > 0; j++) sum[j] /= (float)counts[l];
    if (counts[l] == 0) loci_build_row(b, t->sample[loci_random_below(&random, t->count)], sum);
  }
  free(row);
  return LOCI_INDEX_OK;
}

// Both ascending. Keeps at least one sample a list.
static size_t drop_held_out(const loci_build *b, uint32_t *sample, size_t count) {
  size_t kept = 0, at = 0;
  for (size_t i = 0; i < count; i++) {
    while (at < b->held_out_count && b->held_out[at] < sample[i]) at++;
    bool held_out = at < b->held_out_count && b->held_out[at] == sample[i];
    if (!held_out || kept + (count - i) <= b->lists) sample[kept++] = sample[i];
  }
  return kept;
}

loci_index_status loci_build_centroids(loci_build *b) {
  size_t head = b->head, wanted = (size_t)SAMPLES_PER_LIST * b->lists, count = b->n < wanted ? b->n : wanted;
  loci_random random = {b->options->seed ^ 0x73616d706c65};
  uint32_t *sample = malloc(count * sizeof *sample);
  training t = {.b = b, .sample = sample, .count = count,
                .heads = malloc(count * head * sizeof(float)), .codes = malloc(count * head),
                .sums = malloc(count * sizeof(int32_t)), .steps = malloc(count * sizeof(float)),
                .lists = malloc(count * sizeof(uint32_t))};
  float *heads = calloc(b->lists_padded * head, sizeof *heads);
  size_t *counts = calloc(b->lists, sizeof *counts);
  b->centroids = calloc(b->lists * b->d, sizeof *b->centroids);
  b->centroid_codes = malloc(b->lists_padded * head);
  b->centroid_bias = calloc(b->lists_padded, sizeof *b->centroid_bias);
  loci_index_status status = LOCI_INDEX_OUT_OF_MEMORY;
  if (sample != NULL && t.heads != NULL && t.codes != NULL && t.sums != NULL && t.steps != NULL &&
      t.lists != NULL && heads != NULL && counts != NULL && b->centroids != NULL && b->centroid_codes != NULL &&
      b->centroid_bias != NULL) {
    memset(b->centroid_codes, 128, b->lists_padded * head);
    t.centroid_codes = b->centroid_codes, t.bias = b->centroid_bias;
    loci_random_sample(&random, b->n, count, sample);
    t.count = drop_held_out(b, sample, count);
    status = train(&t, b, heads, counts);
  }
  if (status == LOCI_INDEX_OK) {
    finish(b, b->centroids, b->d, b->centroid_bias);
    for (size_t l = 0; l < b->lists; l += 8) {
      size_t rows = b->lists - l < 8 ? b->lists - l : 8;
      b->kernels->project(b->head_matrix, b->d, head / 16, b->centroids + l * b->d, rows, heads + l * head);
    }
    loci_pack_heads(heads, b->head_step, head, b->lists, b->centroid_codes);
  }
  free(sample), free(t.heads), free(t.codes), free(t.sums), free(t.steps), free(t.lists), free(heads), free(counts);
  return status;
}
