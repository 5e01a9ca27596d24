// What a build shares, and the head: the leading principal axes, in which lists are chosen.
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "build.h"
#include "loci_math.h"

double loci_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void loci_for_each(const loci_index_pool *pool, size_t tasks, void (*task)(void *, size_t), void *argument) {
  if (pool->run != NULL && pool->width > 1 && tasks > 1) {
    pool->run(pool->context, tasks, task, argument);
  } else {
    for (size_t i = 0; i < tasks; i++) task(argument, i);
  }
}

void loci_random_sample(loci_random *random, size_t n, size_t count, uint32_t *out) {
  // Selection sampling (Knuth, Algorithm S): ascending, each set as likely as any other.
  size_t taken = 0;
  for (size_t i = 0; i < n && taken < count; i++) {
    if (loci_random_below(random, n - i) < count - taken) out[taken++] = (uint32_t)i;
  }
}

void loci_build_row(const loci_build *b, size_t index, float *out) {
  const float *row = b->input + index * b->d;
  if (b->options->metric == LOCI_INDEX_COSINE) {
    loci_normalise(loci_kernels_get(LOCI_ISA_AVX512), row, out, b->d);
  } else {
    for (size_t j = 0; j < b->d; j++) out[j] = row[j] - b->origin[j];
  }
}

float loci_quantise_head(const float *head, const float *head_step, size_t count, int8_t *codes, int32_t *sum) {
  float greatest = 0;
  for (size_t j = 0; j < count; j++) greatest = fmaxf(greatest, fabsf(head[j] * head_step[j]));
  float inverse = greatest > 1e-30f ? 127 / greatest : 0;
  int32_t total = 0;
  for (size_t j = 0; j < count; j++) {
    float value = head[j] * head_step[j] * inverse;
    int code = (int)(value + (value >= 0 ? 0.5f : -0.5f));
    codes[j] = (int8_t)code;
    total += code;
  }
  *sum = total;
  return greatest / 127;
}

void loci_pack_heads(const float *heads, const float *head_step, size_t head, size_t count, uint8_t *blocks) {
  for (size_t r = 0; r < count; r++) {
    for (size_t j = 0; j < head; j++) {
      float value = head_step[j] > 0 ? heads[r * head + j] / head_step[j] : 0;
      value = fminf(127, fmaxf(-127, value));
      int code = (int)(value + (value >= 0 ? 0.5f : -0.5f)) + 128;
      blocks[((r / 16 * (head / 4) + j / 4) * 16 + r % 16) * 4 + j % 4] = (uint8_t)code;
    }
  }
}

enum { MOMENT_ROWS = 32768 };

// Second moment of a sample, by blocks of rows through BLAS.
static loci_index_status moment(loci_build *b, float *out) {
  size_t count = b->n < MOMENT_ROWS ? b->n : MOMENT_ROWS, d = b->d;
  uint32_t *sample = malloc(count * sizeof *sample);
  float *rows = malloc(1024 * d * sizeof *rows);
  if (sample == NULL || rows == NULL) {
    free(sample), free(rows);
    return LOCI_INDEX_OUT_OF_MEMORY;
  }
  loci_random random = {b->options->seed ^ 0x6d6f6d656e74};
  loci_random_sample(&random, b->n, count, sample);
  if (b->options->metric == LOCI_INDEX_EUCLIDEAN) {
    double *sum = calloc(d, sizeof *sum);
    if (sum == NULL) {
      free(sample), free(rows);
      return LOCI_INDEX_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
      for (size_t j = 0; j < d; j++) sum[j] += b->input[(size_t)sample[i] * d + j];
    }
    for (size_t j = 0; j < d; j++) b->origin[j] = (float)(sum[j] / (double)count);
    free(sum);
  }
  memset(out, 0, d * d * sizeof *out);
  for (size_t i = 0; i < count; i += 1024) {
    size_t block = count - i < 1024 ? count - i : 1024;
    for (size_t r = 0; r < block; r++) loci_build_row(b, sample[i + r], rows + r * d);
    loci_add_second_moment(rows, block, d, out);
  }
  for (size_t i = 0; i < d * d; i++) out[i] /= (float)count;
  free(sample), free(rows);
  return LOCI_INDEX_OK;
}

// Share of the moment that the automatic head keeps, and its bounds.
static const double energy_wanted = 0.86;
enum { HEAD_MIN = 32, HEAD_MAX = 256, HEAD_WHOLE = 192 };

static size_t choose_head(const loci_build *b, const float *values, double total) {
  size_t limit = loci_round_up(b->d, 16);
  if (b->options->head != 0) return b->options->head < limit ? b->options->head : limit;
  if (b->d <= HEAD_WHOLE) return limit;  // rotated whole: little to save
  double kept = 0;
  size_t head = 0;
  while (head < b->d && (kept < energy_wanted * total || head < HEAD_MIN) && head < HEAD_MAX) {
    kept += values[b->d - 1 - head++];
  }
  return loci_round_up(head, 16);
}

loci_index_status loci_build_head(loci_build *b) {
  size_t d = b->d;
  float *vectors = malloc(d * d * sizeof *vectors), *values = malloc(d * sizeof *values);
  b->origin = calloc(d, sizeof *b->origin);
  loci_index_status status = LOCI_INDEX_OUT_OF_MEMORY;
  if (vectors == NULL || values == NULL || b->origin == NULL) goto done;
  status = moment(b, vectors);
  if (status != LOCI_INDEX_OK) goto done;
  status = LOCI_INDEX_LAPACK_FAILED;
  if (!loci_eigen_symmetric(vectors, d, values)) goto done;
  double total = 0, kept = 0;
  for (size_t j = 0; j < d; j++) total += values[j] > 0 ? values[j] : 0;
  b->mean_squared = total;
  b->head = choose_head(b, values, total);
  b->groups = b->head / 4;
  b->head_matrix = calloc(b->head * d, sizeof *b->head_matrix);
  b->head_step = calloc(b->head, sizeof *b->head_step);
  status = LOCI_INDEX_OUT_OF_MEMORY;
  if (b->head_matrix == NULL || b->head_step == NULL) goto done;
  // Codes reach 4.5 standard deviations. The step falls with the root of the deviation: half way between one
  // step for all, which wastes codes on the small axes, and one for each, which wastes the query's.
  float widest = sqrtf(fmaxf(values[d - 1], 0));
  for (size_t j = 0; j < b->head && j < d; j++) {
    const float *axis = vectors + (d - 1 - j) * d;  // eigenvalues rise
    for (size_t i = 0; i < d; i++) b->head_matrix[(j / 16 * d + i) * 16 + j % 16] = axis[i];
    float deviation = sqrtf(fmaxf(values[d - 1 - j], 0));
    b->head_step[j] = 4.5f / 127 * sqrtf(widest * fmaxf(deviation, 1e-6f * widest));
    kept += values[d - 1 - j] > 0 ? values[d - 1 - j] : 0;
  }
  b->report->head_energy = total > 0 ? kept / total : 1;
  status = LOCI_INDEX_OK;
done:
  free(vectors), free(values);
  return status;
}
